package usage_test

import (
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/uptrace/bun"

	"tollgate/models/migrations"
	"tollgate/models/modelstest"
	"tollgate/models/schema"
)

// before migrates an empty database as far as programs did before a migration.
func before(t *testing.T, name string) *bun.DB {
	t.Helper()
	files := fstest.MapFS{}
	found, err := fs.Glob(migrations.Files, "*.sql")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range found {
		if data, err := fs.ReadFile(migrations.Files, file); file < name && err == nil {
			files[file] = &fstest.MapFile{Data: data}
		}
	}
	db := modelstest.Open(t, modelstest.EmptyDatabase(t))
	if err := schema.MigrateFiles(t.Context(), db, files, ""); err != nil {
		t.Fatal(err)
	}
	return db
}

// What was stored under a model's whole name moves to its provider, and rows of a day that are then of the same model
// become one.
func TestStoredUsageMovesToItsProvider(t *testing.T) {
	t.Parallel()
	db := before(t, "20260703000000")
	for i, call := range [][2]string{
		{"", "openai/gpt-5"}, {"openai", "gpt-5"}, {"", "groq/openai/x"}, {"", "gpt-5"}, {"", "/models/q"}, {"", "openai/"}, {"groq", "openai/x"}, {"openai", "openai/gpt-5"}, {"", "openai/openai/gpt-5"},
	} {
		_, err := db.ExecContext(t.Context(), `
INSERT INTO usage_events (user_id, event_id, occurred_at, received_at, provider, model, mcp_client_id, tool_name, cost, tokens, requests, line_ids, line_kinds, line_durations, window_starts)
VALUES ('ada', gen_random_uuid(), now(), now(), ?0, ?1, '', '', ?2, 1, 1, '{}', '{}', '{}', '{}');
INSERT INTO usage_days VALUES ('2026-07-01', 'ada', 0, ?0, ?1, ?2, 1, 1, 0), ('2026-07-02', 'bob', 0, ?0, ?1, ?2, 1, 1, 1);
INSERT INTO usage_quarantine VALUES (gen_random_uuid(), jsonb_build_object('provider', ?0::text, 'model', ?1::text, 'cost', 0.000000001)::text, now())`, call[0], call[1], 1<<i)
		if err != nil {
			t.Fatal(err)
		}
	}
	modelstest.Run(t, db, "INSERT INTO usage_days VALUES ('2026-07-01', 'ada', 0, 'mcp', 'mcp/read', 0, 0, 9, 0)")
	if err := schema.Migrate(t.Context(), db, ""); err != nil {
		t.Fatal(err)
	}
	const want = " /models/q 16, gpt-5 8,groq openai/x 68,openai  32,openai gpt-5 387"
	modelstest.AssertValue(t, db, want, `SELECT string_agg(call, ',') FROM (SELECT provider || ' ' || model || ' ' || sum(cost) AS call FROM usage_events GROUP BY provider, model ORDER BY provider COLLATE "C", model COLLATE "C") AS c`)
	modelstest.AssertValue(t, db, want, `SELECT string_agg(provider || ' ' || model || ' ' || cost, ',' ORDER BY provider, model) FROM usage_days WHERE user_id = 'ada' AND provider <> 'mcp'`)
	modelstest.AssertValue(t, db, "511 9 9 9", `SELECT sum(cost) || ' ' || sum(tokens) || ' ' || sum(requests) || ' ' || sum(unpriced) FROM usage_days WHERE user_id = 'bob'`)
	modelstest.AssertValue(t, db, 9, "SELECT requests FROM usage_days WHERE provider = 'mcp' AND model = 'mcp/read'")
	modelstest.AssertValue(t, db, strings.Repeat("0.000000001,", 9), `SELECT string_agg((event::jsonb ->> 'cost') || ',', '') FROM usage_quarantine`)
	modelstest.AssertValue(t, db, 2, `SELECT count(*) FROM usage_quarantine WHERE event::jsonb @> '{"provider": "groq", "model": "openai/x"}'`)
}

// Users and keys that were used before have their last use, and what they spent in this month less what was taken back.
func TestLatestUseOfStoredUsage(t *testing.T) {
	t.Parallel()
	db := before(t, "20260809000000")
	modelstest.Run(t, db, `
INSERT INTO usage_events (user_id, event_id, occurred_at, received_at, virtual_key_id, provider, model, mcp_client_id, tool_name, cost, tokens, requests, line_ids, line_kinds, line_durations, window_starts)
SELECT 'ada', gen_random_uuid(), at, now(), key, 'openai', 'm', '', '', cost, 1, 1, '{}', '{}', '{}', '{}'
FROM (VALUES (now(), 'k1', 5), (now(), NULL, 7), (now() - interval '32 days', 'k1', 100), (now() - interval '32 days', 'k2', 100)) AS e(at, key, cost);
INSERT INTO usage_adjustments (id, event_id, amount, charge, reason, actor, created_at)
SELECT gen_random_uuid(), event_id, -2, 3, 'r', 'a', now() FROM usage_events WHERE cost = 5`)
	if err := schema.Migrate(t.Context(), db, ""); err != nil {
		t.Fatal(err)
	}
	modelstest.AssertValue(t, db, "ada 10 now,k1 3 now,k2 0 before", `
SELECT string_agg(id || ' ' || cost || CASE WHEN last_used_at > now() - interval '1 hour' THEN ' now' ELSE ' before' END, ',' ORDER BY id) FROM usage_latest`)
}
