package models

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
)

// FieldGroups are the parts of a policy that are pushed to copies on their own, in the order of the API's fields.
var FieldGroups = []string{"provider_configs", "budgets", "rate_limit", "mcp_tool_groups", "mcp_servers", "mcp_tool_overrides"}

// movesAlignment reports whether the windows' alignment goes along with what is pushed.
func movesAlignment(fields []string) bool {
	return slices.Contains(fields, "budgets") || slices.Contains(fields, "rate_limit")
}

// push makes the field groups named the same as in p, in all the policies named, which are like before; a fixed number of statements however
// many there are. Lines that match keep their ids, and so their usage and overrides: providers match by name, budgets by scope and window,
// limits by scope. What does not differ is not written.
func push(ctx context.Context, tx bun.Tx, ids []int64, before, p Policy, fields []string, now time.Time) error {
	to := pushed{tx: tx, ids: pgdialect.Array(ids), now: now}
	if movesAlignment(fields) && before.CalendarAligned != p.CalendarAligned {
		to.align(ctx, p.CalendarAligned)
	}
	for _, field := range fields {
		switch field {
		case "provider_configs":
			to.providers(ctx, before.ProviderConfigs, p.ProviderConfigs)
		case "budgets":
			to.lines(ctx, pushedBudgets("", before.Budgets), pushedBudgets("", p.Budgets), totalBudgets)
		case "rate_limit":
			to.lines(ctx, pushedLimits("", before.RateLimit), pushedLimits("", p.RateLimit), totalLimits)
		case "mcp_tool_groups":
			to.replace(ctx, p.MCPToolGroups, dropToolGroups, putToolGroups)
		case "mcp_servers":
			to.replace(ctx, p.MCPServers, dropServers, putServers)
		case "mcp_tool_overrides":
			to.replace(ctx, p.MCPToolOverrides, dropToolOverrides, putToolOverrides)
		}
	}
	return to.err
}

// pushed writes to many policies at once; after the first error it does nothing more.
type pushed struct {
	tx  bun.Tx
	ids any
	now time.Time
	err error
}

func (to *pushed) exec(ctx context.Context, query string, args ...any) {
	if to.err != nil {
		return
	}
	if _, err := to.tx.NewRaw(query, append([]any{to.ids}, args...)...).Exec(ctx); err != nil {
		to.err = fmt.Errorf("push to copies: %w", err)
	}
}

// list hands a list to the database as JSON, an empty one too.
func (to *pushed) list(rows any) string {
	document, err := json.Marshal(rows)
	if err != nil && to.err == nil {
		to.err = fmt.Errorf("write what is pushed: %w", err)
	}
	if string(document) == "null" {
		return "[]"
	}
	return string(document)
}

// align changes whether windows follow the calendar. Those under way go on, so that no usage is lost and no window starts earlier than it did.
func (to *pushed) align(ctx context.Context, aligned bool) {
	to.exec(ctx, carryBudgets, aligned, to.now)
	to.exec(ctx, carryLimits, aligned, to.now)
	to.exec(ctx, "UPDATE policies SET calendar_aligned = ?1 WHERE id = ANY (?0) AND calendar_aligned <> ?1", aligned)
}

const carryBudgets = `
UPDATE budgets AS b SET
    carried_from = window_start(b.reset_duration, b.quarter_start_month, p.calendar_aligned, b.created_at, b.carried_from, b.carried_until, ?2),
    carried_until = window_end(b.reset_duration, b.quarter_start_month, ?1, b.created_at, ?2)
FROM policies AS p
WHERE p.id = b.policy_id AND p.id = ANY (?0) AND p.calendar_aligned <> ?1 AND b.reset_duration <> '1h'`

const carryLimits = `
UPDATE rate_limits AS l SET
    token_carried_from = window_start(l.token_reset_duration, NULL, p.calendar_aligned, l.created_at, l.token_carried_from, l.token_carried_until, ?2),
    token_carried_until = window_end(l.token_reset_duration, NULL, ?1, l.created_at, ?2),
    request_carried_from = window_start(l.request_reset_duration, NULL, p.calendar_aligned, l.created_at, l.request_carried_from, l.request_carried_until, ?2),
    request_carried_until = window_end(l.request_reset_duration, NULL, ?1, l.created_at, ?2)
FROM policies AS p
WHERE p.id = l.policy_id AND p.id = ANY (?0) AND p.calendar_aligned <> ?1`

