package handlers

import (
	"sync"
	"time"

	"github.com/gin-gonic/gin"

	"tollgate/models/problem"
)

const (
	// reportsAtOnce is how many reports and exports are read at the same time: each keeps a connection, and the database,
	// busy.
	reportsAtOnce = 2
	reportRetry   = 5 * time.Second
)

// reportTurns hands out the turns to read reports.
type reportTurns struct {
	once  sync.Once
	taken chan struct{}
}

// take takes a turn. Refusal: Busy.
func (t *reportTurns) take() (done func(), err error) {
	t.once.Do(func() { t.taken = make(chan struct{}, reportsAtOnce) })
	select {
	case t.taken <- struct{}{}:
		return func() { <-t.taken }, nil
	default:
	}
	refusal := problem.Refuse(problem.Busy, "", "retry_later",
		"Reports are busy: two are being read, which is as many as this console reads at once. Try again in a few seconds.")
	refusal.RetryAfter = reportRetry
	return nil, refusal
}

// Report wraps an action that sums up or exports a lot in one that takes a turn, so that reports leave room for
// everything else.
func (h *Handlers) Report(action Func) Func {
	return func(c *gin.Context) error {
		done, err := h.reports.take()
		if err != nil {
			return err
		}
		defer done()
		return action(c)
	}
}
