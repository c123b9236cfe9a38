package web

import (
	"net/http"
	"sync"

	"github.com/gin-gonic/gin"

	"tollgate/handlers"
)

// rememberWrites lets a session see what it has written, also where a replica answers that is a little behind.
func rememberWrites(h *handlers.Handlers) gin.HandlerFunc {
	return func(c *gin.Context) {
		switch c.Request.Method {
		case http.MethodGet, http.MethodHead, http.MethodOptions:
			return
		}
		if h.Replica == nil {
			return
		}
		late := &lateHeader{c.Writer, sync.OnceFunc(func() { h.RememberWrite(c) })}
		c.Writer = late
		c.Next()
		if !late.Written() {
			late.complete() // an answer without a body begins later
		}
	}
}

// lateHeader is an answer whose headers are completed when it begins: what was written is known only then.
type lateHeader struct {
	gin.ResponseWriter
	complete func()
}

func (w *lateHeader) WriteHeaderNow() {
	w.complete()
	w.ResponseWriter.WriteHeaderNow()
}

func (w *lateHeader) Write(body []byte) (int, error) {
	w.complete()
	return w.ResponseWriter.Write(body)
}

func (w *lateHeader) WriteString(body string) (int, error) {
	w.complete()
	return w.ResponseWriter.WriteString(body)
}
