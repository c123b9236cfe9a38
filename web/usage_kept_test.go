package web_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"tollgate/web"
	"tollgate/web/webtest"
)

// I-08: no write except of usage itself changes a row of usage. Every writing route of the API is tried; forms have the
// same handlers.
func TestNoOtherWriteChangesUsage(t *testing.T) {
	g := webtest.NewGateway(t)
	g.H.MCPPrivate = true
	_, bobs := g.Give(g.Bob, g.Work)
	g.Admin.Counted(webtest.Event(g.Key))
	g.Admin.Counted(webtest.Event(bobs))
	g.Admin.Report(webtest.Event("not a key")).Is(200)
	g.Admin.Decides(webtest.With(webtest.Model(g.Key), "estimated_cost", 1, "reserve", true), "allowed", 200)
	before, written := g.Usage(), map[string]bool{}
	ada := g.Login(webtest.Ada)
	try := func(method, pattern string, body any, parts ...any) webtest.Answer {
		t.Helper()
		written[method+" "+pattern] = true
		path := pattern
		for _, part := range parts {
			i := strings.Index(path, ":")
			end := strings.IndexByte(path[i:]+"/", '/')
			path = path[:i] + fmt.Sprint(part) + path[i+end:]
		}
		who := g.Admin
		if strings.HasPrefix(pattern, "/api/me/") || pattern == "/api/access-requests" || strings.HasSuffix(pattern, "/withdraw") {
			who = ada
		}
		a := who.API(method, path, body)
		if a.StatusCode > 299 {
			t.Errorf("%s %s: %d %s", method, path, a.StatusCode, a.Body)
		}
		if after := g.Usage(); !maps.Equal(before, after) {
			t.Errorf("%s %s changes what was used", method, path)
			before = after
		}
		return a
	}
	const profiles, users, copied = "/api/access-profiles", "/api/users", "/api/users/:id/access-profiles/:copy_id"
	limits := `{"budgets":[{"max_limit":1,"reset_duration":"1M"},{"max_limit":1,"reset_duration":"1h"}],"rate_limit":{"token_max_limit":9,"token_reset_duration":"1h","request_max_limit":9,"request_reset_duration":"1d"},"calendar_aligned":true}`
	try("PUT", profiles+"/:id", limits, g.Work)
	try("POST", profiles+"/:id/propagate", `{"fields":["provider_configs","budgets","rate_limit"]}`, g.Work)
	try("POST", profiles+"/:id/versions/:version/restore", nil, g.Work, 1)
	try("POST", profiles+"/:id/propagate", `{"fields":["provider_configs","budgets","rate_limit"]}`, g.Work)
	try("POST", profiles+"/:id/clone", `{"name":"Clone"}`, g.Work)
	made := webtest.Int64ID(try("POST", profiles, `{"name":"Made"}`).Object("access_profile"))
	role := webtest.Int64ID(try("POST", "/api/roles", `{"name":"Made"}`).Object("role"))
	try("PUT", "/api/roles/:id", `{"name":"Remade"}`, role)
	try("PUT", "/api/roles/:id/permissions", `{"permission_ids":[]}`, role)
	try("POST", profiles+"/:id/roles", webtest.Object{"role_ids": []int64{role}, "is_default": true, "apply_to_existing": true}, made)
	try("PUT", users+"/:id/role", webtest.Object{"role_id": role}, g.Bob)
	try("DELETE", profiles+"/:id/roles/:role_id", nil, made, role)
	try("PUT", users+"/:id/role", webtest.Object{"role_id": g.RoleID("Viewer")}, g.Bob)
	try("DELETE", "/api/roles/:id", nil, role)
	try("DELETE", profiles+"/:id", nil, made)
	try("PUT", profiles+"/:id/deactivate", nil, g.Work)
	try("PUT", profiles+"/:id/activate", nil, g.Work)
	user := try("POST", users, webtest.Object{"name": "Made", "email": "made@example.com", "role_id": g.RoleID("Viewer")}).Object("user")["id"]
	try("PUT", users+"/:id", `{"name":"Remade"}`, user)
	held := webtest.Int64ID(try("POST", users+"/:id/access-profiles", webtest.Object{"access_profile_id": g.Work}, user).Object("access_profile"))
	try("PUT", copied, webtest.Object{"expires_at": time.Now().Add(time.Hour).UTC()}, user, held)
	adas := g.Copies(g.Ada)[0]
	budget := webtest.Objects(adas["budgets"])[0]["id"]
	try("PUT", copied+"/budgets/:budget_id/override", `{"amount":1,"mode":"cycles","cycles":1}`, g.Ada, webtest.Int64ID(adas), budget)
	try("DELETE", copied+"/budgets/:budget_id/override", nil, g.Ada, webtest.Int64ID(adas), budget)
	key := try("POST", users+"/:id/virtual-keys", nil, g.Ada).Object("virtual_key")["id"]
	try("POST", users+"/:id/access-profiles/:copy_id/virtual-keys", nil, g.Ada, webtest.Int64ID(adas))
	try("POST", users+"/:id/virtual-keys/adopt", `{"value":"sk-bf-0Adopted1Adopted2Adopted3Adopted4"}`, g.Ada)
	try("POST", "/api/virtual-keys/:vk_id/rotate", nil, key)
	try("DELETE", users+"/:id/access-profiles/virtual-keys/:vk_id", nil, g.Ada, key)
	try("POST", "/api/providers", `{"name":"made","models":["m"]}`)
	try("PUT", "/api/providers/:name", `{"models":["n"]}`, "made")
	try("DELETE", "/api/providers/:name", nil, "made")
	try("POST", "/api/mcp/clients", webtest.Object{"name": "made", "url": webtest.RemoteMCP(t, "read")})
	try("PUT", "/api/mcp/clients/:client_id", `{"name":"Remade"}`, "made")
	try("POST", "/api/mcp/clients/:client_id/refresh-tools", nil, "made")
	group := webtest.Int64ID(try("POST", "/api/mcp/tool-groups", `{"name":"Made","tools":[{"mcp_client_id":"made","tool_names":["read"]}]}`).Object("tool_group"))
	try("PUT", "/api/mcp/tool-groups/:id", `{"tools":[]}`, group)
	try("DELETE", "/api/mcp/tool-groups/:id", nil, group)
	try("DELETE", "/api/mcp/clients/:client_id", nil, "made")
	apiKey := try("POST", "/api/api-keys", `{"name":"made","scopes":["Usage:View"]}`).Object("api_key")["id"]
	try("PUT", "/api/api-keys/:id", `{"name":"remade"}`, apiKey)
	try("DELETE", "/api/api-keys/:id", nil, apiKey)
	for end, body := range map[string]string{"withdraw": "", "grant": `{"amount":1000}`, "decline": `{"note":"no"}`} {
		id := try("POST", "/api/access-requests", webtest.Object{"budget_id": budget, "reason": end}).Object("access_request")["id"]
		try("POST", "/api/access-requests/:id/"+end, body, id)
	}
	own := try("POST", "/api/me/virtual-keys", nil).Object("virtual_key")["id"]
	try("POST", "/api/me/virtual-keys/:vk_id/rotate", nil, own)
	try("POST", users+"/:id/sign-in-link", nil, g.Ada)
	try("PUT", "/api/settings", `{"gateway_address":"https://gateway.example.com"}`)
	try("POST", profiles+"/:id/give", `{"emails":"given@example.com"}`, g.Work)
	try("POST", profiles+"/:id/pause", nil, g.Work)
	try("POST", profiles+"/:id/resume", nil, g.Work)
	try("PUT", users+"/:id/deactivate", nil, g.Bob)
	try("PUT", users+"/:id/activate", nil, g.Bob)
	provider := webtest.Int64ID(try("POST", "/api/identity-providers", webtest.Object{"slug": "made", "name": "Made", "issuer": webtest.NewOP(t).URL, "client_id": "x"}).Object("identity_provider"))
	try("PUT", "/api/identity-providers/:id", `{"name":"Remade"}`, provider)
	try("PUT", "/api/identity-providers/:id/rules", `{"rules":[]}`, provider)
	try("POST", "/api/identity-providers/:id/rules/preview", `{"rules":[]}`, provider)
	try("POST", "/api/identity-providers/:id/try", `{"subject":"s"}`, provider)
	try("DELETE", "/api/identity-providers/:id", nil, provider)
	try("DELETE", users+"/:id/identities", nil, g.Bob)
	try("PUT", "/api/settings/sign-in", `{"enforce_sso":false}`)
	for _, way := range []string{"plan", "apply"} {
		try("POST", "/api/config/"+way, `{"set":"made","documents":[{"kind":"access_profile","name":"Of a file"}]}`)
	}
	try("POST", "/api/config/test", `{"tests":[{"name":"x","cases":[{"as":"profile:Of a file","deny":["openai/gpt-4o"]}]}]}`)
	directory := webtest.Int64ID(try("POST", "/api/scim-connections", webtest.Object{"name": "made", "default_role_id": g.RoleID("Viewer")}).Object("scim_connection"))
	try("PUT", "/api/scim-connections/:id", `{"name":"Remade"}`, directory)
	token := webtest.Int64ID(try("POST", "/api/scim-connections/:id/tokens", `{"scopes":["users:read"]}`, directory).Object("scim_token"))
	try("DELETE", "/api/scim-connections/:id/tokens/:token_id", nil, directory, token)
	try("POST", "/api/scim-connections/:id/rules/preview", `{"rules":[]}`, directory)
	try("PUT", "/api/scim-connections/:id/rules", `{"rules":[]}`, directory)
	try("PUT", users+"/:id/hand-over", webtest.Object{"connection_id": directory}, user)
	try("PUT", users+"/:id/release", nil, user)
	try("POST", "/api/scim-connections/:id/hand-over", `{"email_domain":"nowhere.example"}`, directory)
	try("DELETE", "/api/scim-connections/:id", nil, directory)
	try("DELETE", copied, nil, g.Ada, webtest.Int64ID(adas))
	try("DELETE", users+"/:id", nil, g.Bob)
	try("POST", "/api/find", `{"q":"ada"}`)
	for _, r := range webRoutes(g) {
		if !written[r] {
			t.Errorf("%s was not tried", r)
		}
	}
	g.Balanced()

	// The twin: the check of this test detects a row that changed by the smallest amount.
	g.Exec("UPDATE limit_windows SET used = used + 1 WHERE kind = 'requests' AND used > 0")
	if maps.Equal(before, g.Usage()) {
		t.Error("a changed counter is not seen: this test finds nothing")
	}
}

// webRoutes are the routes of the API that write anything but usage, under their shorter prefix.
func webRoutes(g webtest.Gateway) (all []string) {
	for _, r := range web.Routes(g.H) {
		switch {
		case r.Method == "GET", !strings.HasPrefix(r.Path, "/api/"), strings.HasPrefix(r.Path, "/api/governance/"), slices.Contains([]string{
			"/api/usage", "/api/decisions", "/api/reservations/*id", "/api/usage/adjustments", "/api/usage/litellm", "/api/usage/quarantine/:id/assign", "/api/usage/quarantine/:id/dismiss",
		}, r.Path):
		default:
			all = append(all, r.Method+" "+r.Path)
		}
	}
	return all
}
