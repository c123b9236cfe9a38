package handlers

import (
	"errors"
	"log/slog"
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"tollgate/handlers/reply"
	"tollgate/handlers/reqctx"
	"tollgate/models/database"
	"tollgate/models/schema"
)

// Healthy tells that the process answers.
func (h *Handlers) Healthy(c *gin.Context) error {
	reply.JSON(c, http.StatusOK, gin.H{"status": "ok"})
	return nil
}

// Ready tells whether requests can be served: the console is not about to stop, and the database answers and has the
// schema of this program. What contracts may be missing from it; nothing that this program needs may be gone.
func (h *Handlers) Ready(c *gin.Context) error {
	status := h.unready(c)
	if status == "" {
		reply.JSON(c, http.StatusOK, gin.H{"status": "ready"})
		return nil
	}
	reply.JSON(c, http.StatusServiceUnavailable, gin.H{"status": status})
	return nil
}

// unready says why requests cannot be served; "" when they can.
func (h *Handlers) unready(c *gin.Context) string {
	if h.stopping.Load() {
		return "the console is stopping"
	}
	state, err := schema.Read(reqctx.Of(c), h.DB)
	var standby database.StandbyError
	switch {
	case errors.As(err, &standby):
		return "the database is a standby, which cannot be written to"
	case err != nil:
		h.Log.ErrorContext(reqctx.Of(c), "not ready", "error", err.Error(), "request_id", reqctx.RequestID(c))
		return "the database is away"
	case state.Newer:
		return "the database is newer than this console"
	case state.Pending > 0:
		return "the database has not been migrated yet"
	}
	return ""
}

// Stop makes Ready say that the console is about to stop, so that balancers send requests elsewhere.
func (h *Handlers) Stop() { h.stopping.Store(true) }

// ShowMetrics answers in the exposition format of Prometheus. Series that could not be read are left out.
func (h *Handlers) ShowMetrics(c *gin.Context) error {
	c.Header("Cache-Control", "no-store")
	promhttp.HandlerFor(h.Metrics, promhttp.HandlerOpts{
		ErrorLog: slog.NewLogLogger(h.Log.Handler(), slog.LevelWarn), ErrorHandling: promhttp.ContinueOnError,
		DisableCompression: true,
	}).ServeHTTP(c.Writer, c.Request)
	return nil
}

// Home leads to the first screen: of a user whose role permits nothing, to their own access.
func (h *Handlers) Home(c *gin.Context) error {
	first := "/access-profiles"
	if user, known := reqctx.User(c); known && user.Actor().None() {
		first = meHref
	}
	c.Redirect(http.StatusSeeOther, first)
	return nil
}
