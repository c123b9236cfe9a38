package web_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"tollgate/web/webtest"
)

// A page past the end of a list redirects to the last page; the API answers no rows and the total.
func TestPagesBehindTheEnd(t *testing.T) {
	g := webtest.NewGateway(t)
	session := g.Login(webtest.Admin)
	g.Admin.API("PUT", "/api/access-profiles/1", `{"description":"changed"}`).Is(http.StatusOK)
	for _, path := range []string{
		"/access-profiles", "/users", "/roles", "/roles/3", "/providers", "/mcp/clients", "/mcp/tool-groups", "/virtual-keys", "/settings/api-keys", "/audit", "/usage/quarantine",
		fmt.Sprintf("/access-profiles/%d/users", g.Work), "/access-profiles/1/versions", "/access-profiles/1/audit",
	} {
		session.Get(path + "?limit=100&offset=100").Redirects(path + "?limit=100")
		session.Get(path + "?offset=9223372036854775807").Redirects(path)
		last := session.Get(path + "?limit=1&offset=5000").Is(http.StatusSeeOther).Header.Get("Location")
		if shown := session.Get(last).Is(http.StatusOK); strings.Contains(string(shown.Body), `rel="next"`) {
			t.Errorf("%s is not the last page", last)
		}
	}
	session.Get("/users?search=ADA&limit=1&offset=3").Redirects("/users?limit=1&search=ADA")
	session.Get("/users?search=nowhere&offset=3").Redirects("/users?search=nowhere")
	for path, list := range map[string]string{
		"/api/access-profiles": "access_profiles", "/api/users": "users", "/api/roles": "roles", "/api/providers": "providers", "/api/mcp/clients": "mcp_clients",
		"/api/mcp/tool-groups": "tool_groups", "/api/virtual-keys": "virtual_keys", "/api/api-keys": "api_keys", "/api/access-profiles/audit-logs": "audit_logs",
		"/api/access-profiles/1/versions": "versions",
	} {
		got := g.Admin.Get(path + "?offset=5000").Is(http.StatusOK).JSON()
		if rows, ok := got[list].([]any); !ok || len(rows) != 0 || got["total_count"].(float64) < 1 {
			t.Errorf("%s: %v", path, got)
		}
	}
}

// Spaces around a search are ignored, on the page and on the API.
func TestSearchesAreTrimmed(t *testing.T) {
	g := webtest.NewGateway(t)
	g.Admin.Counted(webtest.Event(g.Key))
	session := g.Login(webtest.Admin)
	for path, words := range map[string]string{
		"/access-profiles": "Work", "/users": "ada@", "/roles": "Viewer", "/providers": "openai", "/mcp/clients": "github", "/mcp/tool-groups": "Review",
		"/virtual-keys": "ada@", "/api-keys": "key",
	} {
		typed := "?search=" + url.QueryEscape("\u00a0 "+words+" \t")
		webtest.Same(t, path, g.Admin.Get("/api"+path+typed).Is(http.StatusOK).JSON(), g.Admin.Get("/api"+path+"?search="+url.QueryEscape(words)).Is(http.StatusOK).JSON())
		if g.Admin.Get("/api" + path + typed).JSON()["total_count"] == 0.0 {
			t.Errorf("%s finds nothing", path)
		}
		webtest.Same(t, path+" for nothing", g.Admin.Get("/api" + path + "?search=+++").Is(http.StatusOK).JSON()["total_count"], g.Admin.Get("/api" + path).JSON()["total_count"])
		page := strings.Replace(path, "/api-keys", "/settings/api-keys", 1)
		webtest.Same(t, page, len(session.Get(page+typed).Is(http.StatusOK).All("tr")), len(session.Get(page+"?search="+url.QueryEscape(words)).All("tr")))
	}
	holders := fmt.Sprintf("/access-profiles/%d/users?search=", g.Work)
	webtest.Same(t, holders, len(session.Get(holders+"+ada@+").Is(http.StatusOK).All("tr")), len(session.Get(holders+"ada@").All("tr")))
	webtest.Same(t, "/audit", len(session.Get("/audit?actor=+cli+").Is(http.StatusOK).All("tr")), len(session.Get("/audit?actor=cli").All("tr")))
	for _, filter := range []string{"provider=%sopenai%s", "model=%sgpt-4o%s", "user_id=%s" + g.Ada + "%s"} {
		plain, typed := fmt.Sprintf(filter, "", ""), fmt.Sprintf(filter, "+", "+")
		webtest.Same(t, filter, g.Admin.Get("/api/usage?"+typed).Is(http.StatusOK).JSON(), g.Admin.Get("/api/usage?"+plain).JSON())
	}
	if a := session.Get("/users/" + g.Ada + "/try?model=+openai%2Fgpt-4o+").Is(http.StatusOK); !strings.Contains(string(a.Body), "Allowed by") {
		t.Error("a model with spaces around it is not tried")
	}
}

// The cache entry of a provider is evicted with it: its prices no longer count, here at once and on other consoles
// within a second.
func TestDeletedProviderIsEvicted(t *testing.T) {
	g := webtest.NewGateway(t)
	other, _ := g.Another(g.AppURL())
	const price = `"prices":[{"model":"m","input_cost_per_million_tokens":3,"output_cost_per_million_tokens":0}]`
	g.Admin.API("POST", "/api/providers", `{"name":"brief",`+price+`}`).Is(http.StatusCreated)
	priced := func(v webtest.Client) bool {
		t.Helper()
		call := webtest.Event(g.Key, "provider", "brief", "model", "m", "cost", nil, "tokens", nil, "input_tokens", 1_000_000)
		v.Counted(call)
		return g.Count("counted_events WHERE cost IS NOT NULL AND event_id = '"+call["event_id"].(string)+"'") == 1
	}
	there := g.Admin.At(other)
	g.Within(func() bool { return priced(there) }, "the price of a new provider is unknown elsewhere")
	for _, remove := range []func(){
		func() { g.Admin.API("DELETE", "/api/providers/brief", nil).Is(http.StatusOK) },
		func() { g.Session.Post("/providers/brief/delete", nil).Redirects("/providers") },
	} {
		if !priced(g.Admin) {
			t.Error("it has no price here")
		}
		remove()
		if priced(g.Admin) {
			t.Error("a deleted provider's price counts here")
		}
		g.Within(func() bool { return !priced(there) }, "a deleted provider's price counts elsewhere")
		g.Admin.API("POST", "/api/providers", `{"name":"brief",`+price+`}`).Is(http.StatusCreated)
		g.Within(func() bool { return priced(there) }, "the price of a new provider is unknown elsewhere")
	}
	g.Admin.API("PUT", "/api/providers/brief", `{"prices":[]}`).Is(http.StatusOK)
	g.Within(func() bool { return !priced(there) }, "a price that was taken away counts elsewhere")
}
