package main

import (
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

// limitRows are the limits of a profile: id, kind, policy, provider, max, window, quarter, position, creation.
func limitRows(p profile.Profile) (rows [][]any) {
	for _, l := range p.Limits() {
		var provider *string
		if !l.Scope.Overall() {
			provider = &l.Scope.Provider
		}
		rows = append(rows, []any{l.ID, l.Kind, p.ID, provider, l.Max, l.Duration, nil, l.Position, p.CreatedAt})
	}
	return rows
}
