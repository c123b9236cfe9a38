package main

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"hash/crc32"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"tollgate/models/fieldgroup"
	"tollgate/models/secret"
)

// keyValue is the value of the n-th key, in the format of those that the console issues.
func keyValue(n int) string {
	sum := sha256.Sum256([]byte("bench key " + strconv.Itoa(n)))
	value := "sk-bf-" + base62(new(big.Int).SetBytes(sum[:]), 43)
	return value + base62(big.NewInt(int64(crc32.ChecksumIEEE([]byte(value)))), 6)
}

func base62(n *big.Int, digits int) string {
	text := n.Text(62)
	return strings.Repeat("0", digits-len(text)) + text
}

// firstHeld keeps the ids of copies and policies apart from those of the sample data.
const firstHeld = 100_000_000

// callerID is how the ids of those who have the keys end, behind the number in hexadecimal digits.
const callerID = "-0000-4000-8000-000000000000"

func userOf(n int) string  { return fmt.Sprintf("%08x", n) + callerID }
func keyIDOf(n int) string { return fmt.Sprintf("%08x-0000-4000-9000-000000000000", n) }

// holdersOf are the users and what they hold: a row each, by n from 0. Behind it are the statements that copy the
// profiles' rows.
const holdersOf = `
CREATE TEMP TABLE held AS
SELECT n, %[1]d + n::bigint AS policy, lpad(to_hex(n), 8, '0') || '%[6]s' AS user_id, t.id AS template,
    t.policy_id AS source, t.policy_version AS version
FROM generate_series(0, %[2]d - 1) AS n JOIN access_profiles AS t ON t.id = ('{%[3]s}'::bigint[])[n %% %[4]d + 1];
ANALYZE held;
INSERT INTO users (id, name, email, email_key, role_id)
SELECT user_id, 'Caller ' || n, user_id || '@bench.example', user_id || '@bench.example', (SELECT id FROM roles
    WHERE name_key = 'viewer') FROM held;
INSERT INTO policies (id, calendar_aligned) SELECT policy, calendar_aligned FROM held JOIN policies ON id = source;
INSERT INTO user_access_profiles (id, user_id, access_profile_id, policy_id, direct, from_role, group_versions,
    template_version, assigned_at)
SELECT policy, user_id, template, policy, true, false, array_fill(version, ARRAY[%[5]d]), version,
    now() - interval '1 hour' FROM held;
INSERT INTO provider_configs (id, policy_id, provider_name, all_models_allowed, allowed_models, position)
SELECT policy * 100 + position, policy, provider_name, all_models_allowed, allowed_models, position FROM held
    JOIN provider_configs ON policy_id = source;
CREATE TEMP TABLE limit_ids AS SELECT policy, id AS of, gen_random_uuid() AS id FROM held
    JOIN (SELECT DISTINCT policy_id, id FROM limit_lines) AS l ON l.policy_id = source;
ANALYZE limit_ids;
INSERT INTO limit_lines (id, kind, policy_id, provider_name, max_limit, reset_duration, quarter_start_month, position,
    created_at)
SELECT i.id, l.kind, i.policy, l.provider_name, l.max_limit, l.reset_duration, l.quarter_start_month, l.position,
    now() - interval '1 hour'
FROM limit_ids AS i JOIN limit_lines AS l ON l.id = i.of;
INSERT INTO policy_tool_groups (policy_id, tool_group_id, position)
SELECT policy, tool_group_id, position FROM held JOIN policy_tool_groups ON policy_id = source;
INSERT INTO policy_mcp_servers (policy_id, mcp_server_id, position)
SELECT policy, mcp_server_id, position FROM held JOIN policy_mcp_servers ON policy_id = source;
INSERT INTO policy_tool_overrides (policy_id, mcp_client_id, tool_name, action, position)
SELECT policy, mcp_client_id, tool_name, action, position FROM held JOIN policy_tool_overrides ON policy_id = source`

// fill gives every user a copy of a profile and a key, straight into the tables, as the console would have stored
// them.
func (g *gateway) fill(ctx context.Context) error {
	db, err := g.connect(ctx)
	if err != nil {
		return err
	}
	defer db.Close(ctx)
	ids := make([]string, len(g.templates))
	for i, t := range g.templates {
		ids[i] = strconv.FormatInt(t.ID, 10)
	}
	// What is copied refers to the same rows, so nothing has to be looked up again.
	_, err = db.Exec(ctx, "SET session_replication_role = replica;"+
		fmt.Sprintf(holdersOf, firstHeld, len(g.keys), strings.Join(ids, ","), len(ids), len(fieldgroup.Names), callerID))
	if err != nil {
		return err
	}
	if err := g.copyKeys(ctx, db); err != nil {
		return err
	}
	_, err = db.Exec(ctx, "VACUUM (ANALYZE)")
	return err
}

// copyKeys stores the keys by their hashes, which it makes as the console does.
func (g *gateway) copyKeys(ctx context.Context, db *pgx.Conn) error {
	plain, err := secret.ParseSecret(value())
	if err != nil {
		return err
	}
	derived, err := secret.DeriveKeys(plain)
	if err != nil {
		return err
	}
	now := time.Now().UTC().Add(-time.Hour)
	_, err = db.CopyFrom(ctx, pgx.Identifier{"virtual_keys"},
		[]string{"id", "user_id", "name", "name_key", "key_hash", "last_four", "created_at", "updated_at"},
		pgx.CopyFromSlice(len(g.keys), func(n int) ([]any, error) {
			mac := hmac.New(sha256.New, derived.VirtualKey)
			mac.Write([]byte(g.keys[n]))
			name, value := fmt.Sprintf("key %d", n), g.keys[n]
			return []any{keyIDOf(n), userOf(n), name, name, mac.Sum(nil), value[len(value)-4:], now, now}, nil
		}))
	return err
}
