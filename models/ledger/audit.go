package ledger

import (
	"context"

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
	months, err := audit.DropMonths(ctx, b.db, b.AuditKey, b.keep.Archive != "")
	if len(months) > 0 {
		b.log.InfoContext(ctx, "audit rows were dropped", "months", months, "archived", b.keep.Archive != "")
	}
	return err
}
