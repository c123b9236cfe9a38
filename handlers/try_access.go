package handlers

import (
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"tollgate/handlers/intake"
	"tollgate/handlers/reply"
	"tollgate/handlers/reqctx"
	"tollgate/models/catalogue"
	"tollgate/models/entitlement"
	"tollgate/models/identity"
	"tollgate/views"
)

// TryAccess shows whether a user might make a call now, and the line that decides.
func (h *Handlers) TryAccess(c *gin.Context) error {
	q := intake.ReadQuery(c, "model", "mcp_client_id", "tool_name")
	if err := q.Err(); err != nil {
		return err
	}
	user, err := identity.GetUser(reqctx.Of(c), h.DB, c.Param("id"))
	if err != nil {
		return err
	}
	offered, err := catalogue.LoadCatalogue(reqctx.Of(c), h.DB)
	if err != nil {
		return err
	}
	tried := views.TryPage{
		User: user, Model: q.Typed("model"), Server: q.Typed("mcp_client_id"), Tool: q.Typed("tool_name"),
		Catalogue: offered, Now: time.Now(),
	}
	if tried.Asked() {
		question := entitlement.Call{Model: tried.Model}
		if tried.Model == "" {
			question = entitlement.Call{MCPClientID: tried.Server, ToolName: tried.Tool}
		}
		decision, err := h.Engine.Try(reqctx.Of(c), entitlement.Subject{UserID: user.ID}, question)
		if err != nil {
			return err
		}
		tried.Decision = &decision
	}
	page := h.userFrame(c, user, "What may "+user.Name+" call?")
	reply.HTML(c, h.Log, http.StatusOK, framed(page, views.TryBody(tried)))
	return nil
}
