package ledger

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/uptrace/bun"
)

const (
	bookkeeping = time.Hour
	// bookkeepingLook is how often each console looks whether it is to check, and reads what was found.
	bookkeepingLook = time.Minute
	// bookkeepingFirst is how soon a console looks again that found another one at the first check of all.
	bookkeepingFirst = time.Second
	// bookkeepingAgain is how soon it looks again when its first look has failed.
	bookkeepingAgain = 10 * time.Second
	// unsealedMost is how old events are that are not sealed yet when a console seals again; a check reads all of them.
	unsealedMost = sealedBehind + 5*time.Minute
	// overdueAfter is how long after its time a week is overdue that was not archived or dropped.
	overdueAfter = 24 * time.Hour
)

// Reconciler compares the counters with their events every hour, and deletes what was kept for long enough. Of any
// number of consoles one does it at a time, and all show what it found.
type Reconciler struct {
	AuditKey []byte // signs where the audit log begins
	db       *bun.DB
	keep     Keep
	log      *slog.Logger
	skewed   atomic.Int64
	unsealed atomic.Int64 // seconds
	overdue  atomic.Int64 // weeks
	checked  atomic.Int64 // Unix seconds; 0 before the first time
}

// NewReconciler makes a Reconciler; Run begins with a check, if one is due.
func NewReconciler(db *bun.DB, log *slog.Logger, keep Keep) *Reconciler {
	return &Reconciler{db: db, log: log, keep: keep}
}

// Run works until ctx ends.
func (b *Reconciler) Run(ctx context.Context) {
	timer := time.NewTimer(bookkeepingLook)
	defer timer.Stop()
	for {
		err := errors.Join(OpenWeek(ctx, b.db), b.Reconcile(ctx), b.read(ctx))
		if err != nil && ctx.Err() == nil {
			b.log.WarnContext(ctx, "the counters could not be reconciled", "error", err.Error())
		}
		look := bookkeepingLook
		switch {
		case b.checked.Load() > 0:
		case err == nil:
			look = bookkeepingFirst
		default:
			look = bookkeepingAgain
		}
		timer.Reset(look)
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
	}
}

// Reconcile seals, and checks once in an hour, unless another console is at it.
func (b *Reconciler) Reconcile(ctx context.Context) error {
	var leases []struct {
		Fence int64
		Check bool
	}
	err := b.db.NewRaw(`
UPDATE usage_sealing SET fence = fence + 1, lease_until = clock_timestamp() + ?0 * interval '1 second'
WHERE lease_until < clock_timestamp()
    AND (checked_at IS NULL OR checked_at < clock_timestamp() - ?1 * interval '1 second'
        OR sealed_until < clock_timestamp() - ?2 * interval '1 second')
RETURNING fence, checked_at IS NULL OR checked_at < clock_timestamp() - ?1 * interval '1 second' AS check`,
		sealingLease.Seconds(), bookkeeping.Seconds(), unsealedMost.Seconds()).Scan(ctx, &leases)
	if err != nil || len(leases) == 0 {
		return err
	}
	lease := leases[0]
	work := &sealing{db: b.db, fence: lease.Fence, span: sealedSpan}
	if err := work.run(ctx); err != nil {
		if errors.Is(err, errSealingLost) {
			return nil
		}
		return err
	}
	if !lease.Check {
		return b.release(ctx, lease.Fence)
	}
	skewed, err := b.verify(ctx, lease.Fence)
	if errors.Is(err, errSealingLost) {
		return nil
	}
	if err == nil && skewed == 0 { // events are needed to find out why a counter differs
		err = b.archiveWeeks(ctx)
	}
	if err == nil && skewed == 0 {
		err = b.dropWeeks(ctx)
	}
	return errors.Join(err, b.dropAudit(ctx), b.purge(ctx))
}

func (b *Reconciler) release(ctx context.Context, fence int64) error {
	_, err := b.db.NewRaw("UPDATE usage_sealing SET lease_until = to_timestamp(0) WHERE fence = ?", fence).Exec(ctx)
	if err != nil {
		return fmt.Errorf("end the lease: %w", err)
	}
	return nil
}

