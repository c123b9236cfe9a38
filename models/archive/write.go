package archive

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/uptrace/bun"

	"tollgate/models/database"
)

// writtenAtOnce is how many rows are passed to the file together.
const writtenAtOnce = 1000

// Run archives, in a format, every week whose events do not change any more: its sums are sealed, and were checked when
// ids in it were not looked up any more. It returns the weeks that it archived.
func Run(ctx context.Context, db *bun.DB, folder string, format Format) (archived []string, err error) {
	for {
		week, err := next(ctx, db, folder, format)
		if errors.Is(err, sql.ErrNoRows) {
			return archived, nil
		}
		if err != nil {
			return archived, err
		}
		archived = append(archived, week)
	}
}

// next archives one week, which is locked meanwhile.
func next(ctx context.Context, db *bun.DB, folder string, format Format) (week string, err error) {
	err = db.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		if _, err := tx.ExecContext(ctx, "SET LOCAL idle_in_transaction_session_timeout = 0"); err != nil {
			return err
		}
		err := tx.NewRaw(`
SELECT week::text FROM usage_weeks WHERE file IS NULL AND dropped_at IS NULL
    AND sealed_at >= closed_at + interval '36 days' AND closed_at <= (SELECT sealed_until FROM usage_sealing)
ORDER BY week LIMIT 1 FOR UPDATE SKIP LOCKED`).Scan(ctx, &week)
		if err != nil {
			return err
		}
		file, hash, found, err := archiveWeek(ctx, db, folder, week, format)
		if err != nil {
			return fmt.Errorf("archive the week of %s: %w", week, err)
		}
		_, err = tx.NewRaw("UPDATE usage_weeks SET file = ?, sha256 = ?, events = ?, cost = ?::numeric WHERE week = ?::date",
			file, hash, found.Events, found.Cost, week).Exec(ctx)
		return err
	})
	return week, err
}

// archiveWeek writes a file, reads it back and compares it with the database.
func archiveWeek(
	ctx context.Context, db *bun.DB, folder, week string, format Format,
) (file string, hash []byte, found sums, err error) {
	file = format.file("events", "week="+week)
	path := filepath.Join(folder, file)
	err = write(path, func(use func(Event) error) error { return database.EachOf(ctx, db, selectEvents(db, week), use) })
	if err != nil {
		return "", nil, found, err
	}
	if found, hash, err = readEvents(path, func(Event) error { return nil }); err != nil {
		return "", nil, found, err
	}
	var stored sums
	err = db.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		if err := database.AllowLong(ctx, tx); err != nil {
			return err
		}
		return tx.NewRaw(`SELECT count(*) AS events, coalesce(sum(cost), 0)::text AS cost FROM counted_events
WHERE week = ?::date`, week).Scan(ctx, &stored)
	})
	if err == nil && stored != found {
		err = fmt.Errorf("%s has %d events of %s nano-dollars, the database %d of %s", path, found.Events, found.Cost,
			stored.Events, stored.Cost)
	}
	return file, hash, found, err
}
