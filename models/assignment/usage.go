package assignment

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"tollgate/models/policy"
	"tollgate/models/window"
)

// usageReader reads the counters of limits in one batch.
type usageReader struct{ limits []*policy.Limit }

// loadUsage fills in the usage of each limit in its current window and the active overrides, all by the database's
// clock.
func loadUsage(
	ctx context.Context, db bun.IDB, copies []Assignment, overrides map[string]BudgetOverride, now time.Time,
) error {
	r := &usageReader{}
	limits := make([][]policy.Limit, len(copies))
	for i := range copies {
		limits[i] = copies[i].Limits()
		for j := range limits[i] {
			r.want(&limits[i][j], copies[i].Calendar, overrides, now)
		}
	}
	if err := r.read(ctx, db); err != nil {
		return err
	}
	for i := range copies {
		if err := copies[i].SetLimits(limits[i]); err != nil {
			return err
		}
	}
	return nil
}

// want finds the current window of a limit and its override, and has its counter read.
func (r *usageReader) want(
	l *policy.Limit, calendar window.Calendar, overrides map[string]BudgetOverride, now time.Time,
) {
	anchor := l.Start
	l.Start, l.Ends = window.Carried(l.Duration, l.Quarter, calendar, anchor, l.CarriedFrom, l.CarriedUntil, now)
	if o, ok := overrides[l.ID]; ok && l.Kind == policy.KindSpend {
		l.Raise = o.raise(*l, calendar, anchor, now)
	}
	r.limits = append(r.limits, l)
}

func (r *usageReader) read(ctx context.Context, db bun.IDB) error {
	if len(r.limits) == 0 {
		return nil
	}
	ids, kinds, durations, starts := []string{}, []string{}, []string{}, []time.Time{}
	for _, l := range r.limits {
		ids, kinds, durations = append(ids, l.ID), append(kinds, l.Kind), append(durations, l.Duration)
		starts = append(starts, l.Start)
	}
	var rows []struct {
		N    int
		Used int64
	}
	err := db.NewRaw(`
SELECT wanted.n, w.used - w.cleared AS used
FROM unnest(?::uuid[], ?::text[], ?::text[], ?::timestamptz[]) WITH ORDINALITY AS wanted(line_id, kind,
    reset_duration, window_start, n)
JOIN limit_windows AS w USING (line_id, kind, reset_duration, window_start)`,
		pgdialect.Array(ids), pgdialect.Array(kinds), pgdialect.Array(durations), pgdialect.Array(starts)).Scan(ctx, &rows)
	if err != nil {
		return fmt.Errorf("load usage: %w", err)
	}
	for _, row := range rows {
		r.limits[row.N-1].Used = row.Used
	}
	return nil
}
