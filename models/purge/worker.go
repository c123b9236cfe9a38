package purge

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/uptrace/bun"

	"tollgate/models/account"
	"tollgate/models/connection"
	"tollgate/models/database"
	"tollgate/models/membership"
)

const (
	// every is how often one of the consoles looks for users whose retention is over.
	every  = time.Hour
	look   = time.Minute
	lease  = 10 * time.Minute
	atOnce = 1000
)

// Worker deletes users whom a directory deleted, once their retention is over. Of any number of consoles one does it at
// a time, under a lease.
type Worker struct {
	db  *bun.DB
	log *slog.Logger
}

// NewWorker makes one.
func NewWorker(db *bun.DB, log *slog.Logger) *Worker { return &Worker{db, log} }

// Run works until ctx ends.
func (w *Worker) Run(ctx context.Context) {
	ticker := time.NewTicker(look)
	defer ticker.Stop()
	for {
		if err := w.Purge(ctx); err != nil && ctx.Err() == nil {
			w.log.WarnContext(ctx, "users who left could not be deleted", "error", err.Error())
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// Purge deletes those whose retention is over, unless that was done within the hour or another console is at it.
func (w *Worker) Purge(ctx context.Context) error {
	var fences []int64
	err := w.db.NewRaw(`
UPDATE scim_purging SET fence = fence + 1, lease_until = clock_timestamp() + ?0 * interval '1 second'
WHERE lease_until < clock_timestamp()
    AND (purged_at IS NULL OR purged_at < clock_timestamp() - ?1 * interval '1 second') RETURNING fence`,
		lease.Seconds(), every.Seconds()).Scan(ctx, &fences)
	if err != nil || len(fences) == 0 {
		return err
	}
	var left []struct {
		ID           string
		ConnectionID int64
	}
	err = w.db.NewRaw(overdue+" ORDER BY u.id LIMIT ?", atOnce).Scan(ctx, &left)
	if err != nil {
		return fmt.Errorf("look for users who left: %w", err)
	}
	var failed error
	for _, u := range left {
		failed = errors.Join(failed, w.purge(ctx, u.ConnectionID, u.ID))
	}
	if failed != nil {
		return failed
	}
	_, err = w.db.NewRaw("UPDATE scim_purging "+
		"SET purged_at = clock_timestamp(), lease_until = to_timestamp(0) WHERE fence = ?",
		fences[0]).Exec(ctx)
	if err != nil {
		return fmt.Errorf("note that users were deleted: %w", err)
	}
	return nil
}

const overdue = `SELECT u.id, u.connection_id FROM users AS u JOIN scim_connections AS c ON c.id = u.connection_id
WHERE u.left_at < clock_timestamp() - c.retention_days * interval '1 day'`

// purge deletes one user, unless they have come back.
func (w *Worker) purge(ctx context.Context, connectionID int64, id string) error {
	return database.InTx(ctx, w.db, func(ctx context.Context, tx database.Tx) error {
		conn, err := connection.LockShared(ctx, tx, connectionID)
		if err != nil {
			return err
		}
		groups, err := membership.LockGroups(ctx, tx, id)
		if err != nil {
			return err
		}
		if _, err := tx.NewRaw("SELECT FROM users WHERE id = ? FOR UPDATE", id).Exec(ctx); err != nil {
			return fmt.Errorf("lock user %s: %w", id, err)
		}
		var still []string
		err = tx.NewRaw("SELECT id FROM ("+overdue+") AS o WHERE o.id = ?", id).Scan(ctx, &still)
		if err != nil || len(still) == 0 {
			return err
		}
		if err := membership.Ungroup(ctx, tx, conn.Actor(), id, groups); err != nil {
			return err
		}
		return account.PurgeUser(ctx, tx, conn.Actor(), id)
	})
}
