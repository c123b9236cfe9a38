package handlers

import (
	"errors"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/uptrace/bun"

	"tollgate/handlers/reqctx"
	"tollgate/models/problem"
)

const (
	// writtenCookie has the number of the last change that a session has made, so that it sees its own writes.
	writtenCookie = "written"
	// asOfHeader tells up to when an answer is complete that comes from the replica.
	asOfHeader = "X-Data-As-Of"
	replicaKey = "replica"
	// writtenFor is how long a session's last change is remembered; the replica is never that far behind.
	writtenFor = time.Minute
)

// Replicated wraps an action that only reads in one that reads from the replica, while that is recent enough and has
// what the client has written. When the replica fails before anything was answered, the primary answers.
func (h *Handlers) Replicated(action Func) Func {
	return func(c *gin.Context) error {
		if h.Replica == nil {
			return action(c)
		}
		at, ok := h.replicaAsOf(c)
		if ok {
			c.Set(replicaKey, at)
			c.Header(asOfHeader, at.Format(time.RFC3339Nano))
			err := action(c)
			if err == nil || c.Writer.Written() || !isUnavailable(err) || reqctx.Of(c).Err() != nil {
				h.Replica.Read(true)
				return err
			}
			h.Replica.Failed(reqctx.Of(c), err)
			c.Set(replicaKey, nil)
			c.Writer.Header().Del(asOfHeader)
		}
		h.Replica.Read(false)
		return action(c)
	}
}

// replicaAsOf is up to when the replica is complete; ok is false when the primary has to answer. A session has the
// number of its last change in a cookie. Another client keeps none, so it gets what has all changes.
func (h *Handlers) replicaAsOf(c *gin.Context) (at time.Time, ok bool) {
	written := int64(0)
	if _, session := reqctx.User(c); !session {
		var err error
		if written, err = h.Replica.Written(reqctx.Of(c)); err != nil {
			return at, false
		}
	} else if cookie, err := c.Request.Cookie(writtenCookie); err == nil {
		if written, err = strconv.ParseInt(cookie.Value, 10, 64); err != nil {
			return at, false
		}
	}
	return h.Replica.AsOf(reqctx.Of(c), written)
}

func isUnavailable(err error) bool {
	var refusal *problem.Refusal
	return errors.As(problem.Classify(err), &refusal) && refusal.Reason == problem.Unavailable
}

// readFrom is the database that an action reads from: the replica where Replicated has chosen it.
func (h *Handlers) readFrom(c *gin.Context) *bun.DB {
	if _, replica := readAsOf(c); replica {
		return h.Replica.DB
	}
	return h.DB
}

// readAsOf is up to when an answer from the replica is complete; ok is false for one from the primary.
func readAsOf(c *gin.Context) (at time.Time, ok bool) {
	chosen, _ := c.Get(replicaKey)
	at, ok = chosen.(time.Time)
	return at, ok
}

// RememberWrite lets a session see from now on what it has written until now. It is called just before the answer.
func (h *Handlers) RememberWrite(c *gin.Context) {
	if _, session := reqctx.User(c); !session || h.Replica == nil {
		return
	}
	seq, err := h.Replica.Written(reqctx.Of(c))
	if err != nil {
		seq = math.MaxInt64 // the primary answers
	}
	http.SetCookie(c.Writer, &http.Cookie{
		Name: writtenCookie, Value: strconv.FormatInt(seq, 10), Path: "/", MaxAge: int(writtenFor.Seconds()), HttpOnly: true,
		Secure: h.Secure, SameSite: http.SameSiteLaxMode,
	})
}
