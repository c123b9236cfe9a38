package usage

import (
	"github.com/prometheus/client_golang/prometheus"
)

func newReportedEvents() *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "tollgate_usage_events_total", Help: "Usage events that gateways reported, by what became of them.",
	}, []string{"status"})
}

// Describe is part of [prometheus.Collector].
func (r *Recorder) Describe(ch chan<- *prometheus.Desc) { r.reported.Describe(ch) }

// Collect is part of [prometheus.Collector].
func (r *Recorder) Collect(ch chan<- prometheus.Metric) { r.reported.Collect(ch) }
