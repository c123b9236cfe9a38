package web_test

import (
	"net/url"
	"strings"
	"testing"
)

// No header and no query of the client replaces what the proxy sends.
func TestProxyChecksDoNotTrustTheClient(t *testing.T) {
	g := newGateway(t)
	v := g.bearer(g.key)
	allowed := v.with("X-Model", "openai/gpt-4o").with("X-Ai-Eg-Model", "openai/gpt-4o").with("X-Provider", "openai").
		with("X-Original-Method", "GET").with("X-Access-Status", "200")
	tool := v.with("X-Mcp-Client-Id", "github").with("X-Tool-Name", "create_issue")
	for _, door := range doors {
		for name, v := range map[string]client{"a model": allowed, "a tool": tool} {
			for _, body := range []string{``, `{}`, `{"messages":[]}`, `{"model":"openai/gpt-3"}`, `{"model":"gpt-3"}`, toolCall} {
				if a := v.body(door, body); a.StatusCode == 200 {
					t.Errorf("%s lets %q pass with %s in the headers", door, body, name)
				}
			}
		}
		v.with("X-Provider", "openai").body(door, `{"model":"azure/gpt-4o"}`).closed("provider_blocked", 403)
	}
	// Headers do not override options in the URL of the check, whether it trusts headers or not.
	for _, options := range []string{"model=openai%2Fgpt-3", "model=openai%2Fgpt-3&trust=headers", "model=gpt-3&provider=openai&trust=headers"} {
		for _, door := range asking(options) {
			allowed.get(door).closed("model_blocked", 403)
			tool.get(door).closed("model_blocked", 403)
		}
	}
	for _, door := range asking("mcp_client_id=jira&trust=headers") {
		tool.body(door, toolCall).closed("mcp_tool_blocked", 403)
	}
}

// A proxy that is configured with a URL without a query may keep its client's query.
func TestTheQueryOfTheClientCountsForNothing(t *testing.T) {
	g := newGateway(t)
	v := g.bearer(g.key)
	for _, door := range doors[:2] {
		for _, header := range []string{"X-Forwarded-Uri", "X-Original-Uri"} {
			for _, query := range []string{
				"model=openai%2Fgpt-4o", "model=openai/gpt-4o", "provider=openai&model=gpt-4o", "trust=headers", "method=GET", "path=gemini",
				"mcp_client_id=github&tool_name=create_issue", "mcp_client_id=github",
			} {
				// A proxy may also rewrite the query.
				parsed, err := url.ParseQuery(query)
				g.must(err)
				for _, kept := range []string{query, parsed.Encode()} {
					forwarded := v.with(header, "/v1beta/models/gpt-4o:generateContent?"+query)
					for _, v := range []client{forwarded.with("X-Forwarded-Method", "POST"), forwarded.with("X-Forwarded-Method", "POST").with("X-Model", "openai/gpt-4o")} {
						if a := v.get(door + "?" + kept); a.StatusCode == 200 {
							t.Errorf("%s takes %s of %s for the proxy's", door, kept, header)
						}
						if a := v.body(door+"?"+kept, `{"model":"openai/gpt-3"}`); a.StatusCode == 200 {
							t.Errorf("%s takes %s of %s for the proxy's beside a body", door, kept, header)
						}
					}
				}
			}
		}
		// A client that repeats the proxy's own query parameter does not override it: both readings have to be allowed.
		for _, row := range []struct{ query, path, body string }{
			{"provider=azure", "/v1/x", `{"model":"gpt-4o"}`},
			{"model=openai/gpt-3", "/v1/x", `{"model":"gpt-4o"}`},
			{"mcp_client_id=github&tool_name=x", "/v1/x", `{"model":"gpt-4o"}`},
			{"mcp_client_id=unknown", "/v1/x", ``},
			{"trust=headers", "/v1/x", `{"model":"gpt-4o"}`},
			{"path=gemini", "/v1/models/gpt-3:generateContent", `{"model":"gpt-4o"}`},
			{"reserve=99", "/v1/x", `{"model":"gpt-4o"}`},
		} {
			forwarded := v.with("X-Original-Uri", row.path+"?"+row.query).with("X-Model", "openai/gpt-3")
			if a := forwarded.body(door+"?"+row.query, row.body); a.StatusCode == 200 {
				t.Errorf("%s: the client overrides %s", door, row.query)
			}
			if a := forwarded.get(door + "?method=GET&" + row.query); a.StatusCode == 200 && row.path != "/v1/x" {
				t.Errorf("%s: the client overrides %s by reading", door, row.query)
			}
		}
		// The proxy's query applies beside another parameter of its client.
		v.with("X-Forwarded-Uri", "/v1/x?model=openai/gpt-3").get(door + "?model=openai/gpt-4o").opened()
		v.with("X-Forwarded-Uri", "/v1/x?model=openai/gpt-4o").get(door+"?model=openai/gpt-3").closed("model_blocked", 403)
	}
}

