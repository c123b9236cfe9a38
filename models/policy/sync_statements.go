package policy

// In all of these ?0 is the ids of the policies to change, and ?1 the new rows.

// The new calendar of windows is ?1, whether they are aligned, and ?2, its time zone.
const carryBudgets = `
UPDATE budgets AS b SET
    carried_from = window_start(b.reset_duration, b.quarter_start_month, p.calendar, b.created_at, b.carried_from, b.carried_until, ?3),
    carried_until = window_end(b.reset_duration, b.quarter_start_month, calendar_name(?1, ?2), b.created_at, ?3)
FROM policies AS p
WHERE p.id = b.policy_id AND p.id = ANY (?0) AND p.calendar IS DISTINCT FROM calendar_name(?1, ?2) AND b.reset_duration <> '1h'`

const carryLimits = `
UPDATE rate_limits AS l SET
    token_carried_from = window_start(l.token_reset_duration, NULL, p.calendar, l.created_at, l.token_carried_from, l.token_carried_until, ?3),
    token_carried_until = window_end(l.token_reset_duration, NULL, calendar_name(?1, ?2), l.created_at, ?3),
    request_carried_from = window_start(l.request_reset_duration, NULL, p.calendar, l.created_at, l.request_carried_from, l.request_carried_until, ?3),
    request_carried_until = window_end(l.request_reset_duration, NULL, calendar_name(?1, ?2), l.created_at, ?3)
FROM policies AS p
WHERE p.id = l.policy_id AND p.id = ANY (?0) AND p.calendar IS DISTINCT FROM calendar_name(?1, ?2)`

const setCalendar = `
UPDATE policies SET calendar_aligned = ?1, time_zone = ?2 WHERE id = ANY (?0) AND (calendar_aligned, time_zone) IS DISTINCT FROM (?1, ?2)`

const deleteTotalBudgets = `
DELETE FROM budgets AS b WHERE b.policy_id = ANY (?0) AND b.provider_config_id IS NULL AND NOT EXISTS (
    SELECT FROM jsonb_to_recordset(?1::jsonb) AS l(reset_duration text, quarter_start_month integer)
    WHERE l.reset_duration = b.reset_duration AND coalesce(l.quarter_start_month, 0) % 3 = coalesce(b.quarter_start_month, 0) % 3)`

const changeTotalBudgets = `
UPDATE budgets AS b SET max_limit = l.max_limit, quarter_start_month = l.quarter_start_month, position = l.position
FROM jsonb_to_recordset(?1::jsonb) AS l(max_limit bigint, reset_duration text, quarter_start_month integer, position integer)
WHERE b.policy_id = ANY (?0) AND b.provider_config_id IS NULL AND b.reset_duration = l.reset_duration
  AND coalesce(l.quarter_start_month, 0) % 3 = coalesce(b.quarter_start_month, 0) % 3`

const putTotalBudgets = `
INSERT INTO budgets (id, policy_id, max_limit, reset_duration, quarter_start_month, position, created_at)
SELECT gen_random_uuid(), policy.id, l.max_limit, l.reset_duration, l.quarter_start_month, l.position, ?2
FROM unnest(?0::bigint[]) AS policy(id),
     jsonb_to_recordset(?1::jsonb) AS l(max_limit bigint, reset_duration text, quarter_start_month integer, position integer)`

// clearReturning resets a window that a limit had before and gets back, so that it starts at zero like any other
// unmatched one.
const clearReturning = `
UPDATE limit_windows AS w SET cleared = w.used
FROM rate_limits AS r LEFT JOIN provider_configs AS c ON c.id = r.provider_config_id,
     jsonb_to_recordset(?1::jsonb) AS l(provider_name text, token_reset_duration text, request_reset_duration text)
WHERE r.policy_id = ANY (?0) AND l.provider_name = coalesce(c.provider_name, '') AND w.line_id = r.id AND w.cleared < w.used
  AND (w.kind = 'tokens' AND w.reset_duration = l.token_reset_duration AND r.token_reset_duration IS DISTINCT FROM l.token_reset_duration
    OR w.kind = 'requests' AND w.reset_duration = l.request_reset_duration AND r.request_reset_duration IS DISTINCT FROM l.request_reset_duration)`

