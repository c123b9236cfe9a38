package audit

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/uptrace/bun"

	"tollgate/models/database"
)

// Month is a month of the log that is over and was found to fit the chain. What comes before its last row goes with it.
type Month struct {
	Month     string // its first day
	Rows      int64
	LastID    int64
	Hash      []byte // of the last row
	File      string // where it is archived, "" if it is not
	SHA256    []byte `bun:"sha256"`
	Dropped   bool
	Signature []byte
}

const monthColumns = `month::text, rows, last_id, hash, coalesce(file, '') AS file, sha256, dropped_at IS NOT NULL AS dropped,
    signature`

// Start is what comes before the first month.
func Start() Month { return Month{LastID: math.MinInt64, Hash: []byte{}} }

// lastMonth is the latest of the months, or Start.
func lastMonth(ctx context.Context, db bun.IDB, where string) (Month, error) {
	m := Month{}
	err := db.NewRaw("SELECT "+monthColumns+" FROM audit_months WHERE "+where+" ORDER BY month DESC LIMIT 1").Scan(ctx, &m)
	if errors.Is(err, sql.ErrNoRows) {
		return Start(), nil
	}
	if err != nil {
		return m, fmt.Errorf("read where the audit log begins: %w", err)
	}
	return m, nil
}

// Months are those that are over, in their order, as far as they were noted.
func Months(ctx context.Context, db bun.IDB) (months []Month, err error) {
	err = db.NewRaw("SELECT "+monthColumns+" FROM audit_months ORDER BY month").Scan(ctx, &months)
	if err != nil {
		return nil, fmt.Errorf("read the months of the audit log: %w", err)
	}
	return months, nil
}

// sign says, with a key of the installation, that a console has dropped the month.
func (m Month) sign(key []byte) ([]byte, error) {
	content, err := json.Marshal([]any{m.Month, m.LastID, m.Hash})
	if err != nil {
		return nil, fmt.Errorf("sign where the audit log begins: %w", err)
	}
	mac := hmac.New(sha256.New, key)
	mac.Write(content)
	return mac.Sum(nil), nil
}

// check refuses a month that was dropped by another hand.
func (m Month) check(key []byte) error {
	switch signed, err := m.sign(key); {
	case !m.Dropped, err != nil:
		return err
	case len(key) == 0:
		return errors.New("the audit log begins after a row that was dropped: " +
			"set TOLLGATE_SECRET, so that it can be told by whom")
	case !hmac.Equal(signed, m.Signature):
		return fmt.Errorf("the audit log begins after row %d, which no console with this TOLLGATE_SECRET has dropped", m.LastID)
	}
	return nil
}

// KeptSince is when the first row was written that is kept; zero when none was dropped.
func KeptSince(ctx context.Context, db bun.IDB) (time.Time, error) {
	var since bun.NullTime
	err := db.NewRaw(`SELECT (SELECT created_at FROM audit_logs ORDER BY id LIMIT 1)
WHERE EXISTS (SELECT FROM audit_months WHERE dropped_at IS NOT NULL)`).Scan(ctx, &since)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return time.Time{}, fmt.Errorf("read since when the audit log is kept: %w", err)
	}
	return since.UTC(), nil
}

// DropMonths drops the months that were noted, and signs where the log begins then. It returns which it dropped. With
// an archive only months go that are in a file; inFile reads it, and is given the month before, too.
func DropMonths(
	ctx context.Context, db *bun.DB, key []byte, inFile func(before, m Month) error,
) (dropped []string, err error) {
	months, err := Months(ctx, db)
	if err != nil {
		return nil, err
	}
	for i, m := range months {
		if m.Dropped {
			continue
		}
		if inFile != nil && m.File == "" {
			return dropped, nil
		}
		if inFile != nil {
			before := Start()
			if i > 0 {
				before = months[i-1]
			}
			if err := inFile(before, m); err != nil {
				return dropped, fmt.Errorf("drop the audit rows of %s: %w", m.Month, err)
			}
		}
		signature, err := m.sign(key)
		if err != nil {
			return dropped, err
		}
		var done bool
		err = db.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
			if err := database.AllowLong(ctx, tx); err != nil {
				return err
			}
			return tx.NewRaw("SELECT drop_audit_month(?::date, ?)", m.Month, signature).Scan(ctx, &done)
		})
		if err != nil {
			return dropped, fmt.Errorf("drop the audit rows of %s: %w", m.Month, err)
		}
		if !done {
			return dropped, fmt.Errorf("drop the audit rows of %s: they are not those that were noted", m.Month)
		}
		dropped = append(dropped, m.Month)
	}
	return dropped, nil
}