// pushedLine is a budget line or a rate limit on its way; Provider is "" for those of the whole policy.
type pushedLine struct {
	ProviderName         string  `json:"provider_name"`
	MaxLimit             int64   `json:"max_limit"`
	ResetDuration        string  `json:"reset_duration"`
	QuarterStartMonth    *int    `json:"quarter_start_month"`
	TokenMaxLimit        *int64  `json:"token_max_limit"`
	TokenResetDuration   *string `json:"token_reset_duration"`
	RequestMaxLimit      *int64  `json:"request_max_limit"`
	RequestResetDuration *string `json:"request_reset_duration"`
	Position             int     `json:"position"`
}

func pushedBudgets(provider string, budgets []Budget) []pushedLine {
	return positioned(budgets, func(b Budget, i int) pushedLine {
		line := pushedLine{ProviderName: provider, MaxLimit: int64(b.MaxLimit), ResetDuration: b.ResetDuration, Position: i}
		if b.ResetConfig != nil {
			line.QuarterStartMonth = &b.ResetConfig.QuarterStartMonth
		}
		return line
	})
}

func pushedLimits(provider string, r *RateLimit) []pushedLine {
	if r == nil {
		return []pushedLine{}
	}
	return []pushedLine{{
		ProviderName: provider, TokenMaxLimit: r.TokenMaxLimit, TokenResetDuration: r.TokenResetDuration,
		RequestMaxLimit: r.RequestMaxLimit, RequestResetDuration: r.RequestResetDuration,
	}}
}

// lineStatements are how lines of one kind are taken away, changed and added, with the lines as JSON.
type lineStatements struct{ drop, change, put string }

var (
	totalBudgets    = lineStatements{dropTotalBudgets, changeTotalBudgets, putTotalBudgets}
	totalLimits     = lineStatements{dropTotalLimits, changeTotalLimits, putTotalLimits}
	providerBudgets = lineStatements{dropProviderBudgets, changeProviderBudgets, putProviderBudgets}
	providerLimits  = lineStatements{dropProviderLimits, changeProviderLimits, putProviderLimits}
)

// key is by what lines match.
func (l pushedLine) key() string {
	quarter := 0
	if l.QuarterStartMonth != nil {
		quarter = *l.QuarterStartMonth % 3
	}
	return l.ProviderName + " " + l.ResetDuration + " " + strconv.Itoa(quarter)
}

// lines writes what differs between the lines before and after.
func (to *pushed) lines(ctx context.Context, before, after []pushedLine, by lineStatements) {
	differ, gone := difference(before, after, pushedLine.key, func(a, b pushedLine) bool { return reflect.DeepEqual(a, b) })
	known := map[string]bool{}
	for _, line := range before {
		known[line.key()] = true
	}
	changed, added := []pushedLine{}, []pushedLine{}
	for _, line := range differ {
		if known[line.key()] {
			changed = append(changed, line)
		} else {
			added = append(added, line)
		}
	}
	if len(gone) > 0 {
		to.exec(ctx, by.drop, to.list(after))
	}
	if len(changed) > 0 {
		if by == totalLimits || by == providerLimits {
			to.exec(ctx, clearReturning, to.list(changed))
		}
		to.exec(ctx, by.change, to.list(changed))
	}
	if len(added) > 0 {
		to.exec(ctx, by.put, to.list(added), to.now)
	}
}

const dropTotalBudgets = `
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

// clearReturning lets a window that a limit had before, and gets back, start at zero like any other that does not match.
const clearReturning = `
UPDATE limit_windows AS w SET cleared = w.used
FROM rate_limits AS r LEFT JOIN provider_configs AS c ON c.id = r.provider_config_id,
     jsonb_to_recordset(?1::jsonb) AS l(provider_name text, token_reset_duration text, request_reset_duration text)
