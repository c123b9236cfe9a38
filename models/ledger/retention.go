package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"tollgate/models/archive"
	"tollgate/models/problem"
)

// Keep says for how many days usage and the audit log are kept.
type Keep struct {
	Events  int    // in the database
	Days    int    // sums of days, and what is made of them
	Windows int    // counters whose window has ended
	Audit   int    // rows of the audit log; 0 keeps them forever
	Archive string // the folder where events and audit rows are archived before they are dropped; "" for none
}

// DefaultKeep is what is kept when nothing else was chosen.
var DefaultKeep = Keep{Events: 90, Days: 800, Windows: 400}

// LeastKept is for how many days all of usage is kept: for so long an id is known and an event may come late.
const LeastKept = 36

// lateEvents is how long before the first event that is kept a window may have ended, or a day been, that it counts on:
// an event may come late, and stay in the quarantine after that.
const lateEvents = (LeastKept + QuarantineDays) * 24 * time.Hour

func days(n int) time.Duration { return time.Duration(n) * 24 * time.Hour }

// archiveWeeks archives the weeks that are over, if there is a folder for them.
func (b *Reconciler) archiveWeeks(ctx context.Context) error {
	if b.keep.Archive == "" {
		return nil
	}
	weeks, err := archive.Run(ctx, b.db, b.keep.Archive, archive.Parquet)
	if len(weeks) > 0 {
		b.log.InfoContext(ctx, "usage was archived", "weeks", weeks)
	}
	return err
}

// dropWeeks drops the events of weeks that are sealed, with all of their refunds, old enough, and were checked once
// they were old enough to be archived or to go without a file. What of them was to be archived is in a file, which is
// read once more, and what is in the file is what is dropped. A week that cannot be dropped keeps no other.
func (b *Reconciler) dropWeeks(ctx context.Context) error {
	var weeks []struct {
		Week     string
		Archived bool
	}
	err := b.db.NewRaw(`
SELECT week::text, file IS NOT NULL AS archived FROM usage_weeks AS w, usage_sealing AS s
WHERE dropped_at IS NULL AND closed_at < clock_timestamp() - ?0 * interval '1 second' AND closed_at <= sealed_until
    AND sealed_at >= closed_at + CASE WHEN file IS NULL THEN ?0 ELSE ?1 END * interval '1 second'
    AND NOT EXISTS (SELECT FROM usage_adjustments AS a WHERE a.week = w.week AND a.created_at >= s.sealed_until)
ORDER BY week`, days(b.keep.Events).Seconds(), days(LeastKept).Seconds()).Scan(ctx, &weeks)
	if err != nil {
		return fmt.Errorf("look for weeks to drop: %w", err)
	}
	for _, w := range weeks {
		if b.keep.Archive != "" && !w.Archived {
			continue
		}
		if failed := b.dropWeek(ctx, w.Week, w.Archived); failed != nil {
			err = errors.Join(err, fmt.Errorf("drop the usage of the week of %s: %w", w.Week, failed))
		}
	}
	return errors.Join(err, b.dropCharges(ctx))
}

// dropCharges drops what the events of dropped weeks referred to, also where that could not be done with them.
func (b *Reconciler) dropCharges(ctx context.Context) error {
	_, err := b.db.NewRaw("SELECT drop_usage_charges()").Exec(ctx)
	switch {
	case problem.SQLState(err) == "55P03":
		b.log.InfoContext(ctx, "charges of dropped usage are in use; they are dropped later")
	case err != nil:
		return fmt.Errorf("drop the charges of dropped usage: %w", err)
	}
	return nil
}

func (b *Reconciler) dropWeek(ctx context.Context, week string, archived bool) error {
	if archived {
		if err := b.checkArchived(ctx, week); err != nil {
			return b.tellDamaged(ctx, err)
		}
	}
	err := longQuery(ctx, b.db, func(tx bun.Tx) error {
		_, err := tx.NewRaw(dismissCounted, week).Exec(ctx)
		return err
	})
	if err != nil {
		return fmt.Errorf("settle quarantined usage that was counted: %w", err)
	}
	var dropped bool
	err = b.db.NewRaw("SELECT drop_usage_week(?::date)", week).Scan(ctx, &dropped)
	if problem.SQLState(err) == "55P03" || err == nil && !dropped {
		b.log.InfoContext(ctx, "a week of usage is in use; it is dropped later", "week", week)
		return nil
	}
	if err == nil {
		b.log.InfoContext(ctx, "a week of usage was dropped", "week", week, "archived", archived)
	}
	return err
}

