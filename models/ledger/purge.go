package ledger

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

const (
	// reservationsKept is for how long a late event still finds the copy that its reservation was to be charged to.
	reservationsKept = 24 * time.Hour
	// QuarantineDays is for how many days usage of unknown keys is kept, settled or not.
	QuarantineDays = 90
	// RetiredKeyDays is for how many days usage of a deleted or replaced key value finds its user: a day more than events
	// may be late.
	RetiredKeyDays = 36

	purgedAtOnce = 5_000
)

// purge deletes what was kept for long enough, in parts, so that no request waits.
func (b *Reconciler) purge(ctx context.Context) error {
	for _, old := range []struct {
		what, statement string
		kept            time.Duration
	}{
		{"reservations", `DELETE FROM reservations WHERE id IN (
SELECT id FROM reservations WHERE expires_at < clock_timestamp() - ?0::interval LIMIT ?1)`, reservationsKept},
		{"quarantined events", `DELETE FROM usage_quarantine WHERE event_id IN (
SELECT event_id FROM usage_quarantine WHERE received_at < clock_timestamp() - ?0::interval LIMIT ?1)`, QuarantineDays * 24 * time.Hour},
		{"values of retired keys", `DELETE FROM retired_keys WHERE key_hash IN (
SELECT key_hash FROM retired_keys WHERE retired_at < clock_timestamp() - ?0::interval LIMIT ?1)`, RetiredKeyDays * 24 * time.Hour},
	} {
		if err := deleteAll(ctx, b.db, old.statement, old.kept); err != nil {
			return fmt.Errorf("delete old %s: %w", old.what, err)
		}
	}
	return nil
}

func deleteAll(ctx context.Context, db *bun.DB, statement string, kept time.Duration) error {
	for {
		result, err := db.NewRaw(statement, fmt.Sprint(int64(kept.Seconds()), " seconds"), purgedAtOnce).Exec(ctx)
		if err != nil {
			return err
		}
		if n, err := result.RowsAffected(); err != nil || n < purgedAtOnce {
			return err
		}
	}
}
