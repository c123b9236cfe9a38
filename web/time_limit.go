package web

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/gin-gonic/gin"
)

const (
	requestTimeout = 20 * time.Second
	exportTimeout  = 15 * time.Minute
)

// timeout is how long a route may take: a file takes as long as its reader.
func timeout(route string) time.Duration {
	if strings.HasSuffix(route, "/export") {
		return exportTimeout
	}
	return requestTimeout
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

// limited is a request's context with a deadline. Its clock starts with the first who waits for it: what is answered from memory never does.
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
