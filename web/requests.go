package web

import (
	"strconv"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"
)

// Requests counts what is answered, by method, route and status. A route is a pattern of the table, so there are not
// many; what has no route has no method, because clients make up their own.
type Requests struct{ *prometheus.CounterVec }

// NewRequests makes a Requests.
func NewRequests() *Requests {
	return &Requests{prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "tollgate_http_requests_total", Help: "Requests answered, by method, route and status.",
	}, []string{"method", "route", "status"})}
}

func (r *Requests) count(c *gin.Context) {
	if r == nil {
		return
	}
	method, route := c.Request.Method, c.FullPath()
	if route == "" {
		method = ""
	}
	defer func() { r.WithLabelValues(method, route, strconv.Itoa(c.Writer.Status())).Inc() }()
	c.Next()
}
