package permission

import (
	"slices"
	"strings"
)

// What a role can permit.
const (
	ViewAccessProfiles   Permission = "AccessProfiles:View"
	CreateAccessProfiles Permission = "AccessProfiles:Create"
	UpdateAccessProfiles Permission = "AccessProfiles:Update"
	DeleteAccessProfiles Permission = "AccessProfiles:Delete"

	ViewVirtualKeys   Permission = "VirtualKeys:View"
	CreateVirtualKeys Permission = "VirtualKeys:Create"
	UpdateVirtualKeys Permission = "VirtualKeys:Update"
	DeleteVirtualKeys Permission = "VirtualKeys:Delete"

	ViewUsers   Permission = "Users:View"
	CreateUsers Permission = "Users:Create"
	UpdateUsers Permission = "Users:Update"
	DeleteUsers Permission = "Users:Delete"

	ViewRoles   Permission = "Roles:View"
	CreateRoles Permission = "Roles:Create"
	UpdateRoles Permission = "Roles:Update"
	DeleteRoles Permission = "Roles:Delete"

	ViewAPIKeys   Permission = "APIKeys:View"
	CreateAPIKeys Permission = "APIKeys:Create"
	UpdateAPIKeys Permission = "APIKeys:Update"
	DeleteAPIKeys Permission = "APIKeys:Delete"

	ViewAccessRequests   Permission = "AccessRequests:View"
	CreateAccessRequests Permission = "AccessRequests:Create"
	UpdateAccessRequests Permission = "AccessRequests:Update"
	DeleteAccessRequests Permission = "AccessRequests:Delete"

	ViewProviders   Permission = "Providers:View"
	CreateProviders Permission = "Providers:Create"
	UpdateProviders Permission = "Providers:Update"
	DeleteProviders Permission = "Providers:Delete"

	ViewMCPServers   Permission = "MCPServers:View"
	CreateMCPServers Permission = "MCPServers:Create"
	UpdateMCPServers Permission = "MCPServers:Update"
	DeleteMCPServers Permission = "MCPServers:Delete"

	ViewToolGroups   Permission = "ToolGroups:View"
	CreateToolGroups Permission = "ToolGroups:Create"
	UpdateToolGroups Permission = "ToolGroups:Update"
	DeleteToolGroups Permission = "ToolGroups:Delete"

	ViewUsage   Permission = "Usage:View"
	CreateUsage Permission = "Usage:Create"
	UpdateUsage Permission = "Usage:Update"
	DeleteUsage Permission = "Usage:Delete"

	ViewAuditLogs   Permission = "AuditLogs:View"
	CreateAuditLogs Permission = "AuditLogs:Create"
	UpdateAuditLogs Permission = "AuditLogs:Update"
	DeleteAuditLogs Permission = "AuditLogs:Delete"

	ViewSettings   Permission = "Settings:View"
	CreateSettings Permission = "Settings:Create"
	UpdateSettings Permission = "Settings:Update"
	DeleteSettings Permission = "Settings:Delete"
)

// all are the permissions in the order in which they are listed.
var all = []Permission{
	ViewAccessProfiles, CreateAccessProfiles, UpdateAccessProfiles, DeleteAccessProfiles,
	ViewVirtualKeys, CreateVirtualKeys, UpdateVirtualKeys, DeleteVirtualKeys,
	ViewUsers, CreateUsers, UpdateUsers, DeleteUsers,
	ViewRoles, CreateRoles, UpdateRoles, DeleteRoles,
	ViewAPIKeys, CreateAPIKeys, UpdateAPIKeys, DeleteAPIKeys,
	ViewAccessRequests, CreateAccessRequests, UpdateAccessRequests, DeleteAccessRequests,
	ViewProviders, CreateProviders, UpdateProviders, DeleteProviders,
	ViewMCPServers, CreateMCPServers, UpdateMCPServers, DeleteMCPServers,
	ViewToolGroups, CreateToolGroups, UpdateToolGroups, DeleteToolGroups,
	ViewUsage, CreateUsage, UpdateUsage, DeleteUsage,
	ViewAuditLogs, CreateAuditLogs, UpdateAuditLogs, DeleteAuditLogs,
	ViewSettings, CreateSettings, UpdateSettings, DeleteSettings,
}

// The resources and operations that permissions are made of.
var (
	Resources  = parts(0)
	Operations = parts(1)
)

// Labels are what resources are called on pages.
var Labels = map[string]string{
	"AccessProfiles": "Profiles", "VirtualKeys": "Virtual keys", "Users": "Users", "Roles": "Roles",
	"APIKeys": "API keys", "AccessRequests": "Access requests", "Providers": "Providers", "MCPServers": "MCP servers",
	"ToolGroups": "Tool groups", "Usage": "Usage", "AuditLogs": "Audit log", "Settings": "Settings",
}

// parts are the different words at one place of the permissions, in their order.
func parts(place int) (words []string) {
	for _, p := range all {
		if word := strings.Split(string(p), ":")[place]; !slices.Contains(words, word) {
			words = append(words, word)
		}
	}
	return words
}

// AllPermissions lists every permission there is.
func AllPermissions() []Permission { return slices.Clone(all) }
