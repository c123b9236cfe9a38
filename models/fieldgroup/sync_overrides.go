package fieldgroup

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun/dialect/pgdialect"

	"tollgate/models/policy"
	"tollgate/models/window"
)

// timedOverride is an active override for a number of windows, with the calendar and anchor of those windows.
type timedOverride struct {
	BudgetID        string
	EndsAt          time.Time
	ResetDuration   string
	Quarter         int
	window.Calendar `bun:",extend"`
	CreatedAt       time.Time
	CarriedFrom     *time.Time
	CarriedUntil    *time.Time
}

// endsUnder is when the override ends under another calendar: after as many windows as are left now, including the
// current one.
func (o timedOverride) endsUnder(calendar window.Calendar, now time.Time) time.Time {
	_, end := window.Carried(o.ResetDuration, o.Quarter, o.Calendar, o.CreatedAt, o.CarriedFrom, o.CarriedUntil, now)
	left := window.Until(o.ResetDuration, o.Quarter, o.Calendar, o.CreatedAt, end, o.EndsAt, policy.MaxCycles)
	_, end = window.Window(o.ResetDuration, o.Quarter, calendar, o.CreatedAt, now)
	return window.After(o.ResetDuration, o.Quarter, calendar, o.CreatedAt, end, left)
}

// alignOverrides moves the ends of overrides to windows of another calendar, but not those that end on a date. It runs
// before the calendar changes, since the remaining windows are counted by the old calendar.
func (to *synced) alignOverrides(ctx context.Context, calendar window.Calendar) {
	if to.err != nil {
		return
	}
	var overrides []timedOverride
	err := to.tx.NewRaw(`
SELECT o.budget_id, o.ends_at, b.reset_duration, coalesce(b.quarter_start_month, 0) AS quarter, p.calendar_aligned,
    p.time_zone, b.created_at,
       b.carried_from, b.carried_until
FROM budget_overrides AS o JOIN limit_lines AS b ON b.id = o.budget_id AND b.kind = o.kind
    JOIN policies AS p ON p.id = b.policy_id
WHERE p.id = ANY (?0) AND p.calendar IS DISTINCT FROM calendar_name(?1, ?2) AND o.ends_at > ?3
    AND o.until IS DISTINCT FROM o.ends_at`,
		to.ids, calendar.CalendarAligned, calendar.TimeZone, to.now).Scan(ctx, &overrides)
	if err != nil {
		to.err = fmt.Errorf("load the overrides of copies: %w", err)
		return
	}
	if len(overrides) == 0 {
		return
	}
	budgets, ends := make([]string, len(overrides)), make([]time.Time, len(overrides))
	for i, o := range overrides {
		budgets[i], ends[i] = o.BudgetID, o.endsUnder(calendar, to.now)
	}
	to.exec(ctx, `
UPDATE budget_overrides AS o SET ends_at = moved.ends_at
FROM unnest(?1::uuid[], ?2::timestamptz[]) AS moved(budget_id, ends_at)
WHERE o.budget_id = moved.budget_id AND o.budget_id IN (SELECT id FROM limit_lines WHERE policy_id = ANY (?0)
    AND kind = 'spend')`,
		pgdialect.Array(budgets), pgdialect.Array(ends))
}
