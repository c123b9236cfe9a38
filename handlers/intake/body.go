package intake

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"tollgate/handlers/reqctx"
	"tollgate/models/input"
	"tollgate/models/problem"
)

// MaxBody is how many bytes a body may have.
const MaxBody = 1 << 20

// MaxDocuments is how many bytes a body may have that carries the documents of a whole repository.
const MaxDocuments = 8 << 20

// TakeBody reads the body for the action behind it, which finds it in reqctx.
func TakeBody(c *gin.Context, most int64) error {
	if c.Request.Method == http.MethodGet || c.Request.Method == http.MethodHead {
		return nil
	}
	body, err := readBody(c, most)
	if err != nil {
		return err
	}
	reqctx.SetBody(c, body)
	return nil
}

// DecodeWhole is Decode for an input whose form always shows every field, so that one that was left out is empty.
func DecodeWhole[T interface{ Whole() T }](c *gin.Context) (T, error) {
	in, err := Decode[T](c)
	if !reqctx.IsAPI(c) {
		in = in.Whole()
	}
	return in, err
}

// Decode reads the body into an input struct: JSON below /api, a form elsewhere. The error is a Refusal; what could be
// read of a form is returned beside it, so that nothing typed is lost.
func Decode[T any](c *gin.Context) (T, error) {
	var in T
	if reqctx.IsAPI(c) {
		if ReadFlat(reqctx.Body(c), &in) {
			return in, nil
		}
		root, err := ParseJSON(reqctx.Body(c))
		if err != nil {
			return in, err
		}
		return bound(&Binder{}, root, in)
	}
	b := &Binder{}
	return bound(b, b.parseForm(reqctx.Body(c)), in)
}

// bound fills an input struct with what was sent.
func bound[T any](b *Binder, root Node, in T) (T, error) {
	b.Bind(root, "", reflect.ValueOf(&in).Elem())
	if len(b.Problems) > 0 {
		return in, &problem.Refusal{Reason: problem.Unreadable, Problems: b.Problems}
	}
	return in, nil
}

// DecodeQuery reads the query string as a form, for pages that show the effect of one. It ignores unknown parameters,
// which other programs append to addresses.
func DecodeQuery[T any](c *gin.Context) (T, error) {
	var in T
	b := &Binder{}
	b.Bind(b.parseForm([]byte(c.Request.URL.RawQuery)), "", reflect.ValueOf(&in).Elem())
	b.Problems = slices.DeleteFunc(b.Problems, func(p problem.Problem) bool { return p.Code == "unknown_field" })
	if len(b.Problems) > 0 {
		return in, &problem.Refusal{Reason: problem.Unreadable, Problems: b.Problems}
	}
	return in, nil
}

// DecodeEmpty reads a body that may be left out, for actions that need no fields.
func DecodeEmpty[T any](c *gin.Context) (T, error) {
	if len(reqctx.Body(c)) == 0 {
		var none T
		return none, nil
	}
	return Decode[T](c)
}

// NoFields refuses a body with anything in it, for actions that take none.
func NoFields(c *gin.Context) error {
	_, err := DecodeEmpty[struct{ input.Row }](c)
	return err
}

// readBody returns the body; without one it is nil, and needs no Content-Type.
func readBody(c *gin.Context, most int64) ([]byte, error) {
	if c.Request.ContentLength == 0 {
		return nil, nil
	}
	if err := readable(c); err != nil {
		return nil, err
	}
	if c.Request.ContentLength > most {
		return nil, bodyTooLarge(most)
	}
	body, err := takeAll(c, most)
	if err != nil {
		return nil, notTaken(err, most)
	}
	return body, nil
}

func notTaken(err error, most int64) error {
	var over *http.MaxBytesError
	if errors.As(err, &over) {
		return bodyTooLarge(most)
	}
	return Unreadable("", "incomplete_body", "Send the whole body: the connection ended early.")
}

// takeAll reads a body with or without a Content-Length.
func takeAll(c *gin.Context, most int64) ([]byte, error) {
	if length := c.Request.ContentLength; length > 0 {
		body := make([]byte, length)
		_, err := io.ReadFull(c.Request.Body, body)
		return body, err
	}
	return io.ReadAll(http.MaxBytesReader(c.Writer, c.Request.Body, most))
}

func bodyTooLarge(most int64) error {
	return problem.Refuse(problem.TooLarge, "", "body_too_large", "Send at most "+strconv.FormatInt(most>>20, 10)+" MiB.")
}

// readable refuses a body of another kind than its door takes.
func readable(c *gin.Context) error {
	want := "application/x-www-form-urlencoded"
	if reqctx.IsAPI(c) {
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

// IsRowID reports whether a text has the form of a row's id.
func IsRowID(text string) bool { return rowID.MatchString(text) }

// RowID reads a row's id from the path.
func RowID(c *gin.Context, name string) (int64, error) {
	if text := c.Param(name); IsRowID(text) {
		if id, err := strconv.ParseInt(text, 10, 64); err == nil {
			return id, nil
		}
	}
	return 0, Unreadable("", "invalid_id", "Use a whole number as the id.")
}

// RowIDs reads two ids of rows from the path.
func RowIDs(c *gin.Context, first, second string) (a, b int64, err error) {
	if a, err = RowID(c, first); err == nil {
		b, err = RowID(c, second)
	}
	return a, b, err
}

var entityTag = regexp.MustCompile(`^"(0|[1-9][0-9]{0,18})"$`)

// IfMatch reads the version that the client requires; nil for none, or for any.
func IfMatch(c *gin.Context) (*int64, error) {
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
	return nil, Unreadable("", "invalid_if_match", `Send If-Match once, with one version in quotes, such as "3", or *.`)
}
