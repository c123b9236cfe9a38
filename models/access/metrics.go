package access

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// OnLoss has lost called when the database has lost what was seen of it, or may have lost it while it was not seen for
// long. It must not wait. It is set before Run.
func (c *Cache) OnLoss(lost func()) { c.onLoss = append(c.onLoss, lost) }

// Losses is how often the database has lost something, or may have.
func (c *Cache) Losses() int64 { return c.losses.Load() }

// SeenAt is when the last poll was sent, by this machine's clock: any loss of what was stored before has been noticed.
func (c *Cache) SeenAt() time.Time {
	c.mutex.RLock()
	defer c.mutex.RUnlock()
	return c.fresh
}

// KeysInMemory is how many virtual keys are cached.
func (c *Cache) KeysInMemory() int {
	c.mutex.RLock()
	defer c.mutex.RUnlock()
	return len(c.byHash)
}

// tellLost has all keys preloaded again, and stored again what may be lost.
func (c *Cache) tellLost() {
	c.losses.Add(1)
	select {
	case c.emptied <- struct{}{}:
	default: // it is to be preloaded again already
	}
	for _, lost := range c.onLoss {
		lost()
	}
}

// Describe is part of [prometheus.Collector].
func (c *Cache) Describe(ch chan<- *prometheus.Desc) {
	ch <- databaseRewinds
	ch <- followedAge
	ch <- keysInMemory
	ch <- graceActive
}

// Collect is part of [prometheus.Collector].
func (c *Cache) Collect(ch chan<- prometheus.Metric) {
	ch <- prometheus.MustNewConstMetric(databaseRewinds, prometheus.CounterValue, float64(c.rewinds.Load()))
	grace := 0.0
	if _, on := c.GraceUntil(); on {
		grace = 1
	}
	ch <- prometheus.MustNewConstMetric(graceActive, prometheus.GaugeValue, grace)
	c.mutex.RLock()
	fresh := c.fresh
	c.mutex.RUnlock()
	ch <- prometheus.MustNewConstMetric(keysInMemory, prometheus.GaugeValue, float64(c.KeysInMemory()))
	if !fresh.IsZero() {
		ch <- prometheus.MustNewConstMetric(followedAge, prometheus.GaugeValue, time.Since(fresh).Seconds())
	}
}

var (
	databaseRewinds = prometheus.NewDesc("tollgate_database_rewinds_total",
		"How often the database was found to have lost changes.", nil, nil)
	followedAge = prometheus.NewDesc("tollgate_followed_age_seconds",
		"How long ago changes were last read from the database.", nil, nil)
	graceActive = prometheus.NewDesc("tollgate_grace_active",
		"1 while calls are allowed from memory because the database is away, else 0.", nil, nil)
	keysInMemory = prometheus.NewDesc("tollgate_keys_in_memory", "Virtual keys that are cached for decisions.", nil, nil)
)