// verify checks, notes what was found and ends the lease. What is found of days that may still change is not counted
// again with their week.
func (b *Reconciler) verify(ctx context.Context, fence int64) (counters int, err error) {
	_, skewed, err := Verify(ctx, b.db)
	if err != nil {
		return 0, err
	}
	ofWeeks, failed := b.verifyWeeks(ctx, fence)
	for _, s := range ofWeeks {
		if !slices.Contains(skewed, s) {
			skewed = append(skewed, s)
		}
	}
	if len(skewed) > 0 {
		b.log.ErrorContext(ctx, "counters are not what their events add up to; tollgate ledger verify names them, "+
			"and with --full also those of weeks that are over", "counters", len(skewed))
	}
	_, err = b.db.NewRaw(`UPDATE usage_sealing SET checked_at = clock_timestamp(), skewed = ?, lease_until = to_timestamp(0)
WHERE fence = ?`, len(skewed), fence).Exec(ctx)
	if err != nil {
		return 0, fmt.Errorf("note what the check found: %w", err)
	}
	return len(skewed), failed
}

// read reads what the last check found, here or on another console.
func (b *Reconciler) read(ctx context.Context) error {
	var rows []struct {
		CheckedAt, Skewed, Overdue int64
		Unsealed                   float64
	}
	err := b.db.NewRaw(`SELECT extract(epoch FROM checked_at)::bigint AS checked_at, skewed,
    extract(epoch FROM clock_timestamp() - sealed_until)::float8 AS unsealed, (
        SELECT count(*) FROM usage_weeks
        WHERE dropped_at IS NULL AND (closed_at < clock_timestamp() - (?0 + ?2) * interval '1 second'
            OR ?3 AND file IS NULL AND closed_at < clock_timestamp() - (?1 + ?2) * interval '1 second')
    ) AS overdue FROM usage_sealing
WHERE checked_at IS NOT NULL`, days(b.keep.Events).Seconds(), days(LeastKept).Seconds(), overdueAfter.Seconds(),
		b.keep.Archive != "").Scan(ctx, &rows)
	if err != nil {
		return fmt.Errorf("read what the last check found: %w", err)
	}
	for _, found := range rows {
		b.skewed.Store(found.Skewed)
		b.unsealed.Store(int64(found.Unsealed))
		b.overdue.Store(found.Overdue)
		b.checked.Store(found.CheckedAt)
	}
	return nil
}

var (
	ledgerSkewed = prometheus.NewDesc("tollgate_ledger_skewed_counters",
		"Counters that are not what their events add up to, at the last check; at most 1000 of each kind.", nil, nil)
	ledgerChecked = prometheus.NewDesc("tollgate_ledger_checked_timestamp_seconds",
		"When the counters were last compared with their events.", nil, nil)
	oldestUnsealed = prometheus.NewDesc("tollgate_oldest_unsealed_seconds",
		"How long ago the oldest usage that is not sealed yet was received, at most.", nil, nil)
	overdueWeeks = prometheus.NewDesc("tollgate_overdue_weeks",
		"Weeks of usage that should have been archived, or dropped, a day ago.", nil, nil)
)

// Describe is part of [prometheus.Collector].
func (b *Reconciler) Describe(ch chan<- *prometheus.Desc) {
	ch <- ledgerSkewed
	ch <- ledgerChecked
	ch <- oldestUnsealed
	ch <- overdueWeeks
}

// Collect is part of [prometheus.Collector]. Before the first check there are no metrics.
func (b *Reconciler) Collect(ch chan<- prometheus.Metric) {
	if checked := b.checked.Load(); checked != 0 {
		ch <- prometheus.MustNewConstMetric(ledgerSkewed, prometheus.GaugeValue, float64(b.skewed.Load()))
		ch <- prometheus.MustNewConstMetric(ledgerChecked, prometheus.GaugeValue, float64(checked))
		ch <- prometheus.MustNewConstMetric(oldestUnsealed, prometheus.GaugeValue, float64(b.unsealed.Load()))
		ch <- prometheus.MustNewConstMetric(overdueWeeks, prometheus.GaugeValue, float64(b.overdue.Load()))
	}
}
