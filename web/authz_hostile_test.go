package web_test

import (
	"net/url"
	"strings"
	"testing"

	"tollgate/web/webtest"
)

// No header and no query of the client replaces what the proxy sends.
func TestProxyChecksDoNotTrustTheClient(t *testing.T) {
	g := webtest.NewGateway(t)
	v := g.Bearer(g.Key)
	allowed := v.With("X-Model", "openai/gpt-4o").With("X-Ai-Eg-Model", "openai/gpt-4o").With("X-Provider", "openai").
		With("X-Original-Method", "GET").With("X-Access-Status", "200")
	tool := v.With("X-Mcp-Client-Id", "github").With("X-Tool-Name", "create_issue")
	for _, door := range webtest.Doors {
		for name, v := range map[string]webtest.Client{"a model": allowed, "a tool": tool} {
			for _, body := range []string{``, `{}`, `{"messages":[]}`, `{"model":"openai/gpt-3"}`, `{"model":"gpt-3"}`, webtest.ToolCall} {
				if a := v.Body(door, body); a.StatusCode == 200 {
					t.Errorf("%s lets %q pass with %s in the headers", door, body, name)
				}
			}
		}
		v.With("X-Provider", "openai").Body(door, `{"model":"azure/gpt-4o"}`).Closed("provider_blocked", 403)
	}
	// Headers do not override options in the URL of the check, whether it trusts headers or not.
	for _, options := range []string{"model=openai%2Fgpt-3", "model=openai%2Fgpt-3&trust=headers", "model=gpt-3&provider=openai&trust=headers"} {
		for _, door := range webtest.Asking(options) {
			allowed.Get(door).Closed("model_blocked", 403)
			tool.Get(door).Closed("model_blocked", 403)
		}
	}
	for _, door := range webtest.Asking("mcp_client_id=jira&trust=headers") {
		tool.Body(door, webtest.ToolCall).Closed("mcp_tool_blocked", 403)
	}
}

