package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"tollgate/models/database"
	"tollgate/models/policy"
)

const (
	// sealedBehind is how long after an event was received its transaction has ended for sure.
	sealedBehind = 10 * time.Minute
	// sealedSpan is the time whose events the first step seals; later ones seal more or less, by what they find.
	sealedSpan = time.Minute
	fewEvents  = 2_000
	manyEvents = 10_000
	// sealingLease is how long a console has for a step, or for the check.
	sealingLease = 15 * time.Minute
)

// errSealingLost ends the work of a console whose lease another has taken.
var errSealingLost = errors.New("another console checks the counters")

// sealing adds up the events of closed time in steps, each a transaction of its own.
type sealing struct {
	db    *bun.DB
	fence int64
	span  time.Duration
}

// run seals all that is closed.
func (s *sealing) run(ctx context.Context) error {
	for done := false; !done; {
		err := database.Repeated(ctx, func() (err error) {
			done, err = s.step(ctx)
			return err
		})
		if err != nil {
			return fmt.Errorf("seal usage: %w", err)
		}
	}
	return nil
}

// step seals the events of a span, unless it is not closed yet.
func (s *sealing) step(ctx context.Context) (done bool, err error) {
	var events int64
	err = s.db.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		if err := database.AllowLong(ctx, tx); err != nil {
			return err
		}
		// A step is short; compiling its statement would take longer.
		if _, err := tx.ExecContext(ctx, "SET LOCAL jit = off"); err != nil {
			return fmt.Errorf("leave the statement uncompiled: %w", err)
		}
		closed, err := s.lock(ctx, tx)
		if err != nil {
			return err
		}
		open, err := readUnsealed(ctx, tx)
		if err != nil {
			return err
		}
		from := open.Since
		to := from.Add(s.span)
		if done = !to.Before(closed); done {
			to = closed
		}
		if !to.After(from) {
			return nil
		}
		return tx.NewRaw(sealEvents, from, to, open.Week).Scan(ctx, &events)
	})
	switch {
	case events < fewEvents:
		s.span = min(2*s.span, 24*time.Hour)
	case events > manyEvents:
		s.span = max(s.span/2, time.Second)
	}
	return done && err == nil, err
}

// lock renews the lease, waits for corrections of events under way, and returns up to where time is closed. Where
// nothing is sealed yet, sealing begins with the first event.
func (s *sealing) lock(ctx context.Context, tx bun.Tx) (closed time.Time, err error) {
	var rows []time.Time
	err = tx.NewRaw(`
UPDATE usage_sealing SET lease_until = clock_timestamp() + ?0 * interval '1 second',
    sealed_until = CASE WHEN sealed_until > to_timestamp(0) THEN sealed_until
        ELSE coalesce((SELECT min(received_at) FROM counted_events), clock_timestamp() - ?1 * interval '1 second') END
WHERE fence = ?2 RETURNING clock_timestamp() - ?1 * interval '1 second' AS closed`,
		sealingLease.Seconds(), sealedBehind.Seconds(), s.fence).Scan(ctx, &rows)
	if err != nil {
		return closed, err
	}
	if len(rows) == 0 {
		return closed, errSealingLost
	}
	return rows[0], nil
}

// HoldSeal makes sealing wait until a transaction ends that corrects an event, and returns what is sealed.
func HoldSeal(ctx context.Context, tx database.Tx) (until time.Time, err error) {
	if err := tx.NewRaw("SELECT sealed_until FROM usage_sealing FOR SHARE").Scan(ctx, &until); err != nil {
		return until, fmt.Errorf("read what is sealed: %w", err)
	}
	return until, nil
}

// LockEvent locks the event that has an id, the latest if its id was used again after a time, and returns its week; ""
// when there is none. What it has is to be read after that.
func LockEvent(ctx context.Context, tx database.Tx, key string) (week string, err error) {
	err = tx.NewRaw(`
WITH before AS (
    SELECT date '1970-01-05' AS week FROM usage_events WHERE event_id = ?0::uuid FOR UPDATE
), weekly AS (
    SELECT week FROM weekly_events WHERE event_id = ?0::uuid ORDER BY week DESC LIMIT 1 FOR UPDATE
)
SELECT coalesce(max(week)::text, '') FROM (SELECT * FROM before UNION ALL SELECT * FROM weekly) AS found`, key).
		Scan(ctx, &week)
	if err != nil {
		return "", fmt.Errorf("lock an event: %w", err)
	}
	return week, nil
}

// sealEvents adds the events that were received, and the adjustments that were made, from ?0 to before ?1. Counters are
// locked in the order of their keys.
const sealEvents = `
WITH received AS (
    SELECT * FROM counted_events WHERE received_at >= ?0 AND received_at < ?1 AND week >= ?2::date
), adjusted AS (
    SELECT e.line_ids, e.line_kinds, e.line_durations, e.window_starts, e.occurred_at, a.amount
    FROM usage_adjustments AS a CROSS JOIN LATERAL (
        SELECT * FROM counted_events AS c WHERE c.event_id = a.event_id AND c.week = a.week OFFSET 0
    ) AS e WHERE a.created_at >= ?0 AND a.created_at < ?1
), sums AS (
    SELECT line_id, kind, reset_duration, window_start, sum(amount)::bigint AS amount FROM (
        SELECT l.*, ` + policy.AmountOfEvent + ` AS amount
        FROM received AS e CROSS JOIN LATERAL unnest(e.line_ids, e.line_kinds, e.line_durations, e.window_starts)
            AS l(line_id, kind, reset_duration, window_start)
        UNION ALL
        SELECT l.*, e.amount FROM adjusted AS e CROSS JOIN LATERAL unnest(e.line_ids, e.line_kinds, e.line_durations,
            e.window_starts) AS l(line_id, kind, reset_duration, window_start) WHERE l.kind = 'spend'
    ) AS counted GROUP BY 1, 2, 3, 4
), counters AS (
    SELECT w.line_id, w.kind, w.reset_duration, w.window_start, s.amount
    FROM sums AS s JOIN limit_windows AS w USING (line_id, kind, reset_duration, window_start)
    ORDER BY 1, 2, 3, 4 FOR UPDATE OF w
), sealed AS (
    UPDATE limit_windows AS w SET sealed = w.sealed + c.amount FROM counters AS c
    WHERE (w.line_id, w.kind, w.reset_duration, w.window_start) = (c.line_id, c.kind, c.reset_duration, c.window_start)
), days AS (
    INSERT INTO usage_sealed_days AS d (day, cost, tokens, requests)
    SELECT (occurred_at AT TIME ZONE 'UTC')::date, sum(cost), sum(tokens), sum(requests) FROM (
        SELECT occurred_at, coalesce(cost, 0) AS cost, tokens, requests FROM received
        UNION ALL SELECT occurred_at, amount, 0, 0 FROM adjusted
    ) AS counted GROUP BY 1
    ON CONFLICT (day) DO UPDATE
    SET cost = d.cost + excluded.cost, tokens = d.tokens + excluded.tokens, requests = d.requests + excluded.requests
)
UPDATE usage_sealing SET sealed_until = ?1 RETURNING (SELECT count(*) FROM received)`
