package models

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
)

// adopt gives each line of p that matches one of old its id; the others are new. Providers match by name, budgets by scope and window,
// limits by scope.
func (p *Policy) adopt(old Policy, now time.Time) {
	known := map[string]ProviderConfig{}
	for _, config := range old.ProviderConfigs {
		known[config.ProviderName] = config
	}
	for i := range p.ProviderConfigs {
		config := &p.ProviderConfigs[i]
		before := known[config.ProviderName]
		config.ID = before.ID
		adoptBudgets(config.Budgets, before.Budgets, now)
		config.RateLimit.adopt(before.RateLimit, now)
	}
	adoptBudgets(p.Budgets, old.Budgets, now)
	p.RateLimit.adopt(old.RateLimit, now)
}

func adoptBudgets(budgets, old []Budget, now time.Time) {
	known := map[line]Budget{}
	for _, budget := range old {
		known[budget.line()] = budget
	}
	for i := range budgets {
		if before, ok := known[budgets[i].line()]; ok {
			budgets[i].ID, budgets[i].LastReset = before.ID, before.LastReset
		} else {
			budgets[i].ID, budgets[i].LastReset = uuid.NewString(), now
		}
	}
}

func (r *RateLimit) adopt(old *RateLimit, now time.Time) {
	if r == nil {
		return
	}
	r.ID, r.CreatedAt = uuid.NewString(), now
	if old != nil {
		r.ID = old.ID
	}
}

// savePolicy writes what differs between old and p, which must have adopted old's ids: one statement a table, none for a table that
// stays. It fills in the ids of new provider configs.
func savePolicy(ctx context.Context, tx bun.Tx, id int64, old Policy, p *Policy) error {
	if err := saveProviders(ctx, tx, id, old, p); err != nil {
		return fmt.Errorf("save provider configs: %w", err)
	}
	before, after := old.budgetRows(id), p.budgetRows(id)
	same := func(a, b Budget) bool {
		return a.MaxLimit == b.MaxLimit && a.Position == b.Position && equal(a.ResetConfig, b.ResetConfig)
	}
	changed, gone := difference(before, after, func(b Budget) string { return b.ID }, same)
	if err := saveLines(ctx, tx, changed, gone, "max_limit", "quarter_start_month", "position"); err != nil {
		return fmt.Errorf("save budgets: %w", err)
	}
	limits, goneLimits := difference(old.rateLimitRows(id), p.rateLimitRows(id), func(r RateLimit) string { return r.ID }, RateLimit.same)
	if err := saveLines(ctx, tx, limits, goneLimits,
		"token_max_limit", "token_reset_duration", "request_max_limit", "request_reset_duration"); err != nil {
		return fmt.Errorf("save rate limits: %w", err)
	}
	if err := saveSelections(ctx, tx, id, old, *p); err != nil {
		return fmt.Errorf("save MCP selections: %w", err)
	}
	return nil
}

func saveProviders(ctx context.Context, tx bun.Tx, id int64, old Policy, p *Policy) error {
	for _, policy := range []*Policy{&old, p} {
		for i := range policy.ProviderConfigs {
			policy.ProviderConfigs[i].PolicyID, policy.ProviderConfigs[i].Position = id, i
		}
	}
	changed, gone := difference(old.ProviderConfigs, p.ProviderConfigs, func(c ProviderConfig) string { return c.ProviderName },
		func(a, b ProviderConfig) bool {
			return a.AllModelsAllowed == b.AllModelsAllowed && a.Position == b.Position && slices.Equal(a.AllowedModels, b.AllowedModels)
		})
	if err := saveLines(ctx, tx, changed, gone, "all_models_allowed", "allowed_models", "position"); err != nil {
		return err
	}
	for _, config := range changed {
		p.ProviderConfigs[config.Position].ID = config.ID
	}
	return nil
}

// difference returns the rows of after that are new or not the same as in before, and the rows of before that are gone.
func difference[T any](before, after []T, key func(T) string, same func(a, b T) bool) (changed, gone []T) {
	known, kept := map[string]T{}, map[string]bool{}
	for _, row := range before {
		known[key(row)] = row
	}
	for _, row := range after {
		kept[key(row)] = true
		if old, ok := known[key(row)]; !ok || !same(old, row) {
			changed = append(changed, row)
		}
	}
	for _, row := range before {
		if !kept[key(row)] {
			gone = append(gone, row)
		}
	}
	return changed, gone
}

