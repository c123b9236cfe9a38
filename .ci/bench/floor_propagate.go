package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// loopSample is to how many of the copies the loop writes; the others would take as long each.
const loopSample = 500

// copyHeld is one copy.
type copyHeld struct {
	ID, PolicyID int64
	UserID       string
}

// loop writes the profile's budgets and limits into copies one user after the other: in a transaction each, with one
// statement a table, an audit row, and the note by which consoles learn that the user's access has changed. It shows
// no preview, compares nothing, skips no copy that is paused or has ended, reads what it writes once, and keeps no
// record by which it could be resumed. It returns how many copies it changed a second.
func (t *template) loop(ctx context.Context) (rate float64, err error) {
	rows, err := t.db.Query(ctx, "SELECT id, policy_id, user_id FROM user_access_profiles "+
		"WHERE access_profile_id = $1 ORDER BY id LIMIT $2", t.id, loopSample)
	if err != nil {
		return 0, err
	}
	copies, err := pgx.CollectRows(rows, pgx.RowToStructByPos[copyHeld])
	if err != nil {
		return 0, err
	}
	limits, err := t.limits(ctx)
	if err != nil {
		return 0, err
	}
	begin := time.Now()
	for _, held := range copies {
		err := pgx.BeginFunc(ctx, t.db, func(tx pgx.Tx) error { return t.changeOne(ctx, tx, held, limits) })
		if err != nil {
			return 0, fmt.Errorf("change copy %d: %w", held.ID, err)
		}
	}
	return float64(len(copies)) / time.Since(begin).Seconds(), nil
}

// limits reads the profile's own limits, each with the name of its provider.
func (t *template) limits(ctx context.Context) ([]any, error) {
	rows, err := t.db.Query(ctx, `
SELECT coalesce(l.provider_name, ''), l.kind, l.reset_duration, l.max_limit FROM access_profiles AS p
    JOIN limit_lines AS l USING (policy_id)
WHERE p.id = $1`, t.id)
	if err != nil {
		return nil, err
	}
	lines, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) ([]any, error) { return row.Values() })
	if err != nil {
		return nil, err
	}
	return columns(lines), nil
}

func (t *template) changeOne(ctx context.Context, tx pgx.Tx, held copyHeld, limits []any) error {
	for _, change := range []struct {
		statement string
		arguments []any
	}{
		{"SELECT FROM user_access_profiles WHERE id = $1 FOR UPDATE", []any{held.ID}},
		{changeLimits, append([]any{held.PolicyID}, limits...)},
		{`UPDATE user_access_profiles AS c SET group_versions[1] = p.version, group_versions[2] = p.version,
    group_versions[3] = p.version, template_version = p.version
FROM access_profiles AS p WHERE c.id = $1 AND p.id = c.access_profile_id`, []any{held.ID}},
	} {
		if _, err := tx.Exec(ctx, change.statement, change.arguments...); err != nil {
			return err
		}
	}
	metadata := fmt.Sprintf(`{"copy_id":%d,"edit":%d}`, held.ID, t.edits)
	digest := sha256.Sum256([]byte(metadata))
	if _, err := tx.Exec(ctx, addAudit, t.id, metadata, digest[:]); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, noteAccess, held.UserID)
	return err
}

const changeLimits = `
UPDATE limit_lines AS l SET max_limit = n.max_limit
FROM unnest($2::text[], $3::text[], $4::text[], $5::bigint[]) AS n(provider_name, kind, reset_duration, max_limit)
WHERE l.policy_id = $1 AND coalesce(l.provider_name, '') = n.provider_name AND l.kind = n.kind
    AND l.reset_duration = n.reset_duration`

const addAudit = `
WITH head AS (SELECT hash FROM audit_head FOR UPDATE),
     added AS (INSERT INTO audit_logs (access_profile_id, actor, action, metadata, created_at, hash)
               SELECT $1, 'loop', 'propagate', $2, now(), sha256(head.hash || $3::bytea) FROM head RETURNING hash)
UPDATE audit_head SET hash = added.hash, seq = seq + 1 FROM added`

const noteAccess = `
INSERT INTO access_changes (user_id, seq) SELECT $1, seq FROM audit_head
ON CONFLICT (user_id) DO UPDATE SET seq = excluded.seq, xact = excluded.xact`
