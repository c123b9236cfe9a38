package web

import (
	"tollgate/handlers"
	"tollgate/models/permission"
)

// catalogueRoutes are those of providers, MCP servers and tool groups, and of configuration in files.
func catalogueRoutes(h *handlers.Handlers) []route {
	return []route{
		{"GET", "/api/config", inConsole, h.ExportConfig},
		{"POST", "/api/config/plan", inConsole, h.PlanConfig},
		{"POST", "/api/config/apply", inConsole, h.ApplyConfig},
		{"POST", "/api/config/test", permission.ViewAccessProfiles, h.TestConfig},
		{"GET", "/api/config/drift", inConsole, h.ConfigDrift},
		{"GET", "/settings/configuration", inConsole, h.ConfigDrift},
		{"GET", "/schema/config-v1.json", anyone, h.ConfigSchema},
		{"GET", "/api/providers", permission.ViewProviders, h.ListProviders},
		{"POST", "/api/providers", permission.CreateProviders, h.CreateProvider},
		{"GET", "/api/providers/:name", permission.ViewProviders, handlers.WithoutQuery(h.ShowProvider)},
		{"PUT", "/api/providers/:name", permission.UpdateProviders, h.UpdateProvider},
		{"DELETE", "/api/providers/:name", permission.DeleteProviders, h.DeleteProvider},
		{"GET", "/providers", permission.ViewProviders, h.ListProviders},
		{"GET", "/providers/new", permission.CreateProviders, h.NewProvider},
		{"POST", "/providers", permission.CreateProviders, h.CreateProvider},
		{"GET", "/providers/:name", permission.ViewProviders, h.ShowProvider},
		{"POST", "/providers/:name", permission.UpdateProviders, h.UpdateProvider},
		{"GET", "/providers/:name/edit", permission.UpdateProviders, h.EditProvider},
		{"GET", "/providers/:name/delete", permission.DeleteProviders, h.ConfirmDeleteProvider},
		{"POST", "/providers/:name/delete", permission.DeleteProviders, h.DeleteProvider},
		{"GET", "/api/mcp/clients", permission.ViewMCPServers, h.ListMCPServers},
		{"POST", "/api/mcp/clients", permission.CreateMCPServers, h.CreateMCPServer},
		{"GET", "/api/mcp/clients/:client_id", permission.ViewMCPServers, handlers.WithoutQuery(h.ShowMCPServer)},
		{"PUT", "/api/mcp/clients/:client_id", permission.UpdateMCPServers, h.UpdateMCPServer},
		{"DELETE", "/api/mcp/clients/:client_id", permission.DeleteMCPServers, h.DeleteMCPServer},
		{"POST", "/api/mcp/clients/:client_id/refresh-tools", permission.UpdateMCPServers, h.RefreshMCPTools},
		{"GET", "/mcp/clients", permission.ViewMCPServers, h.ListMCPServers},
		{"GET", "/mcp/clients/new", permission.CreateMCPServers, h.NewMCPServer},
		{"POST", "/mcp/clients", permission.CreateMCPServers, h.CreateMCPServer},
		{"GET", "/mcp/clients/:client_id", permission.ViewMCPServers, h.ShowMCPServer},
		{"POST", "/mcp/clients/:client_id", permission.UpdateMCPServers, h.UpdateMCPServer},
		{"GET", "/mcp/clients/:client_id/edit", permission.UpdateMCPServers, h.EditMCPServer},
		{"GET", "/mcp/clients/:client_id/delete", permission.DeleteMCPServers, h.ConfirmDeleteMCPServer},
		{"POST", "/mcp/clients/:client_id/delete", permission.DeleteMCPServers, h.DeleteMCPServer},
		{"GET", "/mcp/clients/:client_id/refresh-tools", permission.ViewMCPServers, h.AfterRefresh},
		{"POST", "/mcp/clients/:client_id/refresh-tools", permission.UpdateMCPServers, h.RefreshMCPTools},
		{"GET", "/api/mcp/tool-groups", permission.ViewToolGroups, h.ListToolGroups},
		{"POST", "/api/mcp/tool-groups", permission.CreateToolGroups, h.CreateToolGroup},
		{"GET", "/api/mcp/tool-groups/:id", permission.ViewToolGroups, handlers.WithoutQuery(h.ShowToolGroup)},
		{"PUT", "/api/mcp/tool-groups/:id", permission.UpdateToolGroups, h.UpdateToolGroup},
		{"DELETE", "/api/mcp/tool-groups/:id", permission.DeleteToolGroups, h.DeleteToolGroup},
		{"GET", "/mcp/tool-groups", permission.ViewToolGroups, h.ListToolGroups},
		{"GET", "/mcp/tool-groups/new", permission.CreateToolGroups, h.NewToolGroup},
		{"POST", "/mcp/tool-groups", permission.CreateToolGroups, h.CreateToolGroup},
		{"GET", "/mcp/tool-groups/:id", permission.ViewToolGroups, h.ShowToolGroup},
		{"POST", "/mcp/tool-groups/:id", permission.UpdateToolGroups, h.UpdateToolGroup},
		{"GET", "/mcp/tool-groups/:id/edit", permission.UpdateToolGroups, h.EditToolGroup},
		{"GET", "/mcp/tool-groups/:id/delete", permission.DeleteToolGroups, h.ConfirmDeleteToolGroup},
		{"POST", "/mcp/tool-groups/:id/delete", permission.DeleteToolGroups, h.DeleteToolGroup},
	}
}
