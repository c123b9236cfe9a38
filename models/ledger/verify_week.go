package ledger

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"tollgate/models/archive"
	"tollgate/models/policy"
)

// verifyWeeks compares the days of weeks that are over, and the counters of windows that ended in them, with all of
// their events: when a week is sealed, and again before its events go into a file, or go without one.
func (b *Reconciler) verifyWeeks(ctx context.Context, fence int64) (skewed []Skew, err error) {
	kept := b.keep.Events
	if b.keep.Archive != "" {
		kept = LeastKept
	}
	return verifyWeeks(ctx, b.db, kept, func() error { return b.renew(ctx, fence) })
}

// Archive archives the weeks that are over, in a format. It compares them with all of their events before, and archives
// none if any differ.
func Archive(
	ctx context.Context, db *bun.DB, folder string, format archive.Format,
) (archived []string, skewed []Skew, err error) {
	skewed, err = verifyWeeks(ctx, db, LeastKept, func() error { return nil })
	if err != nil || len(skewed) > 0 {
		return nil, skewed, err
	}
	archived, err = archive.Run(ctx, db, folder, format)
	return archived, nil, err
}

// verifyWeeks compares weeks that were not compared yet, and once more those that are as old as kept says. It calls
// renew before each statement that may take long. Of those that fit it is noted; they may go.
func verifyWeeks(ctx context.Context, db *bun.DB, kept int, renew func() error) (skewed []Skew, err error) {
	var weeks []string
	err = db.NewRaw(`
SELECT week::text FROM usage_weeks, usage_sealing
WHERE dropped_at IS NULL AND closed_at <= sealed_until
    AND (sealed_at IS NULL OR closed_at < clock_timestamp() - ?0 * interval '1 second'
        AND (file IS NULL OR sealed_at < closed_at + ?1 * interval '1 second')) ORDER BY week`,
		days(kept).Seconds(), days(LeastKept).Seconds()).Scan(ctx, &weeks)
	if err != nil {
		return nil, fmt.Errorf("look for weeks that are over: %w", err)
	}
	known := map[Skew]bool{} // two weeks have the day in common on which one ended
	for _, week := range weeks {
		found, err := verifyAndNote(ctx, db, week, renew)
		if err != nil {
			return skewed, err
		}
		for _, s := range found {
			if !known[s] {
				skewed, known[s] = append(skewed, s), true
			}
		}
	}
	return skewed, nil
}

// verifyAndNote compares a week, and notes since when it is known to fit. Of a week that another console drops
// meanwhile nothing is found.
func verifyAndNote(ctx context.Context, db *bun.DB, week string, renew func() error) ([]Skew, error) {
	var began time.Time
	if err := db.NewRaw("SELECT clock_timestamp()").Scan(ctx, &began); err != nil {
		return nil, fmt.Errorf("read the time: %w", err)
	}
	found, err := verifyWeek(ctx, db, week, renew)
	if err != nil {
		return nil, fmt.Errorf("hold the week of %s against its events: %w", week, err)
	}
	noted, err := db.NewRaw("UPDATE usage_weeks SET sealed_at = CASE WHEN ? THEN ?::timestamptz END "+
		"WHERE week = ?::date AND dropped_at IS NULL", len(found) == 0, began, week).Exec(ctx)
	if err != nil {
		return nil, fmt.Errorf("note that the week of %s was checked: %w", week, err)
	}
	if n, err := noted.RowsAffected(); err != nil || n == 0 {
		return nil, err
	}
	return found, nil
}

// renew gives this console the time of a lease for what it does next.
func (b *Reconciler) renew(ctx context.Context, fence int64) error {
	renewed, err := b.db.NewRaw("UPDATE usage_sealing SET lease_until = clock_timestamp() + ? * interval '1 second' "+
		"WHERE fence = ?", sealingLease.Seconds(), fence).Exec(ctx)
	if err != nil {
		return fmt.Errorf("renew the lease: %w", err)
	}
	if n, err := renewed.RowsAffected(); err != nil || n == 0 {
		return errSealingLost
	}
	return nil
}

