package policy_test

import (
	"io/fs"
	"testing"
	"testing/fstest"

	"github.com/uptrace/bun"

	"tollgate/models/migrations"
	"tollgate/models/modelstest"
	"tollgate/models/schema"
)

// filled has a profile and two copies with limits of every kind and scope, windows that were carried on, an override,
// counters of windows past and present, also of a pair that is unset by now, a hold and an event.
const filled = `
INSERT INTO providers (name, models) VALUES ('openai', '{m}'), ('groq', '{m}');
INSERT INTO policies (id, calendar_aligned) VALUES (1, false), (2, true), (3, false);
INSERT INTO provider_configs (id, policy_id, provider_name, all_models_allowed, allowed_models, position)
SELECT p * 10 + n, p, name, true, '{}', n FROM generate_series(1, 3) AS p, (VALUES (1, 'openai'), (2, 'groq')) AS c(n, name);
INSERT INTO budgets (id, policy_id, provider_config_id, max_limit, reset_duration, quarter_start_month, position, created_at, carried_from, carried_until)
SELECT md5(concat('b', p, ' ', scope, ' ', n))::uuid, p, p * 10 + scope, 1000000007::bigint * (p + n), duration, CASE duration WHEN '1Q' THEN 1 + n END, CASE p WHEN 1 THEN n ELSE n + 1 END,
       '2026-07-01 10:30:00.123456+00', CASE p WHEN 2 THEN timestamptz '2026-07-01 00:00:00+00' END, CASE p WHEN 2 THEN timestamptz '2026-07-02 00:00:00+00' END
FROM generate_series(1, 3) AS p, (VALUES (NULL), (1), (2)) AS s(scope),
     (VALUES (0, '1Y'), (1, '1Q'), (2, '1d'), (3, '1h'), (5, '1Q')) AS b(n, duration);
INSERT INTO budgets (id, policy_id, max_limit, reset_duration, position, created_at)
SELECT md5('m' || p)::uuid, p, 0, '1M', 9, '2026-07-01' FROM generate_series(1, 3) AS p;
INSERT INTO rate_limits (id, policy_id, provider_config_id, token_max_limit, token_reset_duration, request_max_limit, request_reset_duration, created_at,
    token_carried_from, token_carried_until, request_carried_from, request_carried_until)
SELECT md5(concat('r', p, ' ', scope))::uuid, p, p * 10 + scope, tokens, CASE WHEN tokens IS NOT NULL THEN '1d' END, requests, CASE WHEN requests IS NOT NULL THEN '1w' END,
       '2026-07-01 11:00:00.5+00', '2026-07-01 01:00:00+00', '2026-07-01 02:00:00+00', '2026-07-01 03:00:00+00', '2026-07-01 04:00:00+00'
FROM generate_series(1, 3) AS p, (VALUES (NULL::int, 9007199254740991, 5), (1, NULL, 6), (2, 7, NULL)) AS r(scope, tokens, requests);
INSERT INTO budget_overrides (budget_id, amount, cycles, anchor, ends_at)
SELECT id, 5, CASE reset_duration WHEN '1d' THEN 3 END, created_at, CASE reset_duration WHEN '1d' THEN timestamptz '2026-07-04 00:00:00+00' END
FROM budgets WHERE policy_id > 1 AND reset_duration IN ('1d', '1M');
INSERT INTO limit_windows (line_id, kind, reset_duration, window_start, used, cleared)
SELECT id, 'spend', reset_duration, created_at - n * interval '1 year', 17 * (n + 1), n FROM budgets, generate_series(0, 1) AS n
UNION ALL SELECT id, kind, duration, created_at - n * interval '1 week', 19 * (n + 1), n
FROM rate_limits, generate_series(0, 1) AS n, (VALUES ('tokens', '1d'), ('requests', '1w'), ('requests', '1h')) AS k(kind, duration);
INSERT INTO reservations (id, user_id, copy_id, expires_at, line_ids, kinds, reset_durations, window_starts, amounts)
SELECT gen_random_uuid(), 'ada', 1, now() + interval '1 hour', array_agg(id), array_agg('tokens'::text), array_agg('1d'::text), array_agg(created_at), array_agg(1::bigint) FROM rate_limits`

