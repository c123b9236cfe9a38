package backup

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"tollgate/models/audit"
	"tollgate/models/ledger"
)

// Result says what was compared.
type Result struct {
	AuditRows, Counters, Events int64
	Behind                      int64 // audit rows that the live database has beyond the copy
	Until                       time.Time
}

// Verify checks a restored copy: its audit chain, its counters, and that it has what the live database has of the time
// before the copy was made; estimates may have been replaced since. The key signs where the audit log begins.
func Verify(ctx context.Context, live, restored *bun.DB, key []byte) (r Result, err error) {
	if r.AuditRows, err = audit.Verify(ctx, restored, key); err != nil {
		return r, fmt.Errorf("the copy: %w", err)
	}
	counters, skewed, err := ledger.Verify(ctx, restored)
	if err != nil {
		return r, fmt.Errorf("the copy: %w", err)
	}
	if len(skewed) > 0 {
		return r, fmt.Errorf("the copy: %d of %d counters are not what their events add up to", len(skewed), counters)
	}
	r.Counters = counters
	if r.Behind, err = behind(ctx, live, restored); err != nil {
		return r, err
	}
	return r, r.compareEvents(ctx, live, restored)
}

// behind finds the last audit row of the copy in the live log, with the same hash, and counts the rows after it.
func behind(ctx context.Context, live, restored *bun.DB) (rows int64, err error) {
	var last struct {
		ID   int64
		Hash []byte
		At   time.Time
	}
	err = restored.NewRaw("SELECT id, hash, created_at FROM audit_logs ORDER BY id DESC LIMIT 1").
		Scan(ctx, &last.ID, &last.Hash, &last.At)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, errors.New("the audit log of the copy is empty")
	}
	if err != nil {
		return 0, fmt.Errorf("read the last audit row of the copy: %w", err)
	}
	var same bool
	err = live.NewRaw("SELECT EXISTS (SELECT FROM audit_logs WHERE id = ?0 AND hash = ?1), "+
		"(SELECT count(*) FROM audit_logs WHERE id > ?0)",
		last.ID, last.Hash).Scan(ctx, &same, &rows)
	if err != nil {
		return 0, fmt.Errorf("read the audit log: %w", err)
	}
	if since, err := audit.KeptSince(ctx, live); err != nil || !same && last.At.Before(since) {
		return 0, errors.Join(err, fmt.Errorf("the last audit row of the copy, %d, is older than those of this database, "+
			"which are kept since %s", last.ID, since.Format("2006-01-02T15:04:05Z")))
	}
	if !same {
		return 0, fmt.Errorf("the last audit row of the copy, %d, is not in this database: it is a copy of another one, "+
			"or this one has lost what the copy has", last.ID)
	}
	return rows, nil
}

// margin is how long before the last event of a copy others may have been stored that it does not have: a statement
// takes the time when it begins.
const margin = time.Minute

// day is what was stored of usage on one day.
type day struct {
	Day    time.Time
	Events int64
	Cost   string // a number of any length
}

func (r *Result) compareEvents(ctx context.Context, live, restored *bun.DB) error {
	var last bun.NullTime
	if err := restored.NewRaw("SELECT max(received_at) FROM counted_events").Scan(ctx, &last); err != nil {
		return fmt.Errorf("read the last event of the copy: %w", err)
	}
	if last.IsZero() {
		return nil
	}
	r.Until = last.Add(-margin)
	var since time.Time // events of weeks before were dropped
	err := live.NewRaw("SELECT coalesce(max(closed_at), to_timestamp(0)) FROM usage_weeks WHERE dropped_at IS NOT NULL").
		Scan(ctx, &since)
	if err != nil {
		return fmt.Errorf("read which events were dropped: %w", err)
	}
	want, err := days(ctx, live, since, r.Until)
	if err != nil {
		return fmt.Errorf("add up the events: %w", err)
	}
	got, err := days(ctx, restored, since, r.Until)
	if err != nil {
		return fmt.Errorf("add up the events of the copy: %w", err)
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		other, copied := want[name], got[name]
		if copied.Events == other.Events && copied.Cost != other.Cost {
			if err := copied.withExact(ctx, live, restored, since, r.Until); err != nil {
				return err
			}
		}
		if copied.Events != other.Events || copied.Cost != other.Cost {
			return fmt.Errorf("on %s the copy has %d events of %s nano-dollars, this database %d of %s",
				name, copied.Events, copied.Cost, other.Events, other.Cost)
		}
		r.Events += other.Events
	}
	return nil
}

// days are sums of the events that were stored in a time, by the day they were stored.
func days(ctx context.Context, db *bun.DB, since, until time.Time) (map[string]day, error) {
	var rows []day
	err := db.NewRaw(`
SELECT date_trunc('day', received_at, 'UTC') AS day, count(*) AS events, coalesce(sum(cost), 0)::text AS cost
FROM counted_events WHERE received_at >= ? AND received_at < ? GROUP BY 1`, since, until).Scan(ctx, &rows)
	if err != nil {
		return nil, err
	}
	sums := map[string]day{}
	for _, row := range rows {
		row.Day = row.Day.UTC()
		sums[row.Day.Format(time.DateOnly)] = row
	}
	return sums, nil
}
