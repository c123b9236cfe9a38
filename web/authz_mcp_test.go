package web_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"tollgate/web/webtest"
)

// The method of an MCP call decides which access it needs.
func TestMCPMethods(t *testing.T) {
	g := webtest.NewGateway(t)
	v := g.Bearer(g.Key)
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
		for _, door := range append(webtest.Asking("mcp_client_id="+server), webtest.Trusting...) {
			v := v.With("X-Mcp-Client-Id", server)
			pass := func(bodies []string, open bool, kind string) {
				t.Helper()
				for _, body := range bodies {
					a := v.Body(door, body)
					if (a.StatusCode == 200) != open || a.JSON()["allowed"] != open || kind != "" && a.Header.Get("X-Access-Reason") != kind {
						t.Errorf("%s of %s: %d %s %s", door, body, a.StatusCode, a.Header.Get("X-Access-Reason"), a.Body)
					}
				}
			}
			pass(free, true, "allowed")
			pass(some, server != "unknown", "")
			pass(whole, server == "github", "")
			pass([]string{webtest.ToolCall}, server == "github", "")
			pass([]string{rpc("tools/call", `{"name":"t"}`)}, server == "jira", "")
			pass(never, false, "")
		}
		// The stream of a session is opened with GET and closed with DELETE.
		streams := []webtest.Answer{
			v.Get("/authz/envoy-with/mcp_client_id=" + server + "/mcp"), v.Send("DELETE", "/authz/envoy-with/mcp_client_id="+server+"/mcp", "", nil),
			v.With("X-Forwarded-Method", "DELETE").Get("/authz/forward?mcp_client_id=" + server),
			v.Get("/authz/nginx?method=GET&mcp_client_id=" + server), v.Get("/authz/nginx?method=DELETE&mcp_client_id=" + server),
		}
		for _, a := range streams {
			if (a.StatusCode == 200) != (server != "unknown") {
				t.Errorf("%s %s: %d %s", a.Request.Method, a.Request.URL, a.StatusCode, a.Body)
			}
		}
		for _, a := range []webtest.Answer{
			v.Get("/authz/nginx?mcp_client_id=" + server), v.Send("POST", "/authz/envoy-with/mcp_client_id="+server+"/mcp", "", nil),
			v.With("X-Forwarded-Method", "POST").Get("/authz/forward?mcp_client_id=" + server),
		} {
			a.Closed("mcp_tool_blocked", 403)
		}
	}
	// A call to a server that the proxy does not name has no method: otherwise a ping would let any POST pass, and hide
	// the model in a path or header.
	for _, door := range append(slices.Clone(webtest.Doors), webtest.Trusting...) {
		for _, body := range []string{rpc("ping", `{}`), rpc("initialize", `{}`), `{"method":"ping","messages":[]}`, `[{"method":"ping"}]`} {
			v.With("X-Model", "openai/gpt-3").Body(door, body).Closed("mcp_tool_blocked", 403)
			v.Body(door, body).Closed("mcp_tool_blocked", 403)
		}
		v.Body(door, `{"model":"openai/gpt-4o","method":"ping"}`).Closed("ambiguous_question", 400)
	}
	v.Body("/authz/envoy/v1beta/models/gpt-3:generateContent", `{"method":"ping"}`).Closed("mcp_tool_blocked", 403)
	// A list is filtered to what is granted; a handshake uses no quota.
	names := map[string]string{"github": "create_issue,delete_repo", "jira": "t"}
	for server, want := range names {
		for _, door := range webtest.Asking("mcp_client_id=" + server) {
			webtest.Same(t, "tools", v.Body(door, rpc("tools/list", `{}`)).Opened().Header.Get("X-Access-Tools"), want)
			webtest.Same(t, "tools of a handshake", v.Body(door, rpc("initialize", `{}`)).Opened().Header.Get("X-Access-Tools"), "")
		}
	}
	g.Admin.Counted(webtest.Event(g.Key, "requests", 100))
	for _, door := range webtest.Asking("mcp_client_id=github") {
		webtest.Same(t, "tools beyond the limit", v.Body(door, rpc("tools/list", `{}`)).Opened().Header.Get("X-Access-Tools"), names["github"])
		v.Body(door, rpc("ping", `{}`)).Opened()
		v.Body(door, webtest.ToolCall).Closed("request_limited", 429)
		v.Body(door, rpc("resources/read", `{"uri":"x"}`)).Closed("request_limited", 429)
		g.Anonymous().Body(door, rpc("ping", `{}`)).Closed("access_not_found", 401)
	}
}

// MCP methods are AuthZEN actions on a server, and tools/call is one on a tool.
func TestMCPMethodsByAuthZEN(t *testing.T) {
	g := webtest.NewGateway(t)
	caller := g.APIKey("Usage:View")
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
		request := webtest.With(webtest.Evaluation(g.Mine(), webtest.Entity(row.kind, row.id)), "action", webtest.Object{"name": row.action})
		got := caller.API("POST", "/access/v1/evaluation", request).Is(200).JSON()
		if got["decision"] != row.want {
			t.Errorf("%s of %s %s: %v", row.action, row.kind, row.id, got)
		}
	}
	find := func(kind, action string, properties ...any) string {
		resource := webtest.Object{"type": kind, "properties": webtest.With(webtest.Object{}, properties...)}
		body := webtest.With(webtest.Evaluation(g.Mine(), resource), "action", webtest.Object{"name": action})
		var ids []string
		for _, one := range webtest.Objects(caller.API("POST", "/access/v1/search/resource", body).Is(200).JSON()["results"]) {
			ids = append(ids, one["id"].(string))
		}
		return strings.Join(ids, " ")
	}
	webtest.Same(t, "servers", find("mcp_server", "tools/list"), "github jira")
	webtest.Same(t, "whole servers", find("mcp_server", "resources/read"), "github")
	webtest.Same(t, "tools of one", find("tool", "tools/call", "mcp_client_id", "jira"), "jira/t")
	for _, row := range [][2]string{{"model", "read"}, {"tool", "delete"}, {"mcp_server", "call"}, {"model", "tools/call"}, {"tool", "Call"}} {
		webtest.Same(t, row[1]+" of "+row[0], find(row[0], row[1]), "")
	}
	actions := caller.API("POST", "/access/v1/search/action", webtest.Object{"subject": g.Mine(), "resource": webtest.Entity("mcp_server", "jira")}).Is(200)
	webtest.Same(t, "actions", actions.JSON()["results"], []any{
		webtest.Object{"name": "initialize"}, webtest.Object{"name": "tools/list"}, webtest.Object{"name": "resources/list"}, webtest.Object{"name": "prompts/list"},
	})
}
