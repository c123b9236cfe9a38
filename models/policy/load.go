package policy

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"tollgate/models/window"
)

// LoadPolicies reads policies from their tables, one query a table, by id. Lists are in their order and never nil. The
// caller has locked them, or reads in one snapshot: else a concurrent propagation would be seen in part.
func LoadPolicies(ctx context.Context, db bun.IDB, ids []int64) (map[int64]*Policy, error) {
	policies := make(map[int64]*Policy, len(ids))
	if len(ids) == 0 {
		return policies, nil
	}
	var rows []struct {
		ID              int64
		window.Calendar `bun:",extend"`
	}
	of := pgdialect.Array(ids)
	if err := db.NewRaw("SELECT id, calendar_aligned, time_zone FROM policies WHERE id = ANY (?)", of).
		Scan(ctx, &rows); err != nil {
		return nil, fmt.Errorf("load policies: %w", err)
	}
	for _, row := range rows {
		policies[row.ID] = &Policy{
			ProviderConfigs: []ProviderConfig{}, Budgets: []Budget{}, Calendar: row.Calendar,
			MCPToolGroups: []ToolGroupGrant{}, MCPServers: []ServerGrant{}, MCPToolOverrides: []ToolOverride{},
		}
	}
	if err := loadLimits(ctx, db, of, policies); err != nil {
		return nil, fmt.Errorf("load the limits of policies: %w", err)
	}
	if err := loadSelections(ctx, db, of, policies); err != nil {
		return nil, fmt.Errorf("load the MCP selections of policies: %w", err)
	}
	return policies, nil
}

func loadLimits(ctx context.Context, db bun.IDB, of any, policies map[int64]*Policy) error {
	var configs []ProviderConfig
	if err := db.NewSelect().
		Model(&configs).Where("policy_id = ANY (?)", of).Order("policy_id", "position").Scan(ctx); err != nil {
		return err
	}
	at := map[int64]int{} // place of a config in its policy's list
	for _, config := range configs {
		p := policies[config.PolicyID]
		config.Budgets = []Budget{}
		at[config.ID] = len(p.ProviderConfigs)
		p.ProviderConfigs = append(p.ProviderConfigs, config)
	}
	var budgets []Budget
	if err := db.NewSelect().
		Model(&budgets).Where("policy_id = ANY (?)", of).Order("policy_id", "position").Scan(ctx); err != nil {
		return err
	}
	for _, budget := range budgets {
		p := policies[budget.PolicyID]
		if budget.ProviderConfigID == nil {
			p.Budgets = append(p.Budgets, budget)
			continue
		}
		i, known := at[*budget.ProviderConfigID]
		if !known {
			return fmt.Errorf("budget %s belongs to no provider of its policy", budget.ID)
		}
		config := &p.ProviderConfigs[i]
		budget.Scope = config.Scope()
		config.Budgets = append(config.Budgets, budget)
	}
	var limits []*RateLimit
	if err := db.NewSelect().Model(&limits).Where("policy_id = ANY (?)", of).Scan(ctx); err != nil {
		return err
	}
	for _, limit := range limits {
		p := policies[limit.PolicyID]
		if limit.ProviderConfigID == nil {
			p.RateLimit = limit
			continue
		}
		i, known := at[*limit.ProviderConfigID]
		if !known {
			return fmt.Errorf("rate limit %s belongs to no provider of its policy", limit.ID)
		}
		p.ProviderConfigs[i].RateLimit = limit
	}
	return nil
}

func loadSelections(ctx context.Context, db bun.IDB, of any, policies map[int64]*Policy) error {
	var groups []toolGroupRow
	if err := db.NewSelect().
		Model(&groups).Where("policy_id = ANY (?)", of).Order("policy_id", "position").Scan(ctx); err != nil {
		return err
	}
	for _, row := range groups {
		p := policies[row.PolicyID]
		p.MCPToolGroups = append(p.MCPToolGroups, ToolGroupGrant{row.ToolGroupID})
	}
	var servers []serverRow
	if err := db.NewSelect().
		Model(&servers).Where("policy_id = ANY (?)", of).Order("policy_id", "position").Scan(ctx); err != nil {
		return err
	}
	for _, row := range servers {
		p := policies[row.PolicyID]
		p.MCPServers = append(p.MCPServers, ServerGrant{row.MCPServerID})
	}
	var overrides []overrideRow
	if err := db.NewSelect().
		Model(&overrides).Where("policy_id = ANY (?)", of).Order("policy_id", "position").Scan(ctx); err != nil {
		return err
	}
	for _, row := range overrides {
		p := policies[row.PolicyID]
		p.MCPToolOverrides = append(p.MCPToolOverrides, ToolOverride{row.MCPClientID, row.ToolName, row.Action})
	}
	return nil
}
