package handlers

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"net/http"
	"strconv"

	"github.com/a-h/templ"
	"github.com/gin-gonic/gin"

	"tollgate/handlers/reply"
	"tollgate/handlers/reqctx"
	"tollgate/handlers/telemetry"
	"tollgate/models/plural"
	"tollgate/models/problem"
	"tollgate/views"
	"tollgate/views/ui"
)

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

// statusClientClosed is what the log and the metrics say of a request whose client has left, as nginx does.
const statusClientClosed = 499

// Fail answers an error: as JSON on the API, as a page of the console elsewhere. An answer already begun is aborted, so
// that the client sees it is incomplete.
func (h *Handlers) Fail(c *gin.Context, err error) {
	c.Abort()
	if c.Writer.Written() {
		h.Log.ErrorContext(
			reqctx.Of(c), "answer broken off", "error", err.Error(), "request_id", reqctx.RequestID(c),
			slog.String("route", c.FullPath()),
		)
		panic(http.ErrAbortHandler)
	}
	if errors.Is(err, context.Canceled) && errors.Is(reqctx.Of(c).Err(), context.Canceled) {
		h.Log.InfoContext(
			reqctx.Of(c), "the client has closed the request", "error", err.Error(), "request_id", reqctx.RequestID(c),
			slog.String("route", c.FullPath()),
		)
		c.AbortWithStatus(statusClientClosed)
		return
	}
	c.Writer.Header().Del("Content-Disposition") // of a file that was about to begin
	refusal, status, kind := reply.Refusal(c, h.Log, err)
	if refusal.RetryAfter > 0 {
		c.Header("Retry-After", strconv.Itoa(int(math.Ceil(refusal.RetryAfter.Seconds()))))
	}
	if !reqctx.IsAPI(c) {
		status = formStatus(status, refusal.Reason)
		if reqctx.IsHTMX(c) {
			c.Header("HX-Reswap", "none") // an error in place of a form would lose what was typed
			if status == http.StatusUnauthorized {
				c.Header("HX-Redirect", loginLink(pageBehind(c))) // unless scripts ask to sign in over the page
			}
		}
		h.errorPage(c, status, refusal)
		return
	}
	if reqctx.IsSCIM(c) {
		reply.SCIMError(c, status, refusal)
		return
	}
	if status == http.StatusUnauthorized {
		c.Writer.Header().Add("WWW-Authenticate", `Bearer realm="tollgate"`)
		c.Writer.Header().Add("WWW-Authenticate", `Basic realm="tollgate", charset="UTF-8"`)
	}
	first := refusal.Problems[0]
	if reqctx.IsAuthZEN(c) {
		if status == http.StatusUnsupportedMediaType || status == http.StatusRequestEntityTooLarge {
			status = http.StatusBadRequest
		}
		reply.JSON(c, status, first.Message)
		return
	}
	if reqctx.IsOTLP(c) {
		telemetry.RefuseTraces(c, status, first.Message)
		return
	}
	reply.JSON(c, status, apiError{
		EventID: reqctx.RequestID(c), Type: kind, IsBifrostError: true, StatusCode: status,
		Error:  apiProblem{Type: kind, Code: first.Code, Message: first.Message, Param: first.Field},
		Errors: refusal.Problems,
	})
}

// errorPage is the console's page for what has no form to go back to.
func (h *Handlers) errorPage(c *gin.Context, status int, refusal *problem.Refusal) {
	first := refusal.Problems[0]
	page := h.page(c, errorTitle(status), "")
	busy := refusal.Reason == problem.Busy
	if busy {
		page.Title = "Reports are busy"
	}
	page.ErrorCode, page.Param = first.Code, first.Field
	body := ui.ErrorPage{
		Message: first.Message, Icon: "warning", BackLabel: "Back to the profiles", BackHref: "/access-profiles",
		RequestID: reqctx.RequestID(c),
	}
	if page.User != nil && !page.User.Console {
		body.BackLabel, body.BackHref = "My access", meHref
	}
	if page.User == nil && status != http.StatusServiceUnavailable {
		body.BackLabel, body.BackHref = "Sign in", "/login"
	}
	switch status {
	case http.StatusNotFound:
		body.Icon = "gone"
	case http.StatusUnauthorized:
		body.Icon, body.BackLabel, body.BackHref = "refused", "Sign in", loginLink(pageBehind(c))
	case http.StatusForbidden:
		body.Icon, body.Message = "refused", views.PermissionsInWords(first.Message)
	case http.StatusServiceUnavailable:
		if body.Icon, body.Patient = "database", true; busy {
			break
		}
		body.Meanwhile = "Until it answers, " + plural.Choose(page.Away == "", "", "all other ") +
			"calls of gateways are refused. Everything that was saved, and all usage that was " +
			"acknowledged, is kept. If this lasts, check the database, and the console's log for the request below."
	}
	if status == http.StatusServiceUnavailable || status == http.StatusTooManyRequests {
		body.AskAgain(c.Request.Method, c.Request.URL.RequestURI())
	}
	if body.Patient && body.Retry != "" {
		page.RefreshWithout = ui.AskAgainEvery
	}
	reply.HTML(c, h.Log, status, framed(page, ui.ErrorBody(body)))
}

func errorTitle(status int) string {
	switch status {
	case http.StatusBadRequest:
		return "Not understood"
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

// formStatus is the status of a form that comes back with its problems and everything typed.
func formStatus(status int, reason problem.Reason) int {
	if status == http.StatusBadRequest && reason == problem.Invalid {
		return http.StatusUnprocessableEntity
	}
	return status
}

// refusedPage is the page of a form with what is wrong with it. It may read the database first.
type refusedPage func(problems problem.Problems) (templ.Component, error)

// refuse answers a form or an act that was not accepted: the API's errors and those that are no fault of the form go to
// Fail, the rest comes back as the page that it was sent from.
func (h *Handlers) refuse(c *gin.Context, err error, show refusedPage) error {
	var refusal *problem.Refusal
	if reqctx.IsAPI(c) || !errors.As(problem.Classify(err), &refusal) {
		return err
	}
	switch refusal.Reason {
	case problem.Invalid, problem.Unreadable, problem.Conflict, problem.Stale, problem.TooMany, problem.Unauthenticated:
	default:
		return err
	}
	page, showErr := show(refusal.Problems)
	if showErr != nil {
		return showErr
	}
	if refusal.RetryAfter > 0 {
		c.Header("Retry-After", strconv.Itoa(int(math.Ceil(refusal.RetryAfter.Seconds()))))
	}
	reply.HTML(c, h.Log, formStatus(reply.Status(refusal.Reason), refusal.Reason), page)
	return nil
}

// seeOther sends the browser to a page after a form was taken, with a sentence to show there.
func seeOther(c *gin.Context, path, flash string) error {
	setFlash(c, flash)
	if reqctx.IsHTMX(c) {
		c.Header("HX-Redirect", path)
		c.Status(http.StatusNoContent)
		return nil
	}
	c.Redirect(http.StatusSeeOther, path)
	return nil
}
