package handlers

import (
	"net/http"
	"strings"
	"time"

	"github.com/a-h/templ"
	"github.com/gin-gonic/gin"

	"tollgate/handlers/intake"
	"tollgate/handlers/reply"
	"tollgate/handlers/reqctx"
	"tollgate/models/assignment"
	"tollgate/models/catalogue"
	"tollgate/models/decision"
	"tollgate/models/entitlement"
	"tollgate/models/identity"
	"tollgate/models/input"
	"tollgate/models/problem"
	"tollgate/views"
	"tollgate/views/ui"
)

// TryAccess shows whether a user might make a call now, and the line that decides.
func (h *Handlers) TryAccess(c *gin.Context) error {
	user, err := identity.GetUser(reqctx.Of(c), h.DB, c.Param("id"))
	if err != nil {
		return err
	}
	return h.tryAccess(c, views.TryPage{User: user}, h.userFrame(c, user, "What may "+user.Name+" call?"))
}

// tryAccess reads what to try for a user, and shows the answer in a frame.
func (h *Handlers) tryAccess(c *gin.Context, tried views.TryPage, page ui.Page) error {
	q := intake.ReadQuery(c, "model", "tool", "mcp_client_id", "tool_name", "at")
	readTry(q, &tried)
	var err error
	if tried.Catalogue, err = catalogue.LoadCatalogue(reqctx.Of(c), h.DB); err != nil {
		return err
	}
	if tried.Copies, err = assignment.ListOf(reqctx.Of(c), h.DB, tried.User.ID); err != nil {
		return err
	}
	again := func(problems problem.Problems) (templ.Component, error) {
		tried.Problems = problems
		reply.MarkProblems(&page, problems)
		return framed(page, views.TryBody(tried)), nil
	}
	if err := q.Err(); err != nil {
		return h.refuse(c, err, again)
	}
	if tried.Asked() {
		question := entitlement.Call{Model: tried.Model}
		if tried.Model == "" {
			question = entitlement.Call{MCPClientID: tried.Server, ToolName: tried.Tool}
		}
		decision, err := h.try(c, tried.User, question, tried.At)
		if err != nil {
			return h.refuse(c, err, again)
		}
		tried.Decision = &decision
	}
	reply.HTML(c, h.Log, http.StatusOK, framed(page, views.TryBody(tried)))
	return nil
}

// readTry reads the forms of the page.
func readTry(q *intake.Query, tried *views.TryPage) {
	tried.Model, tried.Server, tried.Tool = q.Typed("model"), q.Typed("mcp_client_id"), q.Typed("tool_name")
	if typed := q.Typed("tool"); typed != "" {
		tried.Server, tried.Tool, _ = strings.Cut(typed, "/")
	}
	tried.Now, tried.At, tried.TypedAt = time.Now(), tryTime(q), q.Get("at")
	if tried.At != nil {
		tried.Now = *tried.At
	}
}

// try decides without a trace: now, or as of an earlier time.
func (h *Handlers) try(
	c *gin.Context, user identity.User, call entitlement.Call, at *time.Time,
) (decision.Decision, error) {
	if at == nil {
		return h.Engine.Try(reqctx.Of(c), entitlement.Subject{UserID: user.ID}, call)
	}
	return h.Engine.TryAsOf(reqctx.Of(c), user.ID, call, *at)
}

// tryTime reads the time as of which a call is tried; nil for now.
func tryTime(q *intake.Query) *time.Time {
	text := q.Get("at")
	if text == "" {
		return nil
	}
	at, err := time.Parse(input.MinuteForm, text)
	switch {
	case err != nil, at.Year() < 1970:
		q.Refuse("at", "invalid_timestamp", "Give the time in UTC, such as 2026-11-27T16:00.")
	case at.After(time.Now()):
		q.Refuse("at", "in_the_future", "Choose a time that has passed.")
	default:
		at = at.Add(time.Minute - time.Microsecond) // the end of that minute
		return &at
	}
	return nil
}
