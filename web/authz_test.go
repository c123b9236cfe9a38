package web_test

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// doors are the paths that proxies ask at; each answers a copy of the request of their client.
var doors = []string{"/authz/forward", "/authz/nginx", "/authz/envoy/v1/chat/completions"}

// closed fails the test unless a door refuses with the status that nginx, or any other proxy, is told.
func (a answer) closed(kind string, status int) answer {
	a.t.Helper()
	told := status
	if strings.HasPrefix(a.Request.URL.Path, "/authz/nginx") && status != 401 {
		told = 403 // nginx knows no other
	}
	if a.StatusCode != told || a.Header.Get("X-Access-Reason") != kind || a.Header.Get("X-Access-Status") != strconv.Itoa(status) || a.json()["allowed"] != false {
		a.t.Errorf("%s %s: %d %s %s %s, want %d %s %d", a.Request.Method, a.Request.URL, a.StatusCode, a.Header.Get("X-Access-Reason"), a.Header.Get("X-Access-Status"), a.body, told, kind, status)
	}
	return a
}

func (a answer) opened() answer {
	a.t.Helper()
	if a.StatusCode != 200 || a.Header.Get("X-Access-Reason") != "allowed" || a.Header.Get("X-Access-Status") != "200" || a.json()["allowed"] != true {
		a.t.Errorf("%s %s: %d %v %s", a.Request.Method, a.Request.URL, a.StatusCode, a.Header, a.body)
	}
	return a
}

func (v visitor) body(door, body string) answer {
	v.t.Helper()
	return v.send("POST", door, "application/json", strings.NewReader(body))
}

func TestDoorsTakeTheKeyOfAnyClient(t *testing.T) {
	g := newGateway(t)
	for _, door := range doors {
		asked := g.nobody().with("X-Model", "openai/gpt-4o")
		for name, value := range map[string]string{
			"Authorization": "Bearer " + g.key, "X-Bf-Vk": g.key, "X-Api-Key": g.key, "Api-Key": g.key, "X-Goog-Api-Key": g.key,
		} {
			a := asked.with(name, value).get(door).opened()
			if a.Header.Get("X-Access-Profile-Id") != strconv.FormatInt(g.work, 10) || a.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("%s by %s: headers %v", door, name, a.Header)
			}
		}
		asked.with("Authorization", "bearer  "+g.key).get(door).opened()
		for _, method := range []string{"HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} {
			if a := asked.with("Authorization", "Bearer "+g.key).send(method, door, "", nil); a.StatusCode != 200 {
				t.Errorf("%s %s: %d", method, door, a.StatusCode)
			}
			if a := asked.send(method, door, "", nil); a.StatusCode != 401 {
				t.Errorf("%s %s without a key: %d", method, door, a.StatusCode)
			}
		}
		for name, v := range map[string]visitor{
			"none": asked, "an unknown one": asked.with("X-Api-Key", "sk-bf-x"), "an API key": asked.with("Authorization", g.admin.header.Get("Authorization")),
			"Basic": asked.with("Authorization", basic(admin, password)), "a session": asked.with("Cookie", g.session.header.Get("Cookie")), "an empty one": asked.with("Authorization", "Bearer "),
		} {
			if a := v.get(door).closed("access_not_found", 401); !strings.HasPrefix(a.Header.Get("WWW-Authenticate"), "Bearer") {
				t.Errorf("%s with %s: WWW-Authenticate %q", door, name, a.Header.Get("WWW-Authenticate"))
			}
		}
		// The request is a copy of one for somebody else: where it came from, and whom it was for, is no reason to refuse it.
		asked.with("Authorization", "Bearer "+g.key).with("Origin", "https://elsewhere.example").with("Sec-Fetch-Site", "cross-site").send("POST", door, "", nil).opened()
	}
	for _, path := range []string{"/authz/envoy/", "/authz/envoy/v1/models/%2e%2e/x?y=1", "/authz/envoy//x"} {
		g.bearer(g.key).with("X-Model", "openai/gpt-4o").get(path).opened()
	}
}

