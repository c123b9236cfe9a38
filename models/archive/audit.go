package archive

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/uptrace/bun"

	"tollgate/models/audit"
	"tollgate/models/database"
)

// AuditRow is a row of the audit log as a file has it. The time is microseconds since 1970; the hash is that of the
// chain.
type AuditRow struct {
	ID              int64   `bun:"id" parquet:"id"`
	AccessProfileID *int64  `bun:"access_profile_id" parquet:"access_profile_id,optional"`
	UserID          *string `bun:"user_id" parquet:"user_id,optional,dict"`
	Actor           string  `bun:"actor" parquet:"actor,dict"`
	Action          string  `bun:"action" parquet:"action,dict"`
	PreviousValues  *string `bun:"previous_values" parquet:"previous_values,optional"`
	NewValues       *string `bun:"new_values" parquet:"new_values,optional"`
	Metadata        *string `bun:"metadata" parquet:"metadata,optional"`
	CreatedAt       int64   `bun:"created_at" parquet:"created_at,timestamp(microsecond)"`
	Door            *string `bun:"door" parquet:"door,optional,dict"`
	APIKeyName      *string `bun:"api_key_name" parquet:"api_key_name,optional,dict"`
	APIKeyPrefix    *string `bun:"api_key_prefix" parquet:"api_key_prefix,optional,dict"`
	Hash            []byte  `bun:"hash" parquet:"hash"`
}

// stored is the row as the chain has it.
func (r AuditRow) stored() audit.Stored {
	return audit.Stored{
		Entry: audit.Entry{
			ID: r.ID, AccessProfileID: r.AccessProfileID, UserID: r.UserID, Actor: r.Actor, Action: r.Action,
			PreviousValues: r.PreviousValues, NewValues: r.NewValues, Metadata: r.Metadata,
			CreatedAt: time.UnixMicro(r.CreatedAt).UTC(),
			Origin:    audit.Origin{Door: r.Door, APIKeyName: r.APIKeyName, APIKeyPrefix: r.APIKeyPrefix},
		},
		Dated: true, Hash: r.Hash,
	}
}

// selectAudit are the rows after one up to another.
func selectAudit(db bun.IDB, after, until int64) *bun.SelectQuery {
	return db.NewSelect().TableExpr("audit_logs").ColumnExpr(`id, access_profile_id, user_id, actor, action, previous_values,
    new_values, metadata, (extract(epoch FROM created_at) * 1000000)::bigint AS created_at, door, api_key_name,
    api_key_prefix, hash`).
		Where("id > ? AND id <= ?", after, until).Order("id")
}

// RunAudit archives, in a format, every month of the audit log that was noted as over. It returns the months that it
// archived.
func RunAudit(ctx context.Context, db *bun.DB, folder string, format Format) (archived []string, err error) {
	for {
		month, err := nextMonth(ctx, db, folder, format)
		if errors.Is(err, sql.ErrNoRows) {
			return archived, nil
		}
		if err != nil {
			return archived, err
		}
		archived = append(archived, month)
	}
}

// nextMonth archives one month, which is locked meanwhile.
func nextMonth(ctx context.Context, db *bun.DB, folder string, format Format) (month string, err error) {
	err = db.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		if _, err := tx.ExecContext(ctx, "SET LOCAL idle_in_transaction_session_timeout = 0"); err != nil {
			return err
		}
		err := tx.NewRaw(`SELECT month::text FROM audit_months WHERE file IS NULL AND dropped_at IS NULL
ORDER BY month LIMIT 1 FOR UPDATE SKIP LOCKED`).Scan(ctx, &month)
		if err != nil {
			return err
		}
		file, hash, err := archiveMonth(ctx, db, folder, month, format)
		if err != nil {
			return fmt.Errorf("archive the audit log of %s: %w", month, err)
		}
		_, err = tx.NewRaw("UPDATE audit_months SET file = ?, sha256 = ? WHERE month = ?::date", file, hash, month).Exec(ctx)
		return err
	})
	return month, err
}

// archiveMonth writes a file, reads it back and holds it against the chain.
func archiveMonth(
	ctx context.Context, db *bun.DB, folder, month string, format Format,
) (file string, hash []byte, err error) {
	months, err := audit.Months(ctx, db)
	if err != nil {
		return "", nil, err
	}
	before, m := audit.Start(), audit.Month{}
	for _, m = range months {
		if m.Month == month {
			break
		}
		before = m
	}
	file = format.file("audit", "month="+m.Month)
	path := filepath.Join(folder, file)
	err = write(path, func(use func(AuditRow) error) error {
		return database.EachOf(ctx, db, selectAudit(db, before.LastID, m.LastID), use)
	})
	if err != nil {
		return "", nil, err
	}
	hash, err = readMonth(path, before, m)
	return file, hash, err
}

// readMonth reads a file, whose rows have to continue the chain from the month before, and returns its hash.
func readMonth(path string, before, m audit.Month) (hash []byte, err error) {
	last, rows := before.Hash, int64(0)
	hash, err = read(path, func(row AuditRow) error {
		if !bytes.Equal(row.stored().Next(last), row.Hash) {
			return fmt.Errorf("%s: row %d does not follow the one before", path, row.ID)
		}
		last = bytes.Clone(row.Hash)
		rows++
		return nil
	})
	if err == nil && (rows != m.Rows || !bytes.Equal(last, m.Hash)) {
		err = fmt.Errorf("%s has %d audit rows instead of %d, or other ones", path, rows, m.Rows)
	}
	return hash, err
}

func checkMonth(folder string, before, m audit.Month) error {
	path := filepath.Join(folder, m.File)
	hash, err := readMonth(path, before, m)
	switch {
	case err != nil:
		return fmt.Errorf("the archive of the audit log of %s: %w", m.Month, err)
	case !bytes.Equal(hash, m.SHA256):
		return fmt.Errorf("the archive of the audit log of %s: %s is not the file that was written", m.Month, path)
	}
	return nil
}
