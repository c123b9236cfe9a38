package handlers

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"sync"

	"github.com/a-h/templ"
	"github.com/gin-gonic/gin"

	"tollgate/models/problem"
	"tollgate/views/ui"
)

// answers says how each reason is answered: by which status, and of which type the API's error is.
var answers = map[problem.Reason]struct {
	status int
	kind   string
}{
	problem.Invalid:          {http.StatusBadRequest, "invalid_request"},
	problem.Unreadable:       {http.StatusBadRequest, "invalid_request"},
	problem.Unauthenticated:  {http.StatusUnauthorized, "authentication"},
	problem.Forbidden:        {http.StatusForbidden, "permission"},
	problem.NotFound:         {http.StatusNotFound, "not_found"},
	problem.Conflict:         {http.StatusConflict, "conflict"},
	problem.Stale:            {http.StatusPreconditionFailed, "conflict"},
	problem.TooLarge:         {http.StatusRequestEntityTooLarge, "invalid_request"},
	problem.UnsupportedMedia: {http.StatusUnsupportedMediaType, "invalid_request"},
	problem.WrongHost:        {http.StatusMisdirectedRequest, "invalid_request"},
	problem.WrongMethod:      {http.StatusMethodNotAllowed, "invalid_request"},
	problem.TooMany:          {http.StatusTooManyRequests, "rate_limit"},
	problem.Unavailable:      {http.StatusServiceUnavailable, "server"},
}

// apiError is the one shape of the API's errors.
type apiError struct {
	EventID        string           `json:"event_id"`
	Type           string           `json:"type"`
	IsBifrostError bool             `json:"is_bifrost_error"`
	StatusCode     int              `json:"status_code"`
	Error          apiProblem       `json:"error"`
	ExtraFields    struct{}         `json:"extra_fields"`
	Errors         problem.Problems `json:"errors"`
}

type apiProblem struct {
	Type    string `json:"type"`
	Code    string `json:"code"`
	Message string `json:"message"`
	Param   string `json:"param"`
}

// refusalOf makes the refusal of any error; one the client cannot act on becomes internal and is logged with its cause.
func (h *Handlers) refusalOf(c *gin.Context, err error) (refusal *problem.Refusal, status int, kind string) {
	classified := problem.Classify(err)
	if errors.As(classified, &refusal) {
		answer := answers[refusal.Reason]
		if answer.status >= http.StatusInternalServerError {
			h.Log.ErrorContext(ctx(c), "request refused", "error", err.Error(), "request_id", RequestID(c))
		}
		return refusal, answer.status, answer.kind
	}
	h.Log.ErrorContext(
		ctx(c), "request failed", "error", err.Error(), "request_id", RequestID(c), slog.String("route", c.FullPath()),
	)
	problems := problem.Problems{{Code: "internal", Message: "Something went wrong here. Nothing was changed."}}
	return &problem.Refusal{Problems: problems}, http.StatusInternalServerError, "server"
}

// Fail answers an error: as JSON on the API, as a page of the console elsewhere. What was begun with another answer is
// broken off, so that its reader knows that it is not whole.
func (h *Handlers) Fail(c *gin.Context, err error) {
	c.Abort()
	if c.Writer.Written() {
		h.Log.ErrorContext(
			ctx(c), "answer broken off", "error", err.Error(), "request_id", RequestID(c), slog.String("route", c.FullPath()),
		)
		panic(http.ErrAbortHandler)
	}
	c.Writer.Header().Del("Content-Disposition") // of a file that was about to begin
	refusal, status, kind := h.refusalOf(c, err)
	if refusal.RetryAfter > 0 {
		c.Header("Retry-After", strconv.Itoa(int(math.Ceil(refusal.RetryAfter.Seconds()))))
	}
	if !IsAPI(c) {
		status = formStatus(status, refusal.Reason)
		if status == http.StatusUnauthorized && isHTMX(c) {
			c.Header("HX-Redirect", "/login")
		}
		h.errorPage(c, status, refusal)
		return
	}
	if status == http.StatusUnauthorized {
		c.Writer.Header().Add("WWW-Authenticate", `Bearer realm="tollgate"`)
		c.Writer.Header().Add("WWW-Authenticate", `Basic realm="tollgate", charset="UTF-8"`)
	}
	first := refusal.Problems[0]
	if isAuthZEN(c) {
		if status == http.StatusUnsupportedMediaType || status == http.StatusRequestEntityTooLarge {
			status = http.StatusBadRequest
		}
		writeJSON(c, status, first.Message)
		return
	}
	writeJSON(c, status, apiError{
		EventID: RequestID(c), Type: kind, IsBifrostError: true, StatusCode: status,
		Error:  apiProblem{Type: kind, Code: first.Code, Message: first.Message, Param: first.Field},
		Errors: refusal.Problems,
	})
}