func TestDoorsReadTheCall(t *testing.T) {
	g := newGateway(t)
	v := g.bearer(g.key)
	for _, door := range doors {
		v.with("X-Model", "gpt-4o").with("X-Provider", "openai").get(door).opened()
		v.with("X-Ai-Eg-Model", "openai/gpt-4o").get(door).opened()
		v.with("X-Model", "openai/gpt-3").get(door).closed("model_blocked", 403)
		v.with("X-Model", "gpt-4o").with("X-Provider", "azure").get(door).closed("provider_blocked", 403)
		v.get(door).closed("model_blocked", 403)
		v.with("X-Mcp-Client-Id", "github").with("X-Tool-Name", "create_issue").get(door).opened()
		v.with("X-Mcp-Client-Id", "github").with("X-Tool-Name", "x").get(door).closed("mcp_tool_blocked", 403)
		v.with("X-Tool-Name", "create_issue").get(door).closed("mcp_tool_blocked", 403)

		v.body(door, `{"model":"openai/gpt-4o","messages":[{"role":"user","content":"model"}],"stream":true}`).opened()
		v.with("X-Provider", "openai").body(door, `{"model":"gpt-4o"}`).opened()
		v.body(door, `{"model":"openai/gpt-3"}`).closed("model_blocked", 403)
		rpc := `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"create_issue","arguments":{"name":"x"}}}`
		v.with("X-Mcp-Client-Id", "github").body(door, rpc).opened()
		v.with("X-Mcp-Client-Id", "github").body(door, strings.Replace(rpc, "create_issue", "x", 1)).closed("mcp_tool_blocked", 403)
		v.body(door, rpc).closed("mcp_tool_blocked", 403)
		for _, body := range []string{
			``, `{}`, `{"model":7}`, `{"model":null}`, `["openai/gpt-4o"]`, `openai/gpt-4o`, `{"model":"openai/gpt-4o"`, `{"messages":[{"model":"openai/gpt-4o"}]}`,
			`{"model":"openai/gpt-4o"} x`, "\xff", `[` + rpc + `]`, `{"method":"tools/list"}`,
		} {
			if a := v.body(door, body); a.StatusCode == 200 || a.json()["allowed"] != false {
				t.Errorf("%s of %q: %d %s", door, body, a.StatusCode, a.body)
			}
		}
	}
	for _, door := range doors[:2] {
		v.get(door + "?provider=openai&model=gpt-4o").opened()
		v.get(door+"?model=openai/gpt-3").closed("model_blocked", 403)
		v.body(door+"?mcp_client_id=github", `{"method":"tools/call","params":{"name":"create_issue"}}`).opened()
	}
}

// A body that the provider would read in another way than we do is not one that is allowed.
func TestDoorsReadABodyAsProvidersDo(t *testing.T) {
	g := newGateway(t)
	v := g.bearer(g.key)
	for _, body := range []string{
		`{"model":"openai/gpt-3","Model":"openai/gpt-4o"}`, // a field's name is compared exactly elsewhere
		`{"model":"openai/gpt-3","model":"openai/gpt-4o"}`, // and some take the first of two
		`{"MODEL":"openai/gpt-4o"}`,
	} {
		for _, door := range doors {
			if a := v.body(door, body); a.StatusCode == 200 {
				t.Errorf("%s allows %s", door, body)
			}
		}
	}
	// Of a call that names a model and a tool only one would be checked.
	for _, door := range doors {
		if a := v.with("X-Mcp-Client-Id", "github").body(door, `{"model":"openai/gpt-3","method":"tools/call","params":{"name":"create_issue"}}`); a.StatusCode == 200 {
			t.Errorf("%s allows a call of a model as one of a tool", door)
		}
	}
}

