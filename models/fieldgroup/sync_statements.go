package fieldgroup

// In all of these ?0 is the ids of the policies to change, and ?1 the new rows.

// The new calendar of windows is ?1, whether they are aligned, and ?2, its time zone.
const carryLimits = `
UPDATE limit_lines AS l SET
    carried_from = window_start(l.reset_duration, l.quarter_start_month, p.calendar, l.created_at, l.carried_from,
        l.carried_until, ?3),
    carried_until = window_end(l.reset_duration, l.quarter_start_month, calendar_name(?1, ?2), l.created_at, ?3)
FROM policies AS p
WHERE p.id = l.policy_id AND p.id = ANY (?0) AND p.calendar IS DISTINCT FROM calendar_name(?1, ?2)
    AND l.reset_duration NOT IN ('1m', '1h')`

const setCalendar = `
UPDATE policies SET calendar_aligned = ?1, time_zone = ?2 WHERE id = ANY (?0) AND (calendar_aligned,
    time_zone) IS DISTINCT FROM (?1, ?2)`

const setFailOpen = `UPDATE policies SET fail_open_for = ?1 WHERE id = ANY (?0)`

// pushedLimits reads ?1 as rows.
const pushedLimits = `jsonb_to_recordset(?1::jsonb) AS n(provider_name text, kind text, max_limit bigint,
    reset_duration text,
    quarter_start_month integer, position integer, had_duration text, had_quarter integer, beside text)`

// matchLimits joins them with the limits that policies have.
const matchLimits = `l.policy_id = ANY (?0) AND coalesce(l.provider_name, '') = n.provider_name AND l.kind = n.beside
  AND l.reset_duration = n.had_duration AND coalesce(l.quarter_start_month, 0) % 3 = n.had_quarter`

const deleteLimits = `DELETE FROM limit_lines AS l USING ` + pushedLimits + ` WHERE ` + matchLimits

// changeLimits ends the carried window of a limit whose windows change.
const changeLimits = `
UPDATE limit_lines AS l SET
    max_limit = n.max_limit, reset_duration = n.reset_duration, quarter_start_month = n.quarter_start_month,
        position = n.position,
    carried_until = CASE WHEN l.reset_duration = n.reset_duration THEN l.carried_until END
FROM ` + pushedLimits + ` WHERE ` + matchLimits

// Clearable is in SQL which counters w are cleared: those that show something, and all of windows that may be under
// way, since an event that has added nothing to one may still be corrected. A window that is carried on, and a long
// month, lasts longer than the span.
const Clearable = `(w.cleared < w.used OR w.window_start > clock_timestamp() - 3 * window_span(w.reset_duration))`

// clearReturning resets a window that a limit had before and gets back, so that it starts at zero like any other
// unmatched one.
const clearReturning = `
UPDATE limit_windows AS w SET cleared = w.used, cleared_at = clock_timestamp()
FROM limit_lines AS l, ` + pushedLimits + `
WHERE ` + matchLimits + ` AND w.line_id = l.id AND w.kind = n.kind AND w.reset_duration = n.reset_duration
    AND ` + Clearable

// putLimitsBeside adds limits with the id of one that there is: clients write both as one rate limit.
const putLimitsBeside = `
INSERT INTO limit_lines (id, kind, policy_id, provider_name, max_limit, reset_duration, quarter_start_month, position,
    created_at)
SELECT l.id, n.kind, l.policy_id, l.provider_name, n.max_limit, n.reset_duration, n.quarter_start_month, n.position,
    l.created_at
FROM limit_lines AS l, ` + pushedLimits + ` WHERE ` + matchLimits

// putLimits adds limits; those of tokens and requests share an id in each scope.
const putLimits = `
WITH added AS (SELECT * FROM ` + pushedLimits + `), ids AS MATERIALIZED (
    SELECT policy.id AS policy_id, scope.provider_name, gen_random_uuid() AS id
    FROM unnest(?0::bigint[]) AS policy(id), (SELECT DISTINCT provider_name FROM added WHERE kind <> 'spend') AS scope
)
INSERT INTO limit_lines (id, kind, policy_id, provider_name, max_limit, reset_duration, quarter_start_month, position,
    created_at)
SELECT gen_random_uuid(), n.kind, policy.id, nullif(n.provider_name, ''), n.max_limit, n.reset_duration,
    n.quarter_start_month, n.position, ?2::timestamptz
FROM unnest(?0::bigint[]) AS policy(id), added AS n WHERE n.kind = 'spend'
UNION ALL
SELECT ids.id, n.kind, ids.policy_id, nullif(n.provider_name, ''), n.max_limit, n.reset_duration,
    n.quarter_start_month, n.position, ?2::timestamptz
FROM ids JOIN added AS n USING (provider_name) WHERE n.kind <> 'spend'`

const deleteProviders = `
DELETE FROM provider_configs WHERE policy_id = ANY (?0)
AND provider_name NOT IN (SELECT provider_name FROM jsonb_to_recordset(?1::jsonb) AS l(provider_name text))`

const putProviders = `
INSERT INTO provider_configs (policy_id, provider_name, all_models_allowed, allowed_models, refuse_unpriced, position)
SELECT policy.id, l.provider_name, l.all_models_allowed, l.allowed_models, coalesce(l.refuse_unpriced, false), l.n
FROM unnest(?0::bigint[]) AS policy(id),
     jsonb_to_recordset(?1::jsonb) AS l(provider_name text, all_models_allowed boolean, allowed_models text[],
         refuse_unpriced boolean, n integer)
ON CONFLICT (policy_id, provider_name)
DO UPDATE SET all_models_allowed = excluded.all_models_allowed, allowed_models = excluded.allowed_models,
    refuse_unpriced = excluded.refuse_unpriced, position = excluded.position`

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
