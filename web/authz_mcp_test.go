package web_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// The method of an MCP call decides which access it needs.
func TestMCPMethods(t *testing.T) {
	g := newGateway(t)
	v := g.bearer(g.key)
	rpc := func(method, params string) string {
		return fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":%q,"params":%s}`, method, params)
	}
	some := []string{
		rpc("initialize", `{"clientInfo":{"name":"x"}}`), rpc("tools/list", `{}`), rpc("prompts/list", `{}`), rpc("resources/list", `{}`),
		rpc("tasks/list", `{}`), rpc("resources/templates/list", `{}`), rpc("completion/complete", `{"ref":{"name":"x"}}`), rpc("logging/setLevel", `{"level":"info"}`),
		`[` + rpc("tools/list", `{}`) + `,` + rpc("ping", `{}`) + `]`,
	}
	free := []string{rpc("ping", `{}`), `{"jsonrpc":"2.0","method":"ping","id":1}`, rpc("notifications/initialized", `{}`), rpc("notifications/cancelled", `{"requestId":1}`)}
	whole := []string{
		rpc("resources/read", `{"uri":"x"}`), rpc("resources/subscribe", `{"uri":"x"}`), rpc("prompts/get", `{"name":"create_issue"}`), rpc("prompts/get", `{"name":"t"}`),
	}
	never := []string{
		rpc("sampling/createMessage", `{}`), rpc("Tools/Call", `{"name":"create_issue"}`), rpc("tools/call ", `{"name":"create_issue"}`), rpc("/list", `{}`),
		rpc("tools/call", `{}`), rpc("tools/call", `{"name":""}`), rpc("tools/call", `[]`), rpc("ping", `{"name":"create_issue"}`), rpc("tools/list", `{"name":"create_issue"}`),
		rpc("initialize", `{"name":"create_issue"}`), rpc("notifications/x", `{"name":"create_issue"}`), rpc("tools/call/list", `{"name":"create_issue"}`),
		`{"jsonrpc":"2.0","id":1,"result":{}}`, `{"jsonrpc":"2.0","method":7}`, `{"method":null}`, `{}`, `[]`, `{"model":"openai/gpt-4o"}`,
		`[` + rpc("ping", `{}`) + `,` + rpc("tools/call", `{"name":"x"}`) + `]`, `[` + rpc("ping", `{}`) + `,7]`, `[` + rpc("ping", `{}`) + `,{"model":"openai/gpt-4o"}]`,
		`{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call","params":{"name":"create_issue"}}`,
	}
	for _, server := range []string{"github", "jira", "unknown"} {
		for _, door := range append(asking("mcp_client_id="+server), trusting...) {
			v := v.with("X-Mcp-Client-Id", server)
			pass := func(bodies []string, open bool, kind string) {
				t.Helper()
				for _, body := range bodies {
					a := v.body(door, body)
					if (a.StatusCode == 200) != open || a.json()["allowed"] != open || kind != "" && a.Header.Get("X-Access-Reason") != kind {
						t.Errorf("%s of %s: %d %s %s", door, body, a.StatusCode, a.Header.Get("X-Access-Reason"), a.body)
					}
				}
			}
			pass(free, true, "allowed")
			pass(some, server != "unknown", "")
			pass(whole, server == "github", "")
			pass([]string{toolCall}, server == "github", "")
			pass([]string{rpc("tools/call", `{"name":"t"}`)}, server == "jira", "")
			pass(never, false, "")
		}
		// The stream of a session is opened with GET and closed with DELETE.
		streams := []answer{
			v.get("/authz/envoy-with/mcp_client_id=" + server + "/mcp"), v.send("DELETE", "/authz/envoy-with/mcp_client_id="+server+"/mcp", "", nil),
			v.with("X-Forwarded-Method", "DELETE").get("/authz/forward?mcp_client_id=" + server),
			v.get("/authz/nginx?method=GET&mcp_client_id=" + server), v.get("/authz/nginx?method=DELETE&mcp_client_id=" + server),
		}
		for _, a := range streams {
			if (a.StatusCode == 200) != (server != "unknown") {
				t.Errorf("%s %s: %d %s", a.Request.Method, a.Request.URL, a.StatusCode, a.body)
			}
		}
		for _, a := range []answer{
			v.get("/authz/nginx?mcp_client_id=" + server), v.send("POST", "/authz/envoy-with/mcp_client_id="+server+"/mcp", "", nil),
			v.with("X-Forwarded-Method", "POST").get("/authz/forward?mcp_client_id=" + server),
		} {
			a.closed("mcp_tool_blocked", 403)
		}
	}
	// A call to a server that the proxy does not name has no method: otherwise a ping would let any POST pass, and hide
	// the model in a path or header.
	for _, door := range append(slices.Clone(doors), trusting...) {
		for _, body := range []string{rpc("ping", `{}`), rpc("initialize", `{}`), `{"method":"ping","messages":[]}`, `[{"method":"ping"}]`} {
			v.with("X-Model", "openai/gpt-3").body(door, body).closed("mcp_tool_blocked", 403)
			v.body(door, body).closed("mcp_tool_blocked", 403)
		}
		v.body(door, `{"model":"openai/gpt-4o","method":"ping"}`).closed("ambiguous_question", 400)
	}
	v.body("/authz/envoy/v1beta/models/gpt-3:generateContent", `{"method":"ping"}`).closed("mcp_tool_blocked", 403)
	// A list is filtered to what is granted; a handshake uses no quota.
	names := map[string]string{"github": "create_issue,delete_repo", "jira": "t"}
	for server, want := range names {
		for _, door := range asking("mcp_client_id=" + server) {
			same(t, "tools", v.body(door, rpc("tools/list", `{}`)).opened().Header.Get("X-Access-Tools"), want)
			same(t, "tools of a handshake", v.body(door, rpc("initialize", `{}`)).opened().Header.Get("X-Access-Tools"), "")
		}
	}
	g.admin.counted(event(g.key, "requests", 100))
	for _, door := range asking("mcp_client_id=github") {
		v.body(door, rpc("tools/list", `{}`)).opened()
		v.body(door, rpc("ping", `{}`)).opened()
		v.body(door, toolCall).closed("request_limited", 429)
		v.body(door, rpc("resources/read", `{"uri":"x"}`)).closed("request_limited", 429)
		g.anonymous().body(door, rpc("ping", `{}`)).closed("access_not_found", 401)
	}
}