const deleteTotalLimits = `DELETE FROM rate_limits WHERE policy_id = ANY (?0) AND provider_config_id IS NULL AND '[]'::jsonb = ?1::jsonb`

// changeLimit clears the carried window of a pair whose windows have changed.
const changeLimit = `
UPDATE rate_limits AS r SET
    token_max_limit = l.token_max_limit, token_reset_duration = l.token_reset_duration,
    token_carried_until = CASE WHEN r.token_reset_duration = l.token_reset_duration THEN r.token_carried_until END,
    request_max_limit = l.request_max_limit, request_reset_duration = l.request_reset_duration,
    request_carried_until = CASE WHEN r.request_reset_duration = l.request_reset_duration THEN r.request_carried_until END`

const changeTotalLimits = changeLimit + `
FROM jsonb_to_recordset(?1::jsonb) AS l(token_max_limit bigint, token_reset_duration text, request_max_limit bigint, request_reset_duration text)
WHERE r.policy_id = ANY (?0) AND r.provider_config_id IS NULL`

const putTotalLimits = `
INSERT INTO rate_limits (id, policy_id, token_max_limit, token_reset_duration, request_max_limit, request_reset_duration, created_at)
SELECT gen_random_uuid(), policy.id, l.token_max_limit, l.token_reset_duration, l.request_max_limit, l.request_reset_duration, ?2
FROM unnest(?0::bigint[]) AS policy(id),
     jsonb_to_recordset(?1::jsonb) AS l(token_max_limit bigint, token_reset_duration text, request_max_limit bigint, request_reset_duration text)`

const deleteProviders = `
DELETE FROM provider_configs WHERE policy_id = ANY (?0)
AND provider_name NOT IN (SELECT provider_name FROM jsonb_to_recordset(?1::jsonb) AS l(provider_name text))`

const putProviders = `
INSERT INTO provider_configs (policy_id, provider_name, all_models_allowed, allowed_models, refuse_unpriced, position)
SELECT policy.id, l.provider_name, l.all_models_allowed, l.allowed_models, coalesce(l.refuse_unpriced, false), l.n
FROM unnest(?0::bigint[]) AS policy(id),
     jsonb_to_recordset(?1::jsonb) AS l(provider_name text, all_models_allowed boolean, allowed_models text[], refuse_unpriced boolean, n integer)
ON CONFLICT (policy_id, provider_name)
DO UPDATE SET all_models_allowed = excluded.all_models_allowed, allowed_models = excluded.allowed_models,
    refuse_unpriced = excluded.refuse_unpriced, position = excluded.position`

const deleteProviderBudgets = `
DELETE FROM budgets AS b USING provider_configs AS c
WHERE c.id = b.provider_config_id AND c.policy_id = ANY (?0) AND b.policy_id = ANY (?0) AND NOT EXISTS (
    SELECT FROM jsonb_to_recordset(?1::jsonb) AS l(provider_name text, reset_duration text, quarter_start_month integer)
    WHERE l.provider_name = c.provider_name AND l.reset_duration = b.reset_duration
      AND coalesce(l.quarter_start_month, 0) % 3 = coalesce(b.quarter_start_month, 0) % 3)`

// changeProviderBudgets joins provider configs with their new rows first, and then with budgets: the planner
// underestimates the new rows, and would look up a provider config for every budget and row.
const changeProviderBudgets = `
UPDATE budgets AS b SET max_limit = l.max_limit, quarter_start_month = l.quarter_start_month, position = l.position
FROM (
    SELECT c.id, l.* FROM provider_configs AS c
    JOIN jsonb_to_recordset(?1::jsonb) AS l(provider_name text, max_limit bigint, reset_duration text, quarter_start_month integer, position integer)
        USING (provider_name)
    WHERE c.policy_id = ANY (?0) OFFSET 0
) AS l
WHERE b.policy_id = ANY (?0) AND b.provider_config_id = l.id AND b.reset_duration = l.reset_duration
  AND coalesce(l.quarter_start_month, 0) % 3 = coalesce(b.quarter_start_month, 0) % 3`

const putProviderBudgets = `
INSERT INTO budgets (id, policy_id, provider_config_id, max_limit, reset_duration, quarter_start_month, position, created_at)
SELECT gen_random_uuid(), c.policy_id, c.id, l.max_limit, l.reset_duration, l.quarter_start_month, l.position, ?2
FROM provider_configs AS c
JOIN jsonb_to_recordset(?1::jsonb) AS l(provider_name text, max_limit bigint, reset_duration text, quarter_start_month integer, position integer)
    ON l.provider_name = c.provider_name
WHERE c.policy_id = ANY (?0)`

