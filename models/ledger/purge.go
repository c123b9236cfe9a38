package ledger

import (
	"context"
	"errors"
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
	// windowBlocks is how many blocks of the table of counters are looked through at once.
	windowBlocks = 512
)

// purge deletes what was kept for long enough, in parts, so that no request waits. What cannot be deleted keeps nothing
// else.
func (b *Reconciler) purge(ctx context.Context) (err error) {
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
	} {
		if failed := deleteAll(ctx, b.db, old.statement, old.kept); failed != nil {
			err = errors.Join(err, fmt.Errorf("delete old %s: %w", old.what, failed))
		}
	}
	if failed := deleteWindows(ctx, b.db, days(b.keep.Windows)); failed != nil {
		err = errors.Join(err, fmt.Errorf("delete old counters: %w", failed))
	}
	for _, statement := range oldSums() {
		if failed := deleteAll(ctx, b.db, statement, days(b.keep.Days)); failed != nil {
			err = errors.Join(err, fmt.Errorf("delete old sums of usage: %w", failed))
		}
	}
	return err
}

// deleteWindows deletes counters in parts of their table as it is stored, each of which takes the same time however
// many counters there are.
func deleteWindows(ctx context.Context, db *bun.DB, kept time.Duration) error {
	var blocks int
	err := db.NewRaw("SELECT pg_relation_size('limit_windows') / current_setting('block_size')::bigint").Scan(ctx, &blocks)
	if err != nil {
		return err
	}
	for first := 0; first < blocks; first += windowBlocks {
		_, err := db.NewRaw(oldWindows, seconds(kept), seconds(lateEvents), fmt.Sprintf("(%d,0)", first),
			fmt.Sprintf("(%d,0)", first+windowBlocks)).Exec(ctx)
		if err != nil {
			return err
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
