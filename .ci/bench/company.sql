-- A large company beside the sample data, straight into the tables as the console would have stored it. The temporary
-- table size says how many.
SET session_replication_role = replica;
SET statement_timeout = 0;
SET jit = off;
SET synchronous_commit = off;
SET work_mem = '128MB';

-- Profiles like those of the sample data.
CREATE TEMP TABLE made AS
SELECT 1000000 + n AS id, like_.* FROM size, generate_series(1, profiles - (SELECT count(*) FROM access_profiles)) AS n
JOIN (SELECT id AS source_id, policy_id AS source, row_number() OVER (ORDER BY id) - 1 AS at, count(*) OVER () AS n_all
    FROM access_profiles) AS like_ ON like_.at = n % like_.n_all;
INSERT INTO access_profiles SELECT (jsonb_populate_record(p, jsonb_build_object('id', m.id, 'policy_id', m.id,
    'name', 'Team ' || m.id % 1000, 'name_key', 'team ' || m.id % 1000, 'search_key', 'team ' || m.id % 1000 || E'\n'))).*
FROM made AS m JOIN access_profiles AS p ON p.id = m.source_id;
INSERT INTO access_profile_tags SELECT m.id, tag_key, tag FROM made AS m JOIN access_profile_tags
    ON access_profile_id = source_id;
INSERT INTO access_profile_versions
SELECT m.id, m.id, p.version, p.name, p.description,
    jsonb_set(jsonb_set(v.snapshot::jsonb, '{id}', to_jsonb(m.id)), '{name}', to_jsonb(p.name))::text, 'bench', now()
FROM made AS m JOIN access_profiles AS p ON p.id = m.id
JOIN access_profile_versions AS v ON v.access_profile_id = m.source_id AND v.version = p.version;
UPDATE audit_head SET access_profiles = (SELECT count(*) FROM access_profiles);
INSERT INTO roles (id, name, name_key) SELECT 1000 + n, 'Department ' || n, 'department ' || n FROM generate_series(1, 57) AS n;
INSERT INTO role_permissions SELECT 1000 + n, 'AccessProfiles:View' FROM generate_series(1, 57) AS n;

-- Users, each with a copy of a profile, and every third with another.
CREATE TEMP TABLE template AS SELECT row_number() OVER (ORDER BY id) - 1 AS t, count(*) OVER () AS n, id,
    coalesce(source, policy_id) AS source, policy_version AS version FROM access_profiles LEFT JOIN made USING (id);
CREATE TEMP TABLE held AS
SELECT 200000000 + row_number() OVER () AS policy, h.n, lpad(to_hex(h.n), 8, '0') || '-0000-4000-8000-00000000c0c0' AS user_id,
    t.id AS template, t.source, t.version
FROM (SELECT n, n AS t FROM size, generate_series(0, users - 1) AS n
    UNION ALL SELECT n, n + 13 FROM size, generate_series(0, users - 1, 3) AS n) AS h(n, t)
JOIN template AS t ON t.t = h.t % t.n;
ANALYZE held;
INSERT INTO users (id, name, email, email_key, role_id)
SELECT lpad(to_hex(n), 8, '0') || '-0000-4000-8000-00000000c0c0',
    (ARRAY['Ada', 'Ben', 'Cleo', 'Dan', 'Eva', 'Finn', 'Gia', 'Hugo', 'Ida', 'Jon'])[n % 10 + 1] || ' '
    || (ARRAY['Lovelace', 'Meyer', 'Okoye', 'Singh', 'Tanaka', 'Usman', 'Vega', 'Weber', 'Xu', 'Young', 'Zola'])[n % 11 + 1]
    || ' ' || n, 'user' || n || '@company.example', 'user' || n || '@company.example',
    CASE WHEN n % 2 = 0 THEN 1001 + n % 57 ELSE 3 END
FROM size, generate_series(0, users - 1) AS n;
-- What is copied has the places of what it is copied from.
CREATE TEMP TABLE copied AS
SELECT policy, source, version FROM held UNION ALL SELECT id, source, 1 FROM made;
ANALYZE copied;
INSERT INTO policies (id, calendar_aligned, time_zone)
SELECT c.policy, p.calendar_aligned, p.time_zone FROM copied AS c JOIN policies AS p ON p.id = c.source;
INSERT INTO user_access_profiles (id, user_id, access_profile_id, policy_id, direct, from_role, group_versions, template_version,
    assigned_at)