// checkArchived compares the events of a week with those that were archived, and reads the file again. Events that were
// changed since are not written in place of a file.
func (b *Reconciler) checkArchived(ctx context.Context, week string) error {
	var same bool
	err := longQuery(ctx, b.db, func(tx bun.Tx) error {
		return tx.NewRaw(`SELECT (w.events, w.cost) = (e.events, e.cost) FROM usage_weeks AS w,
    (SELECT count(*) AS events, coalesce(sum(cost), 0) AS cost FROM counted_events WHERE week = ?0::date) AS e
WHERE w.week = ?0::date`, week).Scan(ctx, &same)
	})
	switch {
	case err != nil:
		return err
	case !same:
		return errors.New("the database has other events than were archived")
	case b.keep.Archive == "":
		return nil
	}
	return archive.CheckWeek(ctx, b.db, b.keep.Archive, week)
}

// dismissCounted settles quarantined usage that was reported again and counted in a week. Once the week is dropped, it
// could not be told any more, and an admin could charge it twice.
const dismissCounted = `
UPDATE usage_quarantine AS q SET outcome = 'dismissed', settled_at = clock_timestamp(), settled_by = 'Tollgate',
    reason = 'This call was reported again with a key that is known, and counted then.'
FROM counted_events AS e WHERE q.outcome IS NULL AND e.week = ?0::date AND e.event_id = q.event_id
    AND e.received_at > q.received_at - interval '36 days'`

// longQuery runs what reads many events.
func longQuery(ctx context.Context, db *bun.DB, do func(tx bun.Tx) error) error {
	return db.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		if _, err := tx.ExecContext(ctx, "SET LOCAL statement_timeout = '10min'; SET LOCAL jit = off"); err != nil {
			return err
		}
		return do(tx)
	})
}

// Sums go after their time, but not before the events that they count, with which they are compared. Of days, whole
// months go. ?0 is how long they are kept.
const (
	// ?1 is how many go at once, ?2 how late an event may be.
	oldestDay = `(SELECT date_trunc('month', least(clock_timestamp() - ?0::interval,
    (SELECT min(opened_at) FROM usage_weeks WHERE dropped_at IS NULL) - ?2::interval) AT TIME ZONE 'UTC')::date)`
	// ?1 is how late an event may be, ?2 to before ?3 is the part of the table.
	// A window that was carried on when its calendar changed ends later.
	oldWindows = `
WITH old AS (
    SELECT least(clock_timestamp() - ?0::interval,
        (SELECT min(opened_at) FROM usage_weeks WHERE dropped_at IS NULL) - ?1::interval) AS until
)
DELETE FROM limit_windows AS w USING old WHERE w.ctid >= ?2::tid AND w.ctid < ?3::tid
    AND w.used = w.sealed AND w.window_start < clock_timestamp() - ?0::interval
    AND w.window_start + window_span(w.reset_duration) < old.until
    AND NOT EXISTS (
        SELECT FROM limit_lines AS l WHERE (l.id, l.kind) = (w.line_id, w.kind)
            AND l.carried_from = w.window_start AND l.carried_until >= old.until
    )`
)

// oldSums are the statements that delete sums of days.
func oldSums() (all []string) {
	for _, t := range []struct{ table, day, key string }{
		{"usage_days", "day", "day, user_id, access_profile_id, provider, model"},
		{"usage_totals", "day", "day, access_profile_id, provider, model"},
		{"usage_people", "day", "day, user_id"},
		{"usage_groups", "day", "grouping, day, key"},
		{"usage_months", "month", "month, user_id"},
		{"usage_sealed_days", "day", "day"},
	} {
		all = append(all, "DELETE FROM "+t.table+" WHERE ("+t.key+") IN (SELECT "+t.key+" FROM "+t.table+
			" WHERE "+t.day+" < "+oldestDay+" LIMIT ?1)")
	}
	return all
}
