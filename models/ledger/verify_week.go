package ledger

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"tollgate/models/archive"
)

// verifyWeeks compares the days of weeks that are over with all of their events: when a week is sealed, and again
// before its events go into a file, or go without one.
func (b *Reconciler) verifyWeeks(ctx context.Context, fence int64) (skewed []Skew, err error) {
	kept := b.keep.Events
	if b.keep.Archive != "" {
		kept = LeastKept
	}
	return verifyWeeks(ctx, b.db, kept, func() error { return b.renew(ctx, fence) })
}

// Archive archives the weeks that are over, in a format. It compares their days with all of their events before, and
// archives none if any differ.
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

// verifyWeeks compares weeks that were not compared yet, and once more those that are as old as kept says, each after
// renew. Of those that fit it is noted; they may go.
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
		if err := renew(); err != nil {
			return skewed, err
		}
		found, err := verifyAndNote(ctx, db, week)
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
func verifyAndNote(ctx context.Context, db *bun.DB, week string) ([]Skew, error) {
	var began time.Time
	if err := db.NewRaw("SELECT clock_timestamp()").Scan(ctx, &began); err != nil {
		return nil, fmt.Errorf("read the time: %w", err)
	}
	found, err := verifyWeek(ctx, db, week)
	if err != nil {
		return nil, fmt.Errorf("hold the days of the week of %s against their events: %w", week, err)
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
func verifyWeek(ctx context.Context, db *bun.DB, week string) (skewed []Skew, err error) {
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
SELECT coalesce((SELECT max(b.week) FROM usage_weeks AS b WHERE b.week < w.week), w.week)::text AS since,
    greatest((opened_at AT TIME ZONE 'UTC')::date, ?0::date + 1)::text AS first,
    (closed_at AT TIME ZONE 'UTC')::date::text AS last, opened_at AS opened, closed_at AS closed
FROM usage_weeks AS w WHERE week = ?1::date`, open.Whole, week).Scan(ctx, &of)
		if err != nil {
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

// weekCounters compares the counters of endedWindows with events of weeks since ?3.
var weekCounters = countersThatDiffer(" WHERE e.week >= ?3::date", "", endedWindows)

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
