package apikey

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
)

// useTime is how long recording the use of API keys may take.
const useTime = 2 * time.Second

// Uses records when API keys were used last, in the background: no request waits for it or fails with it.
type Uses struct {
	db  *bun.DB
	log *slog.Logger

	mutex sync.Mutex
	used  map[int64]bool // since they were recorded last
	some  chan struct{}  // has room for one: there is something to record
}

// NewUses makes the worker that records when API keys were used.
func NewUses(db *bun.DB, log *slog.Logger) *Uses {
	return &Uses{db: db, log: log, used: map[int64]bool{}, some: make(chan struct{}, 1)}
}

// Add reports that a key was used.
func (u *Uses) Add(id int64) {
	u.mutex.Lock()
	u.used[id] = true
	u.mutex.Unlock()
	select {
	case u.some <- struct{}{}:
	default: // it is pending already
	}
}

// Run records uses until ctx ends, and then the rest.
func (u *Uses) Run(ctx context.Context) {
	for {
		select {
		case <-u.some:
			u.record(ctx)
		case <-ctx.Done():
			u.record(context.WithoutCancel(ctx))
			return
		}
	}
}

// record writes the uses. A use that cannot be written now is reported again when the key is read next, because the key
// still counts as unused.
func (u *Uses) record(ctx context.Context) {
	u.mutex.Lock()
	ids := slices.Collect(maps.Keys(u.used))
	clear(u.used)
	u.mutex.Unlock()
	if len(ids) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, useTime)
	defer cancel()
	_, err := u.db.NewRaw(`
UPDATE api_keys SET last_used_at = now()
WHERE id IN (SELECT id FROM api_keys WHERE id = ANY (?) AND (last_used_at IS NULL
    OR last_used_at < now() - interval '1 minute')
    FOR UPDATE SKIP LOCKED)`, pgdialect.Array(ids)).Exec(ctx)
	if err != nil {
		u.log.WarnContext(ctx, "the use of API keys could not be noted", "keys", len(ids), "error", err)
	}
}
