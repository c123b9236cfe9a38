package web

import (
	"strings"

	"github.com/gin-gonic/gin"

	"tollgate/handlers"
	"tollgate/handlers/gateway"
	"tollgate/models/permission"
)

// Who may use a route that needs no permission of a role.
const (
	anyone   permission.Permission = "anyone"
	signedIn permission.Permission = "signed in"
	// Users whose role permits anything at all.
	inConsole permission.Permission = "any permission"
	// A user who signed in, for what is theirs.
	themselves permission.Permission = "a user, for their own"
	// A virtual key, for what concerns its own user.
	keyHolder permission.Permission = "a virtual key"
)

const askDecisions permission.Permission = "Usage:View or Usage:Create"

// reportUsage and askDecisions are for gateways, which send their API key with every call.
const reportUsage permission.Permission = "Usage:Create"

// shownKey is held by those who can make a key, and so be shown one.
const shownKey permission.Permission = "VirtualKeys:Create or VirtualKeys:Update or AccessProfiles:Create"

const createOrUpdate permission.Permission = "AccessProfiles:Create or AccessProfiles:Update"

// metricsPath is answered even while the database is unavailable.
const metricsPath = "/metrics"

// route is one method and path, the permission it needs and its handler.
type route struct {
	method, path string
	permission   permission.Permission
	action       handlers.Func
}

// register mounts every route behind the checks of origin, credential and permission. Any other path is not found.
func register(engine *gin.Engine, h *handlers.Handlers) {
	g := gatewayOf(h)
	origin, credential := sameOrigin(h), authenticate(h)
	for _, r := range append(routes(h, g), proxyRoutes(g)...) {
		chain := gin.HandlersChain{origin, credential(r.permission), h.TakeBody, h.Handle(r.action)}
		if strings.HasPrefix(r.path, "/authz/") {
			chain = gin.HandlersChain{h.Handle(r.action)} // a proxy sends a copy of its client's request
		}
		for _, path := range paths(r.path) {
			engine.Handle(r.method, path, chain...)
			if r.method == "GET" {
				engine.Handle("HEAD", path, chain...)
			}
		}
	}
}

// gatewayOf is the part of a console that answers gateways.
func gatewayOf(h *handlers.Handlers) *gateway.Gateway {
	return &gateway.Gateway{
		DB: h.DB, Log: h.Log, BaseURL: h.BaseURL, Keys: h.Keys, Engine: h.Engine, Recorder: h.Recorder,
	}
}

// proxyRoutes are the routes for proxies, which repeat the method of their client's request. Envoy appends its path
// too.
func proxyRoutes(g *gateway.Gateway) []route {
	var all []route
	for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} {
		all = append(all,
			route{method, "/authz/envoy/*path", anyone, g.AuthorizeEnvoy},
			route{method, "/authz/envoy-with/*path", anyone, g.AuthorizeEnvoyWith},
			route{method, "/authz/forward", anyone, g.AuthorizeForward},
			route{method, "/authz/nginx", anyone, g.AuthorizeNginx})
	}
	return all
}

// paths adds the second prefix to a route of the API, and a third to the routes about roles and permissions.
func paths(path string) []string {
	rest, ok := strings.CutPrefix(path, "/api/")
	if !ok {
		return []string{path}
	}
	all := []string{path, "/api/governance/" + rest}
	if first, _, _ := strings.Cut(rest, "/"); first == "roles" || first == "permissions" || rest == "users/:id/role" {
		all = append(all, "/api/governance/rbac/"+rest)
	}
	return all
}

