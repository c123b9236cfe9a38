package reply

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"

	"github.com/a-h/templ"
	"github.com/gin-gonic/gin"

	"tollgate/handlers/reqctx"
	"tollgate/models/problem"
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
	problem.NotOffered:       {http.StatusNotImplemented, "invalid_request"},
	problem.Busy:             {http.StatusServiceUnavailable, "server"},
}

// Status is the HTTP status for a reason.
func Status(reason problem.Reason) int { return answers[reason].status }

// Refusal turns any error into a refusal; an error that the client cannot act on becomes internal and is logged with
// its cause.
func Refusal(
	c *gin.Context, log *slog.Logger, err error,
) (refusal *problem.Refusal, status int, kind string) {
	classified := problem.Classify(err)
	if errors.As(classified, &refusal) {
		answer := answers[refusal.Reason]
		if answer.status >= http.StatusInternalServerError && refusal.Reason != problem.NotOffered {
			log.ErrorContext(reqctx.Of(c), "request refused", "error", err.Error(), "request_id", reqctx.RequestID(c))
		}
		return refusal, answer.status, answer.kind
	}
	log.ErrorContext(
		reqctx.Of(c), "request failed", "error", err.Error(), "request_id", reqctx.RequestID(c),
		slog.String("route", c.FullPath()),
	)
	problems := problem.Problems{{Code: "internal", Message: "Something went wrong here. Nothing was changed."}}
	return &problem.Refusal{Problems: problems}, http.StatusInternalServerError, "server"
}

// HTML renders a page into memory first, so that a template that fails is a clean 500. The page about a timeout is
// rendered after the timeout, so it ignores the cancelled context.
func HTML(c *gin.Context, log *slog.Logger, status int, page templ.Component) {
	buffer := Buffers.Get().(*bytes.Buffer)
	buffer.Reset()
	defer Buffers.Put(buffer)
	c.Writer.Header().Add("Vary", "HX-Request")
	if err := page.Render(context.WithoutCancel(reqctx.Of(c)), buffer); err != nil {
		log.ErrorContext(reqctx.Of(c), "page could not be rendered", "error", err.Error(), "request_id", reqctx.RequestID(c))
		c.Data(
			http.StatusInternalServerError, "text/plain; charset=utf-8",
			[]byte("Something went wrong here. Request "+reqctx.RequestID(c)+"\n"),
		)
		return
	}
	c.Data(status, "text/html; charset=utf-8", buffer.Bytes())
}

// Buffers are reused for answers that are put together in memory.
var Buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// JSONType is the media type of JSON.
const JSONType = "application/json; charset=utf-8"

// JSON answers a value as JSON.
func JSON(c *gin.Context, status int, body any) {
	encoded, err := json.Marshal(body)
	if err != nil {
		panic(fmt.Sprintf("encode %T: %v", body, err)) // our own types always encode
	}
	c.Data(status, JSONType, encoded)
}

// Values of headers that many answers share, so they are replaced, never changed in place.
var jsonType, noStore = []string{JSONType}, []string{"no-store"}

// Fresh answers 200 with JSON that no cache may keep, and does no more than that needs: gateways ask before every call.
func Fresh(c *gin.Context, body []byte) {
	header := c.Writer.Header()
	header["Content-Type"], header["Cache-Control"] = jsonType, noStore
	_, _ = c.Writer.Write(body) // fails when the client has left
}
