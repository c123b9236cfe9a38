package web

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/gin-gonic/gin"
)

const (
	// requestTimeout is a little more than the server allows a statement: a database that is silent for longer answers
	// nothing more.
	requestTimeout = 5300 * time.Millisecond
	slowTimeout    = 20 * time.Second
	exportTimeout  = 15 * time.Minute
)

// timeout is how long a route may take: a file takes as long as its reader, and what reads or changes much as long as
// it needs.
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

// soon runs a question that comes before the work of a route: a route that may take long does not wait as long to learn
// who asks.
func soon(c *gin.Context, ask func() error) error {
	if timeout(c.FullPath()) <= requestTimeout {
		return ask()
	}
	request := c.Request
	asking, cancel := context.WithTimeout(request.Context(), requestTimeout)
	defer func() { cancel(); c.Request = request }()
	c.Request = request.WithContext(asking)
	return ask()
}

// timeLimit ends the work of a request whose client has waited too long.
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

// limited is a request's context with a deadline. Its clock starts with the first who waits for it: what is answered
// from memory never does.
type limited struct {
	context.Context
	until time.Time
	once  sync.Once
	clock context.Context //nolint:containedctx // the same, ticking
	stop  context.CancelFunc
}

func (l *limited) ticking() context.Context {
	l.once.Do(func() { l.clock, l.stop = context.WithDeadline(l.Context, l.until) })
	return l.clock
}

// end ends what is still done for the request; a clock that has not been started never is.
func (l *limited) end(over context.Context) {
	l.once.Do(func() { l.clock = over })
	if l.stop != nil {
		l.stop()
	}
}

func (l *limited) Deadline() (time.Time, bool) { return l.until, true }
func (l *limited) Done() <-chan struct{}       { return l.ticking().Done() }
func (l *limited) Err() error                  { return l.ticking().Err() }

// Value finds the clock itself, so that contexts made from this one end with it without waiting in a goroutine each.
func (l *limited) Value(key any) any { return l.ticking().Value(key) }
