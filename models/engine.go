package models

import "github.com/prometheus/client_golang/prometheus"

// Engine decides whether calls may go on, by what the cache knows of a subject, and holds estimates in the database.
type Engine struct {
	cache    *Decider
	reserver reserver
	decided  *prometheus.HistogramVec
}

// NewEngine makes one that decides by a cache.
func NewEngine(cache *Decider) *Engine {
	return &Engine{cache: cache, reserver: reserver{db: cache.db}, decided: newDecisionSeconds()}
}

// Describe is part of [prometheus.Collector].
func (e *Engine) Describe(ch chan<- *prometheus.Desc) { e.decided.Describe(ch) }

// Collect is part of [prometheus.Collector].
func (e *Engine) Collect(ch chan<- prometheus.Metric) { e.decided.Collect(ch) }
