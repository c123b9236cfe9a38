package handlers

import (
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"tollgate/models"
	"tollgate/views"
)

// TryAccess shows whether a user might make a call now, and the line that decides.
func (h *Handlers) TryAccess(c *gin.Context) error {
	q := readQuery(c, "model", "mcp_client_id", "tool_name")
	if err := q.err(); err != nil {
		return err
	}
	user, err := models.GetUser(ctx(c), h.DB, c.Param("id"))
	if err != nil {
		return err
	}
	catalogue, err := models.LoadCatalogue(ctx(c), h.DB)
	if err != nil {
		return err
	}
	tried := views.TryPage{User: user, Model: q.typed("model"), Server: q.typed("mcp_client_id"), Tool: q.typed("tool_name"), Catalogue: catalogue, Now: time.Now()}
	if tried.Asked() {
		question := models.Question{Model: tried.Model}
		if tried.Model == "" {
			question = models.Question{MCPClientID: tried.Server, ToolName: tried.Tool}
		}
		decision, err := h.Engine.Decide(ctx(c), models.Asker{UserID: user.ID}, question)
		if err != nil {
			return err
		}
		tried.Decision = &decision
	}
	page := h.userFrame(c, user, "What may "+user.Name+" call?")
	h.html(c, http.StatusOK, framed(page, views.TryBody(tried)))
	return nil
}
