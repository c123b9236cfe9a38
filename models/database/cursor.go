package database

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"
)

// EachOf passes every row of a query to use, however many there are: a cursor reads them page by page in one snapshot.
// A fetch may take as long as an export; the snapshot waits for a slow reader.
func EachOf[T any](ctx context.Context, db bun.IDB, query *bun.SelectQuery, use func(T) error) error {
	return InSnapshot(ctx, db, func(ctx context.Context, tx bun.IDB) error {
		if err := declareExport(ctx, tx, query); err != nil {
			return err
		}
		for {
			var rows []T
			if err := tx.NewRaw("FETCH 1000 FROM exported").Scan(ctx, &rows); err != nil {
				return fmt.Errorf("read the next rows of an export: %w", err)
			}
			for _, row := range rows {
				if err := use(row); err != nil {
					return err
				}
			}
			if len(rows) == 0 {
				return nil
			}
		}
	})
}

func declareExport(ctx context.Context, tx bun.IDB, query *bun.SelectQuery) error {
	for _, setting := range []string{
		"SET LOCAL jit = off", "SET LOCAL statement_timeout = '60s'",
		"SET LOCAL idle_in_transaction_session_timeout = '5min'",
	} {
		if _, err := tx.NewRaw(setting).Exec(ctx); err != nil {
			return fmt.Errorf("prepare an export: %w", err)
		}
	}
	if _, err := tx.NewRaw("DECLARE exported NO SCROLL CURSOR FOR ?", query).Exec(ctx); err != nil {
		return fmt.Errorf("begin an export: %w", err)
	}
	return nil
}
