package propagation

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"tollgate/models/database"
)

// ErrLeaseLost ends the work of a worker whose lease another has taken.
var ErrLeaseLost = errors.New("another worker has taken this propagation over")

// lease is how long a worker may be silent before another takes over.
const lease = 10 * time.Second

// renewLease is how a worker is not silent. It waits for the worker's own batches.
func (p Job) renewLease(ctx context.Context, db bun.IDB) error {
	return p.ifHeld(db.NewRaw(`UPDATE propagation_jobs SET lease_until = clock_timestamp() + ? * interval '1 second'
WHERE id = ? AND fence = ? AND state = 'running'`, lease.Seconds(), p.ID, p.Fence).Exec(ctx))
}

// lockLease keeps other workers from taking the lease until the transaction ends, but not the worker's other batches.
func (p Job) lockLease(ctx context.Context, tx database.Tx) error {
	return p.ifHeld(tx.NewRaw("SELECT FROM propagation_jobs WHERE id = ? AND fence = ? AND state = 'running' FOR SHARE",
		p.ID, p.Fence).Exec(ctx))
}

// ifHeld reads the outcome of a statement that finds the job only for the owner of the lease.
func (p Job) ifHeld(result sql.Result, err error) error {
	if err != nil {
		return fmt.Errorf("hold the lease of propagation %d: %w", p.ID, err)
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		return errors.Join(ErrLeaseLost, err)
	}
	return nil
}

func (p Job) finish(ctx context.Context, db bun.IDB) error {
	_, err := db.NewRaw(`UPDATE propagation_jobs SET state = 'done', finished_at = clock_timestamp() WHERE id = ?0
    AND fence = ?1 AND state = 'running'
AND NOT EXISTS (SELECT FROM propagation_items WHERE job_id = ?0 AND state = 'waiting')`, p.ID, p.Fence).Exec(ctx)
	if err != nil {
		return fmt.Errorf("finish propagation %d: %w", p.ID, err)
	}
	return nil
}

// ClaimPropagation takes the lease of a job that has work left; nil when there is none.
func ClaimPropagation(ctx context.Context, db *bun.DB) (*Job, error) {
	var rows []Job
	err := db.NewRaw(`
UPDATE propagation_jobs SET fence = fence + 1, lease_until = clock_timestamp() + ? * interval '1 second'
WHERE id = (SELECT id FROM propagation_jobs WHERE state = 'running' AND lease_until < clock_timestamp() ORDER BY id
    LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING *`, lease.Seconds()).Scan(ctx, &rows)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	return &rows[0], nil
}
