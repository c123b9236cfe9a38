package handlers

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"reflect"
	"regexp"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"tollgate/models/input"
	"tollgate/models/problem"
)

const maxBody = 1 << 20

// IsAPI reports whether the request came by the JSON door; the path alone decides.
func IsAPI(c *gin.Context) bool {
	return strings.HasPrefix(c.Request.URL.Path, "/api/") || c.Request.URL.Path == "/metrics" || isAuthZEN(c)
}

// isAuthZEN reports whether the request speaks AuthZEN, which has its own way to report problems.
func isAuthZEN(c *gin.Context) bool {
	return strings.HasPrefix(c.Request.URL.Path, "/access/v1/") ||
		strings.HasPrefix(c.Request.URL.Path, "/.well-known/authzen-")
}

// isHTMX reports whether htmx asks for a part of a page.
func isHTMX(c *gin.Context) bool { return c.GetHeader("HX-Request") == "true" }

const bodyKey = "body"

// TakeBody reads the body for the action behind it. It comes before the action, since what is no JSON, no form or too
// large is refused before anything else is checked.
func (h *Handlers) TakeBody(c *gin.Context) {
	if c.Request.Method == http.MethodGet || c.Request.Method == http.MethodHead {
		return
	}
	body, err := readBody(c)
	if err != nil {
		h.Fail(c, err)
		return
	}
	c.Set(bodyKey, body)
}

func bodyOf(c *gin.Context) []byte {
	body, _ := c.Get(bodyKey)
	taken, _ := body.([]byte)
	return taken
}

// decode reads the body into an input struct: JSON below /api, a form elsewhere. The error is a Refusal; what could be
// read of a form is returned beside it, so that nothing typed is lost.
func decode[T any](c *gin.Context) (T, error) {
	var in T
	b := &binder{}
	var root node
	if IsAPI(c) {
		var err error
		if root, err = parseJSON(bodyOf(c)); err != nil {
			return in, err
		}
	} else {
		root = b.parseForm(bodyOf(c))
	}
	b.bind(root, "", reflect.ValueOf(&in).Elem())
	if len(b.problems) > 0 {
		return in, &problem.Refusal{Reason: problem.Unreadable, Problems: b.problems}
	}
	return in, nil
}

// decodeQuery reads the query string as a form, for pages that show what would come of one.
func decodeQuery[T any](c *gin.Context) (T, error) {
	var in T
	b := &binder{}
	b.bind(b.parseForm([]byte(c.Request.URL.RawQuery)), "", reflect.ValueOf(&in).Elem())
	if len(b.problems) > 0 {
		return in, &problem.Refusal{Reason: problem.Unreadable, Problems: b.problems}
	}
	return in, nil
}

// decodeEmpty reads a body that may be left out, for actions that need no fields.
func decodeEmpty[T any](c *gin.Context) (T, error) {
	if len(bodyOf(c)) == 0 {
		var none T
		return none, nil
	}
	return decode[T](c)
}

// noFields refuses a body with anything in it, for actions that take none.
func noFields(c *gin.Context) error {
	_, err := decodeEmpty[struct{ input.Row }](c)
	return err
}

// readBody returns the body, nil when there is none: then no Content-Type is needed either.
func readBody(c *gin.Context) ([]byte, error) {
	if c.Request.ContentLength == 0 {
		return nil, nil
	}
	if err := readable(c); err != nil {
		return nil, err
	}
	if c.Request.ContentLength > maxBody {
		return nil, bodyTooLarge()
	}
	body, err := takeAll(c)
	var over *http.MaxBytesError
	switch {
	case errors.As(err, &over):
		return nil, bodyTooLarge()
	case err != nil:
		return nil, unreadable("", "incomplete_body", "Send the whole body; the connection ended before it did.")
	}
	return body, nil
}

// takeAll reads a body, whether it was said how long it is or not.
func takeAll(c *gin.Context) ([]byte, error) {
	if length := c.Request.ContentLength; length > 0 {
		body := make([]byte, length)
		_, err := io.ReadFull(c.Request.Body, body)
		return body, err
	}
	return io.ReadAll(http.MaxBytesReader(c.Writer, c.Request.Body, maxBody))
}

func bodyTooLarge() error {
	return problem.Refuse(problem.TooLarge, "", "body_too_large", "Send at most 1 MiB.")
}

// readable refuses a body of another kind than its door takes.
func readable(c *gin.Context) error {
	want := "application/x-www-form-urlencoded"
	if IsAPI(c) {
		want = "application/json"
	}
	if strings.Join(c.Request.Header.Values("Content-Encoding"), "") != "" {
		return problem.Refuse(
			problem.UnsupportedMedia, "", "unsupported_content_encoding", "Send the body without Content-Encoding.",
		)
	}
	types := c.Request.Header.Values("Content-Type")
	if len(types) != 1 {
		types = []string{""}
	}
	if types[0] == want {
		return nil
	}
	media, params, err := mime.ParseMediaType(types[0])
	if err != nil || media != want {
		return problem.Refuse(problem.UnsupportedMedia, "", "unsupported_media_type", "Send the body as "+want+".")
	}
	if charset, sent := params["charset"]; sent && !strings.EqualFold(charset, "utf-8") {
		return problem.Refuse(problem.UnsupportedMedia, "", "unsupported_charset", "Send the body in UTF-8.")
	}
	return nil
}

var rowID = regexp.MustCompile(`^(0|[1-9][0-9]{0,18})$`)

// rowIDOf reads a row's id from the path.
func rowIDOf(c *gin.Context, name string) (int64, error) {
	if text := c.Param(name); rowID.MatchString(text) {
		if id, err := strconv.ParseInt(text, 10, 64); err == nil {
			return id, nil
		}
	}
	return 0, unreadable("", "invalid_id", "Use a whole number as the id.")
}

var entityTag = regexp.MustCompile(`^"(0|[1-9][0-9]{0,18})"$`)

// ifMatch reads the version a client insists on: nil when it does not, or when any will do.
func ifMatch(c *gin.Context) (*int64, error) {
	headers := c.Request.Header.Values("If-Match")
	if len(headers) == 0 || len(headers) == 1 && headers[0] == "*" {
		return nil, nil
	}
	if len(headers) == 1 {
		if match := entityTag.FindStringSubmatch(headers[0]); match != nil {
			if version, err := strconv.ParseInt(match[1], 10, 64); err == nil {
				return &version, nil
			}
		}
	}
	return nil, unreadable("", "invalid_if_match", `Send If-Match once, with one version in quotes, such as "3", or *.`)
}