// saveLines deletes gone and writes changed in one statement; of rows that exist only the columns named change.
func saveLines[T any](ctx context.Context, tx bun.Tx, changed, gone []T, columns ...string) error {
	remove := tx.NewDelete().Model(&gone).WherePK()
	if len(changed) == 0 {
		if len(gone) == 0 {
			return nil
		}
		_, err := remove.Exec(ctx)
		return err
	}
	insert := tx.NewInsert().Model(&changed).On("CONFLICT (id) DO UPDATE").Returning("id")
	for _, column := range columns {
		insert = insert.Set("? = EXCLUDED.?", bun.Ident(column), bun.Ident(column))
	}
	if len(gone) > 0 {
		insert = insert.With("removed", remove)
	}
	_, err := insert.Exec(ctx)
	return err
}

func (p *Policy) budgetRows(policyID int64) []Budget {
	var rows []Budget
	add := func(budgets []Budget, configID *int64) {
		for i, budget := range budgets {
			budget.PolicyID, budget.ProviderConfigID, budget.Position = policyID, configID, i
			rows = append(rows, budget)
		}
	}
	for i := range p.ProviderConfigs {
		add(p.ProviderConfigs[i].Budgets, &p.ProviderConfigs[i].ID)
	}
	add(p.Budgets, nil)
	return rows
}

func (p *Policy) rateLimitRows(policyID int64) []RateLimit {
	var rows []RateLimit
	add := func(limit *RateLimit, configID *int64) {
		if limit != nil {
			row := *limit
			row.PolicyID, row.ProviderConfigID = policyID, configID
			rows = append(rows, row)
		}
	}
	for i := range p.ProviderConfigs {
		add(p.ProviderConfigs[i].RateLimit, &p.ProviderConfigs[i].ID)
	}
	add(p.RateLimit, nil)
	return rows
}

func (r RateLimit) same(other RateLimit) bool {
	return equal(r.TokenMaxLimit, other.TokenMaxLimit) && equal(r.TokenResetDuration, other.TokenResetDuration) &&
		equal(r.RequestMaxLimit, other.RequestMaxLimit) && equal(r.RequestResetDuration, other.RequestResetDuration)
}

func equal[T comparable](a, b *T) bool {
	return a == nil && b == nil || a != nil && b != nil && *a == *b
}

// saveSelections writes the MCP selections when any of them differs, in one statement.
func saveSelections(ctx context.Context, tx bun.Tx, id int64, old, p Policy) error {
	if slices.Equal(old.MCPToolGroups, p.MCPToolGroups) && slices.Equal(old.MCPServers, p.MCPServers) &&
		slices.Equal(old.MCPToolOverrides, p.MCPToolOverrides) {
		return nil
	}
	groups, servers := []int64{}, []string{}
	clients, tools, actions := []string{}, []string{}, []string{}
	for _, grant := range p.MCPToolGroups {
		groups = append(groups, grant.ToolGroupID)
	}
	for _, grant := range p.MCPServers {
		servers = append(servers, grant.MCPServerID)
	}
	for _, o := range p.MCPToolOverrides {
		clients, tools, actions = append(clients, o.MCPClientID), append(tools, o.ToolName), append(actions, o.Action)
	}
	_, err := tx.NewRaw(`
WITH removed_groups AS (
         DELETE FROM policy_tool_groups WHERE policy_id = ?0 AND tool_group_id <> ALL (?1::bigint[])),
     removed_servers AS (
         DELETE FROM policy_mcp_servers WHERE policy_id = ?0 AND mcp_server_id <> ALL (?2::text[])),
     removed_overrides AS (
         DELETE FROM policy_tool_overrides
         WHERE policy_id = ?0 AND (mcp_client_id, tool_name) NOT IN (SELECT * FROM unnest(?3::text[], ?4::text[]))),
     kept_groups AS (
         INSERT INTO policy_tool_groups (policy_id, tool_group_id, position)
         SELECT ?0, id, n FROM unnest(?1::bigint[]) WITH ORDINALITY AS t(id, n)
         ON CONFLICT (policy_id, tool_group_id) DO UPDATE SET position = EXCLUDED.position),
     kept_servers AS (
         INSERT INTO policy_mcp_servers (policy_id, mcp_server_id, position)
         SELECT ?0, id, n FROM unnest(?2::text[]) WITH ORDINALITY AS t(id, n)
         ON CONFLICT (policy_id, mcp_server_id) DO UPDATE SET position = EXCLUDED.position)
INSERT INTO policy_tool_overrides (policy_id, mcp_client_id, tool_name, action, position)
SELECT ?0, client, tool, action, n FROM unnest(?3::text[], ?4::text[], ?5::text[]) WITH ORDINALITY AS t(client, tool, action, n)
ON CONFLICT (policy_id, mcp_client_id, tool_name) DO UPDATE SET action = EXCLUDED.action, position = EXCLUDED.position`,
		id, pgdialect.Array(groups), pgdialect.Array(servers),
		pgdialect.Array(clients), pgdialect.Array(tools), pgdialect.Array(actions)).Exec(ctx)
	return err
}
