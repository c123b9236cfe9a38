package ledger

import (
	"context"
	"fmt"
	"math/big"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"tollgate/models/archive"
	"tollgate/models/policy"
)

// VerifyArchived is VerifyWhole with the archived events of weeks that were dropped, so that every counter and day is
// compared whose events are still anywhere, except those that are older than they are kept.
func VerifyArchived(ctx context.Context, db bun.IDB, keep Keep) (counters int64, skewed []Skew, err error) {
	return verify(ctx, db, func(ctx context.Context, tx bun.Tx, open *unsealed) error {
		open.Whole = open.WholeArchived
		if err := keep.readKept(ctx, tx, open); err != nil {
			return err
		}
		return loadArchive(ctx, tx, keep.Archive)
	}, skewedCounters, skewedDays, wholeCounters(archivedCounters), wholeDays(archivedDays))
}

// readKept reads since when counters and sums of days are kept: of those before, some may be deleted.
func (k Keep) readKept(ctx context.Context, tx bun.Tx, open *unsealed) error {
	err := tx.NewRaw(`SELECT clock_timestamp() - ?0::interval,
    date_trunc('month', (clock_timestamp() - ?1::interval) AT TIME ZONE 'UTC')::date`,
		seconds(days(k.Windows)), seconds(days(k.Days))).Scan(ctx, &open.KeptEnd, &open.KeptDay)
	if err != nil {
		return fmt.Errorf("read which sums are kept: %w", err)
	}
	return nil
}

// What is read of files, for the transaction alone.
const (
	archiveTables = `
CREATE TEMPORARY TABLE archived_counters (line_id uuid, kind text, reset_duration text, window_start timestamptz,
    amount numeric) ON COMMIT DROP;
CREATE TEMPORARY TABLE archived_days (day date, cost numeric, tokens numeric, requests numeric) ON COMMIT DROP`
	archivedCounters = ` UNION ALL SELECT * FROM archived_counters`
	archivedDays     = ` UNION ALL SELECT * FROM archived_days`
	loadedAtOnce     = 5_000
)

// archivedSums are what archived events add up to.
type archivedSums struct {
	counters map[archivedCounter]*big.Int
	days     map[string]*[3]big.Int // cost, tokens and requests by day
}

type archivedCounter struct {
	line, kind, duration string
	start                int64
}

func loadArchive(ctx context.Context, tx bun.Tx, folder string) error {
	var rows []struct {
		Week, EventID string
		Amount        int64
	}
	err := tx.NewRaw(`SELECT a.week::text, event_id::text, sum(amount)::bigint AS amount
FROM usage_adjustments AS a JOIN usage_weeks AS w USING (week) WHERE w.dropped_at IS NOT NULL GROUP BY 1, 2`).
		Scan(ctx, &rows)
	if err != nil {
		return fmt.Errorf("read what was taken back of archived events: %w", err)
	}
	taken := map[[2]string]int64{}
	for _, row := range rows {
		taken[[2]string{row.Week, row.EventID}] = row.Amount
	}
	s := &archivedSums{map[archivedCounter]*big.Int{}, map[string]*[3]big.Int{}}
	err = archive.EachDropped(ctx, tx, folder, func(week string, e archive.Event) error {
		s.add(e, taken[[2]string{week, e.EventID.String()}])
		return nil
	})
	if err != nil {
		return err
	}
	return s.store(ctx, tx)
}

// add adds an event, of whose cost something may have been taken back.
func (s *archivedSums) add(e archive.Event, taken int64) {
	cost := taken
	if e.Cost != nil {
		cost += *e.Cost
	}
	for i, line := range e.LineIDs {
		key := archivedCounter{line, e.LineKinds[i], e.LineDurations[i], e.WindowStarts[i]}
		if s.counters[key] == nil {
			s.counters[key] = new(big.Int)
		}
		amount := e.Requests
		switch key.kind {
		case policy.KindSpend:
			amount = cost
		case policy.KindTokens:
			amount = e.Tokens
		}
		s.counters[key].Add(s.counters[key], big.NewInt(amount))
	}
	day := time.UnixMicro(e.OccurredAt).UTC().Format(time.DateOnly)
	if s.days[day] == nil {
		s.days[day] = &[3]big.Int{}
	}
	for i, amount := range []int64{cost, e.Tokens, e.Requests} {
		s.days[day][i].Add(&s.days[day][i], big.NewInt(amount))
	}
}

func (s *archivedSums) store(ctx context.Context, tx bun.Tx) error {
	if _, err := tx.ExecContext(ctx, archiveTables); err != nil {
		return fmt.Errorf("make room for archived sums: %w", err)
	}
	for day, sums := range s.days {
		_, err := tx.NewRaw("INSERT INTO archived_days VALUES (?, ?::numeric, ?::numeric, ?::numeric)", day,
			sums[0].String(), sums[1].String(), sums[2].String()).Exec(ctx)
		if err != nil {
			return fmt.Errorf("load archived sums of days: %w", err)
		}
	}
	var lines, kinds, durations, amounts []string
	var starts []int64
	insert := func() error {
		_, err := tx.NewRaw(`INSERT INTO archived_counters SELECT line, kind, duration,
    to_timestamp(0) + start * interval '1 microsecond', amount
FROM unnest(?::uuid[], ?::text[], ?::text[], ?::bigint[], ?::numeric[]) AS s(line, kind, duration, start, amount)`,
			pgdialect.Array(lines), pgdialect.Array(kinds), pgdialect.Array(durations), pgdialect.Array(starts),
			pgdialect.Array(amounts)).Exec(ctx)
		lines, kinds, durations, amounts, starts = nil, nil, nil, nil, nil
		if err != nil {
			return fmt.Errorf("load archived counters: %w", err)
		}
		return nil
	}
	for key, amount := range s.counters {
		lines, kinds, durations = append(lines, key.line), append(kinds, key.kind), append(durations, key.duration)
		starts, amounts = append(starts, key.start), append(amounts, amount.String())
		if len(lines) == loadedAtOnce {
			if err := insert(); err != nil {
				return err
			}
		}
	}
	return insert()
}
