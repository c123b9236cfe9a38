package audit

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"fmt"
	"math"

	"github.com/uptrace/bun"
)

// Break is where the hash chain is broken: a row was changed, added or removed at or before Row; 0 means at the end.
type Break struct{ Row int64 }

func (b Break) Error() string {
	if b.Row == 0 {
		return "the audit log lacks rows at its end"
	}
	return fmt.Sprintf("the audit log is broken at row %d: this row or an earlier one was changed or removed", b.Row)
}

// Verify recomputes the hash of every audit row from the one before and returns how many match. The error is a Break at
// the first row that does not. When months were dropped, the chain begins at the last row of them, which has to be
// signed with the key.
func Verify(ctx context.Context, db *bun.DB, key []byte) (rows int64, err error) {
	// One snapshot for rows and head: a row added meanwhile is no break, and no writer has to wait.
	tx, err := db.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		return 0, fmt.Errorf("verify the audit log: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // it only reads
	var head []byte
	if err := tx.NewRaw("SELECT hash FROM audit_head").Scan(ctx, &head); err != nil {
		return 0, fmt.Errorf("read the head of the audit log: %w", err)
	}
	from, err := lastMonth(ctx, tx, "dropped_at IS NOT NULL")
	if err != nil {
		return 0, err
	}
	if err := from.check(key); err != nil {
		return 0, err
	}
	// Rows before the first one that is kept would be a break.
	rows, last, err := walk(ctx, tx, math.MinInt64, math.MaxInt64, from.Hash)
	if err == nil && !bytes.Equal(last.Hash, head) {
		err = Break{}
	}
	return rows, err
}

// walk recomputes the hashes of the rows after one up to another, and returns how many there are and the last.
func walk(ctx context.Context, tx bun.Tx, after, until int64, hash []byte) (rows int64, last Stored, err error) {
	last.Hash = hash
	for {
		page, err := auditPage(ctx, tx, after, until)
		if err != nil || len(page) == 0 {
			return rows, last, err
		}
		for _, row := range page {
			if !bytes.Equal(row.Next(last.Hash), row.Hash) {
				return rows, last, Break{row.ID}
			}
			after, last = row.ID, row
			rows++
		}
	}
}

// Stored is a row with its hash.
type Stored struct {
	Entry
	Dated bool // false for a time in a form that no console writes
	Hash  []byte
}

func auditPage(ctx context.Context, tx bun.Tx, after, until int64) ([]Stored, error) {
	var page []Stored
	err := tx.NewRaw(`
SELECT id, access_profile_id, user_id, actor, action, previous_values, new_values, metadata, door, api_key_name,
    api_key_prefix, hash,
       dated, CASE WHEN dated THEN created_at ELSE 'epoch' END AS created_at
FROM audit_logs, LATERAL (SELECT created_at BETWEEN '0001-01-01' AND '9999-12-31') AS d(dated)
WHERE id > ? AND id <= ? ORDER BY id LIMIT 1000`, after, until).Scan(ctx, &page)
	if err != nil {
		return nil, fmt.Errorf("read the audit log: %w", err)
	}
	return page, nil
}

// Next is the hash that the row must have after a row with hash last; nil when no console writes such a row. A document
// in another encoding would have the same hash, so it must be canonical to the byte.
func (r Stored) Next(last []byte) []byte {
	c := Change{
		ProfileID: r.AccessProfileID,
		UserID:    r.UserID,
		Actor:     r.Actor,
		Action:    r.Action,
		At:        r.CreatedAt,
		Origin:    r.Origin,
		Previous:  document(r.PreviousValues),
		New:       document(r.NewValues),
		Metadata:  document(r.Metadata),
	}
	for _, stored := range []json.RawMessage{c.Previous, c.New, c.Metadata} {
		if written, err := canonical(stored); err != nil || !bytes.Equal(written, stored) {
			return nil
		}
	}
	digest, err := c.digest()
	if err != nil || !r.Dated {
		return nil
	}
	sum := sha256.Sum256(append(bytes.Clone(last), digest...))
	return sum[:]
}

func document(text *string) json.RawMessage {
	if text == nil {
		return nil
	}
	return json.RawMessage(*text)
}