WHERE r.policy_id = ANY (?0) AND l.provider_name = coalesce(c.provider_name, '') AND w.line_id = r.id AND w.cleared < w.used
  AND (w.kind = 'tokens' AND w.reset_duration = l.token_reset_duration AND r.token_reset_duration IS DISTINCT FROM l.token_reset_duration
    OR w.kind = 'requests' AND w.reset_duration = l.request_reset_duration AND r.request_reset_duration IS DISTINCT FROM l.request_reset_duration)`

const dropTotalLimits = `DELETE FROM rate_limits WHERE policy_id = ANY (?0) AND provider_config_id IS NULL AND '[]'::jsonb = ?1::jsonb`

// changeLimit drops the carried window of a pair whose windows are others now.
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

func (to *pushed) providers(ctx context.Context, before, after []ProviderConfig) {
	type placed struct {
		ProviderConfig
		N int `json:"n"`
	}
	place := func(config ProviderConfig, n int) placed { return placed{config, n} }
	differ, gone := difference(positioned(before, place), positioned(after, place), func(c placed) string { return c.ProviderName },
		func(a, b placed) bool {
			return a.N == b.N && a.AllModelsAllowed == b.AllModelsAllowed && slices.Equal(a.AllowedModels, b.AllowedModels)
		})
	if len(gone) > 0 {
		to.exec(ctx, dropProviders, to.list(after))
	}
	if len(differ) > 0 {
		to.exec(ctx, putProviders, to.list(differ))
	}
	stays := func(config ProviderConfig) bool {
		return slices.ContainsFunc(after, func(c ProviderConfig) bool { return c.ProviderName == config.ProviderName })
	}
	var had, have struct{ budgets, limits []pushedLine }
	for _, config := range before {
		if stays(config) { // the lines of others went with them
			had.budgets = append(had.budgets, pushedBudgets(config.ProviderName, config.Budgets)...)
			had.limits = append(had.limits, pushedLimits(config.ProviderName, config.RateLimit)...)
		}
	}
	for _, config := range after {
		have.budgets = append(have.budgets, pushedBudgets(config.ProviderName, config.Budgets)...)
		have.limits = append(have.limits, pushedLimits(config.ProviderName, config.RateLimit)...)
	}
	to.lines(ctx, had.budgets, have.budgets, providerBudgets)
	to.lines(ctx, had.limits, have.limits, providerLimits)
}

// replace removes the rows that the list lacks, and then puts those it has.
func (to *pushed) replace(ctx context.Context, rows any, drop, put string) {
	document := to.list(rows)
	to.exec(ctx, drop, document)
	to.exec(ctx, put, document)
}

const dropProviders = `
DELETE FROM provider_configs WHERE policy_id = ANY (?0)
AND provider_name NOT IN (SELECT provider_name FROM jsonb_to_recordset(?1::jsonb) AS l(provider_name text))`

const putProviders = `
INSERT INTO provider_configs (policy_id, provider_name, all_models_allowed, allowed_models, position)
SELECT policy.id, l.provider_name, l.all_models_allowed, l.allowed_models, l.n
FROM unnest(?0::bigint[]) AS policy(id),
     jsonb_to_recordset(?1::jsonb) AS l(provider_name text, all_models_allowed boolean, allowed_models text[], n integer)
ON CONFLICT (policy_id, provider_name)
DO UPDATE SET all_models_allowed = excluded.all_models_allowed, allowed_models = excluded.allowed_models, position = excluded.position`

const dropProviderBudgets = `
DELETE FROM budgets AS b USING provider_configs AS c
WHERE c.id = b.provider_config_id AND c.policy_id = ANY (?0) AND b.policy_id = ANY (?0) AND NOT EXISTS (
    SELECT FROM jsonb_to_recordset(?1::jsonb) AS l(provider_name text, reset_duration text, quarter_start_month integer)
    WHERE l.provider_name = c.provider_name AND l.reset_duration = b.reset_duration
      AND coalesce(l.quarter_start_month, 0) % 3 = coalesce(b.quarter_start_month, 0) % 3)`

const changeProviderBudgets = `
UPDATE budgets AS b SET max_limit = l.max_limit, quarter_start_month = l.quarter_start_month, position = l.position
FROM provider_configs AS c
JOIN jsonb_to_recordset(?1::jsonb) AS l(provider_name text, max_limit bigint, reset_duration text, quarter_start_month integer, position integer)
    ON l.provider_name = c.provider_name