SELECT policy, user_id, template, policy, true, false, array_fill(version, ARRAY[6]), version, now() - interval '400 days' FROM held;
INSERT INTO provider_configs (id, policy_id, provider_name, all_models_allowed, allowed_models, position)
SELECT c.policy * 100 + position, c.policy, provider_name, all_models_allowed, allowed_models, position
FROM copied AS c JOIN provider_configs ON policy_id = source;
INSERT INTO policy_tool_groups SELECT c.policy, tool_group_id, position FROM copied AS c JOIN policy_tool_groups ON policy_id = source;
INSERT INTO policy_mcp_servers SELECT c.policy, mcp_server_id, position FROM copied AS c JOIN policy_mcp_servers ON policy_id = source;
INSERT INTO policy_tool_overrides SELECT c.policy, mcp_client_id, tool_name, action, position FROM copied AS c
    JOIN policy_tool_overrides ON policy_id = source;
CREATE TEMP TABLE limit_ids AS SELECT policy, id AS of, gen_random_uuid() AS id FROM copied
    JOIN (SELECT DISTINCT policy_id, id FROM limit_lines) AS l ON l.policy_id = source;
CREATE INDEX ON limit_ids (policy);
ANALYZE limit_ids;
INSERT INTO limit_lines (id, kind, policy_id, provider_name, max_limit, reset_duration, quarter_start_month, position, created_at)
SELECT i.id, l.kind, i.policy, l.provider_name, l.max_limit, l.reset_duration, l.quarter_start_month, l.position,
    now() - interval '400 days' - i.policy % 86400 * interval '1 second'
FROM limit_ids AS i JOIN limit_lines AS l ON l.id = i.of;
INSERT INTO virtual_keys (id, user_id, name, name_key, key_hash, last_four, created_at, updated_at)
SELECT lpad(to_hex(n), 8, '0') || '-0000-4000-9000-00000000c0c0', lpad(to_hex(n % users), 8, '0') || '-0000-4000-8000-00000000c0c0',
    'company key ' || n, 'company key ' || n, sha256(n::text::bytea), lpad(to_hex(n % 65536), 4, '0'), now() - interval '90 days',
    now() - interval '90 days'
FROM size, generate_series(0, keys - 1) AS n;
INSERT INTO access_changes (user_id, seq) SELECT id, seq FROM users CROSS JOIN audit_head ON CONFLICT DO NOTHING;
INSERT INTO usage_changes (user_id) SELECT id FROM users ON CONFLICT DO NOTHING;

-- What each calls: the providers of a copy, two models of each. A day has a part of these, spread over all users.
CREATE TEMP TABLE slot AS
SELECT row_number() OVER () AS s, h.user_id, h.template, c.provider_name AS provider, c.provider_name || '-model-' || m AS model
FROM held AS h JOIN provider_configs AS c ON c.policy_id = h.policy CROSS JOIN LATERAL (VALUES (h.n * 3 % 50), ((h.n * 3 + 17) % 50)) AS v(m);
ANALYZE slot;
INSERT INTO usage_days (day, user_id, access_profile_id, provider, model, cost, tokens, requests, unpriced)
SELECT (now() AT TIME ZONE 'UTC')::date - d, s.user_id, s.template, s.provider, s.model, 1000000 + (s.s * 7919 + d) % 900000000, 5000 + (s.s * 31 + d) % 90000,
    20 + (s.s + d) % 60, 0
FROM (SELECT *, rows::float / days / (SELECT count(*) FROM slot) AS part FROM size) AS size,
    generate_series(days - 1, 0, -1) AS d, slot AS s
WHERE (s.s * 2654435761 + d * 40503) % 10000 < part * 10000
ORDER BY 1, 2
ON CONFLICT DO NOTHING;
INSERT INTO usage_latest
SELECT user_id, max(day), date_trunc('month', now() AT TIME ZONE 'UTC')::date,
    coalesce(sum(cost) FILTER (WHERE day >= date_trunc('month', now() AT TIME ZONE 'UTC')::date), 0)
