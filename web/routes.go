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

// reportUsage and askDecisions are for gateways, which send their API key with every call. A hold counts like usage.
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
		action := r.action
		if withoutQuery(r) {
			action = handlers.WithoutQuery(action)
		}
		chain := gin.HandlersChain{origin, credential(r.permission), rememberWrites(h), h.TakeBody, h.Handle(action)}
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

// withoutQuery reports whether a route refuses every parameter in its address. A route of the API that makes a change
// takes what it needs from its body, but for the one that reads a parameter itself. Gateways may append parameters to
// the addresses they ask and report to.
func withoutQuery(r route) bool {
	switch {
	case !strings.HasPrefix(r.path, "/api/"), r.method == "GET", r.permission == askDecisions, r.permission == reportUsage:
		return false
	}
	return r.path != detachRolePath
}

// gatewayOf is the part of a console that answers gateways.
func gatewayOf(h *handlers.Handlers) *gateway.Gateway {
	return &gateway.Gateway{
		DB: h.DB, Log: h.Log, BaseURL: h.BaseURL, Keys: h.Keys, Engine: h.Engine, Recorder: h.Recorder, Cache: h.Cache,
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

// routes is the table of all URLs, but for those of directories and proxies.
func routes(h *handlers.Handlers, g *gateway.Gateway, t *telemetry.Telemetry) []route {
	return slices.Concat(
		consoleRoutes(h), signInRoutes(h), usageRoutes(h, g, t), ownRoutes(h), userRoutes(h), keyRoutes(h, g),
		roleRoutes(h), catalogueRoutes(h), profileRoutes(h),
	)
}

// consoleRoutes are those of the console itself: health, search, settings and the audit log.
func consoleRoutes(h *handlers.Handlers) []route {
	return []route{
		{"GET", "/healthz", anyone, h.Healthy},
		{"GET", "/readyz", anyone, h.Ready},
		{"GET", metricsPath, permission.ViewUsage, h.ShowMetrics},
		{"GET", "/", anyone, h.Home},
		{"GET", "/find", inConsole, h.Find},
		{"POST", "/find", inConsole, h.FindTyped},
		{"GET", "/find/callers", permission.ViewAccessProfiles, h.FindCallers},
		{"GET", "/api/find", inConsole, h.Find},
		{"POST", "/api/find", inConsole, h.FindTyped},
		{"GET", "/openapi.json", anyone, h.ShowOpenAPI},
		{"GET", "/api", inConsole, h.ShowAPIReference},
		{"GET", "/settings", permission.ViewSettings, h.Settings},
		{"POST", "/settings/gateway", permission.UpdateSettings, h.SetGatewayAddress},
		{"GET", "/api/settings", permission.ViewSettings, h.ShowSettings},
		{"PUT", "/api/settings", permission.UpdateSettings, h.SetGatewayAddress},
		{"GET", "/audit", permission.ViewAuditLogs, h.Replicated(h.ListAuditLogs)},
		{"GET", "/audit/export", permission.ViewAuditLogs, h.Report(h.Replicated(h.ExportAuditLogs))},
	}
}
