package entitlement

import (
	"github.com/prometheus/client_golang/prometheus"
)

// Describe is part of [prometheus.Collector].
func (c *Cache) Describe(ch chan<- *prometheus.Desc) {
	ch <- databaseRewinds
}

// Collect is part of [prometheus.Collector].
func (c *Cache) Collect(ch chan<- prometheus.Metric) {
	ch <- prometheus.MustNewConstMetric(databaseRewinds, prometheus.CounterValue, float64(c.rewinds.Load()))
}

var databaseRewinds = prometheus.NewDesc("tollgate_database_rewinds_total",
	"How often the database was found to have lost transactions that were seen.", nil, nil)