// routes is the table of all URLs.
func routes(h *handlers.Handlers, g *gateway.Gateway) []route {
	return []route{
		{"GET", "/healthz", anyone, h.Healthy},
		{"GET", "/readyz", anyone, h.Ready},
		{"GET", metricsPath, "Usage:View", h.ShowMetrics},
		{"GET", "/", anyone, h.Home},

		{"GET", "/.well-known/authzen-configuration", anyone, g.AuthZENMetadata},
		{"POST", "/access/v1/evaluation", askDecisions, g.Evaluate},
		{"POST", "/access/v1/evaluations", askDecisions, g.EvaluateAll},
		{"POST", "/access/v1/search/resource", askDecisions, g.SearchResources},
		{"POST", "/access/v1/search/action", askDecisions, g.SearchActions},

		{"GET", "/find", inConsole, h.Find},
		{"POST", "/find", inConsole, h.FindTyped},
		{"GET", "/find/callers", "AccessProfiles:View", h.FindCallers},
		{"GET", "/api/find", inConsole, h.Find},
		{"POST", "/api/find", inConsole, h.FindTyped},

		{"GET", "/login", anyone, h.LoginPage},
		{"POST", "/login", anyone, h.Login},
		{"POST", "/logout", anyone, h.Logout},
		{"POST", "/session", signedIn, h.KeepSession},
		{"GET", "/first-run", anyone, h.FirstRunPage},
		{"POST", "/first-run", anyone, h.FirstRun},
		{"GET", "/openapi.json", anyone, h.ShowOpenAPI},
		{"GET", "/api", inConsole, h.ShowAPIReference},
		{"GET", "/settings", "Settings:View", h.Settings},
		{"POST", "/settings/password", signedIn, h.ChangePassword},
		{"POST", "/settings/gateway", "Settings:Update", h.SetGatewayAddress},
		{"GET", "/api/settings", "Settings:View", h.ShowSettings},
		{"PUT", "/api/settings", "Settings:Update", h.SetGatewayAddress},

		{"GET", "/api/api-keys", "APIKeys:View", h.ListAPIKeys},
		{"POST", "/api/api-keys", "APIKeys:Create", h.CreateAPIKey},
		{"GET", "/api/api-keys/:id", "APIKeys:View", h.ShowAPIKey},
		{"PUT", "/api/api-keys/:id", "APIKeys:Update", h.UpdateAPIKey},
		{"DELETE", "/api/api-keys/:id", "APIKeys:Delete", h.DeleteAPIKey},
		{"GET", "/settings/api-keys", "APIKeys:View", h.ListAPIKeys},
		{"GET", "/settings/api-keys/new", "APIKeys:Create", h.NewAPIKey},
		{"POST", "/settings/api-keys", "APIKeys:Create", h.CreateAPIKey},
		{"GET", "/settings/api-keys/:id/value", "APIKeys:Create", h.ShowAPIKeyValue},
		{"GET", "/settings/api-keys/:id/delete", "APIKeys:Delete", h.ConfirmDeleteAPIKey},
		{"POST", "/settings/api-keys/:id/delete", "APIKeys:Delete", h.DeleteAPIKey},

		{"GET", "/api/users", "Users:View", h.ListUsers},
		{"POST", "/api/users", "Users:Create", h.CreateUser},
		{"GET", "/api/users/me/permissions", signedIn, h.ShowOwnPermissions},
		{"GET", "/api/users/:id", "Users:View", h.ShowUser},
		{"PUT", "/api/users/:id", "Users:Update", h.UpdateUser},
		{"PUT", "/api/users/:id/role", "Users:Update", h.SetUserRole},
		{"DELETE", "/api/users/:id", "Users:Delete", h.DeleteUser},
		{"GET", "/users", "Users:View", h.ListUsers},
		{"GET", "/users/new", "Users:Create", h.NewUser},
		{"POST", "/users", "Users:Create", h.CreateUser},
		{"POST", "/users/bulk", "AccessProfiles:Create", h.AssignToUsers},
		{"GET", "/users/:id", "Users:View", h.ShowUser},
		{"POST", "/users/:id", "Users:Update", h.UpdateUser},
		{"GET", "/users/:id/edit", "Users:Update", h.EditUser},
		{"POST", "/users/:id/role", "Users:Update", h.SetUserRole},
		{"POST", "/users/:id/password", "Users:Update", h.SetUserPassword},
		{"GET", "/users/:id/delete", "Users:Delete", h.ConfirmDeleteUser},
		{"POST", "/users/:id/delete", "Users:Delete", h.DeleteUser},

		{"GET", "/api/users/me/vk-creation-policy", signedIn, h.ShowKeyCreationPolicy},
		{"GET", "/api/users/:id/access-profiles", "AccessProfiles:View", h.ListUserAccessProfiles},
		{"POST", "/api/users/:id/access-profiles", "AccessProfiles:Create", h.AssignAccessProfile},
		{"PUT", "/api/users/:id/access-profiles/:copy_id", "AccessProfiles:Update", h.ChangeUserAccessProfile},
		{"DELETE", "/api/users/:id/access-profiles/:copy_id", "AccessProfiles:Delete", h.DetachAccessProfile},
		{
			"GET", "/api/users/:id/access-profiles/:copy_id/budgets/:budget_id/override",
			"AccessProfiles:View", h.EditOverride,
		},
		{
			"PUT", "/api/users/:id/access-profiles/:copy_id/budgets/:budget_id/override",
			"AccessProfiles:Update", h.SetOverride,
		},
		{
			"DELETE", "/api/users/:id/access-profiles/:copy_id/budgets/:budget_id/override",
			"AccessProfiles:Update or AccessProfiles:Delete", h.ClearOverride,
		},
		{"GET", "/api/users/:id/virtual-keys", "VirtualKeys:View", h.ListUserKeys},
		{"POST", "/api/users/:id/virtual-keys", "VirtualKeys:Create", h.CreateVirtualKey},
		// The key is the user's; the copy in the path is ignored.
		{"POST", "/api/users/:id/access-profiles/:copy_id/virtual-keys", "VirtualKeys:Create", h.CreateVirtualKey},
		{"DELETE", "/api/users/:id/access-profiles/virtual-keys/:vk_id", "AccessProfiles:Delete", h.DeleteVirtualKey},
		{"GET", "/api/virtual-keys", "VirtualKeys:View", h.ListVirtualKeys},
		{"GET", "/api/virtual-keys/quota", keyHolder, g.ShowQuota},
		{"POST", "/api/virtual-keys/:vk_id/rotate", "VirtualKeys:Update", h.RotateVirtualKey},
		{"GET", "/users/:id/access-profiles/new", "AccessProfiles:Create", h.NewAssignment},
		{"POST", "/users/:id/access-profiles", "AccessProfiles:Create", h.AssignAccessProfile},
		{"GET", "/users/:id/access-profiles/:copy_id/edit", "AccessProfiles:Update", h.EditUserAccessProfile},
		{"POST", "/users/:id/access-profiles/:copy_id", "AccessProfiles:Update", h.ChangeUserAccessProfile},
		{"GET", "/users/:id/access-profiles/:copy_id/delete", "AccessProfiles:Delete", h.ConfirmDetach},
		{"POST", "/users/:id/access-profiles/:copy_id/delete", "AccessProfiles:Delete", h.DetachAccessProfile},
		{"GET", "/users/:id/access-profiles/:copy_id/budgets/:budget_id/override", "AccessProfiles:Update", h.EditOverride},
		{"POST", "/users/:id/access-profiles/:copy_id/budgets/:budget_id/override", "AccessProfiles:Update", h.SetOverride},
		{
			"POST", "/users/:id/access-profiles/:copy_id/budgets/:budget_id/override/delete",
			"AccessProfiles:Update or AccessProfiles:Delete", h.ClearOverride,
		},
		{"GET", "/users/:id/virtual-keys/new", "VirtualKeys:Create", h.NewVirtualKey},
		{"POST", "/users/:id/virtual-keys", "VirtualKeys:Create", h.CreateVirtualKey},
		{"GET", "/users/:id/virtual-keys/:vk_id/value", shownKey, h.ShowVirtualKeyValue},
		{"GET", "/users/:id/virtual-keys/:vk_id/delete", "AccessProfiles:Delete", h.ConfirmDeleteVirtualKey},
		{"POST", "/users/:id/virtual-keys/:vk_id/delete", "AccessProfiles:Delete", h.DeleteVirtualKey},
		{"GET", "/users/:id/virtual-keys/:vk_id/rotate", "VirtualKeys:Update", h.ConfirmRotateVirtualKey},
		{"POST", "/users/:id/virtual-keys/:vk_id/rotate", "VirtualKeys:Update", h.RotateVirtualKey},
		{"GET", "/virtual-keys", "VirtualKeys:View", h.ListVirtualKeys},

		{"POST", "/api/decisions", askDecisions, g.Decide},
		{"PUT", "/api/reservations/*id", askDecisions, g.RenewReservation},
		{"DELETE", "/api/reservations/*id", askDecisions, g.ReleaseReservation},
		{"POST", "/api/usage", reportUsage, g.RecordUsage},
		{"POST", "/api/usage/adjustments", "Usage:Update", g.AdjustUsage},
		{"GET", "/api/usage", "Usage:View", h.Report(h.ShowUsage)},
		{"GET", "/api/usage/quarantine", "Usage:View", h.ListQuarantine},
		{"GET", "/api/usage/quarantine/:id", "Usage:View", h.ShowQuarantined},
		{"POST", "/api/usage/quarantine/:id/assign", "Usage:Update", h.AssignQuarantined},
		{"POST", "/api/usage/quarantine/:id/dismiss", "Usage:Update", h.DismissQuarantined},
		{"GET", "/usage/quarantine", "Usage:View", h.ListQuarantine},
		{"GET", "/usage/quarantine/:id", "Usage:View", h.ShowQuarantined},
		{"POST", "/usage/quarantine/:id/assign", "Usage:Update", h.AssignQuarantined},
		{"POST", "/usage/quarantine/:id/dismiss", "Usage:Update", h.DismissQuarantined},
		{"GET", "/api/usage/export", "Usage:View", h.Report(h.ExportUsage)},
		{"GET", "/usage", "Usage:View", h.Report(h.ShowUsage)},
		{"GET", "/usage/export", "Usage:View", h.Report(h.ExportUsage)},
		{"GET", "/api/refusals", "Usage:View", h.Report(h.ListRefusals)},
		{"GET", "/refusals", "Usage:View", h.Report(h.ListRefusals)},
		{"GET", "/users/:id/try", "AccessProfiles:View", h.TryAccess},

		{"GET", "/me", themselves, h.ShowMe},
		{"GET", "/api/me", themselves, h.ShowMe},
		{"GET", "/quota", anyone, h.QuotaMoved},
		{"POST", "/me/password", themselves, h.ChangeOwnPassword},
		{"GET", "/me/try", themselves, h.TryOwnAccess},
		{"GET", "/me/keys/new", themselves, h.NewOwnKey},
		{"POST", "/me/keys", themselves, h.CreateOwnKey},
		{"GET", "/me/keys/:vk_id/rotate", themselves, h.ConfirmRotateOwnKey},
		{"POST", "/me/keys/:vk_id/rotate", themselves, h.RotateOwnKey},
		{"GET", "/me/keys/:vk_id/value", themselves, h.ShowOwnKeyValue},
		{"GET", "/api/me/virtual-keys", themselves, h.ListOwnKeys},
		{"POST", "/api/me/virtual-keys", themselves, h.CreateOwnKey},
		{"POST", "/api/me/virtual-keys/:vk_id/rotate", themselves, h.RotateOwnKey},
		{"GET", "/me/requests/new", themselves, h.NewAccessRequest},
		{"POST", "/me/requests", themselves, h.CreateAccessRequest},
		{"POST", "/me/requests/:id/withdraw", themselves, h.WithdrawAccessRequest},
		{"POST", "/api/access-requests", themselves, h.CreateAccessRequest},
		{"POST", "/api/access-requests/:id/withdraw", themselves, h.WithdrawAccessRequest},
		{"GET", "/api/access-requests", "AccessRequests:View", h.ListAccessRequests},
		{"GET", "/api/access-requests/:id", "AccessRequests:View", h.ShowAccessRequest},
		{"POST", "/api/access-requests/:id/grant", "AccessRequests:Update", h.GrantAccessRequest},
		{"POST", "/api/access-requests/:id/decline", "AccessRequests:Update", h.DeclineAccessRequest},
		{"GET", "/access-requests", "AccessRequests:View", h.ListAccessRequests},
		{"POST", "/access-requests/:id/grant", "AccessRequests:Update", h.GrantAccessRequest},
		{"POST", "/access-requests/:id/decline", "AccessRequests:Update", h.DeclineAccessRequest},
		{"POST", "/api/users/:id/sign-in-link", "Users:Update", h.CreateSignInLink},
		{"POST", "/users/:id/sign-in-link", "Users:Update", h.CreateSignInLink},
		{"GET", "/sign-in-link", anyone, h.SignInLinkPage},
		{"POST", "/sign-in-link", anyone, h.UseSignInLink},

		{"GET", "/api/roles", "Roles:View", h.ListRoles},
		{"POST", "/api/roles", "Roles:Create", h.CreateRole},
		{"GET", "/api/roles/:id", "Roles:View", h.ShowRole},
		{"PUT", "/api/roles/:id", "Roles:Update", h.UpdateRole},
		{"DELETE", "/api/roles/:id", "Roles:Delete", h.DeleteRole},
		{"GET", "/api/roles/:id/permissions", "Roles:View", h.ShowRolePermissions},
		{"PUT", "/api/roles/:id/permissions", "Roles:Update", h.SetRolePermissions},
		{"GET", "/api/permissions", "Roles:View", h.ListPermissions},
		{"GET", "/roles", "Roles:View", h.ListRoles},
		{"GET", "/roles/new", "Roles:Create", h.NewRole},
		{"POST", "/roles", "Roles:Create", h.CreateRole},
		{"GET", "/roles/:id", "Roles:View", h.ShowRole},
		{"POST", "/roles/:id", "Roles:Update", h.UpdateRole},
		{"GET", "/roles/:id/edit", "Roles:Update", h.EditRole},
		{"GET", "/roles/:id/delete", "Roles:Delete", h.ConfirmDeleteRole},
		{"POST", "/roles/:id/delete", "Roles:Delete", h.DeleteRole},

		{"GET", "/api/providers", "Providers:View", h.ListProviders},
		{"POST", "/api/providers", "Providers:Create", h.CreateProvider},
		{"GET", "/api/providers/:name", "Providers:View", h.ShowProvider},
		{"PUT", "/api/providers/:name", "Providers:Update", h.UpdateProvider},
		{"DELETE", "/api/providers/:name", "Providers:Delete", h.DeleteProvider},
		{"GET", "/providers", "Providers:View", h.ListProviders},
		{"GET", "/providers/new", "Providers:Create", h.NewProvider},
		{"POST", "/providers", "Providers:Create", h.CreateProvider},
		{"GET", "/providers/:name", "Providers:View", h.ShowProvider},
		{"POST", "/providers/:name", "Providers:Update", h.UpdateProvider},
		{"GET", "/providers/:name/edit", "Providers:Update", h.EditProvider},
		{"GET", "/providers/:name/delete", "Providers:Delete", h.ConfirmDeleteProvider},
		{"POST", "/providers/:name/delete", "Providers:Delete", h.DeleteProvider},

		{"GET", "/api/mcp/clients", "MCPServers:View", h.ListMCPServers},
		{"POST", "/api/mcp/clients", "MCPServers:Create", h.CreateMCPServer},
		{"GET", "/api/mcp/clients/:client_id", "MCPServers:View", h.ShowMCPServer},
		{"PUT", "/api/mcp/clients/:client_id", "MCPServers:Update", h.UpdateMCPServer},
		{"DELETE", "/api/mcp/clients/:client_id", "MCPServers:Delete", h.DeleteMCPServer},
		{"POST", "/api/mcp/clients/:client_id/refresh-tools", "MCPServers:Update", h.RefreshMCPTools},
		{"GET", "/mcp/clients", "MCPServers:View", h.ListMCPServers},
		{"GET", "/mcp/clients/new", "MCPServers:Create", h.NewMCPServer},
		{"POST", "/mcp/clients", "MCPServers:Create", h.CreateMCPServer},
		{"GET", "/mcp/clients/:client_id", "MCPServers:View", h.ShowMCPServer},
		{"POST", "/mcp/clients/:client_id", "MCPServers:Update", h.UpdateMCPServer},
		{"GET", "/mcp/clients/:client_id/edit", "MCPServers:Update", h.EditMCPServer},
		{"GET", "/mcp/clients/:client_id/delete", "MCPServers:Delete", h.ConfirmDeleteMCPServer},
		{"POST", "/mcp/clients/:client_id/delete", "MCPServers:Delete", h.DeleteMCPServer},
		{"GET", "/mcp/clients/:client_id/refresh-tools", "MCPServers:View", h.AfterRefresh},
		{"POST", "/mcp/clients/:client_id/refresh-tools", "MCPServers:Update", h.RefreshMCPTools},

		{"GET", "/api/mcp/tool-groups", "ToolGroups:View", h.ListToolGroups},
		{"POST", "/api/mcp/tool-groups", "ToolGroups:Create", h.CreateToolGroup},
		{"GET", "/api/mcp/tool-groups/:id", "ToolGroups:View", h.ShowToolGroup},
		{"PUT", "/api/mcp/tool-groups/:id", "ToolGroups:Update", h.UpdateToolGroup},
		{"DELETE", "/api/mcp/tool-groups/:id", "ToolGroups:Delete", h.DeleteToolGroup},
		{"GET", "/mcp/tool-groups", "ToolGroups:View", h.ListToolGroups},
		{"GET", "/mcp/tool-groups/new", "ToolGroups:Create", h.NewToolGroup},
		{"POST", "/mcp/tool-groups", "ToolGroups:Create", h.CreateToolGroup},
		{"GET", "/mcp/tool-groups/:id", "ToolGroups:View", h.ShowToolGroup},
		{"POST", "/mcp/tool-groups/:id", "ToolGroups:Update", h.UpdateToolGroup},
		{"GET", "/mcp/tool-groups/:id/edit", "ToolGroups:Update", h.EditToolGroup},
		{"GET", "/mcp/tool-groups/:id/delete", "ToolGroups:Delete", h.ConfirmDeleteToolGroup},
		{"POST", "/mcp/tool-groups/:id/delete", "ToolGroups:Delete", h.DeleteToolGroup},

		{"GET", "/api/access-profiles", "AccessProfiles:View", h.ListAccessProfiles},
		{"POST", "/api/access-profiles", "AccessProfiles:Create", h.CreateAccessProfile},
		{"GET", "/api/access-profiles/:id", "AccessProfiles:View", h.ShowAccessProfile},
		{"PUT", "/api/access-profiles/:id", "AccessProfiles:Update", h.UpdateAccessProfile},
		{"DELETE", "/api/access-profiles/:id", "AccessProfiles:Delete", h.DeleteAccessProfile},
		{"PUT", "/api/access-profiles/:id/activate", "AccessProfiles:Update", h.ActivateAccessProfile},
		{"PUT", "/api/access-profiles/:id/deactivate", "AccessProfiles:Update", h.DeactivateAccessProfile},
		{"POST", "/api/access-profiles/:id/clone", "AccessProfiles:Create", h.CloneAccessProfile},
		{"GET", "/api/access-profiles/:id/versions", "AccessProfiles:View", h.ListVersions},
		{"GET", "/api/access-profiles/:id/versions/:version", "AccessProfiles:View", h.ShowVersion},
		{"POST", "/api/access-profiles/:id/versions/:version/restore", "AccessProfiles:Update", h.RestoreVersion},
		{"GET", "/api/access-profiles/:id/audit-logs", "AccessProfiles:View", h.ListAuditLogs},
		{"GET", "/api/access-profiles/audit-logs", "AuditLogs:View", h.ListAuditLogs},

		{"POST", "/api/access-profiles/:id/roles", createOrUpdate, h.AttachRoles},
		{"DELETE", "/api/access-profiles/:id/roles/:role_id", "AccessProfiles:Delete", h.DetachRole},
		{"POST", "/api/access-profiles/:id/pause", "AccessProfiles:Update", h.PauseCopies},
		{"POST", "/api/access-profiles/:id/resume", "AccessProfiles:Update", h.ResumeCopies},
		{"POST", "/api/access-profiles/:id/propagate", createOrUpdate, h.Propagate},
		{"GET", "/api/access-profiles/:id/propagate/:job", "AccessProfiles:View", h.ShowPropagation},

		{"GET", "/access-profiles", "AccessProfiles:View", h.ListAccessProfiles},
		{"GET", "/access-profiles/new", "AccessProfiles:Create", h.NewAccessProfile},
		{"POST", "/access-profiles", "AccessProfiles:Create", h.CreateAccessProfile},
		{"POST", "/access-profiles/bulk", "AccessProfiles:Update", h.ChangeAccessProfiles},
		{"GET", "/access-profiles/:id", "AccessProfiles:View", h.ShowAccessProfile},
		{"POST", "/access-profiles/:id", "AccessProfiles:Update", h.UpdateAccessProfile},
		{"GET", "/access-profiles/:id/edit", "AccessProfiles:Update", h.EditAccessProfile},
		{"GET", "/access-profiles/:id/clone", "AccessProfiles:Create", h.NewClone},
		{"POST", "/access-profiles/:id/clone", "AccessProfiles:Create", h.CloneAccessProfile},
		{"GET", "/access-profiles/:id/delete", "AccessProfiles:Delete", h.ConfirmDeleteAccessProfile},
		{"POST", "/access-profiles/:id/delete", "AccessProfiles:Delete", h.DeleteAccessProfile},
		{"GET", "/access-profiles/:id/users", "AccessProfiles:View", h.ListHolders},
		{"POST", "/access-profiles/:id/users/bulk", "AccessProfiles:Delete", h.DetachHolders},
		{"POST", "/api/access-profiles/:id/give", "AccessProfiles:Create", h.Handout},
		{"GET", "/access-profiles/:id/give", "AccessProfiles:Create", h.NewHandout},
		{"POST", "/access-profiles/:id/give", "AccessProfiles:Create", h.Handout},
		{"POST", "/access-profiles/:id/give/preview", "AccessProfiles:Create", h.PreviewHandout},
		{"GET", "/access-profiles/:id/give/:handout", "AccessProfiles:Create", h.ShowHandout},
		{"GET", "/access-profiles/:id/give/:handout/keys.csv", "AccessProfiles:Create", h.ExportHandout},
		{"GET", "/access-profiles/:id/roles", "AccessProfiles:View", h.ListProfileRoles},
		{"POST", "/access-profiles/:id/roles", createOrUpdate, h.AttachRoles},
		{"GET", "/access-profiles/:id/roles/:role_id/delete", "AccessProfiles:Delete", h.ConfirmDetachRole},
		{"POST", "/access-profiles/:id/roles/:role_id/delete", "AccessProfiles:Delete", h.DetachRole},
		{"GET", "/access-profiles/:id/pause", "AccessProfiles:Update", h.ConfirmPause},
		{"POST", "/access-profiles/:id/pause", "AccessProfiles:Update", h.PauseCopies},
		{"GET", "/access-profiles/:id/resume", "AccessProfiles:Update", h.ConfirmResume},
		{"POST", "/access-profiles/:id/resume", "AccessProfiles:Update", h.ResumeCopies},
		{"GET", "/access-profiles/:id/propagate", createOrUpdate, h.NewPropagation},
		{"GET", "/access-profiles/:id/propagate/preview", createOrUpdate, h.PreviewPropagation},
		{"POST", "/access-profiles/:id/propagate", createOrUpdate, h.Propagate},
		{"GET", "/access-profiles/:id/propagate/:job", "AccessProfiles:View", h.ShowPropagation},
		{"POST", "/access-profiles/:id/propagate/:job/retry", createOrUpdate, h.RetryPropagation},
		{"GET", "/access-profiles/:id/versions", "AccessProfiles:View", h.ListVersions},
		{"GET", "/access-profiles/:id/versions/compare", "AccessProfiles:View", h.CompareVersions},
		{"GET", "/access-profiles/:id/versions/:version", "AccessProfiles:View", h.ShowVersion},
		{"POST", "/access-profiles/:id/versions/:version/restore", "AccessProfiles:Update", h.RestoreVersion},
		{"GET", "/access-profiles/:id/audit", "AccessProfiles:View", h.ListAuditLogs},
		{"GET", "/access-profiles/:id/audit/export", "AccessProfiles:View", h.Report(h.ExportAuditLogs)},
		{"GET", "/audit", "AuditLogs:View", h.ListAuditLogs},
		{"GET", "/audit/export", "AuditLogs:View", h.Report(h.ExportAuditLogs)},
		{"POST", "/access-profiles/:id/activate", "AccessProfiles:Update", h.ActivateAccessProfile},
		{"POST", "/access-profiles/:id/deactivate", "AccessProfiles:Update", h.DeactivateAccessProfile},
	}
}
