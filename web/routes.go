package web

import (
	"slices"
	"strings"

	"github.com/gin-gonic/gin"

	"tollgate/handlers"
	"tollgate/handlers/gateway"
	"tollgate/handlers/telemetry"
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
	// A directory with the token of its connection, which its own handlers check.
	ofDirectory permission.Permission = "a SCIM token"
)

const askDecisions = permission.ViewUsage + " or " + permission.CreateUsage

// reportUsage and askDecisions are for gateways, which send their API key with every call.
const reportUsage = permission.CreateUsage

// shownKey is held by those who can make a key, and so be shown one.
const shownKey = permission.CreateVirtualKeys + " or " + permission.UpdateVirtualKeys + " or " + permission.CreateAccessProfiles

const createOrUpdate = permission.CreateAccessProfiles + " or " + permission.UpdateAccessProfiles

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
	for _, r := range slices.Concat(routes(h, g, telemetryOf(h)), directoryRoutes(h), proxyRoutes(g)) {
		chain := gin.HandlersChain{origin, credential(r.permission), rememberWrites(h), h.TakeBody, h.Handle(r.action)}
		switch {
		case strings.HasPrefix(r.path, "/authz/"), r.permission == ofDirectory:
			chain = gin.HandlersChain{h.Handle(r.action)} // a proxy sends a copy of its client's request
		case telemetry.TakesBody(r.path):
			chain = gin.HandlersChain{origin, credential(r.permission), h.Handle(r.action)}
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

// telemetryOf is the part that reads usage in the formats of others.
func telemetryOf(h *handlers.Handlers) *telemetry.Telemetry {
	return &telemetry.Telemetry{Recorder: h.Recorder}
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
func routes(h *handlers.Handlers, g *gateway.Gateway, t *telemetry.Telemetry) []route {
	return []route{
		{"GET", "/healthz", anyone, h.Healthy},
		{"GET", "/readyz", anyone, h.Ready},
		{"GET", metricsPath, permission.ViewUsage, h.ShowMetrics},
		{"GET", "/", anyone, h.Home},

		{"GET", "/.well-known/authzen-configuration", anyone, g.AuthZENMetadata},
		{"POST", "/access/v1/evaluation", askDecisions, g.Evaluate},
		{"POST", "/access/v1/evaluations", askDecisions, g.EvaluateAll},
		{"POST", "/access/v1/search/resource", askDecisions, g.SearchResources},
		{"POST", "/access/v1/search/action", askDecisions, g.SearchActions},

		{"GET", "/find", inConsole, h.Find},
		{"POST", "/find", inConsole, h.FindTyped},
		{"GET", "/find/callers", permission.ViewAccessProfiles, h.FindCallers},
		{"GET", "/api/find", inConsole, h.Find},
		{"POST", "/api/find", inConsole, h.FindTyped},

		{"GET", "/login", anyone, h.LoginPage},
		{"POST", "/login", anyone, h.Login},
		{"GET", "/login/:slug", anyone, h.BeginSignIn},
		{"GET", "/login/:slug/callback", anyone, h.FinishSignIn},
		{"POST", "/login/:slug/backchannel", anyone, h.EndSignInThere},
		{"POST", "/logout", anyone, h.Logout},
		{"POST", "/session", signedIn, h.KeepSession},
		{"GET", "/first-run", anyone, h.FirstRunPage},
		{"POST", "/first-run", anyone, h.FirstRun},
		{"GET", "/openapi.json", anyone, h.ShowOpenAPI},
		{"GET", "/api", inConsole, h.ShowAPIReference},
		{"GET", "/settings", permission.ViewSettings, h.Settings},
		{"POST", "/settings/password", signedIn, h.ChangePassword},
		{"GET", "/settings/methods", themselves, h.ListMethods},
		{"GET", "/settings/methods/:slug", themselves, h.ShowMethod},
		{"POST", "/settings/methods/:slug/connect", themselves, h.ConnectMethod},
		{"POST", "/settings/methods/:slug/disconnect", themselves, h.DisconnectMethod},
		{"POST", "/settings/gateway", permission.UpdateSettings, h.SetGatewayAddress},
		{"GET", "/api/settings", permission.ViewSettings, h.ShowSettings},
		{"PUT", "/api/settings", permission.UpdateSettings, h.SetGatewayAddress},

		{"GET", "/api/identity-providers", permission.ViewSettings, h.ListIdentityProviders},
		{"POST", "/api/identity-providers", permission.UpdateSettings, h.CreateIdentityProvider},
		{"GET", "/api/identity-providers/:id", permission.ViewSettings, handlers.WithoutQuery(h.ShowIdentityProvider)},
		{"PUT", "/api/identity-providers/:id", permission.UpdateSettings, h.UpdateIdentityProvider},
		{"DELETE", "/api/identity-providers/:id", permission.UpdateSettings, h.DeleteIdentityProvider},
		{"PUT", "/api/identity-providers/:id/rules", permission.UpdateSettings, h.SetRules},
		{"GET", "/settings/sign-in", permission.ViewSettings, h.ListIdentityProviders},
		{"GET", "/api/settings/sign-in", permission.ViewSettings, handlers.WithoutQuery(h.ShowEnforcement)},
		{"PUT", "/api/settings/sign-in", permission.UpdateSettings, h.SetEnforcement},
		{"POST", "/settings/sign-in/enforce", permission.UpdateSettings, h.SetEnforcement},
		{"GET", "/settings/sign-in/new", permission.UpdateSettings, h.NewIdentityProvider},
		{"POST", "/settings/sign-in", permission.UpdateSettings, h.CreateIdentityProvider},
		{"GET", "/settings/sign-in/:id", permission.ViewSettings, h.ShowIdentityProvider},
		{"POST", "/settings/sign-in/:id", permission.UpdateSettings, h.UpdateIdentityProvider},
		{"GET", "/settings/sign-in/:id/edit", permission.UpdateSettings, h.EditIdentityProvider},
		{"GET", "/settings/sign-in/:id/try", permission.UpdateSettings, h.TrySignIn},
		{"GET", "/settings/sign-in/:id/rules", permission.UpdateSettings, h.EditRules},
		{"POST", "/settings/sign-in/:id/rules", permission.UpdateSettings, h.SetRules},
		{"GET", "/settings/sign-in/:id/delete", permission.UpdateSettings, h.ConfirmDeleteIdentityProvider},
		{"POST", "/settings/sign-in/:id/delete", permission.UpdateSettings, h.DeleteIdentityProvider},

		{"GET", "/api/api-keys", permission.ViewAPIKeys, h.ListAPIKeys},
		{"POST", "/api/api-keys", permission.CreateAPIKeys, h.CreateAPIKey},
		{"GET", "/api/api-keys/:id", permission.ViewAPIKeys, handlers.WithoutQuery(h.ShowAPIKey)},
		{"PUT", "/api/api-keys/:id", permission.UpdateAPIKeys, h.UpdateAPIKey},
		{"DELETE", "/api/api-keys/:id", permission.DeleteAPIKeys, h.DeleteAPIKey},
		{"GET", "/settings/api-keys", permission.ViewAPIKeys, h.ListAPIKeys},
		{"GET", "/settings/api-keys/new", permission.CreateAPIKeys, h.NewAPIKey},
		{"POST", "/settings/api-keys", permission.CreateAPIKeys, h.CreateAPIKey},
		{"GET", "/settings/api-keys/:id/value", permission.CreateAPIKeys, h.ShowAPIKeyValue},
		{"GET", "/settings/api-keys/:id/delete", permission.DeleteAPIKeys, h.ConfirmDeleteAPIKey},
		{"POST", "/settings/api-keys/:id/delete", permission.DeleteAPIKeys, h.DeleteAPIKey},

		{"GET", "/api/users", permission.ViewUsers, h.ListUsers},
		{"POST", "/api/users", permission.CreateUsers, h.CreateUser},
		{"GET", "/api/users/me/permissions", signedIn, handlers.WithoutQuery(h.ShowOwnPermissions)},
		{"GET", "/api/users/:id", permission.ViewUsers, handlers.WithoutQuery(h.ShowUser)},
		{"PUT", "/api/users/:id", permission.UpdateUsers, h.UpdateUser},
		{"PUT", "/api/users/:id/role", permission.UpdateUsers, h.SetUserRole},
		{"DELETE", "/api/users/:id", permission.DeleteUsers, h.DeleteUser},
		{"GET", "/api/users/:id/identities", permission.ViewUsers, h.ListIdentities},
		{"DELETE", "/api/users/:id/identities", permission.UpdateUsers, h.DeleteIdentities},
		{"PUT", "/api/users/:id/activate", permission.UpdateUsers, h.ActivateUser},
		{"PUT", "/api/users/:id/deactivate", permission.UpdateUsers, h.DeactivateUser},
		{"GET", "/users", permission.ViewUsers, h.ListUsers},
		{"GET", "/users/new", permission.CreateUsers, h.NewUser},
		{"POST", "/users", permission.CreateUsers, h.CreateUser},
		{"POST", "/users/bulk", permission.CreateAccessProfiles, h.AssignToUsers},
		{"POST", "/users/bulk/activate", permission.UpdateUsers, h.ActivateUsers},
		{"POST", "/users/bulk/deactivate", permission.UpdateUsers, h.DeactivateUsers},
		{"GET", "/users/:id", permission.ViewUsers, h.ShowUser},
		{"POST", "/users/:id", permission.UpdateUsers, h.UpdateUser},
		{"GET", "/users/:id/edit", permission.UpdateUsers, h.EditUser},
		{"POST", "/users/:id/role", permission.UpdateUsers, h.SetUserRole},
		{"POST", "/users/:id/password", permission.UpdateUsers, h.SetUserPassword},
		{"POST", "/users/:id/identities/delete", permission.UpdateUsers, h.DeleteIdentities},
		{"POST", "/users/:id/activate", permission.UpdateUsers, h.ActivateUser},
		{"GET", "/users/:id/deactivate", permission.UpdateUsers, h.ConfirmDeactivateUser},
		{"POST", "/users/:id/deactivate", permission.UpdateUsers, h.DeactivateUser},
		{"GET", "/users/:id/delete", permission.DeleteUsers, h.ConfirmDeleteUser},
		{"POST", "/users/:id/delete", permission.DeleteUsers, h.DeleteUser},

		{"GET", "/api/users/me/vk-creation-policy", signedIn, handlers.WithoutQuery(h.ShowKeyCreationPolicy)},
		{"GET", "/api/users/:id/access-profiles", permission.ViewAccessProfiles, h.ListUserAccessProfiles},
		{"POST", "/api/users/:id/access-profiles", permission.CreateAccessProfiles, h.AssignAccessProfile},
		{"PUT", "/api/users/:id/access-profiles/:copy_id", permission.UpdateAccessProfiles, h.ChangeUserAccessProfile},
		{"DELETE", "/api/users/:id/access-profiles/:copy_id", permission.DeleteAccessProfiles, h.DetachAccessProfile},
		{
			"GET", "/api/users/:id/access-profiles/:copy_id/budgets/:budget_id/override",
			permission.ViewAccessProfiles, h.EditOverride,
		},
		{
			"PUT", "/api/users/:id/access-profiles/:copy_id/budgets/:budget_id/override",
			permission.UpdateAccessProfiles, h.SetOverride,
		},
		{
			"DELETE", "/api/users/:id/access-profiles/:copy_id/budgets/:budget_id/override",
			permission.UpdateAccessProfiles + " or " + permission.DeleteAccessProfiles, h.ClearOverride,
		},
		{"GET", "/api/users/:id/virtual-keys", permission.ViewVirtualKeys, h.ListUserKeys},
		{"POST", "/api/users/:id/virtual-keys", permission.CreateVirtualKeys, h.CreateVirtualKey},
		// The key is the user's; the copy in the path is ignored.
		{"POST", "/api/users/:id/access-profiles/:copy_id/virtual-keys", permission.CreateVirtualKeys, h.CreateVirtualKey},
		// The reference asks for AccessProfiles:Delete here, so VirtualKeys:Delete can be granted but permits nothing.
		{"DELETE", "/api/users/:id/access-profiles/virtual-keys/:vk_id", permission.DeleteAccessProfiles, h.DeleteVirtualKey},
		{"GET", "/api/virtual-keys", permission.ViewVirtualKeys, h.ListVirtualKeys},
		{"GET", "/api/virtual-keys/quota", keyHolder, g.ShowQuota},
		{"POST", "/api/virtual-keys/:vk_id/rotate", permission.UpdateVirtualKeys, h.RotateVirtualKey},
		{"GET", "/users/:id/access-profiles/new", permission.CreateAccessProfiles, h.NewAssignment},
		{"POST", "/users/:id/access-profiles", permission.CreateAccessProfiles, h.AssignAccessProfile},
		{"GET", "/users/:id/access-profiles/:copy_id/edit", permission.UpdateAccessProfiles, h.EditUserAccessProfile},
		{"POST", "/users/:id/access-profiles/:copy_id", permission.UpdateAccessProfiles, h.ChangeUserAccessProfile},
		{"GET", "/users/:id/access-profiles/:copy_id/delete", permission.DeleteAccessProfiles, h.ConfirmDetach},
		{"POST", "/users/:id/access-profiles/:copy_id/delete", permission.DeleteAccessProfiles, h.DetachAccessProfile},
		{"GET", "/users/:id/access-profiles/:copy_id/budgets/:budget_id/override", permission.UpdateAccessProfiles, h.EditOverride},
		{"POST", "/users/:id/access-profiles/:copy_id/budgets/:budget_id/override", permission.UpdateAccessProfiles, h.SetOverride},
		{
			"POST", "/users/:id/access-profiles/:copy_id/budgets/:budget_id/override/delete",
			permission.UpdateAccessProfiles + " or " + permission.DeleteAccessProfiles, h.ClearOverride,
		},
		{"GET", "/users/:id/virtual-keys/new", permission.CreateVirtualKeys, h.NewVirtualKey},
		{"POST", "/users/:id/virtual-keys", permission.CreateVirtualKeys, h.CreateVirtualKey},
		{"GET", "/users/:id/virtual-keys/:vk_id/value", shownKey, h.ShowVirtualKeyValue},
		{"GET", "/users/:id/virtual-keys/:vk_id/delete", permission.DeleteAccessProfiles, h.ConfirmDeleteVirtualKey},
		{"POST", "/users/:id/virtual-keys/:vk_id/delete", permission.DeleteAccessProfiles, h.DeleteVirtualKey},
		{"GET", "/users/:id/virtual-keys/:vk_id/rotate", permission.UpdateVirtualKeys, h.ConfirmRotateVirtualKey},
		{"POST", "/users/:id/virtual-keys/:vk_id/rotate", permission.UpdateVirtualKeys, h.RotateVirtualKey},
		{"GET", "/virtual-keys", permission.ViewVirtualKeys, h.ListVirtualKeys},

		{"POST", "/api/decisions", askDecisions, g.Decide},
		{"PUT", "/api/reservations/*id", askDecisions, g.RenewReservation},
		{"DELETE", "/api/reservations/*id", askDecisions, g.ReleaseReservation},
		{"POST", "/api/usage", reportUsage, g.RecordUsage},
		{"POST", telemetry.LiteLLMPath, reportUsage, t.RecordLiteLLM},
		{"POST", telemetry.TracesPath, reportUsage, t.RecordTraces},
		{"POST", "/api/usage/adjustments", permission.UpdateUsage, g.AdjustUsage},
		{"GET", "/api/usage", permission.ViewUsage, h.Report(h.Replicated(h.ShowUsage))},
		{"GET", "/api/usage/quarantine", permission.ViewUsage, h.ListQuarantine},
		{"GET", "/api/usage/quarantine/:id", permission.ViewUsage, handlers.WithoutQuery(h.ShowQuarantined)},
		{"POST", "/api/usage/quarantine/:id/assign", permission.UpdateUsage, h.AssignQuarantined},
		{"POST", "/api/usage/quarantine/:id/dismiss", permission.UpdateUsage, h.DismissQuarantined},
		{"GET", "/usage/quarantine", permission.ViewUsage, h.ListQuarantine},
		{"GET", "/usage/quarantine/:id", permission.ViewUsage, h.ShowQuarantined},
		{"POST", "/usage/quarantine/:id/assign", permission.UpdateUsage, h.AssignQuarantined},
		{"POST", "/usage/quarantine/:id/dismiss", permission.UpdateUsage, h.DismissQuarantined},
		{"GET", "/api/usage/export", permission.ViewUsage, h.Report(h.Replicated(h.ExportUsage))},
		{"GET", "/usage", permission.ViewUsage, h.Report(h.Replicated(h.ShowUsage))},
		{"GET", "/usage/export", permission.ViewUsage, h.Report(h.Replicated(h.ExportUsage))},
		{"GET", "/api/refusals", permission.ViewUsage, h.Report(h.ListRefusals)},
		{"GET", "/refusals", permission.ViewUsage, h.Report(h.ListRefusals)},
		{"GET", "/users/:id/try", permission.ViewAccessProfiles, h.TryAccess},

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
		{"GET", "/api/access-requests", permission.ViewAccessRequests, h.ListAccessRequests},
		{"GET", "/api/access-requests/:id", permission.ViewAccessRequests, handlers.WithoutQuery(h.ShowAccessRequest)},
		{"POST", "/api/access-requests/:id/grant", permission.UpdateAccessRequests, h.GrantAccessRequest},
		{"POST", "/api/access-requests/:id/decline", permission.UpdateAccessRequests, h.DeclineAccessRequest},
		{"GET", "/access-requests", permission.ViewAccessRequests, h.ListAccessRequests},
		{"POST", "/access-requests/:id/grant", permission.UpdateAccessRequests, h.GrantAccessRequest},
		{"POST", "/access-requests/:id/decline", permission.UpdateAccessRequests, h.DeclineAccessRequest},
		{"POST", "/api/users/:id/sign-in-link", permission.UpdateUsers, h.CreateSignInLink},
		{"POST", "/users/:id/sign-in-link", permission.UpdateUsers, h.CreateSignInLink},
		{"GET", "/sign-in-link", anyone, h.SignInLinkPage},
		{"POST", "/sign-in-link", anyone, h.UseSignInLink},

		{"GET", "/api/config", inConsole, h.ExportConfig},
		{"POST", "/api/config/plan", inConsole, h.PlanConfig},
		{"POST", "/api/config/apply", inConsole, h.ApplyConfig},
		{"POST", "/api/config/test", permission.ViewAccessProfiles, h.TestConfig},
		{"GET", "/api/config/drift", inConsole, h.ConfigDrift},
		{"GET", "/settings/configuration", inConsole, h.ConfigDrift},
		{"GET", "/schema/config-v1.json", anyone, h.ConfigSchema},

		{"GET", "/api/roles", permission.ViewRoles, h.ListRoles},
		{"POST", "/api/roles", permission.CreateRoles, h.CreateRole},
		{"GET", "/api/roles/:id", permission.ViewRoles, handlers.WithoutQuery(h.ShowRole)},
		{"PUT", "/api/roles/:id", permission.UpdateRoles, h.UpdateRole},
		{"DELETE", "/api/roles/:id", permission.DeleteRoles, h.DeleteRole},
		{"GET", "/api/roles/:id/permissions", permission.ViewRoles, handlers.WithoutQuery(h.ShowRolePermissions)},
		{"PUT", "/api/roles/:id/permissions", permission.UpdateRoles, h.SetRolePermissions},
		{"GET", "/api/permissions", permission.ViewRoles, h.ListPermissions},
		{"GET", "/roles", permission.ViewRoles, h.ListRoles},
		{"GET", "/roles/new", permission.CreateRoles, h.NewRole},
		{"POST", "/roles", permission.CreateRoles, h.CreateRole},
		{"GET", "/roles/:id", permission.ViewRoles, h.ShowRole},
		{"POST", "/roles/:id", permission.UpdateRoles, h.UpdateRole},
		{"GET", "/roles/:id/edit", permission.UpdateRoles, h.EditRole},
		{"GET", "/roles/:id/delete", permission.DeleteRoles, h.ConfirmDeleteRole},
		{"POST", "/roles/:id/delete", permission.DeleteRoles, h.DeleteRole},

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

		{"GET", "/api/access-profiles", permission.ViewAccessProfiles, h.ListAccessProfiles},
		{"POST", "/api/access-profiles", permission.CreateAccessProfiles, h.CreateAccessProfile},
		{"GET", "/api/access-profiles/:id", permission.ViewAccessProfiles, handlers.WithoutQuery(h.ShowAccessProfile)},
		{"PUT", "/api/access-profiles/:id", permission.UpdateAccessProfiles, h.UpdateAccessProfile},
		{"DELETE", "/api/access-profiles/:id", permission.DeleteAccessProfiles, h.DeleteAccessProfile},
		{"PUT", "/api/access-profiles/:id/activate", permission.UpdateAccessProfiles, h.ActivateAccessProfile},
		{"PUT", "/api/access-profiles/:id/deactivate", permission.UpdateAccessProfiles, h.DeactivateAccessProfile},
		{"POST", "/api/access-profiles/:id/clone", permission.CreateAccessProfiles, h.CloneAccessProfile},
		{"GET", "/api/access-profiles/:id/versions", permission.ViewAccessProfiles, h.Replicated(h.ListVersions)},
		{"GET", "/api/access-profiles/:id/versions/:version", permission.ViewAccessProfiles, h.Replicated(handlers.WithoutQuery(h.ShowVersion))},
		{"POST", "/api/access-profiles/:id/versions/:version/restore", permission.UpdateAccessProfiles, h.RestoreVersion},
		{"GET", "/api/access-profiles/:id/audit-logs", permission.ViewAccessProfiles, h.Replicated(h.ListAuditLogs)},
		{"GET", "/api/access-profiles/audit-logs", permission.ViewAuditLogs, h.Replicated(h.ListAuditLogs)},

		{"POST", "/api/access-profiles/:id/roles", createOrUpdate, h.AttachRoles},
		{"DELETE", "/api/access-profiles/:id/roles/:role_id", permission.DeleteAccessProfiles, h.DetachRole},
		{"POST", "/api/access-profiles/:id/pause", permission.UpdateAccessProfiles, h.PauseCopies},
		{"POST", "/api/access-profiles/:id/resume", permission.UpdateAccessProfiles, h.ResumeCopies},
		{"POST", "/api/access-profiles/:id/propagate", createOrUpdate, h.Propagate},
		{"GET", "/api/access-profiles/:id/propagate/:job", permission.ViewAccessProfiles, handlers.WithoutQuery(h.ShowPropagation)},

		{"GET", "/access-profiles", permission.ViewAccessProfiles, h.ListAccessProfiles},
		{"GET", "/access-profiles/new", permission.CreateAccessProfiles, h.NewAccessProfile},
		{"POST", "/access-profiles", permission.CreateAccessProfiles, h.CreateAccessProfile},
		{"POST", "/access-profiles/bulk", permission.UpdateAccessProfiles, h.ChangeAccessProfiles},
		{"GET", "/access-profiles/:id", permission.ViewAccessProfiles, h.ShowAccessProfile},
		{"POST", "/access-profiles/:id", permission.UpdateAccessProfiles, h.UpdateAccessProfile},
		{"GET", "/access-profiles/:id/edit", permission.UpdateAccessProfiles, h.EditAccessProfile},
		{"GET", "/access-profiles/:id/clone", permission.CreateAccessProfiles, h.NewClone},
		{"POST", "/access-profiles/:id/clone", permission.CreateAccessProfiles, h.CloneAccessProfile},
		{"GET", "/access-profiles/:id/delete", permission.DeleteAccessProfiles, h.ConfirmDeleteAccessProfile},
		{"POST", "/access-profiles/:id/delete", permission.DeleteAccessProfiles, h.DeleteAccessProfile},
		{"GET", "/access-profiles/:id/users", permission.ViewAccessProfiles, h.ListHolders},
		{"POST", "/access-profiles/:id/users/bulk", permission.DeleteAccessProfiles, h.DetachHolders},
		{"POST", "/api/access-profiles/:id/give", permission.CreateAccessProfiles, h.Handout},
		{"GET", "/access-profiles/:id/give", permission.CreateAccessProfiles, h.NewHandout},
		{"POST", "/access-profiles/:id/give", permission.CreateAccessProfiles, h.Handout},
		{"POST", "/access-profiles/:id/give/preview", permission.CreateAccessProfiles, h.PreviewHandout},
		{"GET", "/access-profiles/:id/give/:handout", permission.CreateAccessProfiles, h.ShowHandout},
		{"GET", "/access-profiles/:id/give/:handout/keys.csv", permission.CreateAccessProfiles, h.ExportHandout},
		{"GET", "/access-profiles/:id/roles", permission.ViewAccessProfiles, h.ListProfileRoles},
		{"POST", "/access-profiles/:id/roles", createOrUpdate, h.AttachRoles},
		{"GET", "/access-profiles/:id/roles/:role_id/delete", permission.DeleteAccessProfiles, h.ConfirmDetachRole},
		{"POST", "/access-profiles/:id/roles/:role_id/delete", permission.DeleteAccessProfiles, h.DetachRole},
		{"GET", "/access-profiles/:id/pause", permission.UpdateAccessProfiles, h.ConfirmPause},
		{"POST", "/access-profiles/:id/pause", permission.UpdateAccessProfiles, h.PauseCopies},
		{"GET", "/access-profiles/:id/resume", permission.UpdateAccessProfiles, h.ConfirmResume},
		{"POST", "/access-profiles/:id/resume", permission.UpdateAccessProfiles, h.ResumeCopies},
		{"GET", "/access-profiles/:id/propagate", createOrUpdate, h.NewPropagation},
		{"GET", "/access-profiles/:id/propagate/preview", createOrUpdate, h.PreviewPropagation},
		{"POST", "/access-profiles/:id/propagate", createOrUpdate, h.Propagate},
		{"GET", "/access-profiles/:id/propagate/:job", permission.ViewAccessProfiles, h.ShowPropagation},
		{"POST", "/access-profiles/:id/propagate/:job/retry", createOrUpdate, h.RetryPropagation},
		{"GET", "/access-profiles/:id/versions", permission.ViewAccessProfiles, h.Replicated(h.ListVersions)},
		{"GET", "/access-profiles/:id/versions/compare", permission.ViewAccessProfiles, h.Replicated(h.CompareVersions)},
		{"GET", "/access-profiles/:id/versions/:version", permission.ViewAccessProfiles, h.Replicated(h.ShowVersion)},
		{"POST", "/access-profiles/:id/versions/:version/restore", permission.UpdateAccessProfiles, h.RestoreVersion},
		{"GET", "/access-profiles/:id/audit", permission.ViewAccessProfiles, h.Replicated(h.ListAuditLogs)},
		{"GET", "/access-profiles/:id/audit/export", permission.ViewAccessProfiles, h.Report(h.Replicated(h.ExportAuditLogs))},
		{"GET", "/audit", permission.ViewAuditLogs, h.Replicated(h.ListAuditLogs)},
		{"GET", "/audit/export", permission.ViewAuditLogs, h.Report(h.Replicated(h.ExportAuditLogs))},
		{"POST", "/access-profiles/:id/activate", permission.UpdateAccessProfiles, h.ActivateAccessProfile},
		{"POST", "/access-profiles/:id/deactivate", permission.UpdateAccessProfiles, h.DeactivateAccessProfile},
	}
}
