package propagation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/uptrace/bun"

	"tollgate/models/problem"
	"tollgate/models/profile"
)

const (
	copiesPushedAtOnce = 500
	lanes              = 2 // one writes while the other waits for the disk
)

// Work runs until every copy has been processed: two batches at a time, each in a transaction of its own.
func (p *Worker) Work(ctx context.Context, job Job) error {
	var histories [lanes]*history
	for i := range histories {
		histories[i] = &history{profileID: job.AccessProfileID, known: map[int64]profile.Profile{}}
	}
	last := int64(0)
	for {
		waiting, err := job.waiting(ctx, p.db, last)
		if err != nil {
			return err
		}
		if len(waiting) == 0 {
			return job.finish(ctx, p.db)
		}
		last = waiting[len(waiting)-1]
		if err := job.renewLease(ctx, p.db); err != nil {
			return err
		}
		if err := p.workBatches(ctx, job, histories, waiting); err != nil {
			return err
		}
	}
}

// workBatches changes a batch of copies in each lane. One that fails is repeated copy by copy when all have ended, so
// that a copy that cannot be changed is reported and does not block the others.
func (p *Worker) workBatches(ctx context.Context, job Job, histories [lanes]*history, waiting []int64) error {
	batches := slices.Collect(slices.Chunk(waiting, copiesPushedAtOnce))
	errs := make([]error, len(batches))
	var working sync.WaitGroup
	for i, batch := range batches {
		working.Go(func() { errs[i] = job.push(ctx, p.db, histories[i], batch) })
	}
	working.Wait()
	for i, err := range errs {
		switch {
		case err == nil:
			continue
		case errors.Is(err, ErrLeaseLost) || ctx.Err() != nil:
			return err
		}
		p.log.WarnContext(ctx, "a batch of a propagation failed; trying copy by copy", "propagation", job.ID, "error",
			err.Error())
		if err := p.workEach(ctx, job, histories[i], batches[i]); err != nil {
			return err
		}
	}
	return nil
}

func (p *Worker) workEach(ctx context.Context, job Job, h *history, waiting []int64) error {
	for _, id := range waiting {
		if err := p.workOne(ctx, job, h, id); err != nil {
			return err
		}
	}
	return nil
}

func (p *Worker) workOne(ctx context.Context, job Job, h *history, id int64) error {
	if err := job.renewLease(ctx, p.db); err != nil {
		return err
	}
	err := job.push(ctx, p.db, h, []int64{id})
	if err == nil || errors.Is(err, ErrLeaseLost) || ctx.Err() != nil {
		return err
	}
	var refusal *problem.Refusal
	if errors.As(problem.Classify(err), &refusal) {
		return err // the database is unreachable or busy, which has nothing to do with this copy
	}
	p.log.ErrorContext(ctx, "a copy could not be changed", "propagation", job.ID, "copy", id, "error", err.Error())
	_, err = p.db.NewRaw(`UPDATE propagation_items AS i SET state = 'failed', reason = ? FROM propagation_jobs AS j
WHERE i.job_id = ? AND i.copy_id = ? AND i.state = 'waiting' AND j.id = i.job_id AND j.fence = ?
    AND j.state = 'running'`,
		"The database refused the change ("+or(problem.SQLState(err), "unknown")+").", job.ID, id, job.Fence).Exec(ctx)
	if err != nil {
		return fmt.Errorf("record a failed copy: %w", err)
	}
	return nil
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

// waiting are the next copies after an id.
func (p Job) waiting(ctx context.Context, db bun.IDB, after int64) ([]int64, error) {
	var ids []int64
	err := db.NewRaw("SELECT copy_id FROM propagation_items "+
		"WHERE job_id = ? AND copy_id > ? AND state = 'waiting' ORDER BY copy_id LIMIT ?",
		p.ID, after, lanes*copiesPushedAtOnce).Scan(ctx, &ids)
	if err != nil {
		return nil, fmt.Errorf("look up the remaining copies of propagation %d: %w", p.ID, err)
	}
	return ids, nil
}
