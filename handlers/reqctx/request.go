package reqctx

import (
	"context"
	"sync"
	"time"

	"github.com/gin-gonic/gin"

	"tollgate/models/identity"
	"tollgate/models/permission"
	"tollgate/models/virtualkey"
)

// request is the context of a request, with what it carries. The timer of its time limit starts when something waits
// for it, which a decision from memory never does.
type request struct {
	context.Context // without the limit
	deadline        time.Time
	timer           sync.Once
	limited         context.Context
	cancel          context.CancelFunc

	id         string
	body       []byte
	actor      permission.Actor
	user       *identity.User
	virtualKey *virtualkey.Key
}

// requestKey is the key of a request in its context.
type requestKey struct{}

// Begin gives a request its id, and a limit for the time that it may take; End has to follow.
func Begin(c *gin.Context, id string, limit time.Duration) {
	ctx := c.Request.Context()
	c.Request = c.Request.WithContext(&request{Context: ctx, deadline: time.Now().Add(limit), id: id})
}

// End cancels what still works for the request.
func End(c *gin.Context) {
	r := of(c)
	r.timer.Do(func() { r.limited, r.cancel = r.Context, func() {} }) // nothing has waited
	r.cancel()
}

// of is what a request carries that has begun.
func of(c *gin.Context) *request { return c.Request.Context().Value(requestKey{}).(*request) }

// timed is the context with the limit.
func (r *request) timed() context.Context {
	r.timer.Do(func() { r.limited, r.cancel = context.WithDeadline(r.Context, r.deadline) })
	return r.limited
}

// Deadline is part of [context.Context], as are the methods below.
func (r *request) Deadline() (time.Time, bool) { return r.timed().Deadline() }

func (r *request) Done() <-chan struct{} { return r.timed().Done() }

func (r *request) Err() error { return r.timed().Err() }

func (r *request) Value(key any) any {
	if key == (requestKey{}) {
		return r
	}
	return r.timed().Value(key)
}
