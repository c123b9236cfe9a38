package models

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"fmt"

	"github.com/uptrace/bun"
)

// AuditBreak says where the audit log does not fit: a row was changed, added or taken away at or before Row; 0 means at the end.
type AuditBreak struct{ Row int64 }

func (b AuditBreak) Error() string {
	if b.Row == 0 {
		return "the audit log lacks rows at its end"
	}
	return fmt.Sprintf("the audit log does not fit at row %d: it, or a row before it, was changed or taken away", b.Row)
}

// VerifyAudit recomputes the hash of every audit row from the one before and returns how many fit. The error is an AuditBreak at the
// first row that does not.
func VerifyAudit(ctx context.Context, db *bun.DB) (rows int64, err error) {
	// One snapshot for rows and head: a row that is added meanwhile is no break, and nobody has to wait.
	tx, err := db.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		return 0, fmt.Errorf("verify the audit log: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // it only reads
	var head []byte
	if err := tx.NewRaw("SELECT hash FROM audit_head").Scan(ctx, &head); err != nil {
		return 0, fmt.Errorf("read the head of the audit log: %w", err)
	}
	last := []byte{}
	for after := int64(0); ; {
		page, err := auditPage(ctx, tx, after)
		if err != nil {
			return rows, err
		}
		for _, row := range page {
			if last, err = row.next(last); err != nil {
				return rows, err
			}
			if !bytes.Equal(last, row.Hash) {
				return rows, AuditBreak{row.ID}
			}
			after = row.ID
			rows++
		}
		if len(page) == 0 {
			break
		}
	}
	if !bytes.Equal(last, head) {
		return rows, AuditBreak{}
	}
	return rows, nil
}

type hashedRow struct {
	AuditLog
	Hash []byte
}

func auditPage(ctx context.Context, tx bun.Tx, after int64) ([]hashedRow, error) {
	var page []hashedRow
	err := tx.NewSelect().Table("audit_logs").Column(auditColumns...).Column("hash").Where("id > ?", after).Order("id ASC").Limit(1000).Scan(ctx, &page)
	if err != nil {
		return nil, fmt.Errorf("read the audit log: %w", err)
	}
	return page, nil
}

// next is the hash the row must have behind a row with hash last.
func (r hashedRow) next(last []byte) ([]byte, error) {
	c := change{
		ProfileID: r.AccessProfileID, UserID: r.UserID, Actor: r.Actor, Action: r.Action, At: r.CreatedAt.UTC(),
		Previous: document(r.PreviousValues), New: document(r.NewValues), Metadata: document(r.Metadata),
	}
	digest, err := c.digest()
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(append(bytes.Clone(last), digest...))
	return sum[:], nil
}

func document(text *string) json.RawMessage {
	if text == nil {
		return nil
	}
	return json.RawMessage(*text)
}
