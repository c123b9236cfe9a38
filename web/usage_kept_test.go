package web_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"tollgate/web"
)

// usage is every row of usage.
func (g gateway) usage() map[string]string {
	g.t.Helper()
	tables, kept := g.stored(), map[string]string{}
	for _, name := range []string{"usage_events", "limit_windows", "usage_days", "usage_quarantine", "reservations"} {
		if kept[name] = tables[name]; kept[name] == "" {
			g.t.Fatalf("nothing is in %s", name)
		}
	}
	return kept
}

// I-08: no write except of usage itself changes a row of usage. Every writing route of the API is tried; forms have the
// same handlers.
func TestNoOtherWriteChangesUsage(t *testing.T) {
	g := newGateway(t)
	g.h.MCPPrivate = true
	_, bobs := g.give(g.bob, g.work)
	g.admin.counted(event(g.key))
	g.admin.counted(event(bobs))
	g.admin.report(event("not a key")).is(200)
	g.admin.decides(with(model(g.key), "estimated_cost", 1, "reserve", true), "allowed", 200)
	before, written := g.usage(), map[string]bool{}
	try := func(method, pattern string, body any, parts ...any) answer {
		t.Helper()
		written[method+" "+pattern] = true
		path := pattern
		for _, part := range parts {
			i := strings.Index(path, ":")
			end := strings.IndexByte(path[i:]+"/", '/')
			path = path[:i] + fmt.Sprint(part) + path[i+end:]
		}
		a := g.admin.api(method, path, body)
		if a.StatusCode > 299 {
			t.Errorf("%s %s: %d %s", method, path, a.StatusCode, a.body)
		}
		if after := g.usage(); !maps.Equal(before, after) {
			t.Errorf("%s %s changes what was used", method, path)
			before = after
		}
		return a
	}
	const profiles, users, copied = "/api/access-profiles", "/api/users", "/api/users/:id/access-profiles/:copy_id"
	limits := `{"budgets":[{"max_limit":1,"reset_duration":"1M"},{"max_limit":1,"reset_duration":"1h"}],"rate_limit":{"token_max_limit":9,"token_reset_duration":"1h","request_max_limit":9,"request_reset_duration":"1d"},"calendar_aligned":true}`
	try("PUT", profiles+"/:id", limits, g.work)
	try("POST", profiles+"/:id/propagate", `{"fields":["provider_configs","budgets","rate_limit"]}`, g.work)
	try("POST", profiles+"/:id/versions/:version/restore", nil, g.work, 1)
	try("POST", profiles+"/:id/propagate", `{"fields":["provider_configs","budgets","rate_limit"]}`, g.work)
	try("POST", profiles+"/:id/clone", `{"name":"Clone"}`, g.work)
	made := id64(try("POST", profiles, `{"name":"Made"}`).object("access_profile"))
	role := id64(try("POST", "/api/roles", `{"name":"Made"}`).object("role"))
	try("PUT", "/api/roles/:id", `{"name":"Remade"}`, role)
	try("PUT", "/api/roles/:id/permissions", `{"permission_ids":[]}`, role)
	try("POST", profiles+"/:id/roles", object{"role_ids": []int64{role}, "is_default": true, "apply_to_existing": true}, made)
	try("PUT", users+"/:id/role", object{"role_id": role}, g.bob)
	try("DELETE", profiles+"/:id/roles/:role_id", nil, made, role)
	try("PUT", users+"/:id/role", object{"role_id": g.roleID("Viewer")}, g.bob)
	try("DELETE", "/api/roles/:id", nil, role)
	try("DELETE", profiles+"/:id", nil, made)
	try("PUT", profiles+"/:id/deactivate", nil, g.work)
	try("PUT", profiles+"/:id/activate", nil, g.work)
	user := try("POST", users, object{"name": "Made", "email": "made@example.com", "role_id": g.roleID("Viewer")}).object("user")["id"]
	try("PUT", users+"/:id", `{"name":"Remade"}`, user)
	held := id64(try("POST", users+"/:id/access-profiles", object{"access_profile_id": g.work}, user).object("access_profile"))
	try("PUT", copied, object{"expires_at": time.Now().Add(time.Hour).UTC()}, user, held)
	adas := g.copies(g.ada)[0]
	budget := objects(adas["budgets"])[0]["id"]
	try("PUT", copied+"/budgets/:budget_id/override", `{"amount":1,"mode":"cycles","cycles":1}`, g.ada, id64(adas), budget)
	try("DELETE", copied+"/budgets/:budget_id/override", nil, g.ada, id64(adas), budget)
	key := try("POST", users+"/:id/virtual-keys", nil, g.ada).object("virtual_key")["id"]
	try("POST", users+"/:id/access-profiles/:copy_id/virtual-keys", nil, g.ada, id64(adas))
	try("POST", "/api/virtual-keys/:vk_id/rotate", nil, key)
	try("DELETE", users+"/:id/access-profiles/virtual-keys/:vk_id", nil, g.ada, key)
	try("POST", "/api/providers", `{"name":"made","models":["m"]}`)
	try("PUT", "/api/providers/:name", `{"models":["n"]}`, "made")
	try("DELETE", "/api/providers/:name", nil, "made")
	try("POST", "/api/mcp/clients", object{"name": "made", "url": remoteMCP(t, "read")})
	try("PUT", "/api/mcp/clients/:client_id", `{"name":"Remade"}`, "made")
	try("POST", "/api/mcp/clients/:client_id/refresh-tools", nil, "made")
	group := id64(try("POST", "/api/mcp/tool-groups", `{"name":"Made","tools":[{"mcp_client_id":"made","tool_names":["read"]}]}`).object("tool_group"))
	try("PUT", "/api/mcp/tool-groups/:id", `{"tools":[]}`, group)
	try("DELETE", "/api/mcp/tool-groups/:id", nil, group)
	try("DELETE", "/api/mcp/clients/:client_id", nil, "made")
	apiKey := try("POST", "/api/api-keys", `{"name":"made","scopes":["Usage:View"]}`).object("api_key")["id"]
	try("PUT", "/api/api-keys/:id", `{"name":"remade"}`, apiKey)
	try("DELETE", "/api/api-keys/:id", nil, apiKey)
	try("DELETE", copied, nil, g.ada, id64(adas))
	try("DELETE", users+"/:id", nil, g.bob)
	try("POST", "/api/find", `{"q":"ada"}`)
	for _, r := range webRoutes(g) {
		if !written[r] {
			t.Errorf("%s was not tried", r)
		}
	}
	g.balanced()

	// The twin: the check of this test detects a row that changed by the smallest amount.
	g.exec("UPDATE limit_windows SET used = used + 1 WHERE kind = 'requests' AND used > 0")
	if maps.Equal(before, g.usage()) {
		t.Error("a changed counter is not seen: this test finds nothing")
	}
}

// webRoutes are the routes of the API that write anything but usage, under their shorter prefix.
func webRoutes(g gateway) (all []string) {
	for _, r := range web.Routes(g.h) {
		switch {
		case r.Method == "GET", !strings.HasPrefix(r.Path, "/api/"), strings.HasPrefix(r.Path, "/api/governance/"), slices.Contains([]string{
			"/api/usage", "/api/decisions", "/api/reservations/*id", "/api/usage/adjustments", "/api/usage/quarantine/:id/assign", "/api/usage/quarantine/:id/dismiss",
		}, r.Path):
		default:
			all = append(all, r.Method+" "+r.Path)
		}
	}
	return all
}
