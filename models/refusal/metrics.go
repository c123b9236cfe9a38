package refusal

import (
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	refused         *[len(Reasons)]atomic.Int64
	folded, dropped *atomic.Int64
	seconds         prometheus.Histogram
}

func newMetrics() metrics {
	return metrics{
		refused: &[len(Reasons)]atomic.Int64{}, folded: &atomic.Int64{}, dropped: &atomic.Int64{},
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "tollgate_decision_log_flush_seconds", Help: "Time to add what was decided to the sums in the database.",
			Buckets: []float64{.001, .005, .025, .1, .5, 2.5},
		}),
	}
}

var (
	refusals = prometheus.NewDesc("tollgate_refusals_total", "Calls that were refused, by the type of the decision.",
		[]string{"type"}, nil)
	waitingCells = prometheus.NewDesc("tollgate_decision_log_cells",
		"Rows of the decision log that wait to be written.", nil, nil)
	foldedCalls = prometheus.NewDesc("tollgate_decision_log_folded_total",
		"Refused calls whose name or user is not in the decision log, because there were too many.", nil, nil)
	droppedCalls = prometheus.NewDesc("tollgate_decision_log_dropped_total",
		"Refused calls that are missing in the decision log, because the database could not be written for long.", nil, nil)
)

// Describe is part of [prometheus.Collector].
func (l *Log) Describe(ch chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{refusals, waitingCells, foldedCalls, droppedCalls} {
		ch <- desc
	}
	l.counted.seconds.Describe(ch)
}

// Collect is part of [prometheus.Collector].
func (l *Log) Collect(ch chan<- prometheus.Metric) {
	for code := 1; code < len(Reasons); code++ {
		ch <- prometheus.MustNewConstMetric(refusals, prometheus.CounterValue,
			float64(l.counted.refused[code].Load()), Reasons[code])
	}
	ch <- prometheus.MustNewConstMetric(waitingCells, prometheus.GaugeValue, float64(l.cells.Load()))
	ch <- prometheus.MustNewConstMetric(foldedCalls, prometheus.CounterValue, float64(l.counted.folded.Load()))
	ch <- prometheus.MustNewConstMetric(droppedCalls, prometheus.CounterValue, float64(l.counted.dropped.Load()))
	l.counted.seconds.Collect(ch)
}