// verifyWeek compares the days of one week, and the counters of windows that ended in it, with all events of them, also
// with those that came weeks later. Days and windows of which events were dropped are left out.
func verifyWeek(ctx context.Context, db *bun.DB, week string, renew func() error) (skewed []Skew, err error) {
	err = longQuery(ctx, db, func(tx bun.Tx) error {
		open, err := readUnsealed(ctx, tx)
		if err != nil {
			return err
		}
		var of struct {
			Since, First, Last string
			Opened, Closed     time.Time
		}
		err = tx.NewRaw(`
SELECT coalesce(b.week, w.week)::text AS since,
    greatest((w.opened_at AT TIME ZONE 'UTC')::date, ?0::date + 1)::text AS first,
    (w.closed_at AT TIME ZONE 'UTC')::date::text AS last, coalesce(b.closed_at, w.opened_at) AS opened,
    w.closed_at AS closed
FROM usage_weeks AS w LEFT JOIN usage_weeks AS b ON b.week = (SELECT max(week) FROM usage_weeks WHERE week < w.week)
WHERE w.week = ?1::date`, open.Whole, week).Scan(ctx, &of)
		if err != nil {
			return err
		}
		if err := renew(); err != nil {
			return err
		}
		var days, counters []Skew
		if err := tx.NewRaw(weekDays, of.Since, of.First, of.Last).Scan(ctx, &days); err != nil {
			return err
		}
		var earliest string
		if err := tx.NewRaw(earliestWeek, open.Whole, of.Opened, of.Closed).Scan(ctx, &earliest); err != nil {
			return err
		}
		if err := renew(); err != nil {
			return err
		}
		err = tx.NewRaw(weekCounters, open.Whole, of.Opened, of.Closed, earliest).Scan(ctx, &counters)
		skewed = append(days, counters...)
		return err
	})
	return skewed, err
}

// endedWindows are those that began after ?0 and ended after ?1, until ?2.
const endedWindows = `window_start > ?0 AND window_start + window_span(reset_duration) > ?1
    AND window_start + window_span(reset_duration) <= ?2`

// earliestWeek is the first that may have events of endedWindows.
const earliestWeek = `
SELECT min(week)::text FROM usage_weeks WHERE closed_at IS NULL OR closed_at >= least(?1,
    (SELECT min(window_start) FROM limit_windows WHERE ` + endedWindows + `)) - interval '1 hour'`

// weekCounters compares the counters of endedWindows with events of weeks since ?3. Events with the same charges are
// added up first: there are many times fewer charges than events.
var weekCounters = `
WITH ended AS MATERIALIZED (
    SELECT c.week, c.id, l.* FROM weekly_charges AS c
    CROSS JOIN LATERAL unnest(c.line_ids, c.line_kinds, c.line_durations, c.window_starts)
        AS l(line_id, kind, reset_duration, window_start)
    WHERE c.week >= ?3::date AND ` + endedWindows + `
), used AS (
    SELECT week, charge_set AS id, sum(cost) AS cost, sum(tokens) AS tokens, sum(requests) AS requests FROM (
        SELECT week, charge_set, coalesce(cost, 0) AS cost, tokens, requests FROM weekly_events WHERE week >= ?3::date
        UNION ALL
        SELECT week, charge_set, amount, 0, 0 FROM usage_adjustments JOIN weekly_events USING (week, event_id)
            WHERE week >= ?3::date
    ) AS e GROUP BY 1, 2
), charged AS (
    SELECT line_id, kind, reset_duration, window_start, sum(amount)::bigint AS events FROM (
        SELECT l.line_id, l.kind, l.reset_duration, l.window_start, ` + policy.AmountOfEvent + ` AS amount
        FROM ended AS l JOIN used AS e USING (week, id)
        UNION ALL
        SELECT l.*, ` + policy.AmountOfEvent + ` + CASE WHEN l.kind = 'spend' THEN coalesce((
                SELECT sum(amount) FROM usage_adjustments AS a WHERE a.week = e.week AND a.event_id = e.event_id), 0)
            ELSE 0 END
        FROM counted_events AS e CROSS JOIN LATERAL unnest(e.line_ids, e.line_kinds, e.line_durations, e.window_starts)
            AS l(line_id, kind, reset_duration, window_start)
        WHERE e.week >= ?3::date AND e.week = '1970-01-05'
    ) AS counted GROUP BY 1, 2, 3, 4
)` + countersThatDiffer(endedWindows)

// weekDays compares the days from ?1 to ?2 with events of weeks since ?0.
const weekDays = `
WITH counted AS (
    SELECT day, sum(cost) AS cost, sum(tokens) AS tokens, sum(requests) AS requests FROM usage_days
    WHERE day BETWEEN ?1::date AND ?2::date GROUP BY day
), charged AS (
    SELECT day, sum(cost) AS cost, sum(tokens) AS tokens, sum(requests) AS requests FROM (
        SELECT (occurred_at AT TIME ZONE 'UTC')::date AS day, coalesce(cost, 0) AS cost, tokens, requests
            FROM counted_events WHERE week >= ?0::date AND occurred_at >= ?1::date::timestamp AT TIME ZONE 'UTC'
                AND occurred_at < (?2::date + 1)::timestamp AT TIME ZONE 'UTC'
        UNION ALL SELECT (e.occurred_at AT TIME ZONE 'UTC')::date, a.amount, 0, 0
            FROM usage_adjustments AS a CROSS JOIN LATERAL (
                SELECT * FROM counted_events AS c WHERE c.event_id = a.event_id AND c.week = a.week OFFSET 0
            ) AS e WHERE a.week >= ?0::date
    ) AS events WHERE day BETWEEN ?1::date AND ?2::date GROUP BY day
)` + daysThatDiffer
