package main

import (
	"tollgate/models/policy"
	"tollgate/models/profile"
)

func providerRows(p profile.Profile) (rows [][]any) {
	for i, config := range p.ProviderConfigs {
		rows = append(rows, []any{config.ID, p.ID, config.ProviderName, config.AllModelsAllowed, config.AllowedModels, i})
	}
	return rows
}

func groupRows(p profile.Profile) (rows [][]any) {
	for i, grant := range p.MCPToolGroups {
		rows = append(rows, []any{p.ID, grant.ToolGroupID, i + 1})
	}
	return rows
}

func serverRows(p profile.Profile) (rows [][]any) {
	for i, grant := range p.MCPServers {
		rows = append(rows, []any{p.ID, grant.MCPServerID, i + 1})
	}
	return rows
}

func overrideRows(p profile.Profile) (rows [][]any) {
	for i, o := range p.MCPToolOverrides {
		rows = append(rows, []any{p.ID, o.MCPClientID, o.ToolName, o.Action, i + 1})
	}
	return rows
}

// eachScope visits the limits of the providers, then those of the whole profile.
func eachScope(p profile.Profile, visit func(config any, budgets []policy.Budget, limit *policy.RateLimit)) {
	for _, config := range p.ProviderConfigs {
		visit(config.ID, config.Budgets, config.RateLimit)
	}
	visit(nil, p.Budgets, p.RateLimit)
}