WHERE c.policy_id = ANY (?0) AND b.policy_id = ANY (?0) AND b.provider_config_id = c.id AND b.reset_duration = l.reset_duration
  AND coalesce(l.quarter_start_month, 0) % 3 = coalesce(b.quarter_start_month, 0) % 3`

const putProviderBudgets = `
INSERT INTO budgets (id, policy_id, provider_config_id, max_limit, reset_duration, quarter_start_month, position, created_at)
SELECT gen_random_uuid(), c.policy_id, c.id, l.max_limit, l.reset_duration, l.quarter_start_month, l.position, ?2
FROM provider_configs AS c
JOIN jsonb_to_recordset(?1::jsonb) AS l(provider_name text, max_limit bigint, reset_duration text, quarter_start_month integer, position integer)
    ON l.provider_name = c.provider_name
WHERE c.policy_id = ANY (?0)`

const dropProviderLimits = `
DELETE FROM rate_limits AS r USING provider_configs AS c
WHERE c.id = r.provider_config_id AND c.policy_id = ANY (?0) AND r.policy_id = ANY (?0)
AND c.provider_name NOT IN (SELECT provider_name FROM jsonb_to_recordset(?1::jsonb) AS l(provider_name text))`

const changeProviderLimits = changeLimit + `
FROM provider_configs AS c
JOIN jsonb_to_recordset(?1::jsonb) AS l(provider_name text, token_max_limit bigint, token_reset_duration text,
    request_max_limit bigint, request_reset_duration text) ON l.provider_name = c.provider_name
WHERE c.policy_id = ANY (?0) AND r.policy_id = ANY (?0) AND r.provider_config_id = c.id`

const putProviderLimits = `
INSERT INTO rate_limits (id, policy_id, provider_config_id, token_max_limit, token_reset_duration, request_max_limit, request_reset_duration, created_at)
SELECT gen_random_uuid(), c.policy_id, c.id, l.token_max_limit, l.token_reset_duration, l.request_max_limit, l.request_reset_duration, ?2
FROM provider_configs AS c
JOIN jsonb_to_recordset(?1::jsonb) AS l(provider_name text, token_max_limit bigint, token_reset_duration text,
    request_max_limit bigint, request_reset_duration text) ON l.provider_name = c.provider_name
WHERE c.policy_id = ANY (?0)`

const dropToolGroups = `
DELETE FROM policy_tool_groups WHERE policy_id = ANY (?0)
AND tool_group_id NOT IN (SELECT tool_group_id FROM jsonb_to_recordset(?1::jsonb) AS l(tool_group_id bigint))`

const putToolGroups = `
INSERT INTO policy_tool_groups (policy_id, tool_group_id, position)
SELECT policy.id, l.tool_group_id, l.n
FROM unnest(?0::bigint[]) AS policy(id),
     ROWS FROM (jsonb_to_recordset(?1::jsonb) AS (tool_group_id bigint)) WITH ORDINALITY AS l(tool_group_id, n)
ON CONFLICT (policy_id, tool_group_id) DO UPDATE SET position = excluded.position`

const dropServers = `
DELETE FROM policy_mcp_servers WHERE policy_id = ANY (?0)
AND mcp_server_id NOT IN (SELECT mcp_server_id FROM jsonb_to_recordset(?1::jsonb) AS l(mcp_server_id text))`

const putServers = `
INSERT INTO policy_mcp_servers (policy_id, mcp_server_id, position)
SELECT policy.id, l.mcp_server_id, l.n
FROM unnest(?0::bigint[]) AS policy(id),
     ROWS FROM (jsonb_to_recordset(?1::jsonb) AS (mcp_server_id text)) WITH ORDINALITY AS l(mcp_server_id, n)
ON CONFLICT (policy_id, mcp_server_id) DO UPDATE SET position = excluded.position`

const dropToolOverrides = `
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
