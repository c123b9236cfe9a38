package connection

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// requestsKept is how many calls of a connection are kept.
const requestsKept = 500

// Request is a call of a directory and its answer, without what it sent.
type Request struct {
	Method    string    `json:"method"`
	Path      string    `json:"path"` // without its query
	Status    int64     `json:"status"`
	Detail    string    `json:"detail"` // why it was refused
	RequestID string    `json:"request_id"`
	Ms        int64     `json:"ms"`
	At        time.Time `json:"at"`
}

// AddRequest notes a call, and removes the oldest of too many.
func AddRequest(ctx context.Context, db bun.IDB, connection int64, r Request) error {
	_, err := db.NewRaw(`
WITH old AS (
    DELETE FROM scim_requests WHERE connection_id = ?0 AND id <= (
        SELECT id FROM scim_requests WHERE connection_id = ?0 ORDER BY id DESC OFFSET ?1 LIMIT 1)
)
INSERT INTO scim_requests (connection_id, method, path, status, detail, request_id, ms)
SELECT id, ?2, ?3, ?4, ?5, ?6, ?7 FROM scim_connections WHERE id = ?0`,
		connection, requestsKept-1, r.Method, r.Path, r.Status, r.Detail, r.RequestID, r.Ms).Exec(ctx)
	if err != nil {
		return fmt.Errorf("note a call of a directory: %w", err)
	}
	return nil
}

// ListRequests returns a page of the last calls of a connection, the newest first, and how many are kept. Refusal:
// NotFound.
func ListRequests(
	ctx context.Context, db bun.IDB, connection, limit, offset int64, refusedOnly bool,
) ([]Request, int64, error) {
	if _, err := load(ctx, db.NewSelect(), connection); err != nil {
		return nil, 0, err
	}
	rows := []Request{}
	query := db.NewSelect().Table("scim_requests").Column("method", "path", "status", "detail", "request_id", "ms", "at").
		Where("connection_id = ?", connection)
	if refusedOnly {
		query = query.Where("status >= 400")
	}
	total, err := query.Order("id DESC").Limit(limit).Offset(offset).ScanAndCount(ctx, &rows)
	if err != nil {
		return nil, 0, fmt.Errorf("list the calls of a directory: %w", err)
	}
	return rows, int64(total), nil
}