const deleteProviderLimits = `
DELETE FROM rate_limits AS r USING provider_configs AS c
WHERE c.id = r.provider_config_id AND c.policy_id = ANY (?0) AND r.policy_id = ANY (?0)
AND c.provider_name NOT IN (SELECT provider_name FROM jsonb_to_recordset(?1::jsonb) AS l(provider_name text))`

const changeProviderLimits = changeLimit + `
FROM (
    SELECT c.id, l.* FROM provider_configs AS c
    JOIN jsonb_to_recordset(?1::jsonb) AS l(provider_name text, token_max_limit bigint, token_reset_duration text,
        request_max_limit bigint, request_reset_duration text) USING (provider_name)
    WHERE c.policy_id = ANY (?0) OFFSET 0
) AS l
WHERE r.policy_id = ANY (?0) AND r.provider_config_id = l.id`

const putProviderLimits = `
INSERT INTO rate_limits (id, policy_id, provider_config_id, token_max_limit, token_reset_duration, request_max_limit, request_reset_duration, created_at)
SELECT gen_random_uuid(), c.policy_id, c.id, l.token_max_limit, l.token_reset_duration, l.request_max_limit, l.request_reset_duration, ?2
FROM provider_configs AS c
JOIN jsonb_to_recordset(?1::jsonb) AS l(provider_name text, token_max_limit bigint, token_reset_duration text,
    request_max_limit bigint, request_reset_duration text) ON l.provider_name = c.provider_name
WHERE c.policy_id = ANY (?0)`

const deleteToolGroups = `
DELETE FROM policy_tool_groups WHERE policy_id = ANY (?0)
AND tool_group_id NOT IN (SELECT tool_group_id FROM jsonb_to_recordset(?1::jsonb) AS l(tool_group_id bigint))`

const putToolGroups = `
INSERT INTO policy_tool_groups (policy_id, tool_group_id, position)
SELECT policy.id, l.tool_group_id, l.n
FROM unnest(?0::bigint[]) AS policy(id),
     ROWS FROM (jsonb_to_recordset(?1::jsonb) AS (tool_group_id bigint)) WITH ORDINALITY AS l(tool_group_id, n)
ON CONFLICT (policy_id, tool_group_id) DO UPDATE SET position = excluded.position`

const deleteServers = `
DELETE FROM policy_mcp_servers WHERE policy_id = ANY (?0)
AND mcp_server_id NOT IN (SELECT mcp_server_id FROM jsonb_to_recordset(?1::jsonb) AS l(mcp_server_id text))`

const putServers = `
INSERT INTO policy_mcp_servers (policy_id, mcp_server_id, position)
SELECT policy.id, l.mcp_server_id, l.n
FROM unnest(?0::bigint[]) AS policy(id),
     ROWS FROM (jsonb_to_recordset(?1::jsonb) AS (mcp_server_id text)) WITH ORDINALITY AS l(mcp_server_id, n)
ON CONFLICT (policy_id, mcp_server_id) DO UPDATE SET position = excluded.position`

const deleteToolOverrides = `
DELETE FROM policy_tool_overrides AS o WHERE o.policy_id = ANY (?0) AND NOT EXISTS (
    SELECT FROM jsonb_to_recordset(?1::jsonb) AS l(mcp_client_id text, tool_name text)
    WHERE l.mcp_client_id = o.mcp_client_id AND l.tool_name = o.tool_name)`

const putToolOverrides = `
INSERT INTO policy_tool_overrides (policy_id, mcp_client_id, tool_name, action, position)
SELECT policy.id, l.mcp_client_id, l.tool_name, l.action, l.n
FROM unnest(?0::bigint[]) AS policy(id),
     ROWS FROM (jsonb_to_recordset(?1::jsonb) AS (mcp_client_id text, tool_name text, action text))
         WITH ORDINALITY AS l(mcp_client_id, tool_name, action, n)
ON CONFLICT (policy_id, mcp_client_id, tool_name) DO UPDATE SET action = excluded.action, position = excluded.position`