// MCP methods are AuthZEN actions on a server, and tools/call is one on a tool.
func TestMCPMethodsByAuthZEN(t *testing.T) {
	g := newGateway(t)
	caller := g.apiKey("Usage:View")
	for _, row := range []struct {
		action, kind, id string
		want             bool
	}{
		{"tools/call", "tool", "github/create_issue", true},
		{"tools/call", "tool", "github/x", false},
		{"tools/list", "tool", "github/create_issue", false},
		{"initialize", "mcp_server", "github", true},
		{"initialize", "mcp_server", "jira", true},
		{"tools/list", "mcp_server", "jira", true},
		{"tools/list", "mcp_server", "unknown", false},
		{"resources/read", "mcp_server", "github", true},
		{"resources/read", "mcp_server", "jira", false},
		{"prompts/get", "mcp_server", "jira", false},
		{"ping", "mcp_server", "jira", true},
		{"tools/call", "mcp_server", "github", false},
		{"call", "mcp_server", "github", false},
		{"x", "mcp_server", "github", false},
		{"tools/call", "model", "openai/gpt-4o", false},
	} {
		request := with(evaluation(g.mine(), entity(row.kind, row.id)), "action", object{"name": row.action})
		got := caller.api("POST", "/access/v1/evaluation", request).is(200).json()
		if got["decision"] != row.want {
			t.Errorf("%s of %s %s: %v", row.action, row.kind, row.id, got)
		}
	}
	find := func(kind, action string, properties ...any) string {
		resource := object{"type": kind, "properties": with(object{}, properties...)}
		body := with(evaluation(g.mine(), resource), "action", object{"name": action})
		var ids []string
		for _, one := range objects(caller.api("POST", "/access/v1/search/resource", body).is(200).json()["results"]) {
			ids = append(ids, one["id"].(string))
		}
		return strings.Join(ids, " ")
	}
	same(t, "servers", find("mcp_server", "tools/list"), "github jira")
	same(t, "whole servers", find("mcp_server", "resources/read"), "github")
	same(t, "tools of one", find("tool", "tools/call", "mcp_client_id", "jira"), "jira/t")
	for _, row := range [][2]string{{"model", "read"}, {"tool", "delete"}, {"mcp_server", "call"}, {"model", "tools/call"}, {"tool", "Call"}} {
		same(t, row[1]+" of "+row[0], find(row[0], row[1]), "")
	}
	actions := caller.api("POST", "/access/v1/search/action", object{"subject": g.mine(), "resource": entity("mcp_server", "jira")}).is(200)
	same(t, "actions", actions.json()["results"], []any{
		object{"name": "initialize"}, object{"name": "tools/list"}, object{"name": "resources/list"}, object{"name": "prompts/list"},
	})
}
