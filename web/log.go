package web

import (
	"crypto/rand"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"tollgate/handlers"
	"tollgate/handlers/reqctx"
)

// requestIDHeader is X-Request-ID in Go's canonical spelling.
const requestIDHeader = "X-Request-Id"

// longestRequestID is in characters.
const longestRequestID = 200

// isRequestID accepts visible ASCII, which cannot break a line of the log or a header.
func isRequestID(id string) bool {
	invisible := func(c rune) bool { return c < '!' || c > '~' }
	return id != "" && len(id) <= longestRequestID && !strings.ContainsFunc(id, invisible)
}

// begin gives the request its id, the caller's if it is valid or else a new one, sends it back, and cancels the work of
// the request when its timeout is over.
func begin(c *gin.Context) {
	id := c.GetHeader(requestIDHeader)
	if !isRequestID(id) {
		id = rand.Text()
	}
	reqctx.Begin(c, id, timeout(c.FullPath()))
	defer reqctx.End(c)
	c.Header(requestIDHeader, id)
	c.Next()
}

// logRequests writes one line a request: never a query string, a header or a body, which may contain secrets.
func logRequests(log *slog.Logger) gin.HandlerFunc {
	return func(c *gin.Context) {
		start := time.Now()
		defer func() { logRequest(c, log, start) }() // also after an answer that was aborted
		c.Next()
	}
}

// logRequest writes a record of its own: the logger would look for the line of the code that calls it, which no log of
// ours has.
func logRequest(c *gin.Context, log *slog.Logger, start time.Time) {
	level := slog.LevelInfo
	if c.Writer.Status() >= 500 {
		level = slog.LevelError
	}
	ctx, now := reqctx.Of(c), time.Now()
	if !log.Enabled(ctx, level) {
		return
	}
	line := slog.NewRecord(now, level, "request", 0)
	line.AddAttrs(
		slog.String("method", c.Request.Method), slog.String("route", c.FullPath()), slog.String("path", c.Request.URL.Path),
		slog.Int("status", c.Writer.Status()), slog.Duration("took", now.Sub(start)), slog.Int("bytes", c.Writer.Size()),
		slog.String("actor", reqctx.Actor(c).Name), slog.String("from", c.RemoteIP()),
		slog.String("request_id", reqctx.RequestID(c)))
	_ = log.Handler().Handle(ctx, line) // there is nowhere to tell
}

// recoverPanics answers a panic as an internal error, with its reason only in the log. A panic that aborts an answer is
// passed on to the server, which closes the connection.
func recoverPanics(h *handlers.Handlers) gin.HandlerFunc {
	return func(c *gin.Context) {
		defer func() {
			switch reason := recover(); reason {
			case nil:
			case http.ErrAbortHandler:
				panic(reason)
			default:
				h.Fail(c, fmt.Errorf("panic: %v", reason))
			}
		}()
		c.Next()
	}
}
