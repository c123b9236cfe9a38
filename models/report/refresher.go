package report

import (
	"context"
	"log/slog"
	"time"

	"github.com/uptrace/bun"
)

const refreshEvery = 15 * time.Second

// Refresher keeps in memory what a Watch needs of the reports that were asked for, as the days of them change.
type Refresher struct {
	db    *bun.DB
	watch *Watch
	log   *slog.Logger
}

// NewRefresher makes a Refresher; Run starts it.
func NewRefresher(db *bun.DB, watch *Watch, log *slog.Logger) *Refresher {
	return &Refresher{db: db, watch: watch, log: log}
}

// Run works until ctx ends.
func (r *Refresher) Run(ctx context.Context) {
	ticker := time.NewTicker(refreshEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-ticker.C:
			if err := r.watch.people.refresh(ctx, r.db, now); err != nil && ctx.Err() == nil {
				r.log.WarnContext(ctx, "reports by user take longer until their sums are read", "error", err.Error())
			}
		}
	}
}
