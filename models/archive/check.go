package archive

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"

	"tollgate/models/audit"
)

// DamagedError says that a file is not there as it was written. What it was to have is noted as not archived, so that
// it is written again.
type DamagedError struct{ error }

// Unwrap is what is wrong with the file.
func (e DamagedError) Unwrap() error { return e.error }

// CheckWeek reads the file of an archived week, whose events are about to be dropped. The error is a DamagedError if
// the file is not as it was written.
func CheckWeek(ctx context.Context, db bun.IDB, folder, name string) error {
	w := week{}
	err := db.NewRaw("SELECT "+weekColumns+" FROM usage_weeks WHERE week = ?::date AND file IS NOT NULL", name).Scan(ctx, &w)
	if err != nil {
		return fmt.Errorf("read where the week of %s is archived: %w", name, err)
	}
	damaged := w.read(folder, func(Event) error { return nil })
	if damaged == nil {
		return nil
	}
	_, err = db.NewRaw(`UPDATE usage_weeks SET file = NULL, sha256 = NULL
WHERE week = ?::date AND dropped_at IS NULL AND file = ? AND sha256 = ?`, w.Week, w.File, w.SHA256).Exec(ctx)
	if err != nil {
		return fmt.Errorf("note that the week of %s is not archived: %w", name, err)
	}
	return DamagedError{damaged}
}

// CheckMonth reads the file of an archived month of the audit log, whose rows are about to be dropped; before is the
// month before it. The error is a DamagedError if the file is not as it was written.
func CheckMonth(ctx context.Context, db bun.IDB, folder string, before, m audit.Month) error {
	damaged := checkMonth(folder, before, m)
	if damaged == nil {
		return nil
	}
	_, err := db.NewRaw(`UPDATE audit_months SET file = NULL, sha256 = NULL
WHERE month = ?::date AND dropped_at IS NULL AND file = ? AND sha256 = ?`, m.Month, m.File, m.SHA256).Exec(ctx)
	if err != nil {
		return fmt.Errorf("note that the audit log of %s is not archived: %w", m.Month, err)
	}
	return DamagedError{damaged}
}
