package ledger

import (
	"context"
	"errors"

	"tollgate/models/archive"
	"tollgate/models/audit"
)

// dropAudit drops the months of the audit log that are old enough and fit the chain, and are archived if there is a
// folder for them.
func (b *Reconciler) dropAudit(ctx context.Context) error {
	if b.keep.Audit == 0 {
		return nil
	}
	if err := audit.CloseMonths(ctx, b.db, b.AuditKey, b.keep.Audit); err != nil {
		return err
	}
	if b.keep.Archive != "" {
		months, err := archive.RunAudit(ctx, b.db, b.keep.Archive, archive.Parquet)
		if len(months) > 0 {
			b.log.InfoContext(ctx, "audit rows were archived", "months", months)
		}
		if err != nil {
			return err
		}
	}
	months, err := audit.DropMonths(ctx, b.db, b.AuditKey, b.inFile(ctx))
	if len(months) > 0 {
		b.log.InfoContext(ctx, "audit rows were dropped", "months", months, "archived", b.keep.Archive != "")
	}
	return b.tellDamaged(ctx, err)
}

// inFile reads the file of a month before the month is dropped; nil when there is no archive.
func (b *Reconciler) inFile(ctx context.Context) func(before, m audit.Month) error {
	if b.keep.Archive == "" {
		return nil
	}
	return func(before, m audit.Month) error { return archive.CheckMonth(ctx, b.db, b.keep.Archive, before, m) }
}

// tellDamaged logs that a file is not as it was written, and that what it was to have stays therefore.
func (b *Reconciler) tellDamaged(ctx context.Context, err error) error {
	if damaged := (archive.DamagedError{}); !errors.As(err, &damaged) {
		return err
	}
	b.log.ErrorContext(ctx, "an archived file is not as it was written; nothing of it is dropped, and it is written again",
		"error", err.Error())
	return nil
}