FROM usage_days GROUP BY user_id ON CONFLICT DO NOTHING;
INSERT INTO usage_latest SELECT id, now() - abs(hashtext(id)) % 60 * interval '1 day', date_trunc('month', now() AT TIME ZONE 'UTC')::date,
    abs(hashtext(id))::bigint * 10 FROM virtual_keys WHERE abs(hashtext(id)) % 4 > 0 ON CONFLICT DO NOTHING;
INSERT INTO weekly_charges (week, id, copy_id, access_profile_id, line_ids, line_kinds, line_durations, window_starts)
SELECT week, md5(s.template::text)::uuid, s.template, s.template, '{}', '{}', '{}', '{}'
FROM usage_weeks, (SELECT DISTINCT template FROM slot) AS s WHERE closed_at IS NULL;
INSERT INTO weekly_events (week, user_id, event_id, occurred_at, received_at, charge_set, provider, model, mcp_client_id,
    tool_name, cost, cost_computed, estimated, tokens, requests)
SELECT w.week, s.user_id::uuid, gen_random_uuid(), now() - n * interval '23 days' / events, now() - n * interval '23 days' / events, md5(s.template::text)::uuid,
    s.provider, s.model, '', '', 1250000, false, false, 1000, 1
FROM size, (SELECT week FROM usage_weeks WHERE closed_at IS NULL) AS w, generate_series(events - 1, 0, -1) AS n JOIN slot AS s ON s.s = n::bigint * 7919 % (SELECT count(*) FROM slot) + 1;
-- Counters of the windows under way, one budget in fifty used up, and of thirty windows before each.
INSERT INTO limit_windows (line_id, kind, reset_duration, window_start, used)
SELECT l.id, l.kind, l.reset_duration,
    window_start(l.reset_duration, l.quarter_start_month, p.calendar, l.created_at, NULL, NULL, now() - w * window_span(l.reset_duration)),
    (l.max_limit::numeric * (abs(hashtext(l.id::text)) % 102) / 100)::bigint
FROM limit_lines AS l JOIN policies AS p ON p.id = l.policy_id, generate_series(0, 30) AS w
WHERE p.id >= 200000000
ON CONFLICT DO NOTHING;
-- Refusals of thirty days, and changes.
INSERT INTO refusals (user_id, minute, reason, watched, copy_id, line_id, key_id, asked, access_profile_id, granted, calls, estimated_cost,
    estimated_tokens, scope, kind, reset_duration, line_reason, used, reserved, most, resets_at, first_at, last_at)
SELECT h.user_id, date_trunc('minute', now()) - (r.at % 43200) * interval '1 minute', 8, false, h.policy, i.id, '', 'openai/gpt-5-mini', h.template,
    true, 1 + r.at % 200, 0, 0, 'total', 'spend', '1M', 'used_up', 500000000000, 0, 500000000000, now() + interval '2 days',
    date_trunc('minute', now()) - (r.at % 43200) * interval '1 minute', date_trunc('minute', now()) - (r.at % 43200) * interval '1 minute'
FROM size, generate_series(1, refusals) AS r(at) JOIN held AS h ON h.policy = 200000001 + r.at * 31 % (SELECT count(*) FROM held)
JOIN LATERAL (SELECT id FROM limit_ids WHERE policy = h.policy LIMIT 1) AS i ON true
ORDER BY 2 ON CONFLICT DO NOTHING;
INSERT INTO audit_logs (access_profile_id, user_id, actor, action, previous_values, new_values, created_at, hash)
SELECT t.id, CASE WHEN c.at % 2 = 0 THEN lpad(to_hex(c.at % users), 8, '0') || '-0000-4000-8000-00000000c0c0' END, 'bench', 'update',
    '{"name":"before"}', '{"name":"after"}', now() - c.at * interval '1 minute', sha256(c.at::text::bytea)
FROM size, generate_series(changes, 1, -1) AS c(at) JOIN template AS t ON t.t = c.at % t.n;
