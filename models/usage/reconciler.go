package usage

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/uptrace/bun"
)

const (
	bookkeeping = time.Hour
	// Until then a late event still finds the copy that its reservation was to be charged to.
	reservationsKept = 24 * time.Hour
)

// Reconciler compares the counters with their events every hour, and deletes reservations that expired long ago.
type Reconciler struct {
	db      *bun.DB
	log     *slog.Logger
	skewed  atomic.Int64
	checked atomic.Int64 // Unix seconds; 0 before the first time
}

// NewReconciler makes a Reconciler; Run begins with a check.
func NewReconciler(db *bun.DB, log *slog.Logger) *Reconciler { return &Reconciler{db: db, log: log} }

// Run works until ctx ends.
func (b *Reconciler) Run(ctx context.Context) {
	ticker := time.NewTicker(bookkeeping)
	defer ticker.Stop()
	for {
		if err := errors.Join(b.verify(ctx), b.purge(ctx)); err != nil && ctx.Err() == nil {
			b.log.WarnContext(ctx, "the counters could not be reconciled", "error", err.Error())
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (b *Reconciler) verify(ctx context.Context) error {
	_, skewed, err := VerifyLedger(ctx, b.db)
	if err != nil {
		return err
	}
	b.skewed.Store(int64(len(skewed)))
	b.checked.Store(time.Now().Unix())
	if len(skewed) > 0 {
		b.log.ErrorContext(ctx, "counters are not what their events add up to; tollgate ledger verify names them", "counters",
			len(skewed))
	}
	return nil
}

func (b *Reconciler) purge(ctx context.Context) error {
	_, err := b.db.NewRaw("DELETE FROM reservations WHERE expires_at < now() - ?::interval", reservationsKept.String()).
		Exec(ctx)
	if err != nil {
		return fmt.Errorf("drop old reservations: %w", err)
	}
	return nil
}

var (
	ledgerSkewed = prometheus.NewDesc("tollgate_ledger_skewed_counters",
		"Counters that are not what their events add up to, at the last check; at most 1000.", nil, nil)
	ledgerChecked = prometheus.NewDesc("tollgate_ledger_checked_timestamp_seconds",
		"When the counters were last compared with their events.", nil, nil)
)

// Describe is part of [prometheus.Collector].
func (b *Reconciler) Describe(ch chan<- *prometheus.Desc) {
	ch <- ledgerSkewed
	ch <- ledgerChecked
}

// Collect is part of [prometheus.Collector]. Before the first check there are no metrics.
func (b *Reconciler) Collect(ch chan<- prometheus.Metric) {
	if checked := b.checked.Load(); checked != 0 {
		ch <- prometheus.MustNewConstMetric(ledgerSkewed, prometheus.GaugeValue, float64(b.skewed.Load()))
		ch <- prometheus.MustNewConstMetric(ledgerChecked, prometheus.GaugeValue, float64(checked))
	}
}