// A proxy that is configured with a URL without a query may keep its client's query.
func TestTheQueryOfTheClientCountsForNothing(t *testing.T) {
	g := webtest.NewGateway(t)
	v := g.Bearer(g.Key)
	for _, door := range webtest.Doors[:2] {
		for _, header := range []string{"X-Forwarded-URI", "X-Original-URI"} {
			for _, query := range []string{
				"model=openai%2Fgpt-4o", "model=openai/gpt-4o", "provider=openai&model=gpt-4o", "trust=headers", "method=GET", "path=gemini",
				"mcp_client_id=github&tool_name=create_issue", "mcp_client_id=github",
			} {
				// A proxy may also rewrite the query.
				parsed, err := url.ParseQuery(query)
				g.Must(err)
				for _, kept := range []string{query, parsed.Encode()} {
					forwarded := v.With(header, "/v1beta/models/gpt-4o:generateContent?"+query)
					for _, v := range []webtest.Client{forwarded.With("X-Forwarded-Method", "POST"), forwarded.With("X-Forwarded-Method", "POST").With("X-Model", "openai/gpt-4o")} {
						if a := v.Get(door + "?" + kept); a.StatusCode == 200 {
							t.Errorf("%s takes %s of %s for the proxy's", door, kept, header)
						}
						if a := v.Body(door+"?"+kept, `{"model":"openai/gpt-3"}`); a.StatusCode == 200 {
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
			forwarded := v.With("X-Original-URI", row.path+"?"+row.query).With("X-Model", "openai/gpt-3")
			if a := forwarded.Body(door+"?"+row.query, row.body); a.StatusCode == 200 {
				t.Errorf("%s: the client overrides %s", door, row.query)
			}
			if a := forwarded.Get(door + "?method=GET&" + row.query); a.StatusCode == 200 && row.path != "/v1/x" {
				t.Errorf("%s: the client overrides %s by reading", door, row.query)
			}
		}
		// The proxy's query applies beside another parameter of its client.
		v.With("X-Forwarded-URI", "/v1/x?model=openai/gpt-3").Get(door + "?model=openai/gpt-4o").Opened()
		v.With("X-Forwarded-URI", "/v1/x?model=openai/gpt-4o").Get(door+"?model=openai/gpt-3").Closed("model_blocked", 403)
	}
}

// Envoy repeats the path and query of its client, who could name an allowed model there and call another.
func TestEnvoysPathIsTheClients(t *testing.T) {
	g := webtest.NewGateway(t)
	v := g.Bearer(g.Key)
	for _, path := range []string{
		"?model=openai/gpt-4o", "?model=gpt-4o&provider=openai", "?trust=headers", "/../../envoy-with/model=openai%2Fgpt-4o/v1/x",
		"/envoy-with/model=openai%2Fgpt-4o/v1/x", "/model=openai%2Fgpt-4o/", "/v1/models/%2e%2e/x?y=1", "/a/./b",
	} {
		for _, door := range []string{"/authz/envoy/v1/chat/completions", "/authz/envoy-with/trust=headers/v1/chat/completions"} {
			if a := v.Body(door+path, `{"model":"openai/gpt-3"}`); a.StatusCode == 200 {
				t.Errorf("%s%s allows a call of another model", door, path)
			}
		}
	}
	rpc := v.With("X-Mcp-Client-Id", "jira")
	if a := rpc.Body("/authz/envoy/mcp?mcp_client_id=github", webtest.ToolCall); a.StatusCode == 200 {
		t.Error("the query says of which server the tool is")
	}
	for _, path := range []string{"/authz/envoy/", "/authz/envoy//x", "/authz/envoy/v1//models"} {
		v.Get(path).Opened()
	}
}

// A misspelt option in the URL of the check would silently allow everything.
func TestTheURLOfTheCheckIsReadStrictly(t *testing.T) {
	g := webtest.NewGateway(t)
	v := g.Bearer(g.Key).With("X-Model", "openai/gpt-4o")
	for _, options := range []string{
		"trust=header", "trust=", "Trust=headers", "models=x", "model=", "model=openai%2Fgpt-4o&model=openai%2Fgpt-3", "path=openai", "x=1",
		"trust=headers&trust=headers", "reserve=-1", "reserve=x", "reserve=NaN", "reserve=1e99", "tool_name=create_issue&model=gpt-4o",
		"reserve_tokens=-1&model=openai%2Fgpt-4o&reserve=1",
	} {
		for _, door := range webtest.Asking(options) {
			if a := v.Get(door); a.StatusCode != 403 || a.JSON()["allowed"] != false {
				t.Errorf("%s: %d %s", door, a.StatusCode, a.Body)
			}
		}
	}
}

// A call that names no model may only read.
func TestACallThatNamesNoModel(t *testing.T) {
	g := webtest.NewGateway(t)
	v := g.Bearer(g.Key)
	stopped := g.Member("stopped@example.com", "Viewer")
	held, paused := g.Give(stopped, g.Work)
	g.Admin.API("PUT", "/api"+webtest.CopyPath(stopped, held), `{"is_active":false}`).Is(200)
	reading := []struct {
		door string
		with func(webtest.Client) webtest.Client
	}{
		{"/authz/forward", func(v webtest.Client) webtest.Client { return v.With("X-Forwarded-Method", "GET") }},
		{"/authz/forward", func(v webtest.Client) webtest.Client { return v.With("X-Forwarded-Method", "HEAD") }},
		{"/authz/forward", func(v webtest.Client) webtest.Client { return v }},
		{"/authz/forward", func(v webtest.Client) webtest.Client { return v.With("X-Forwarded-URI", "/v1/models?limit=3") }},
		{"/authz/forward?limit=3", func(v webtest.Client) webtest.Client { return v.With("X-Forwarded-URI", "/v1/models?limit=3") }},
		{"/authz/nginx?method=GET", func(v webtest.Client) webtest.Client { return v }},
		{"/authz/nginx?trust=headers", func(v webtest.Client) webtest.Client { return v.With("X-Original-Method", "GET") }},
		{"/authz/envoy/v1/models", func(v webtest.Client) webtest.Client { return v }},
		{"/authz/envoy/v1/models/ft:gpt-4o:org::id", func(v webtest.Client) webtest.Client { return v }},
		{"/authz/envoy-with/provider=openai/v1/files", func(v webtest.Client) webtest.Client { return v }},
	}
	for _, r := range reading {
		r.with(v).Get(r.door).Opened()
		r.with(g.Anonymous()).Get(r.door).Closed("access_not_found", 401)
		r.with(g.Bearer(paused)).Get(r.door).Closed("access_blocked", 403)
	}
	// A WebSocket handshake is a GET that calls a model.
	for _, door := range []string{"/authz/envoy/v1/realtime", "/authz/forward"} {
		v.With("Upgrade", "websocket").Get(door).Closed("model_blocked", 403)
	}
	v.With("Upgrade", "websocket").Get("/authz/envoy/v1/realtime?model=gpt-3").Closed("model_blocked", 403)
	v.With("Upgrade", "websocket").Get("/authz/envoy/v1/realtime?model=gpt-4o").Opened()
	v.With("X-Forwarded-URI", "/v1/realtime?model=openai/gpt-3").Get("/authz/forward").Closed("model_blocked", 403)
	webSocket := v.With("Upgrade", "websocket")
	for _, path := range []string{"/openai/realtime?deployment=gpt-4o", "/v1/realtime?model=openai/gpt-4o"} {
		webSocket.Get("/authz/envoy" + path).Opened()
		webSocket.With("X-Forwarded-URI", path).Get("/authz/forward").Opened()
		v.With("X-HTTP-Method-Override", "POST").Get("/authz/envoy"+path).Closed("model_blocked", 403)
	}
	// On any other path the messages name the model, and the query and a body do not.
	for _, path := range []string{"/v1/responses?model=gpt-4o", "/v1/realtime/x?model=gpt-4o", "/v1/responses%2frealtime?model=gpt-4o"} {
		webSocket.Get("/authz/envoy"+path).Closed("model_blocked", 403)
		webSocket.With("X-Forwarded-URI", path).Get("/authz/forward").Closed("model_blocked", 403)
		v.With("X-HTTP-Method-Override", "POST").With("X-Forwarded-URI", path).Get("/authz/forward").Closed("model_blocked", 403)
		v.Get("/authz/envoy" + path).Opened()
	}
	v.With("X-Forwarded-URI", "/v1/responses;/realtime?model=gpt-4o").With("Sec-WebSocket-Key", "x").Get("/authz/forward").Closed("model_blocked", 403)
	v.With("X-HTTP-Method-Override", "POST").Get("/authz/envoy/v1/images/generations?model=gpt-4o").Closed("model_blocked", 403)
	webSocket.Send("GET", "/authz/envoy/v1/responses", "application/json", strings.NewReader(`{"model":"gpt-4o"}`)).Closed("model_blocked", 403)
	webSocket.Get("/authz/envoy-with/mcp_client_id=github/mcp").Closed("mcp_tool_blocked", 403)
	webSocket.Send("GET", "/authz/envoy-with/mcp_client_id=github/mcp", "application/json", strings.NewReader(`{"method":"ping"}`)).
		Closed("mcp_tool_blocked", 403)
	// Proxies remove Upgrade before they ask. A malformed pair in a query does not hide another one, and neither does a
	// body.
	for _, header := range []string{"Sec-WebSocket-Key", "Sec-WebSocket-Version", "X-HTTP-Method-Override"} {
		v.With(header, "x").With("X-Forwarded-URI", "/v1/live").Get("/authz/forward").Closed("model_blocked", 403)
		v.With(header, "x").Get("/authz/envoy/v1/live").Closed("model_blocked", 403)
	}
	for _, query := range []string{"a;b&model=gpt-3", "x=%zz&model=gpt-3", "model=gpt-3&x=%zz", "v=1;deployment=gpt-3", "MODEL=gpt-3"} {
		v.With("X-Forwarded-URI", "/v1/realtime?"+query).Get("/authz/forward").Closed("model_blocked", 403)
		v.With("X-Forwarded-URI", "/v1/realtime?"+query).Body("/authz/forward", `{"model":"gpt-4o"}`).Closed("model_blocked", 403)
	}
	v.Send("GET", "/authz/envoy/v1/realtime?model=gpt-3", "application/json", strings.NewReader(`{"model":"gpt-4o"}`)).Closed("model_blocked", 403)
	v.Body("/authz/envoy/v1/chat/completions?model=gpt-3", `{"model":"gpt-4o"}`).Closed("model_blocked", 403)
	for _, method := range []string{"POST", "PUT", "PATCH", "DELETE", "OPTIONS"} {
		for _, a := range []webtest.Answer{
			v.Send(method, "/authz/envoy/v1/files", "", nil), v.Send(method, "/authz/forward", "", nil),
			v.With("X-Forwarded-Method", method).Get("/authz/forward"), v.Send("GET", "/authz/nginx?method="+method, "", nil),
			v.Send(method, "/authz/nginx", "", nil), v.With("X-Original-Method", method).Get("/authz/nginx?trust=headers"),
		} {
			if a.Closed("model_blocked", 403); strings.Contains(string(a.Body), "  ") {
				t.Errorf("%s: %s", method, a.Body)
			}
		}
	}
	// nginx always checks by GET, and a client can send any header.
	v.Get("/authz/nginx").Closed("model_blocked", 403)
	v.With("X-Original-Method", "GET").Get("/authz/nginx").Closed("model_blocked", 403)
	for _, message := range []webtest.Object{
		g.Admin.Ask(webtest.Object{"virtual_key": g.Key, "model": ""}), g.Admin.Ask(webtest.Object{"virtual_key": g.Key, "model": "openai/"}),
		g.Admin.Ask(webtest.Tool(g.Key, "", "")), g.Admin.Ask(webtest.Tool(g.Key, "github", "")), g.Admin.Ask(webtest.Tool(g.Key, "", "create_issue")),
	} {
		text := message["message"].(string)
		if message["decision"] != false || strings.Contains(text, "  ") || strings.Contains(text, " /") {
			t.Errorf("got %v", message)
		}
	}
}

// A reservation comes with the answer of a check, and ends when it is released.
func TestProxyChecksReserveEstimates(t *testing.T) {
	g := webtest.NewGateway(t)
	for _, door := range webtest.Asking("model=openai%2Fgpt-4o&reserve=2.5&reserve_tokens=40") {
		a := g.Bearer(g.Key).Get(door).Opened()
		if id := a.Header.Get("X-Access-Reservation-Id"); len(id) != 36 {
			t.Errorf("%s: reservation %q in %v", door, id, a.Header)
		}
	}
	lines := webtest.Objects(g.Admin.Ask(webtest.Model(g.Key))["limits"])
	reserved := map[any]any{}
	for _, line := range lines {
		reserved[line["scope"].(string)+" "+line["kind"].(string)] = line["reserved"]
	}
	webtest.Same(t, "reserved", reserved, map[any]any{"total spend": 7.5, "total tokens": 120.0, "total requests": 3.0, "provider:openai spend": 7.5})
	for _, door := range webtest.Asking("model=openai%2Fgpt-4o&reserve=2.5") {
		g.Bearer(g.Key).Get(door).Closed("budget_exceeded", 402)
	}
	for _, door := range webtest.Asking("model=openai%2Fgpt-4o&reserve_tokens=100") { // tokens alone
		if id := g.Bearer(g.Key).Get(door).Opened().Header.Get("X-Access-Reservation-Id"); len(id) != 36 {
			t.Errorf("%s: reservation %q", door, id)
		}
	}
	lines = webtest.Objects(g.Admin.Ask(webtest.Model(g.Key))["limits"])
	webtest.Same(t, "reserved tokens", []any{lines[0]["reserved"], lines[1]["reserved"]}, []any{7.5, 420.0})
	// A body that leads to several models is allowed as a whole, with one reservation.
	for _, door := range webtest.Asking("reserve=0.25") {
		v := g.Bearer(g.Key)
		v.Body(door, `{"model":"openai/gpt-4o","fallbacks":["openai/gpt-3"]}`).Closed("model_blocked", 403)
	}
	webtest.Same(t, "reserved", webtest.Objects(g.Admin.Ask(webtest.Model(g.Key))["limits"])[0]["reserved"], 7.5)
}
