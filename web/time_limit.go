package web

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/gin-gonic/gin"
)

const (
	// requestTimeout is slightly longer than the database's own limit for a statement: a database that is silent for
	// longer will not answer.
	requestTimeout = 5300 * time.Millisecond
	slowTimeout    = 20 * time.Second
	exportTimeout  = 15 * time.Minute
)

// timeout is how long a route may take. Exports are slow because their reader may be; bulk changes and reports read or
// change many rows.
func timeout(route string) time.Duration {
	switch {
	case strings.HasSuffix(route, "/export"):
		return exportTimeout
	case strings.HasSuffix(route, "/bulk"), strings.HasSuffix(route, "/refresh-tools"), strings.HasSuffix(route, "/usage"),
		strings.Contains(route, "/propagate"):
		return slowTimeout
	}
	return requestTimeout
}

// soon runs a check that comes before the work of a route, within requestTimeout: a slow route does not get its long
// timeout for the check of its credential.
func soon(c *gin.Context, check func() error) error {
	if timeout(c.FullPath()) <= requestTimeout {
		return check()
	}
	request := c.Request
	short, cancel := context.WithTimeout(request.Context(), requestTimeout)
	defer func() { cancel(); c.Request = request }()
	c.Request = request.WithContext(short)
	return check()
}

// timeLimit cancels the work of a request when its timeout is over.
func timeLimit() gin.HandlerFunc {
	over, end := context.WithCancel(context.Background())
	end()
	return func(c *gin.Context) {
		limit := &limited{Context: c.Request.Context(), until: time.Now().Add(timeout(c.FullPath()))}
		defer limit.end(over)
		c.Request = c.Request.WithContext(limit)
		c.Next()
	}
}

// limited is a request's context with a deadline. Its timer starts with the first wait for it: requests answered from
// memory need none.
type limited struct {
	context.Context
	until time.Time
	once  sync.Once
	clock context.Context //nolint:containedctx // with the timer running
	stop  context.CancelFunc
}

func (l *limited) ticking() context.Context {
	l.once.Do(func() { l.clock, l.stop = context.WithDeadline(l.Context, l.until) })
	return l.clock
}

// end cancels the work that still runs for the request; a timer that was not started is never started.
func (l *limited) end(over context.Context) {
	l.once.Do(func() { l.clock = over })
	if l.stop != nil {
		l.stop()
	}
}

func (l *limited) Deadline() (time.Time, bool) { return l.until, true }
func (l *limited) Done() <-chan struct{}       { return l.ticking().Done() }
func (l *limited) Err() error                  { return l.ticking().Err() }

// Value reaches the context with the timer, so that contexts derived from this one are canceled with it and need no
// goroutine each.
func (l *limited) Value(key any) any { return l.ticking().Value(key) }
