package web_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// A page past the end of a list redirects to the last page; the API answers no rows and the total.
func TestPagesBehindTheEnd(t *testing.T) {
	g := newGateway(t)
	session := g.login(admin)
	g.admin.api("PUT", "/api/access-profiles/1", `{"description":"changed"}`).is(http.StatusOK)
	for _, path := range []string{
		"/access-profiles", "/users", "/roles", "/roles/3", "/providers", "/mcp/clients", "/mcp/tool-groups", "/virtual-keys", "/settings/api-keys", "/audit", "/usage/quarantine",
		fmt.Sprintf("/access-profiles/%d/users", g.work), "/access-profiles/1/versions", "/access-profiles/1/audit",
	} {
		session.get(path + "?limit=100&offset=100").redirects(path + "?limit=100")
		session.get(path + "?offset=9223372036854775807").redirects(path)
		last := session.get(path + "?limit=1&offset=5000").is(http.StatusSeeOther).Header.Get("Location")
		if shown := session.get(last).is(http.StatusOK); strings.Contains(string(shown.body), `rel="next"`) {
			t.Errorf("%s is not the last page", last)
		}
	}
	session.get("/users?search=ADA&limit=1&offset=3").redirects("/users?limit=1&search=ADA")
	session.get("/users?search=nowhere&offset=3").redirects("/users?search=nowhere")
	for path, list := range map[string]string{
		"/api/access-profiles": "access_profiles", "/api/users": "users", "/api/roles": "roles", "/api/providers": "providers", "/api/mcp/clients": "mcp_clients",
		"/api/mcp/tool-groups": "tool_groups", "/api/virtual-keys": "virtual_keys", "/api/api-keys": "api_keys", "/api/access-profiles/audit-logs": "audit_logs",
		"/api/access-profiles/1/versions": "versions",
	} {
		got := g.admin.get(path + "?offset=5000").is(http.StatusOK).json()
		if rows, ok := got[list].([]any); !ok || len(rows) != 0 || got["total_count"].(float64) < 1 {
			t.Errorf("%s: %v", path, got)
		}
	}
}

// Spaces around a search are ignored, on the page and on the API.
func TestSearchesAreTrimmed(t *testing.T) {
	g := newGateway(t)
	g.admin.counted(event(g.key))
	session := g.login(admin)
	for path, words := range map[string]string{
		"/access-profiles": "Work", "/users": "ada@", "/roles": "Viewer", "/providers": "openai", "/mcp/clients": "github", "/mcp/tool-groups": "Review",
		"/virtual-keys": "ada@", "/api-keys": "key",
	} {
		typed := "?search=" + url.QueryEscape("\u00a0 "+words+" \t")
		same(t, path, g.admin.get("/api"+path+typed).is(http.StatusOK).json(), g.admin.get("/api"+path+"?search="+url.QueryEscape(words)).is(http.StatusOK).json())
		if g.admin.get("/api" + path + typed).json()["total_count"] == 0.0 {
			t.Errorf("%s finds nothing", path)
		}
		same(t, path+" for nothing", g.admin.get("/api" + path + "?search=+++").is(http.StatusOK).json()["total_count"], g.admin.get("/api" + path).json()["total_count"])
		page := strings.Replace(path, "/api-keys", "/settings/api-keys", 1)
		same(t, page, len(session.get(page+typed).is(http.StatusOK).all("tr")), len(session.get(page+"?search="+url.QueryEscape(words)).all("tr")))
	}
	holders := fmt.Sprintf("/access-profiles/%d/users?search=", g.work)
	same(t, holders, len(session.get(holders+"+ada@+").is(http.StatusOK).all("tr")), len(session.get(holders+"ada@").all("tr")))
	same(t, "/audit", len(session.get("/audit?actor=+cli+").is(http.StatusOK).all("tr")), len(session.get("/audit?actor=cli").all("tr")))
	for _, filter := range []string{"provider=%sopenai%s", "model=%sgpt-4o%s", "user_id=%s" + g.ada + "%s"} {
		plain, typed := fmt.Sprintf(filter, "", ""), fmt.Sprintf(filter, "+", "+")
		same(t, filter, g.admin.get("/api/usage?"+typed).is(http.StatusOK).json(), g.admin.get("/api/usage?"+plain).json())
	}
	if a := session.get("/users/" + g.ada + "/try?model=+openai%2Fgpt-4o+").is(http.StatusOK); !strings.Contains(string(a.body), "Allowed by") {
		t.Error("a model with spaces around it is not tried")
	}
}

// The cache entry of a provider is evicted with it: its prices no longer count, here at once and on other consoles
// within a second.
func TestDeletedProviderIsEvicted(t *testing.T) {
	g := newGateway(t)
	other, _ := g.another(g.appURL())
	const price = `"prices":[{"model":"m","input_cost_per_million_tokens":3,"output_cost_per_million_tokens":0}]`
	g.admin.api("POST", "/api/providers", `{"name":"brief",`+price+`}`).is(http.StatusCreated)
	priced := func(v client) bool {
		t.Helper()
		call := event(g.key, "provider", "brief", "model", "m", "cost", nil, "tokens", nil, "input_tokens", 1_000_000)
		v.counted(call)
		return g.count("usage_events WHERE cost IS NOT NULL AND event_id = '"+call["event_id"].(string)+"'") == 1
	}
	there := g.admin.at(other)
	g.within(func() bool { return priced(there) }, "the price of a new provider is unknown elsewhere")
	for _, remove := range []func(){
		func() { g.admin.api("DELETE", "/api/providers/brief", nil).is(http.StatusOK) },
		func() { g.session.post("/providers/brief/delete", nil).redirects("/providers") },
	} {
		if !priced(g.admin) {
			t.Error("it has no price here")
		}
		remove()
		if priced(g.admin) {
			t.Error("a deleted provider's price counts here")
		}
		g.within(func() bool { return !priced(there) }, "a deleted provider's price counts elsewhere")
		g.admin.api("POST", "/api/providers", `{"name":"brief",`+price+`}`).is(http.StatusCreated)
		g.within(func() bool { return priced(there) }, "the price of a new provider is unknown elsewhere")
	}
	g.admin.api("PUT", "/api/providers/brief", `{"prices":[]}`).is(http.StatusOK)
	g.within(func() bool { return !priced(there) }, "a price that was taken away counts elsewhere")
}