// Headers, which a client can send too, say nothing where a body is forwarded that says something else, or that we cannot read.
func TestHeadersDoNotSpeakForABody(t *testing.T) {
	g := newGateway(t)
	v := g.bearer(g.key).with("X-Model", "openai/gpt-4o")
	inTool := g.bearer(g.key).with("X-Mcp-Client-Id", "github").with("X-Tool-Name", "create_issue")
	for _, door := range doors {
		for _, body := range []string{
			`{"model":"openai/gpt-3"}`, `{"model":"openai/gpt-3"`, "\ufeff" + `{"model":"openai/gpt-3"}`, `[{"model":"openai/gpt-3"}]`,
			"\x00" + strings.Join(strings.Split(`{"model":"openai/gpt-3"}`, ""), "\x00"), // UTF-16
		} {
			if a := v.body(door, body); a.StatusCode == 200 {
				t.Errorf("%s allows %q as the model in a header", door, body)
			}
		}
		for _, body := range []string{
			`{"method":"tools/call","params":{"name":"x"}}`,
			`[{"method":"tools/call","params":{"name":"x"}}]`, // a batch
			`{"method":"tools/call","Params":{"name":"x"}}`,
			`{"method":"tools/call","params":{"Name":"x"}}`,
			`{"method":"tools/call","params":{"name":"create_issue","NAME":"x"}}`,
		} {
			if a := inTool.body(door, body); a.StatusCode == 200 {
				t.Errorf("%s allows %q as the tool in a header", door, body)
			}
		}
		// Of a model and a tool only one would be checked.
		if a := inTool.with("X-Model", "openai/gpt-3").get(door); a.StatusCode == 200 {
			t.Errorf("%s: a model that is not granted passes beside a tool that is", door)
		}
	}
}

// Envoy repeats the path and query of its client, who could name there what is allowed and call something else.
func TestEnvoysQueryIsTheClients(t *testing.T) {
	g := newGateway(t)
	v := g.bearer(g.key)
	for _, query := range []string{"?model=openai/gpt-4o", "?model=gpt-4o&provider=openai"} {
		if a := v.body("/authz/envoy/v1/chat/completions"+query, `{"model":"openai/gpt-3"}`); a.StatusCode == 200 {
			t.Errorf("%s allows a call of another model", query)
		}
	}
	rpc := `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"create_issue"}}`
	if a := v.with("X-Mcp-Client-Id", "jira").body("/authz/envoy/mcp?mcp_client_id=github", rpc); a.StatusCode == 200 {
		t.Error("the query says of which server the tool is")
	}
}

// What the operator wrote into the address of the check holds, whatever headers the client sends.
func TestTheAddressOfTheCheckHolds(t *testing.T) {
	g := newGateway(t)
	v := g.bearer(g.key)
	for _, door := range doors[:2] {
		if a := v.with("X-Model", "openai/gpt-4o").get(door + "?model=openai/gpt-3"); a.StatusCode == 200 {
			t.Errorf("%s: a header of the client wins over the model in the address", door)
		}
		if a := v.with("X-Mcp-Client-Id", "github").with("X-Tool-Name", "create_issue").get(door + "?model=openai/gpt-3"); a.StatusCode == 200 {
			t.Errorf("%s: headers of the client turn a model in the address into a tool", door)
		}
	}
}

