package database

import (
	"context"
	"database/sql"
	"errors"

	"github.com/uptrace/bun"
)

// plannedKey marks, in the context, a query whose values travel there too, because bun would write them into the text:
// the server plans the text once for each connection.
type plannedKey struct{}

// QueryPlanned runs a query that most requests send with the same text. Values are bound as $1, $2 and so on.
func QueryPlanned(ctx context.Context, db bun.IDB, query string, values ...any) (*sql.Rows, error) {
	return db.QueryContext(context.WithValue(ctx, plannedKey{}, values), query)
}

// ScanPlanned reads the one row of a planned query; without one it returns sql.ErrNoRows.
func ScanPlanned(ctx context.Context, db bun.IDB, targets []any, query string, values ...any) error {
	rows, err := QueryPlanned(ctx, db, query, values...)
	if err != nil {
		return err
	}
	return scanRow(rows, targets...)
}

func scanRow(rows *sql.Rows, targets ...any) error {
	defer rows.Close()
	if !rows.Next() {
		if err := rows.Err(); err != nil {
			return err
		}
		return sql.ErrNoRows
	}
	return errors.Join(rows.Scan(targets...), rows.Close())
}
