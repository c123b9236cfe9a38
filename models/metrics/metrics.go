package metrics

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/uptrace/bun"
)

// New gathers the metrics of a console: its decisions and counts, the state of its workers in the database, its
// connection pool, and its process.
func New(db *bun.DB, of ...prometheus.Collector) *prometheus.Registry {
	registry := prometheus.NewRegistry()
	registry.MustRegister(of...)
	registry.MustRegister(inDatabase{db}, PoolMetrics(db, "tollgate"), collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return registry
}

// PoolMetrics are the metrics of a connection pool.
func PoolMetrics(db *bun.DB, name string) prometheus.Collector {
	return collectors.NewDBStatsCollector(db.DB, name)
}

var (
	databaseAnswers = prometheus.NewDesc(
		"tollgate_database_answers",
		"1 when the database answered this scrape in time, else 0, and the series read from it are left out.", nil, nil,
	)
	propagationItems = prometheus.NewDesc(
		"tollgate_propagation_items", "Holders in propagations that have not ended, by state.", []string{"state"}, nil,
	)
	propagationJobs = prometheus.NewDesc(
		"tollgate_propagation_jobs", "Propagations of the last day, by state.", []string{"state"}, nil,
	)
	reservationsHeld = prometheus.NewDesc(
		"tollgate_reservations_held", "Estimates reserved for calls under way.", nil, nil,
	)
)

// inDatabase are the metrics that are the same on every console of a database.
type inDatabase struct{ db *bun.DB }

func (inDatabase) Describe(ch chan<- *prometheus.Desc) {
	ch <- databaseAnswers
	ch <- propagationItems
	ch <- propagationJobs
	ch <- reservationsHeld
}

const metricsPatience = time.Second

// Collect leaves out series that the database does not answer in time.
func (c inDatabase) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), metricsPatience)
	defer cancel()
	var rows []struct {
		Series, State string
		N             int64
	}
	err := c.db.NewRaw(`SELECT 'items' AS series, i.state, count(*) AS n FROM propagation_items AS i
    JOIN propagation_jobs AS j ON j.id = i.job_id
WHERE j.finished_at IS NULL GROUP BY i.state
UNION ALL SELECT 'jobs', state, count(*) FROM propagation_jobs WHERE created_at > now() - interval '1 day'
    GROUP BY state
UNION ALL SELECT 'held', '', count(*) FROM reservations WHERE expires_at > now()`).Scan(ctx, &rows)
	gauge := func(of *prometheus.Desc, n int64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(of, prometheus.GaugeValue, float64(n), labels...)
	}
	if err != nil {
		gauge(databaseAnswers, 0)
		return
	}
	gauge(databaseAnswers, 1)
	for _, row := range rows {
		switch row.Series {
		case "items":
			gauge(propagationItems, row.N, row.State)
		case "jobs":
			gauge(propagationJobs, row.N, row.State)
		default:
			gauge(reservationsHeld, row.N)
		}
	}
}