func TestDoorsTellLimits(t *testing.T) {
	g := newGateway(t)
	narrow := g.profileNaming("Narrow", `"provider_configs":[{"provider_name":"openai","all_models_allowed":true,"rate_limit":{"token_max_limit":500,"token_reset_duration":"1d"}}],
"budgets":[{"max_limit":5,"reset_duration":"1d"}],"rate_limit":{"request_max_limit":3,"request_reset_duration":"1h"}`)
	_, key := g.give(g.bob, narrow)
	g.admin.counted(event(key, "tokens", 499))
	for _, door := range doors {
		a := g.bearer(key).with("X-Model", "openai/gpt-4o").get(door).opened()
		policies, states := fields(t, a.Header, "RateLimit-Policy"), fields(t, a.Header, "RateLimit")
		for name, want := range map[string][3]string{`"requests-total"`: {"3", "3600", "2"}, `"tokens-provider-openai"`: {"500", "86400", "1"}} {
			seconds, err := strconv.Atoi(states[name]["t"])
			window, _ := strconv.Atoi(want[1])
			if policies[name]["q"] != want[0] || policies[name]["w"] != want[1] || states[name]["r"] != want[2] || err != nil || seconds < 1 || seconds > window+1 {
				t.Errorf("%s: %v, %v", name, policies, states)
			}
		}
		if len(policies) != 2 || len(states) != 2 || a.Header.Get("Retry-After") != "" {
			t.Errorf("headers %v", a.Header)
		}
	}
	refused := func(kind string, status, most int) {
		t.Helper()
		for _, door := range doors {
			a := g.bearer(key).with("X-Model", "openai/gpt-4o").get(door).closed(kind, status)
			if a.wait() < 1 || a.wait() > most+1 {
				t.Errorf("%s: Retry-After %q", door, a.Header.Get("Retry-After"))
			}
			if left := fields(t, a.Header, "RateLimit"); slices.Contains([]string{left[`"requests-total"`]["r"], left[`"tokens-provider-openai"`]["r"]}, "") {
				t.Errorf("%s: %v", door, left)
			}
		}
	}
	g.admin.counted(event(key, "tokens", 100, "cost", 0))
	refused("token_limited", 429, 24*3600)
	g.admin.counted(event(key, "cost", 0, "tokens", 0))
	refused("rate_limited", 429, 24*3600)
	_, other := g.give(g.member("cy@example.com", "Viewer"), narrow)
	key = other
	g.admin.counted(event(key, "cost", 5))
	refused("budget_exceeded", 402, 24*3600)
	g.admin.counted(event(key, "cost", 0, "tokens", 0, "requests", 2))
	refused("request_limited", 429, 3600)
}

// What is too large to read, or went wrong here, never opens a door; nginx hears of it in a way that it knows.
func TestDoorsStayClosedWhenSomethingIsWrong(t *testing.T) {
	g := newGateway(t)
	v := g.bearer(g.key)
	large := `{"model":"openai/gpt-4o","x":"` + strings.Repeat("x", 1<<20) + `"}`
	for _, door := range doors {
		v.body(door, large).closed("body_too_large", 413)
		v.body(door, strings.Repeat(" ", 1<<20)+`{"model":"openai/gpt-4o"}`).closed("body_too_large", 413)
		v.with("X-Model", "openai/gpt-4o").body(door, large).closed("body_too_large", 413)
	}
	for _, path := range []string{"/authz", "/authz/", "/authz/nginx/", "/authz/other", "/authz/forward/x"} {
		if a := v.with("X-Model", "openai/gpt-4o").get(path); a.StatusCode != 404 {
			t.Errorf("%s: %d", path, a.StatusCode)
		}
	}
	if a := v.with("X-Model", "openai/gpt-4o").send("PROPFIND", "/authz/forward", "", nil); a.StatusCode == 200 {
		t.Error("a method that is unknown passes")
	}
	if strings.Contains(g.log.String(), g.key) {
		t.Error("a key is in the log")
	}
}

// Envoy and Caddy send the host that their client asked for.
func TestDoorsKnowNoHost(t *testing.T) {
	g := newGateway(t)
	for _, door := range doors {
		a := g.bearer(g.key).with("X-Model", "openai/gpt-4o").with("Host", "api.example.com").get(door)
		if a.StatusCode != http.StatusOK {
			t.Errorf("%s for a host of the gateway: %d %.80s", door, a.StatusCode, a.body)
		}
	}
}
