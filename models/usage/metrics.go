package usage

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tollgate/models/problem"
)

// recorderMetrics is what a Recorder counts.
type recorderMetrics struct {
	reported *prometheus.CounterVec
	seconds  prometheus.Histogram
	events   prometheus.Histogram
}

// statuses are what can become of an event.
var statuses = []string{"counted", "duplicate", "quarantined", "conflict", "invalid", "spooled"}

func newRecorderMetrics() recorderMetrics {
	m := recorderMetrics{
		reported: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tollgate_usage_events_total", Help: "Usage events that gateways reported, by what became of them.",
		}, []string{"status"}),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "tollgate_usage_store_seconds", Help: "How long it took to store a batch of usage events.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5},
		}),
		events: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "tollgate_usage_batch_events", Help: "Usage events in a batch that was stored together.",
			Buckets: []float64{1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2000},
		}),
	}
	for _, status := range statuses {
		m.count(status, 0) // so that there is a rate from the first event on
	}
	return m
}

func (m recorderMetrics) count(status string, events int) {
	m.reported.WithLabelValues(status).Add(float64(events))
}

// refused counts a single event that was refused for what it says.
func (m recorderMetrics) refused(err error) {
	refusal, ok := problem.AsRefusal(err)
	switch {
	case !ok:
	case refusal.Reason == problem.Invalid:
		m.count("invalid", 1)
	case refusal.Reason == problem.Conflict && refusal.Problems[0].Code == eventConflict.Code:
		m.count("conflict", 1)
	}
}

func (m recorderMetrics) stored(took time.Duration, events int) {
	m.seconds.Observe(took.Seconds())
	m.events.Observe(float64(events))
}

func (m recorderMetrics) all() []prometheus.Collector {
	return []prometheus.Collector{m.reported, m.seconds, m.events}
}

var usageQueue = prometheus.NewDesc("tollgate_usage_queue",
	"Usage events that wait to be stored: in requests under way, or in the spool.", []string{"in"}, nil)

// Describe is part of [prometheus.Collector].
func (r *Recorder) Describe(ch chan<- *prometheus.Desc) {
	ch <- usageQueue
	for _, c := range r.metrics.all() {
		c.Describe(ch)
	}
}

// Collect is part of [prometheus.Collector].
func (r *Recorder) Collect(ch chan<- prometheus.Metric) {
	ch <- prometheus.MustNewConstMetric(usageQueue, prometheus.GaugeValue, float64(r.waiting.Load()), "requests")
	if r.Spool != nil {
		ch <- prometheus.MustNewConstMetric(usageQueue, prometheus.GaugeValue, float64(r.Spool.Lines()), "spool")
	}
	for _, c := range r.metrics.all() {
		c.Collect(ch)
	}
}