// Envoy repeats the path and query of its client, who could name an allowed model there and call another.
func TestEnvoysPathIsTheClients(t *testing.T) {
	g := newGateway(t)
	v := g.bearer(g.key)
	for _, path := range []string{
		"?model=openai/gpt-4o", "?model=gpt-4o&provider=openai", "?trust=headers", "/../../envoy-with/model=openai%2Fgpt-4o/v1/x",
		"/envoy-with/model=openai%2Fgpt-4o/v1/x", "/model=openai%2Fgpt-4o/", "/v1/models/%2e%2e/x?y=1", "/a/./b",
	} {
		for _, door := range []string{"/authz/envoy/v1/chat/completions", "/authz/envoy-with/trust=headers/v1/chat/completions"} {
			if a := v.body(door+path, `{"model":"openai/gpt-3"}`); a.StatusCode == 200 {
				t.Errorf("%s%s allows a call of another model", door, path)
			}
		}
	}
	rpc := v.with("X-Mcp-Client-Id", "jira")
	if a := rpc.body("/authz/envoy/mcp?mcp_client_id=github", toolCall); a.StatusCode == 200 {
		t.Error("the query says of which server the tool is")
	}
	for _, path := range []string{"/authz/envoy/", "/authz/envoy//x", "/authz/envoy/v1//models"} {
		v.get(path).opened()
	}
}

// A misspelt option in the URL of the check would silently allow everything.
func TestTheURLOfTheCheckIsReadStrictly(t *testing.T) {
	g := newGateway(t)
	v := g.bearer(g.key).with("X-Model", "openai/gpt-4o")
	for _, options := range []string{
		"trust=header", "trust=", "Trust=headers", "models=x", "model=", "model=openai%2Fgpt-4o&model=openai%2Fgpt-3", "path=openai", "x=1",
		"trust=headers&trust=headers", "reserve=-1", "reserve=x", "reserve=NaN", "reserve=1e99", "tool_name=create_issue&model=gpt-4o",
		"reserve_tokens=-1&model=openai%2Fgpt-4o&reserve=1",
	} {
		for _, door := range asking(options) {
			if a := v.get(door); a.StatusCode != 403 || a.json()["allowed"] != false {
				t.Errorf("%s: %d %s", door, a.StatusCode, a.body)
			}
		}
	}
}

