package connection

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

// Calls counts the calls of directories, by connection and class of status.
type Calls struct{ *prometheus.CounterVec }

// NewCalls makes a Calls.
func NewCalls() *Calls {
	c := &Calls{prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "tollgate_scim_requests_total",
		Help: "Calls of directories, by connection (empty when its token was refused) and class of status.",
	}, []string{"connection", "status"})}
	c.WithLabelValues("", "4xx") // so that there is a rate from the first refused token on
	return c
}

// Count adds one call.
func (c *Calls) Count(of Connection, status int64) {
	if c != nil {
		c.WithLabelValues(of.Name, fmt.Sprintf("%dxx", status/100)).Inc()
	}
}