// errorPage is the console's page for what has no form to go back to.
func (h *Handlers) errorPage(c *gin.Context, status int, refusal *problem.Refusal) {
	first := refusal.Problems[0]
	page := h.page(c, errorTitle(status), "")
	page.ErrorCode, page.Param = first.Code, first.Field
	body := ui.ErrorPage{
		Message: first.Message, Icon: "warning", BackLabel: "Back to the profiles", BackHref: "/access-profiles",
		RequestID: RequestID(c),
	}
	switch status {
	case http.StatusNotFound:
		body.Icon = "gone"
	case http.StatusUnauthorized:
		body.Icon, body.BackLabel, body.BackHref = "refused", "Sign in", "/login"
	case http.StatusForbidden:
		body.Icon = "refused"
	case http.StatusServiceUnavailable:
		body.Icon, body.Retry = "database", c.Request.URL.RequestURI()
	case http.StatusTooManyRequests:
		if c.Request.Method == http.MethodGet {
			body.Retry = c.Request.URL.RequestURI()
		}
	}
	h.html(c, status, framed(page, ui.ErrorBody(body)))
}

func errorTitle(status int) string {
	switch status {
	case http.StatusNotFound:
		return "Not found"
	case http.StatusUnauthorized:
		return "Sign in first"
	case http.StatusForbidden:
		return "Not allowed"
	case http.StatusConflict:
		return "Not possible now"
	case http.StatusPreconditionFailed:
		return "Changed meanwhile"
	case http.StatusServiceUnavailable:
		return "The database is unavailable"
	case http.StatusTooManyRequests:
		return "Try again in a moment"
	case http.StatusInternalServerError:
		return "Something went wrong"
	}
	return http.StatusText(status)
}

// html renders a page into memory first, so that a template that fails is a clean 500. A page that says that the time
// is over is rendered when it is over.
func (h *Handlers) html(c *gin.Context, status int, page templ.Component) {
	buffer := buffers.Get().(*bytes.Buffer)
	buffer.Reset()
	defer buffers.Put(buffer)
	c.Writer.Header().Add("Vary", "HX-Request")
	if err := page.Render(context.WithoutCancel(ctx(c)), buffer); err != nil {
		h.Log.ErrorContext(ctx(c), "page could not be rendered", "error", err.Error(), "request_id", RequestID(c))
		c.Data(
			http.StatusInternalServerError, "text/plain; charset=utf-8",
			[]byte("Something went wrong here. Request "+RequestID(c)+"\n"),
		)
		return
	}
	c.Data(status, "text/html; charset=utf-8", buffer.Bytes())
}

var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// formStatus is how a form is answered that has problems: it comes back with everything typed.
func formStatus(status int, reason problem.Reason) int {
	if status == http.StatusBadRequest && reason == problem.Invalid {
		return http.StatusUnprocessableEntity
	}
	return status
}

// refuse answers a form that could not be taken: JSON and errors that are no fault of the form go to Fail, the rest to
// show, which renders the form with its problems.
func (h *Handlers) refuse(c *gin.Context, err error, show func(problems problem.Problems) templ.Component) error {
	var refusal *problem.Refusal
	if IsAPI(c) || !errors.As(problem.Classify(err), &refusal) {
		return err
	}
	switch refusal.Reason {
	case problem.Invalid, problem.Unreadable, problem.Conflict, problem.Stale, problem.TooMany, problem.Unauthenticated:
	default:
		return err
	}
	if refusal.RetryAfter > 0 {
		c.Header("Retry-After", strconv.Itoa(int(math.Ceil(refusal.RetryAfter.Seconds()))))
	}
	h.html(c, formStatus(answers[refusal.Reason].status, refusal.Reason), show(refusal.Problems))
	return nil
}

// seeOther sends the browser to a page after a form was taken, with a sentence to show there.
func seeOther(c *gin.Context, path, flash string) error {
	setFlash(c, flash)
	if isHTMX(c) {
		c.Header("HX-Redirect", path)
		c.Status(http.StatusNoContent)
		return nil
	}
	c.Redirect(http.StatusSeeOther, path)
	return nil
}

const jsonType = "application/json; charset=utf-8"

func writeJSON(c *gin.Context, status int, body any) {
	encoded, err := json.Marshal(body)
	if err != nil {
		panic(fmt.Sprintf("encode %T: %v", body, err)) // our own types always encode
	}
	c.Data(status, jsonType, encoded)
}
