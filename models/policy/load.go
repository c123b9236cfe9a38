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
	for _, config := range configs {
		p := policies[config.PolicyID]
		config.Budgets = []Budget{}
		p.ProviderConfigs = append(p.ProviderConfigs, config)
	}
	var rows []limitRow
	if err := db.NewSelect().
		Model(&rows).Where("policy_id = ANY (?)", of).Order("policy_id", "position").Scan(ctx); err != nil {
		return err
	}
	for len(rows) > 0 {
		id, limits := rows[0].PolicyID, []Limit{}
		for len(rows) > 0 && rows[0].PolicyID == id {
			limits, rows = append(limits, rows[0].limit()), rows[1:]
		}
		if err := policies[id].SetLimits(limits); err != nil {
			return err
		}
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
