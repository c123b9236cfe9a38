package usage

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// Skew is a counter that is not what its events add up to.
type Skew struct {
	LineID        string
	Kind          string
	ResetDuration string
	WindowStart   time.Time
	Used, Events  int64
}

// VerifyLedger compares every counter with the events that were counted on it, and returns how many counters there are
// and those that differ.
func VerifyLedger(ctx context.Context, db bun.IDB) (counters int64, skewed []Skew, err error) {
	err = db.RunInTx(ctx, &sql.TxOptions{ReadOnly: true}, func(ctx context.Context, tx bun.Tx) error {
		if _, err := tx.ExecContext(ctx, "SET LOCAL statement_timeout = '10min'"); err != nil {
			return fmt.Errorf("take time for all events: %w", err)
		}
		if err := tx.NewRaw("SELECT count(*) FROM limit_windows").Scan(ctx, &counters); err != nil {
			return fmt.Errorf("count the counters: %w", err)
		}
		return tx.NewRaw(skewedCounters).Scan(ctx, &skewed)
	})
	if err != nil {
		return 0, nil, fmt.Errorf("hold the counters against the events: %w", err)
	}
	return counters, skewed, nil
}

const skewedCounters = `
WITH charged AS (
    SELECT l.line_id, l.kind, l.reset_duration, l.window_start,
           sum(CASE l.kind WHEN 'spend' THEN coalesce(e.cost, 0) + coalesce(a.amount, 0) WHEN 'tokens' THEN e.tokens
               ELSE e.requests END)::bigint AS events
    FROM usage_events AS e
    LEFT JOIN (SELECT event_id, sum(amount)::bigint AS amount FROM usage_adjustments GROUP BY event_id) AS a
        USING (event_id)
    CROSS JOIN LATERAL unnest(e.line_ids, e.line_kinds, e.line_durations, e.window_starts) AS l(line_id, kind,
        reset_duration, window_start)
    GROUP BY 1, 2, 3, 4
)
SELECT line_id, kind, reset_duration, window_start, coalesce(w.used, 0) AS used, coalesce(c.events, 0) AS events
FROM limit_windows AS w FULL JOIN charged AS c USING (line_id, kind, reset_duration, window_start)
WHERE coalesce(w.used, 0) <> coalesce(c.events, 0) ORDER BY line_id, kind, window_start LIMIT 1000`
