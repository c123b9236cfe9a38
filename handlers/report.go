package handlers

import (
	"context"
	"sync"
	"time"

	"github.com/gin-gonic/gin"

	"tollgate/handlers/reqctx"
	"tollgate/models/problem"
)

const (
	// reportsAtOnce is how many reports and exports are read at the same time: each keeps a connection, and the database,
	// busy.
	reportsAtOnce = 2
	// reportPatience is how long another one waits for its turn.
	reportPatience = time.Second
	reportRetry    = 5 * time.Second
)

// reportTurns hands out the turns to read reports.
type reportTurns struct {
	once  sync.Once
	taken chan struct{}
}

// take waits for a turn, at most reportPatience. Refusal: TooMany.
func (t *reportTurns) take(ctx context.Context) (done func(), err error) {
	t.once.Do(func() { t.taken = make(chan struct{}, reportsAtOnce) })
	waiting, cancel := context.WithTimeout(ctx, reportPatience)
	defer cancel()
	select {
	case t.taken <- struct{}{}:
		return func() { <-t.taken }, nil
	case <-waiting.Done():
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	refusal := problem.Refuse(problem.TooMany, "", "too_many_reports",
		"Two reports are being read at the moment, which is as many as this console reads at once. "+
			"Try again in a few seconds.")
	refusal.RetryAfter = reportRetry
	return nil, refusal
}

// Report wraps an action that sums up or exports a lot in one that waits for its turn, so that reports leave room for
// everything else.
func (h *Handlers) Report(action Func) Func {
	return func(c *gin.Context) error {
		done, err := h.reports.take(reqctx.Of(c))
		if err != nil {
			return err
		}
		defer done()
		return action(c)
	}
}
