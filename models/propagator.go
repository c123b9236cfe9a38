package models

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/uptrace/bun"
)

// Propagator pushes templates to their copies. Any number of consoles may have one: a push is done by whoever holds its lease, and taken
// over when that one falls silent.
type Propagator struct {
	db   *bun.DB
	log  *slog.Logger
	wake chan struct{}
}

// NewPropagator makes one; Run starts it.
func NewPropagator(db *bun.DB, log *slog.Logger) *Propagator {
	return &Propagator{db: db, log: log, wake: make(chan struct{}, 1)}
}

const lookEvery = 2 * time.Second

// Run does pushes that nobody works on, until ctx ends.
func (p *Propagator) Run(ctx context.Context) {
	for {
		job, err := claimPropagation(ctx, p.db)
		if err == nil && job != nil {
			err = p.Work(ctx, *job)
			if err == nil {
				continue // there may be more
			}
		}
		if err != nil && ctx.Err() == nil {
			p.log.ErrorContext(ctx, "propagation interrupted; it goes on when its lease is over", "error", err.Error())
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

// Wake has Run look at once.
func (p *Propagator) Wake() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// HandOver lets any worker go on with a push that the caller started.
func (p *Propagator) HandOver(ctx context.Context, job Propagation) error {
	_, err := p.db.NewRaw("UPDATE propagation_jobs SET lease_until = to_timestamp(0) WHERE id = ? AND fence = ?", job.ID, job.Fence).Exec(ctx)
	if err != nil {
		return fmt.Errorf("hand propagation %d over: %w", job.ID, err)
	}
	p.Wake()
	return nil
}

func claimPropagation(ctx context.Context, db *bun.DB) (*Propagation, error) {
	var rows []Propagation
	err := db.NewRaw(`
UPDATE propagation_jobs SET fence = fence + 1, lease_until = clock_timestamp() + ? * interval '1 second'
WHERE id = (SELECT id FROM propagation_jobs WHERE state = 'running' AND lease_until < clock_timestamp() ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING *`, lease.Seconds()).Scan(ctx, &rows)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	return &rows[0], nil
}
