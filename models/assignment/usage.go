package assignment

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"tollgate/models/database"
	"tollgate/models/money"
	"tollgate/models/policy"
	"tollgate/models/window"
)

// windowKey identifies the counter of one limit in one window.
type windowKey struct {
	line, kind, duration string
	start                int64 // microseconds
}

// usageReader collects the windows of limits that are read in one batch, and where to put their counters.
type usageReader struct {
	now     time.Time
	keys    []windowKey
	targets map[windowKey]func(used int64)
}

func (r *usageReader) want(line, kind, duration string, start time.Time, put func(used int64)) {
	key := windowKey{line, kind, duration, start.UnixMicro()}
	r.keys = append(r.keys, key)
	r.targets[key] = put
}

// loadUsage fills in the usage of each limit in its current window and the active overrides, all by the database's
// clock.
func loadUsage(ctx context.Context, db bun.IDB, copies []Assignment) error {
	now, err := database.Clock(ctx, db)
	if err != nil {
		return err
	}
	overrides, err := LoadOverrides(ctx, db, copies)
	if err != nil {
		return err
	}
	r := &usageReader{now: now, targets: map[windowKey]func(int64){}}
	for i := range copies {
		c := &copies[i]
		r.budgets(c.Budgets, c.Calendar, overrides)
		r.limit(c.RateLimit, c.Calendar)
		for j := range c.ProviderConfigs {
			r.budgets(c.ProviderConfigs[j].Budgets, c.Calendar, overrides)
			r.limit(c.ProviderConfigs[j].RateLimit, c.Calendar)
		}
	}
	return r.read(ctx, db)
}

func (r *usageReader) budgets(budgets []policy.Budget, calendar window.Calendar, overrides map[string]BudgetOverride) {
	for i := range budgets {
		b := &budgets[i]
		anchor := b.LastReset
		b.LastReset, b.WindowEnds = window.Carried(
			b.ResetDuration, b.QuarterStart(), calendar, anchor, b.CarriedFrom, b.CarriedUntil, r.now,
		)
		r.want(b.ID, policy.KindSpend, b.ResetDuration, b.LastReset, func(used int64) { b.CurrentUsage = money.Money(used) })
		if o, ok := overrides[b.ID]; ok {
			o.show(b, calendar, anchor, r.now)
		}
	}
}

func (r *usageReader) limit(l *policy.RateLimit, calendar window.Calendar) {
	if l == nil {
		return
	}
	if l.TokenResetDuration != nil {
		start, end := window.Carried(
			*l.TokenResetDuration, 0, calendar, l.CreatedAt, l.TokenCarriedFrom, l.TokenCarriedUntil, r.now,
		)
		l.TokenWindowEnds = end
		r.want(l.ID, policy.KindTokens, *l.TokenResetDuration, start, func(used int64) { l.TokenCurrentUsage = used })
	}
	if l.RequestResetDuration != nil {
		start, end := window.Carried(
			*l.RequestResetDuration, 0, calendar, l.CreatedAt, l.RequestCarriedFrom, l.RequestCarriedUntil, r.now,
		)
		l.RequestWindowEnds = end
		r.want(l.ID, policy.KindRequests, *l.RequestResetDuration, start, func(used int64) { l.RequestCurrentUsage = used })
	}
}

func (r *usageReader) read(ctx context.Context, db bun.IDB) error {
	if len(r.keys) == 0 {
		return nil
	}
	lines, kinds, durations, starts := []string{}, []string{}, []string{}, []time.Time{}
	for _, key := range r.keys {
		lines, kinds, durations = append(lines, key.line), append(kinds, key.kind), append(durations, key.duration)
		starts = append(starts, time.UnixMicro(key.start).UTC())
	}
	var rows []struct {
		N    int
		Used int64
	}
	err := db.NewRaw(`
SELECT wanted.n, w.used - w.cleared AS used
FROM unnest(?::uuid[], ?::text[], ?::text[], ?::timestamptz[]) WITH ORDINALITY AS wanted(line_id, kind, reset_duration, window_start, n)
JOIN limit_windows AS w USING (line_id, kind, reset_duration, window_start)`,
		pgdialect.Array(lines), pgdialect.Array(kinds), pgdialect.Array(durations), pgdialect.Array(starts)).Scan(ctx, &rows)
	if err != nil {
		return fmt.Errorf("load usage: %w", err)
	}
	for _, row := range rows {
		r.targets[r.keys[row.N-1]](row.Used)
	}
	return nil
}
