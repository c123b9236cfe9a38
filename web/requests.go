package web

import (
	"strconv"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"
)

// Requests counts what is answered, by route and status. A route is a pattern of the table, so there are not many.
type Requests struct{ *prometheus.CounterVec }

// NewRequests makes a Requests.
func NewRequests() *Requests {
	return &Requests{prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "tollgate_http_requests_total", Help: "Requests answered, by route and status.",
	}, []string{"route", "status"})}
}

func (r *Requests) count(c *gin.Context) {
	if r == nil {
		return
	}
	defer func() { r.WithLabelValues(c.FullPath(), strconv.Itoa(c.Writer.Status())).Inc() }()
	c.Next()
}
