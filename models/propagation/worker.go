package propagation

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/uptrace/bun"
)

// Worker propagates profiles to their copies. Any number of consoles may run one: a job is done by the owner of its
// lease, and taken over when the lease expires.
type Worker struct {
	db   *bun.DB
	log  *slog.Logger
	wake chan struct{}
}

// NewWorker makes a Worker; Run starts it.
func NewWorker(db *bun.DB, log *slog.Logger) *Worker {
	return &Worker{db: db, log: log, wake: make(chan struct{}, 1)}
}

const lookEvery = 2 * time.Second

// Run works on jobs without a current lease, until ctx ends.
func (p *Worker) Run(ctx context.Context) {
	for {
		job, err := ClaimPropagation(ctx, p.db)
		if err == nil && job != nil {
			err = p.Work(ctx, *job)
			if err == nil {
				continue // there may be more
			}
		}
		if err != nil && ctx.Err() == nil {
			p.log.ErrorContext(ctx, "propagation interrupted; it is resumed when its lease has expired", "error", err.Error())
		}
		timer := time.NewTimer(lookEvery)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-p.wake:
			timer.Stop()
		case <-timer.C:
		}
	}
}

// Wake makes Run look for jobs at once.
func (p *Worker) Wake() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// Release lets any worker resume a job that the caller started.
func (p *Worker) Release(ctx context.Context, job Job) error {
	_, err := p.db.NewRaw("UPDATE propagation_jobs SET lease_until = to_timestamp(0) WHERE id = ? AND fence = ?", job.ID,
		job.Fence).Exec(ctx)
	if err != nil {
		return fmt.Errorf("release propagation %d: %w", job.ID, err)
	}
	p.Wake()
	return nil
}
