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
	// propagationDays is for how long it is told what became of each copy in a propagation.
	propagationDays = 90

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
		{"results of propagations", `DELETE FROM propagation_items WHERE (job_id, copy_id) IN (
SELECT job_id, copy_id FROM propagation_items AS i JOIN propagation_jobs AS j ON j.id = i.job_id
WHERE j.state = 'done' AND j.finished_at < clock_timestamp() - ?0::interval LIMIT ?1)`, propagationDays * 24 * time.Hour},
		{"counters", oldWindows, days(b.keep.Windows)},
	} {
		if err := deleteAll(ctx, b.db, old.statement, old.kept); err != nil {
			return fmt.Errorf("delete old %s: %w", old.what, err)
		}
	}
	for _, statement := range oldSums() {
		if err := deleteAll(ctx, b.db, statement, days(b.keep.Days)); err != nil {
			return fmt.Errorf("delete old sums of usage: %w", err)
		}
	}
	return nil
}

func deleteAll(ctx context.Context, db *bun.DB, statement string, kept time.Duration) error {
	for {
		result, err := db.NewRaw(statement, seconds(kept), purgedAtOnce, seconds(lateEvents)).Exec(ctx)
		if err != nil {
			return err
		}
		if n, err := result.RowsAffected(); err != nil || n < purgedAtOnce {
			return err
		}
	}
}

func seconds(d time.Duration) string { return fmt.Sprint(int64(d.Seconds()), " seconds") }
