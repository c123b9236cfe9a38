package audit

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"tollgate/models/database"
)

// CloseMonths notes every month whose rows may go: the first row after it is older than so many days. A month with a
// row that does not fit is not noted, so that the row stays to be found; the error is a Break then.
func CloseMonths(ctx context.Context, db *bun.DB, key []byte, days int) error {
	for {
		var closed bool
		err := db.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) (err error) {
			closed, err = closeMonth(ctx, tx, key, days)
			return err
		})
		if err != nil || !closed {
			return err
		}
	}
}

func closeMonth(ctx context.Context, tx bun.Tx, key []byte, days int) (closed bool, err error) {
	from, err := lastMonth(ctx, tx, "true")
	if err != nil {
		return false, err
	}
	if err := from.check(key); err != nil {
		return false, err
	}
	now, err := database.Clock(ctx, tx)
	if err != nil {
		return false, err
	}
	month, until, err := monthAfter(ctx, tx, from.LastID, now.AddDate(0, 0, -days))
	if err != nil || until == 0 {
		return false, err
	}
	rows, last, err := walk(ctx, tx, from.LastID, until-1, from.Hash)
	if err != nil {
		return false, err
	}
	_, err = tx.NewRaw("INSERT INTO audit_months (month, rows, last_id, hash) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
		month.Format(time.DateOnly), rows, last.ID, last.Hash).Exec(ctx)
	if err != nil {
		return false, fmt.Errorf("note a month of the audit log: %w", err)
	}
	return true, nil
}

// monthAfter is the month of the first row after one, and the first row of a later month if that one was written before
// a time.
func monthAfter(
	ctx context.Context, tx bun.Tx, after int64, before time.Time,
) (month time.Time, until int64, err error) {
	var first, next time.Time
	err = tx.NewRaw("SELECT created_at FROM audit_logs WHERE id > ? ORDER BY id LIMIT 1", after).Scan(ctx, &first)
	if err == nil {
		first = first.UTC()
		month = time.Date(first.Year(), first.Month(), 1, 0, 0, 0, 0, time.UTC)
		if month.AddDate(0, 1, 0).After(before) {
			return month, 0, nil
		}
		err = tx.NewRaw("SELECT id, created_at FROM audit_logs WHERE id > ? AND created_at >= ? ORDER BY id LIMIT 1",
			after, month.AddDate(0, 1, 0)).Scan(ctx, &until, &next)
	}
	switch {
	case errors.Is(err, sql.ErrNoRows), err == nil && !next.Before(before):
		return month, 0, nil
	case err != nil:
		return month, 0, fmt.Errorf("look for a month of the audit log that is over: %w", err)
	}
	return month, until, nil
}