// limitsBefore and limitsAfter write out each limit with its override and its counters, of either schema.
const (
	limitsBefore = `
WITH line AS (
    SELECT id, 'spend' AS kind, policy_id, provider_config_id, max_limit, reset_duration, quarter_start_month, position, created_at, carried_from, carried_until FROM budgets
    UNION ALL SELECT id, 'tokens', policy_id, provider_config_id, token_max_limit, token_reset_duration, NULL, 1, created_at, token_carried_from, token_carried_until
    FROM rate_limits WHERE token_max_limit IS NOT NULL
    UNION ALL SELECT id, 'requests', policy_id, provider_config_id, request_max_limit, request_reset_duration, NULL, 1, created_at, request_carried_from, request_carried_until
    FROM rate_limits WHERE request_max_limit IS NOT NULL
), placed AS (SELECT l.*, c.provider_name FROM line AS l LEFT JOIN provider_configs AS c ON c.id = l.provider_config_id)` + writtenOut
	limitsAfter = "WITH placed AS (SELECT * FROM limit_lines)" + writtenOut
	writtenOut  = `
SELECT string_agg(row, E'\n' ORDER BY row) FROM (
    SELECT concat_ws(' ', l.id, l.kind, l.policy_id, l.provider_name, l.max_limit, l.reset_duration, l.quarter_start_month,
        row_number() OVER (PARTITION BY l.policy_id, l.provider_name, l.kind ORDER BY l.position), l.created_at, l.carried_from, l.carried_until,
        (SELECT concat_ws(' ', amount, cycles, anchor, ends_at) FROM budget_overrides AS o WHERE o.budget_id = l.id AND l.kind = 'spend'),
        (SELECT string_agg(concat_ws(' ', w.window_start, w.used, w.cleared), ' ' ORDER BY w.window_start) FROM limit_windows AS w
         WHERE w.line_id = l.id AND w.kind = l.kind AND w.reset_duration = l.reset_duration),
        window_start(l.reset_duration, l.quarter_start_month, p.calendar, l.created_at, l.carried_from, l.carried_until, '2026-07-01 12:00:00+00')) AS row
    FROM placed AS l JOIN policies AS p ON p.id = l.policy_id) AS rows`
	besides = `
SELECT (SELECT string_agg(concat_ws(' ', line_id, kind, reset_duration, window_start, used, cleared), ' ' ORDER BY line_id, kind, reset_duration, window_start) FROM limit_windows) || (SELECT string_agg(r::text, ' ') FROM reservations AS r)
    || (SELECT string_agg(concat_ws(' ', budget_id, amount, cycles, anchor, ends_at), ' ' ORDER BY budget_id) FROM budget_overrides)`
)

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

// Every limit, override, counter and hold of a database of the release before is there afterwards, with the same ids
// and figures.
func TestLimitsMoveIntoOneTable(t *testing.T) {
	t.Parallel()
	db := before(t, "20260801000000")
	modelstest.Run(t, db, filled)
	read := func(query string) (text string) {
		if err := db.NewRaw(query).Scan(t.Context(), &text); err != nil {
			t.Fatal(err)
		}
		return text
	}
	limits, rest := read(limitsBefore), read(besides)
	modelstest.AssertValue(t, db, 60, `SELECT (SELECT count(*) FROM budgets) + (SELECT count(token_max_limit) + count(request_max_limit) FROM rate_limits)`)
	if err := schema.Migrate(t.Context(), db, ""); err != nil {
		t.Fatal(err)
	}
	if after := read(limitsAfter); after != limits {
		t.Errorf("limits are\n%s, want\n%s", after, limits)
	}
	if after := read(besides); after != rest {
		t.Errorf("counters, holds and overrides are\n%s, want\n%s", after, rest)
	}
	modelstest.AssertValue(t, db, 60, "SELECT count(*) FROM limit_lines")
	modelstest.Run(t, db, "DELETE FROM provider_configs WHERE id = 21; DELETE FROM policies WHERE id = 3")
	modelstest.AssertValue(t, db, 20+20-6, "SELECT count(*) FROM limit_lines")
	modelstest.AssertValue(t, db, 3, "SELECT count(*) FROM budget_overrides")
}
