package decision

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tollgate/models/access"
	"tollgate/models/batch"
	"tollgate/models/refusal"
)

// Engine decides whether calls may go on, by the cached entitlements of a subject, and holds estimates in the database.
type Engine struct {
	cache        *access.Cache
	reservations *batch.Batcher[*estimate]
	decided      *prometheus.HistogramVec
	log          *refusal.Log
	memory       sync.Mutex // of decisions without the database
}

// NewEngine makes an Engine that decides by a cache, and tells a log, if there is one.
func NewEngine(cache *access.Cache, log *refusal.Log) *Engine {
	e := &Engine{cache: cache, reservations: newReservations(cache.DB), decided: newDecisionSeconds(), log: log}
	e.decided.WithLabelValues(failed) // so that there is a rate from the first error on
	return e
}

// Describe is part of [prometheus.Collector].
func (e *Engine) Describe(ch chan<- *prometheus.Desc) { e.decided.Describe(ch) }

// Collect is part of [prometheus.Collector].
func (e *Engine) Collect(ch chan<- prometheus.Metric) { e.decided.Collect(ch) }

func newDecisionSeconds() *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "tollgate_decision_seconds",
		Help:    "Time to decide, by the type of the decision; error when nothing could be decided.",
		Buckets: []float64{.00001, .0001, .001, .005, .025, .1, .5, 2.5},
	}, []string{"type"})
}

// failed is the type of what could not be decided.
const failed = "error"

// timed records how long a decision took.
func (e *Engine) timed(begun time.Time, decision Decision, err error) {
	kind := decision.Type
	if err != nil {
		kind = failed
	}
	e.decided.WithLabelValues(kind).Observe(time.Since(begun).Seconds())
}
