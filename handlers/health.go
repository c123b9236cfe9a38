package handlers

import (
	"log/slog"
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"tollgate/handlers/reply"
	"tollgate/handlers/reqctx"
	"tollgate/models/database"
)

// Healthy tells that the process answers.
func (h *Handlers) Healthy(c *gin.Context) error {
	reply.JSON(c, http.StatusOK, gin.H{"status": "ok"})
	return nil
}

// Ready tells whether requests can be served: the database answers, and has the schema of this program.
func (h *Handlers) Ready(c *gin.Context) error {
	pending, err := database.PendingMigrations(reqctx.Of(c), h.DB)
	switch {
	case err != nil:
		h.Log.ErrorContext(reqctx.Of(c), "not ready", "error", err.Error(), "request_id", reqctx.RequestID(c))
		reply.JSON(c, http.StatusServiceUnavailable, gin.H{"status": "the database is away"})
	case pending > 0:
		reply.JSON(c, http.StatusServiceUnavailable, gin.H{"status": "the database has not been migrated yet"})
	default:
		reply.JSON(c, http.StatusOK, gin.H{"status": "ready"})
	}
	return nil
}

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