// A call that names no model may only read.
func TestACallThatNamesNoModel(t *testing.T) {
	g := newGateway(t)
	v := g.bearer(g.key)
	stopped := g.member("stopped@example.com", "Viewer")
	held, paused := g.give(stopped, g.work)
	g.admin.api("PUT", "/api"+copyPath(stopped, held), `{"is_active":false}`).is(200)
	reading := []struct {
		door string
		with func(client) client
	}{
		{"/authz/forward", func(v client) client { return v.with("X-Forwarded-Method", "GET") }},
		{"/authz/forward", func(v client) client { return v.with("X-Forwarded-Method", "HEAD") }},
		{"/authz/forward", func(v client) client { return v }},
		{"/authz/forward", func(v client) client { return v.with("X-Forwarded-Uri", "/v1/models?limit=3") }},
		{"/authz/forward?limit=3", func(v client) client { return v.with("X-Forwarded-Uri", "/v1/models?limit=3") }},
		{"/authz/nginx?method=GET", func(v client) client { return v }},
		{"/authz/nginx?trust=headers", func(v client) client { return v.with("X-Original-Method", "GET") }},
		{"/authz/envoy/v1/models", func(v client) client { return v }},
		{"/authz/envoy/v1/models/ft:gpt-4o:org::id", func(v client) client { return v }},
		{"/authz/envoy-with/provider=openai/v1/files", func(v client) client { return v }},
	}
	for _, r := range reading {
		r.with(v).get(r.door).opened()
		r.with(g.anonymous()).get(r.door).closed("access_not_found", 401)
		r.with(g.bearer(paused)).get(r.door).closed("access_blocked", 403)
	}
	// A WebSocket handshake is a GET that calls a model.
	for _, door := range []string{"/authz/envoy/v1/realtime", "/authz/forward"} {
		v.with("Upgrade", "websocket").get(door).closed("model_blocked", 403)
	}
	v.with("Upgrade", "websocket").get("/authz/envoy/v1/realtime?model=gpt-3").closed("model_blocked", 403)
	v.with("Upgrade", "websocket").get("/authz/envoy/v1/realtime?model=gpt-4o").opened()
	v.with("X-Forwarded-Uri", "/v1/realtime?model=openai/gpt-3").get("/authz/forward").closed("model_blocked", 403)
	// Proxies remove Upgrade before they ask. A malformed pair in a query does not hide another one, and neither does a
	// body.
	for _, header := range []string{"Sec-WebSocket-Key", "Sec-WebSocket-Version", "X-HTTP-Method-Override"} {
		v.with(header, "x").with("X-Forwarded-Uri", "/v1/live").get("/authz/forward").closed("model_blocked", 403)
		v.with(header, "x").get("/authz/envoy/v1/live").closed("model_blocked", 403)
	}
	for _, query := range []string{"a;b&model=gpt-3", "x=%zz&model=gpt-3", "model=gpt-3&x=%zz", "v=1;deployment=gpt-3", "MODEL=gpt-3"} {
		v.with("X-Forwarded-Uri", "/v1/realtime?"+query).get("/authz/forward").closed("model_blocked", 403)
		v.with("X-Forwarded-Uri", "/v1/realtime?"+query).body("/authz/forward", `{"model":"gpt-4o"}`).closed("model_blocked", 403)
	}
	v.send("GET", "/authz/envoy/v1/realtime?model=gpt-3", "application/json", strings.NewReader(`{"model":"gpt-4o"}`)).closed("model_blocked", 403)
	v.body("/authz/envoy/v1/chat/completions?model=gpt-3", `{"model":"gpt-4o"}`).closed("model_blocked", 403)
	for _, method := range []string{"POST", "PUT", "PATCH", "DELETE", "OPTIONS"} {
		for _, a := range []answer{
			v.send(method, "/authz/envoy/v1/files", "", nil), v.send(method, "/authz/forward", "", nil),
			v.with("X-Forwarded-Method", method).get("/authz/forward"), v.send("GET", "/authz/nginx?method="+method, "", nil),
			v.send(method, "/authz/nginx", "", nil), v.with("X-Original-Method", method).get("/authz/nginx?trust=headers"),
		} {
			if a.closed("model_blocked", 403); strings.Contains(string(a.body), "  ") {
				t.Errorf("%s: %s", method, a.body)
			}
		}
	}
	// nginx always checks by GET, and a client can send any header.
	v.get("/authz/nginx").closed("model_blocked", 403)
	v.with("X-Original-Method", "GET").get("/authz/nginx").closed("model_blocked", 403)
	for _, message := range []object{
		g.admin.ask(object{"virtual_key": g.key, "model": ""}), g.admin.ask(object{"virtual_key": g.key, "model": "openai/"}),
		g.admin.ask(tool(g.key, "", "")), g.admin.ask(tool(g.key, "github", "")), g.admin.ask(tool(g.key, "", "create_issue")),
	} {
		text := message["message"].(string)
		if message["decision"] != false || strings.Contains(text, "  ") || strings.Contains(text, " /") {
			t.Errorf("got %v", message)
		}
	}
}

// A reservation comes with the answer of a check, and ends when it is released.
func TestProxyChecksReserveEstimates(t *testing.T) {
	g := newGateway(t)
	for _, door := range asking("model=openai%2Fgpt-4o&reserve=2.5&reserve_tokens=40") {
		a := g.bearer(g.key).get(door).opened()
		if id := a.Header.Get("X-Access-Reservation-Id"); len(id) != 36 {
			t.Errorf("%s: reservation %q in %v", door, id, a.Header)
		}
	}
	lines := objects(g.admin.ask(model(g.key))["limits"])
	reserved := map[any]any{}
	for _, line := range lines {
		reserved[line["scope"].(string)+" "+line["kind"].(string)] = line["reserved"]
	}
	same(t, "reserved", reserved, map[any]any{"total spend": 7.5, "total tokens": 120.0, "total requests": 3.0, "provider:openai spend": 7.5})
	for _, door := range asking("model=openai%2Fgpt-4o&reserve=2.5") {
		g.bearer(g.key).get(door).closed("budget_exceeded", 402)
	}
	// A body that leads to several models is allowed as a whole, with one reservation.
	for _, door := range asking("reserve=0.25") {
		v := g.bearer(g.key)
		v.body(door, `{"model":"openai/gpt-4o","fallbacks":["openai/gpt-3"]}`).closed("model_blocked", 403)
	}
	same(t, "reserved", objects(g.admin.ask(model(g.key))["limits"])[0]["reserved"], 7.5)
}
