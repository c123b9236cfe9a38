package modelstest

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"tollgate/models/audit"
)

// AgeAudit makes the rows of the audit log up to one as old as if all had been written so many days ago, with the hashes
// that they would have.
func AgeAudit(ctx context.Context, owner *bun.DB, upTo int64, days int) error {
	return owner.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		head := []byte{}
		if err := tx.NewRaw("SELECT hash FROM audit_head FOR UPDATE").Scan(ctx, &head); err != nil {
			return err
		}
		var rows []audit.Stored
		err := tx.NewRaw("SELECT *, true AS dated FROM audit_logs ORDER BY id").Scan(ctx, &rows)
		if err != nil {
			return err
		}
		last, at := []byte{}, time.Now().UTC().AddDate(0, 0, -days).Truncate(time.Microsecond)
		for _, row := range rows {
			if row.ID <= upTo {
				row.CreatedAt = at
			}
			last = row.Next(last)
			_, err := tx.NewRaw("UPDATE audit_logs SET created_at = ?, hash = ? WHERE id = ?", row.CreatedAt, last, row.ID).Exec(ctx)
			if err != nil {
				return err
			}
		}
		_, err = tx.NewRaw("UPDATE audit_head SET hash = ?", last).Exec(ctx)
		return err
	})
}
