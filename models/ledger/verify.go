package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"tollgate/models/policy"
)

// Skew is a counter that is not what its events add up to. A day's sum over everybody is named usage_days.
type Skew struct {
	LineID        string
	Kind          string
	ResetDuration string
	WindowStart   time.Time
	Used, Events  int64
}

// Verify compares every counter, and the sum of each day that may still change, with the events that were counted
// on it: with those that are sealed by their sum. It returns how many counters there are and those that differ.
func Verify(ctx context.Context, db bun.IDB) (counters int64, skewed []Skew, err error) {
	return verify(ctx, db, nil, skewedCounters, skewedDays)
}

// VerifyWhole compares every counter and every day with all events too, so that what is sealed is checked; those of
// which events were dropped with their week are compared with their sum alone.
func VerifyWhole(ctx context.Context, db bun.IDB) (counters int64, skewed []Skew, err error) {
	return verify(ctx, db, nil, skewedCounters, skewedDays, wholeCounters(""), wholeDays(""))
}

// verify runs checks in one snapshot. What prepares them may write to temporary tables.
func verify(
	ctx context.Context, db bun.IDB, prepare func(context.Context, bun.Tx, *unsealed) error, checks ...string,
) (counters int64, skewed []Skew, err error) {
	options := &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: prepare == nil}
	if _, within := db.(bun.Tx); within {
		options = nil
	}
	err = db.RunInTx(ctx, options, func(ctx context.Context, tx bun.Tx) error {
		// Compiling takes longer than the check of what is not sealed.
		if _, err := tx.ExecContext(ctx, "SET LOCAL statement_timeout = '10min'; SET LOCAL jit = off"); err != nil {
			return fmt.Errorf("take time for all events: %w", err)
		}
		if err := tx.NewRaw("SELECT count(*) FROM limit_windows").Scan(ctx, &counters); err != nil {
			return fmt.Errorf("count the counters: %w", err)
		}
		open, err := readUnsealed(ctx, tx)
		if err != nil {
			return err
		}
		if prepare != nil {
			if err := prepare(ctx, tx, &open); err != nil {
				return err
			}
		}
		known := map[Skew]bool{}
		for _, check := range checks {
			var found []Skew
			err := tx.NewRaw(check, open.Since, open.Week, open.Whole, open.KeptEnd, open.KeptDay).Scan(ctx, &found)
			if err != nil {
				return err
			}
			for _, s := range found {
				if !known[s] {
					skewed, known[s] = append(skewed, s), true
				}
			}
		}
		return nil
	})
	if err != nil {
		return 0, nil, fmt.Errorf("hold the counters against the events: %w", err)
	}
	return counters, skewed, nil
}

// unsealed says which events are not sealed: those received since a time. Week is the first that has any. Statements
// are planned for these values; with a query in their place PostgreSQL expects a third of all events.
type unsealed struct {
	Since time.Time
	Week  string
	// Whole is since when all events are there: none that counts on a later window or day was dropped.
	Whole         time.Time
	WholeArchived time.Time // the same with what is archived
	// Counters of windows that ended before KeptEnd, and sums of days before KeptDay, may have been deleted.
	KeptEnd, KeptDay time.Time
}

func readUnsealed(ctx context.Context, tx bun.Tx) (u unsealed, err error) {
	err = tx.NewRaw(`
SELECT greatest(sealed_until, to_timestamp(0)) AS since, coalesce((SELECT min(week) FROM usage_weeks
    WHERE closed_at IS NULL OR closed_at >= sealed_until), '1970-01-05')::text AS week,
    coalesce((SELECT max(closed_at) FROM usage_weeks WHERE dropped_at IS NOT NULL) + interval '1 hour',
        to_timestamp(0)) AS whole,
    coalesce((SELECT max(closed_at) FROM usage_weeks WHERE dropped_at IS NOT NULL AND file IS NULL) + interval '1 hour',
        to_timestamp(0)) AS whole_archived FROM usage_sealing`).Scan(ctx, &u)
	if err != nil {
		return u, fmt.Errorf("read what is sealed: %w", err)
	}
	return u, nil
}

const (
	// skewedCounters leaves out the counters that are sealed and have no events since, which are nearly all.
	skewedCounters = `
WITH charged AS (
    SELECT line_id, kind, reset_duration, window_start, sum(amount)::bigint AS events FROM (
        SELECT l.*, ` + policy.AmountOfEvent + ` AS amount
        FROM counted_events AS e CROSS JOIN LATERAL unnest(e.line_ids, e.line_kinds, e.line_durations, e.window_starts)
            AS l(line_id, kind, reset_duration, window_start)
        WHERE e.received_at >= ?0 AND e.week >= ?1::date
        UNION ALL
        SELECT l.*, a.amount FROM usage_adjustments AS a CROSS JOIN LATERAL (
                SELECT * FROM counted_events AS c WHERE c.event_id = a.event_id AND c.week = a.week OFFSET 0
            ) AS e CROSS JOIN LATERAL unnest(e.line_ids, e.line_kinds, e.line_durations, e.window_starts)
                AS l(line_id, kind, reset_duration, window_start)
        WHERE a.created_at >= ?0 AND l.kind = 'spend'
    ) AS counted GROUP BY 1, 2, 3, 4
), open AS (
    SELECT line_id, kind, reset_duration, window_start, used - sealed AS used FROM limit_windows WHERE used <> sealed
), skewed AS (
    SELECT line_id, kind, reset_duration, window_start, coalesce(c.events, 0) AS events
    FROM open AS w FULL JOIN charged AS c USING (line_id, kind, reset_duration, window_start)
    WHERE coalesce(w.used, 0) <> coalesce(c.events, 0)
)
SELECT line_id::text, kind, reset_duration, window_start, coalesce(w.used, 0) AS used,
    coalesce(w.sealed, 0) + s.events AS events
FROM skewed AS s LEFT JOIN limit_windows AS w USING (line_id, kind, reset_duration, window_start)
ORDER BY line_id, kind, window_start LIMIT 1000`
)

// wholeCounters compares with all events, and with further sums of counters.
func wholeCounters(further string) string {
	return `
WITH charged AS (
    SELECT line_id, kind, reset_duration, window_start, sum(amount)::bigint AS events FROM (
        SELECT l.*, ` + policy.AmountOfEvent + ` +
            CASE WHEN l.kind = 'spend' THEN coalesce(a.amount, 0) ELSE 0 END AS amount
        FROM counted_events AS e
        LEFT JOIN (SELECT week, event_id, sum(amount)::bigint AS amount FROM usage_adjustments GROUP BY 1, 2) AS a
            USING (week, event_id)
        CROSS JOIN LATERAL unnest(e.line_ids, e.line_kinds, e.line_durations, e.window_starts) AS l(line_id, kind,
            reset_duration, window_start)` + further + `
    ) AS counted GROUP BY 1, 2, 3, 4
)` + countersThatDiffer("window_start > ?2 AND window_start + window_span(reset_duration) >= ?3")
}

// countersThatDiffer compares the counters of some windows with what was charged.
func countersThatDiffer(windows string) string {
	return `
SELECT line_id::text, kind, reset_duration, window_start, coalesce(w.used, 0) AS used, coalesce(c.events, 0) AS events
FROM (SELECT * FROM limit_windows WHERE ` + windows + `) AS w FULL JOIN (
        SELECT * FROM charged WHERE ` + windows + `
    ) AS c USING (line_id, kind, reset_duration, window_start)
WHERE coalesce(w.used, 0) <> coalesce(c.events, 0)
ORDER BY line_id, kind, window_start LIMIT 1000`
}
