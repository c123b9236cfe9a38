package handlers

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"tollgate/handlers/reply"
	"tollgate/handlers/reqctx"
	"tollgate/models/problem"
	"tollgate/models/schema"
)

// Healthy tells that the process answers.
func (h *Handlers) Healthy(c *gin.Context) error {
	reply.JSON(c, http.StatusOK, gin.H{"status": "ok"})
	return nil
}

// readyTime is how long Ready waits for the database. Balancers wait for Ready for a second.
const readyTime = 500 * time.Millisecond

// Ready tells whether requests of gateways can be served: the console is not about to stop, and the database answers
// and has the schema of this program, or gateways are served without it. What contracts may be missing from the
// database; nothing that this program needs may be gone.
func (h *Handlers) Ready(c *gin.Context) error {
	code, status := h.readiness(c)
	reply.JSON(c, code, gin.H{"status": status})
	return nil
}

func (h *Handlers) readiness(c *gin.Context) (code int, status string) {
	if h.stopping.Load() {
		return http.StatusServiceUnavailable, "the console is stopping"
	}
	state, err := h.readSchema(reqctx.Of(c))
	switch {
	case err != nil:
		return h.readyWithout(c, err)
	case state.Newer:
		return http.StatusServiceUnavailable, "the database is newer than this console"
	case state.Pending > 0:
		return http.StatusServiceUnavailable, "the database has not been migrated yet"
	}
	return http.StatusOK, "ready"
}

// readSchema reads by the connections of decisions, since pages may keep theirs busy. While these are busy too, and the
// database answers polls, what was read last is the answer: a balancer that takes out a busy console makes the others
// busier.
func (h *Handlers) readSchema(ctx context.Context) (schema.State, error) {
	reading, cancel := context.WithTimeout(ctx, readyTime)
	defer cancel()
	state, err := schema.Read(reading, h.Cache.DB)
	if err == nil {
		h.schema.Store(&state)
		return state, nil
	}
	if last := h.schema.Load(); last != nil && errors.Is(err, context.DeadlineExceeded) && !h.Cache.Away() {
		return *last, nil
	}
	return schema.State{}, err
}

// readyWithout is readiness when the database cannot be read. While calls may be allowed from memory, or usage is kept
// on the disk, a balancer that takes the consoles out would keep gateways from both.
func (h *Handlers) readyWithout(c *gin.Context, err error) (code int, status string) {
	var standby problem.StandbyError
	status = "the database is away"
	if errors.As(err, &standby) {
		status = "the database is a standby, which cannot be written to"
	}
	refusal, ok := problem.AsRefusal(problem.Classify(err))
	if ok && refusal.Reason == problem.Unavailable && (h.Recorder.Spool != nil || h.Cache.GraceLasts()) {
		return http.StatusOK, "ready from memory: " + status
	}
	h.Log.ErrorContext(reqctx.Of(c), "not ready", "error", err.Error(), "request_id", reqctx.RequestID(c))
	return http.StatusServiceUnavailable, status
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
