package totals

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"tollgate/models/database"
)

const (
	every   = 5 * time.Minute
	look    = 30 * time.Second
	checked = time.Hour
	// lateDays is how many past days late events may still change; events that come later are refused.
	lateDays = 36
	// settle is how long a day stays open after its end, so that what was counted on it is committed.
	settle = 10 * time.Minute
)

// Worker keeps the sums of usage_days that reports read. Any number of consoles may run one: each time one of them adds
// up the days that changed, and once an hour all that may have.
type Worker struct {
	db  *bun.DB
	log *slog.Logger
}

// NewWorker makes a Worker; Run starts it.
func NewWorker(db *bun.DB, log *slog.Logger) *Worker { return &Worker{db: db, log: log} }

// Run works until ctx ends.
func (t *Worker) Run(ctx context.Context) {
	ticker := time.NewTicker(look)
	defer ticker.Stop()
	for {
		if err := t.Refresh(ctx); err != nil && ctx.Err() == nil {
			t.log.WarnContext(ctx, "usage could not be added up; reports read it day by day until it is", "error", err.Error())
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// errLost ends the work of a console whose lease another has taken.
var errLost = errors.New("another console adds usage up")

// Refresh adds up what changed, unless that was done a short time ago.
func (t *Worker) Refresh(ctx context.Context) error {
	run, err := t.claim(ctx)
	if err != nil || run == nil {
		return err
	}
	for !run.done {
		if err := database.Repeated(ctx, func() error { return run.step(ctx, t.db) }); err != nil {
			if errors.Is(err, errLost) {
				return nil
			}
			return err
		}
	}
	return nil
}

// run adds up days in steps, each a transaction of its own.
type run struct {
	Fence    int64
	Began    time.Time // what was counted before is in the sums at the end
	From     time.Time // the next day to add up
	Last     time.Time // the last one that is over
	Checking bool
	Rebuild  bool // the rollups were left behind by a console that does not know them
	done     bool
}

// claim takes the lease; nil when it is not free.
func (t *Worker) claim(ctx context.Context) (*run, error) {
	var runs []run
	err := t.db.NewRaw(`
WITH claimed AS (
    UPDATE usage_totals_state SET fence = fence + 1, lease_until = clock_timestamp() + ?0 * interval '1 second'
    WHERE lease_until < clock_timestamp() RETURNING *
), over AS (
    SELECT ((clock_timestamp() - ?1 * interval '1 second') AT TIME ZONE 'UTC')::date - 1 AS last
)
SELECT c.fence, clock_timestamp() AS began, o.last, c.checking,
       c.rolled_up_at IS DISTINCT FROM c.computed_at AS rebuild,
       coalesce(CASE WHEN c.checking THEN c.through - ?3::int ELSE c.through + 1 END, (SELECT min(day)
           FROM usage_days), o.last) AS "from"
FROM over AS o, (SELECT *, checked_at IS NULL OR checked_at < clock_timestamp() - ?2 * interval '1 second' AS checking
    FROM claimed) AS c`,
		every.Seconds(), settle.Seconds(), checked.Seconds(), lateDays-1).Scan(ctx, &runs)
	if err != nil || len(runs) == 0 {
		return nil, err
	}
	return &runs[0], nil
}

// step adds up some days, and with the first of them those that were revised.
func (r *run) step(ctx context.Context, db *bun.DB) error {
	behind := r.From.AddDate(0, 0, lateDays)
	if end := r.Last.AddDate(0, 0, 1); behind.After(end) {
		behind = end
	}
	last := behind.After(r.Last)
	options := &sql.TxOptions{Isolation: sql.LevelRepeatableRead}
	err := db.RunInTx(ctx, options, func(ctx context.Context, tx bun.Tx) error {
		if err := database.AllowLong(ctx, tx); err != nil {
			return err
		}
		if err := r.renew(ctx, tx); err != nil {
			return err
		}
		changed, err := r.addUp(ctx, tx, behind)
		if err != nil {
			return err
		}
		_, err = tx.NewRaw(`UPDATE usage_totals_state SET through = greatest(through, ?0::date), computed_at = ?1,
rolled_up_at = ?1, checked_at = CASE WHEN ?2 THEN ?1 ELSE checked_at END, noted_at = ?1,
revised_at = CASE WHEN ?3 OR noted_at IS DISTINCT FROM computed_at THEN ?1 ELSE revised_at END`,
			behind.AddDate(0, 0, -1).Format(time.DateOnly), r.Began, last && r.Checking, changed).Exec(ctx)
		if err != nil {
			return fmt.Errorf("note which usage is added up: %w", err)
		}
		return nil
	})
	if err == nil {
		r.From, r.done, r.Rebuild = behind, last, false
	}
	return err
}

// addUp adds up the days before behind, and those of them that were revised; changed is false when there are none. Days
// that are not over yet are read as they are, so they wait.
func (r *run) addUp(ctx context.Context, tx bun.Tx, behind time.Time) (changed bool, err error) {
	var days []string
	err = tx.NewRaw(`WITH revised AS (DELETE FROM usage_revised_days WHERE day < ?1::date RETURNING day)
SELECT day::text FROM revised UNION
SELECT day::date::text FROM generate_series(?0::timestamp, ?1::timestamp - interval '1 day', '1 day') AS d(day)`,
		r.From.Format(time.DateOnly), behind.Format(time.DateOnly)).Scan(ctx, &days)
	if err != nil {
		return false, fmt.Errorf("look for days to add up: %w", err)
	}
	for _, statement := range []string{addUpTotals, addUpPeople, rollUpGroups, rollUpMonths} {
		if _, err := tx.NewRaw(statement, pgdialect.Array(days), r.Rebuild).Exec(ctx); err != nil {
			return false, fmt.Errorf("add usage up: %w", err)
		}
	}
	return len(days) > 0 || r.Rebuild, nil
}

// renew extends the lease, and locks it until the transaction ends.
func (r *run) renew(ctx context.Context, tx bun.Tx) error {
	result, err := tx.NewRaw("UPDATE usage_totals_state "+
		"SET lease_until = clock_timestamp() + ? * interval '1 second' WHERE fence = ?",
		every.Seconds(), r.Fence).Exec(ctx)
	if err != nil {
		return fmt.Errorf("renew the lease of adding usage up: %w", err)
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		return errors.Join(errLost, err)
	}
	return nil
}

// Only rows that differ are written, since most days are as they were, and a day's side by side, as reports read them.
const (
	addUpTotals = `
WITH fresh AS (
    SELECT day, access_profile_id, provider, model, sum(cost) AS cost, sum(tokens) AS tokens,
        sum(requests)::bigint AS requests, sum(unpriced)::bigint AS unpriced
    FROM usage_days WHERE day = ANY (?0::date[]) GROUP BY 1, 2, 3, 4
), gone AS (
    DELETE FROM usage_totals AS t WHERE day = ANY (?0::date[])
    AND NOT EXISTS (SELECT FROM fresh AS f WHERE (f.day, f.access_profile_id, f.provider, f.model) = (t.day,
        t.access_profile_id, t.provider, t.model))
)
INSERT INTO usage_totals SELECT f.* FROM fresh AS f LEFT JOIN usage_totals AS t USING (day, access_profile_id,
    provider, model)
WHERE (t.cost, t.tokens, t.requests, t.unpriced) IS DISTINCT FROM (f.cost, f.tokens, f.requests, f.unpriced)
ORDER BY day, access_profile_id, provider, model
ON CONFLICT (day, access_profile_id, provider, model) DO UPDATE
SET cost = excluded.cost, tokens = excluded.tokens, requests = excluded.requests, unpriced = excluded.unpriced`
	addUpPeople = `
WITH fresh AS (
    SELECT day, user_id, sum(cost) AS cost, sum(tokens) AS tokens, sum(requests)::bigint AS requests,
        sum(unpriced)::bigint AS unpriced
    FROM usage_days WHERE day = ANY (?0::date[]) GROUP BY 1, 2
), gone AS (
    DELETE FROM usage_people AS t WHERE day = ANY (?0::date[])
    AND NOT EXISTS (SELECT FROM fresh AS f WHERE (f.day, f.user_id) = (t.day, t.user_id))
)
INSERT INTO usage_people SELECT f.* FROM fresh AS f LEFT JOIN usage_people AS t USING (day, user_id)
WHERE (t.cost, t.tokens, t.requests, t.unpriced) IS DISTINCT FROM (f.cost, f.tokens, f.requests, f.unpriced)
ORDER BY day, user_id
ON CONFLICT (day, user_id) DO UPDATE
SET cost = excluded.cost, tokens = excluded.tokens, requests = excluded.requests, unpriced = excluded.unpriced`
)
