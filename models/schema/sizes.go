package schema

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"tollgate/models/migrations"
)

// Sizes measures the tables of the program, with their indexes, every hour.
type Sizes struct {
	db    *bun.DB
	log   *slog.Logger
	found atomic.Pointer[[]tableSize]
}

type tableSize struct {
	Name  string
	Bytes int64
}

// NewSizes makes a Sizes.
func NewSizes(db *bun.DB, log *slog.Logger) *Sizes { return &Sizes{db: db, log: log} }

// Run measures until ctx ends.
func (s *Sizes) Run(ctx context.Context) {
	ticker := time.NewTicker(time.Hour)
	defer ticker.Stop()
	for {
		if err := s.measure(ctx); err != nil && ctx.Err() == nil {
			s.log.WarnContext(ctx, "the tables could not be measured", "error", err.Error())
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// measure adds partitions to the table they are part of.
func (s *Sizes) measure(ctx context.Context) error {
	names, err := ownNames(migrations.Files)
	if err != nil {
		return fmt.Errorf("read the migrations: %w", err)
	}
	var found []tableSize
	err = s.db.NewRaw(`
SELECT root.relname AS name, sum(pg_total_relation_size(part.oid))::bigint AS bytes
FROM pg_class AS part JOIN pg_class AS root ON root.oid = coalesce(pg_partition_root(part.oid), part.oid)
WHERE part.relkind = 'r' AND root.relnamespace = current_schema()::regnamespace AND root.relname = ANY (?)
GROUP BY root.relname`, pgdialect.Array(names)).Scan(ctx, &found)
	if err != nil {
		return fmt.Errorf("measure the tables: %w", err)
	}
	s.found.Store(&found)
	return nil
}

var tableBytes = prometheus.NewDesc("tollgate_table_bytes",
	"The size of a table with its indexes, when it was measured last.", []string{"table"}, nil)

// Describe is part of [prometheus.Collector].
func (s *Sizes) Describe(ch chan<- *prometheus.Desc) { ch <- tableBytes }

// Collect is part of [prometheus.Collector].
func (s *Sizes) Collect(ch chan<- prometheus.Metric) {
	if found := s.found.Load(); found != nil {
		for _, table := range *found {
			ch <- prometheus.MustNewConstMetric(tableBytes, prometheus.GaugeValue, float64(table.Bytes), table.Name)
		}
	}
}
