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
type copyHeld struct{ ID, PolicyID int64 }

// loop writes the profile's budgets and limits into copies one user after the other: in a transaction each, with one
// statement a table and an audit row. It compares nothing, and what it writes is read once. It returns how many copies
// it changed a second.
func (t *template) loop(ctx context.Context) (rate float64, err error) {
	rows, err := t.db.Query(ctx, "SELECT id, policy_id FROM user_access_profiles WHERE access_profile_id = $1 ORDER BY id LIMIT $2", t.id, loopSample)
	if err != nil {
		return 0, err
	}
	copies, err := pgx.CollectRows(rows, pgx.RowToStructByPos[copyHeld])
	if err != nil {
		return 0, err
	}
	budgets, err := t.lines(ctx, "budgets", "reset_duration", "max_limit")
	if err != nil {
		return 0, err
	}
	limits, err := t.lines(ctx, "rate_limits", "token_max_limit", "request_max_limit")
	if err != nil {
		return 0, err
	}
	begin := time.Now()
	for _, held := range copies {
		err := pgx.BeginFunc(ctx, t.db, func(tx pgx.Tx) error { return t.changeOne(ctx, tx, held, budgets, limits) })
		if err != nil {
			return 0, fmt.Errorf("change copy %d: %w", held.ID, err)
		}
	}
	return float64(len(copies)) / time.Since(begin).Seconds(), nil
}

// lines reads two columns of the profile's own lines, each with the name of its provider.
func (t *template) lines(ctx context.Context, table, one, other string) ([]any, error) {
	rows, err := t.db.Query(ctx, fmt.Sprintf(`
SELECT c.provider_name, l.%s, l.%s FROM access_profiles AS p JOIN %s AS l USING (policy_id) LEFT JOIN provider_configs AS c ON c.id = l.provider_config_id
WHERE p.id = $1`, one, other, table), t.id)
	if err != nil {
		return nil, err
	}
	lines, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) ([]any, error) { return row.Values() })
	if err != nil {
		return nil, err
	}
	return columns(lines), nil
}

func (t *template) changeOne(ctx context.Context, tx pgx.Tx, held copyHeld, budgets, limits []any) error {
	for _, change := range []struct {
		statement string
		arguments []any
	}{
		{"SELECT FROM user_access_profiles WHERE id = $1 FOR UPDATE", []any{held.ID}},
		{changeBudgets, append([]any{held.PolicyID}, budgets...)},
		{changeLimits, append([]any{held.PolicyID}, limits...)},
		{`UPDATE user_access_profiles AS c SET group_versions[1] = p.version, group_versions[2] = p.version, group_versions[3] = p.version
FROM access_profiles AS p WHERE c.id = $1 AND p.id = c.access_profile_id`, []any{held.ID}},
	} {
		if _, err := tx.Exec(ctx, change.statement, change.arguments...); err != nil {
			return err
		}
	}
	metadata := fmt.Sprintf(`{"copy_id":%d,"edit":%d}`, held.ID, t.edits)
	digest := sha256.Sum256([]byte(metadata))
	_, err := tx.Exec(ctx, addAudit, t.id, metadata, digest[:])
	return err
}

const changeBudgets = `
UPDATE budgets AS b SET max_limit = l.max_limit
FROM unnest($2::text[], $3::text[], $4::bigint[]) AS l(provider_name, reset_duration, max_limit)
LEFT JOIN provider_configs AS c ON c.policy_id = $1 AND c.provider_name = l.provider_name
WHERE b.policy_id = $1 AND b.provider_config_id IS NOT DISTINCT FROM c.id AND b.reset_duration = l.reset_duration`

const changeLimits = `
UPDATE rate_limits AS r SET token_max_limit = l.tokens, request_max_limit = l.requests
FROM unnest($2::text[], $3::bigint[], $4::bigint[]) AS l(provider_name, tokens, requests)
LEFT JOIN provider_configs AS c ON c.policy_id = $1 AND c.provider_name = l.provider_name
WHERE r.policy_id = $1 AND r.provider_config_id IS NOT DISTINCT FROM c.id`

const addAudit = `
WITH head AS (SELECT hash FROM audit_head FOR UPDATE),
     added AS (INSERT INTO audit_logs (access_profile_id, actor, action, metadata, created_at, hash)
               SELECT $1, 'loop', 'propagate', $2, now(), sha256(head.hash || $3::bytea) FROM head RETURNING hash)
UPDATE audit_head SET hash = added.hash FROM added`
