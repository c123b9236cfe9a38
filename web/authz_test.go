package web_test

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// doors are the paths that proxies send their checks to; each answers a copy of the request of their client.
var doors = []string{"/authz/forward", "/authz/nginx", "/authz/envoy/v1/chat/completions"}

// trusting are the same paths with an option to trust the headers of the proxy.
var trusting = []string{
	"/authz/forward?trust=headers", "/authz/nginx?trust=headers", "/authz/envoy-with/trust=headers/v1/chat/completions",
}

// asking are the same paths with options in their URL.
func asking(options string) []string {
	return []string{"/authz/forward?" + options, "/authz/nginx?" + options, "/authz/envoy-with/" + options + "/v1/x"}
}

// closed fails the test unless a check denies with this status, or with the one that nginx understands.
func (a answer) closed(kind string, status int) answer {
	a.t.Helper()
	want := status
	if strings.HasPrefix(a.Request.URL.Path, "/authz/nginx") && status != 401 {
		want = 403 // nginx knows no other status
	}
	if a.StatusCode != want || a.Header.Get("X-Access-Reason") != kind || a.Header.Get("X-Access-Status") != strconv.Itoa(status) || a.json()["allowed"] != false {
		a.t.Errorf("%s %s: %d %s %s %s, want %d %s %d", a.Request.Method, a.Request.URL, a.StatusCode, a.Header.Get("X-Access-Reason"), a.Header.Get("X-Access-Status"), a.body, want, kind, status)
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

func (v client) body(door, body string) answer {
	v.t.Helper()
	return v.send("POST", door, "application/json", strings.NewReader(body))
}

func TestProxyChecksAcceptTheKeyHeaderOfAnyClient(t *testing.T) {
	g := newGateway(t)
	for _, door := range trusting {
		asked := g.anonymous().with("X-Model", "openai/gpt-4o")
		for name, value := range map[string]string{
			"Authorization": "Bearer " + g.key, "X-Bf-Vk": g.key, "X-Api-Key": g.key, "Api-Key": g.key, "X-Goog-Api-Key": g.key,
		} {
			a := asked.with(name, value).get(door).opened()
			if a.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("%s by %s: headers %v", door, name, a.Header)
			}
			for header, want := range map[string]any{
				"X-Access-Profile-Id": g.work, "X-Access-User-Id": g.ada, "X-Access-Key-Id": g.keys(g.ada)[0]["id"],
			} {
				if got := a.Header.Get(header); got != fmt.Sprint(want) {
					t.Errorf("%s by %s: %s is %q, want %v", door, name, header, got, want)
				}
			}
		}
		asked.with("Authorization", "bearer  "+g.key).get(door).opened()
		asked.with("X-Bf-Vk", "Bearer "+g.key).get(door).opened()
		for _, method := range []string{"HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} {
			if a := asked.with("Authorization", "Bearer "+g.key).send(method, door, "", nil); a.StatusCode != 200 {
				t.Errorf("%s %s: %d", method, door, a.StatusCode)
			}
			if a := asked.send(method, door, "", nil); a.StatusCode != 401 {
				t.Errorf("%s %s without a key: %d", method, door, a.StatusCode)
			}
		}
		for name, v := range map[string]client{
			"none": asked, "an unknown one": asked.with("X-Api-Key", "sk-bf-x"), "Basic": asked.with("Authorization", basic(admin, password)),
			"an API key": asked.with("Authorization", g.admin.header.Get("Authorization")),
			"a session":  asked.with("Cookie", g.session.header.Get("Cookie")), "an empty one": asked.with("Authorization", "Bearer "),
			"a key without Bearer": asked.with("Authorization", g.key),
		} {
			a := v.get(door).closed("access_not_found", 401)
			if !strings.HasPrefix(a.Header.Get("WWW-Authenticate"), "Bearer") {
				t.Errorf("%s with %s: WWW-Authenticate %q", door, name, a.Header.Get("WWW-Authenticate"))
			}
		}
		// The request is a copy of the client's: its origin and host are no reason to refuse it.
		elsewhere := asked.with("Authorization", "Bearer "+g.key).with("Origin", "https://elsewhere.example")
		elsewhere.with("Sec-Fetch-Site", "cross-site").send("POST", door, "", nil).opened()
	}
	// An unknown key is reported before any other problem.
	for _, door := range doors {
		g.anonymous().body(door, `{"model":`).closed("access_not_found", 401)
		g.anonymous().with("X-Api-Key", "sk-bf-x").body(door, `{}`).closed("access_not_found", 401)
	}
}

// A provider's credential beside our key is normal; two of our keys are an attempt to be decided as one user and to
// pass as another.
func TestProxyChecksAcceptOneKey(t *testing.T) {
	g := newGateway(t)
	_, other := g.give(g.bob, g.work)
	for _, door := range asking("model=openai%2Fgpt-4o") {
		both := g.anonymous().with("X-Bf-Vk", g.key)
		both.with("Authorization", "Bearer sk-ant-oat01-x").get(door).opened()
		both.with("Authorization", "Bearer "+g.key).with("X-Api-Key", g.key).get(door).opened()
		g.anonymous().with("X-Goog-Api-Key", g.key).with("X-Api-Key", "sk-ant-api03-x").with("Api-Key", "x").get(door).opened()
		for _, name := range []string{"X-Bf-Vk", "Authorization", "X-Api-Key", "X-Goog-Api-Key", "Api-Key"} {
			for _, first := range []string{"X-Bf-Vk", "Authorization", "X-Api-Key", "X-Goog-Api-Key", "Api-Key"} {
				if name != first {
					g.anonymous().with(first, "Bearer "+g.key).with(name, "Bearer "+other).get(door).closed("ambiguous_key", 403)
				}
			}
		}
		twice := g.anonymous()
		twice.header = http.Header{"X-Api-Key": {g.key, other}}
		twice.get(door).closed("ambiguous_key", 403)
	}
}

func TestProxyChecksReadTheCall(t *testing.T) {
	g := newGateway(t)
	v := g.bearer(g.key)
	for _, door := range trusting {
		v.with("X-Model", "gpt-4o").with("X-Provider", "openai").get(door).opened()
		v.with("X-Ai-Eg-Model", "openai/gpt-4o").get(door).opened()
		v.with("X-Model", "openai/gpt-3").get(door).closed("model_blocked", 403)
		v.with("X-Model", "gpt-4o").with("X-Provider", "azure").get(door).closed("provider_blocked", 403)
		v.with("X-Mcp-Client-Id", "github").with("X-Tool-Name", "create_issue").get(door).opened()
		v.with("X-Mcp-Client-Id", "github").with("X-Tool-Name", "x").get(door).closed("mcp_tool_blocked", 403)
		v.with("X-Tool-Name", "create_issue").get(door).closed("mcp_tool_blocked", 403)
		v.with("X-Provider", "openai").body(door, `{"model":"gpt-4o"}`).opened()
		v.with("X-Mcp-Client-Id", "github").body(door, toolCall).opened()
		v.with("X-Mcp-Client-Id", "github").body(door, strings.Replace(toolCall, "create_issue", "x", 1)).closed("mcp_tool_blocked", 403)
	}
	for _, door := range append(slices.Clone(doors), trusting...) {
		v.body(door, `{"model":"openai/gpt-4o","messages":[{"role":"user","content":"model"}],"stream":true}`).opened()
		v.body(door, `{"model":"openai/gpt-3"}`).closed("model_blocked", 403)
		v.body(door, toolCall).closed("mcp_tool_blocked", 403)
		for _, body := range []string{
			``, `{}`, `{"model":7}`, `{"model":null}`, `["openai/gpt-4o"]`, `openai/gpt-4o`, `{"model":"openai/gpt-4o"`,
			`{"messages":[{"model":"openai/gpt-4o"}]}`, `{"model":"openai/gpt-4o"} x`, "\xff", `[` + toolCall + `]`, `{"method":"tools/list"}`, `[]`, `[7]`,
		} {
			if a := v.body(door, body); a.StatusCode == 200 || a.json()["allowed"] != false {
				t.Errorf("%s of %q: %d %s", door, body, a.StatusCode, a.body)
			}
		}
	}
	for _, door := range asking("provider=openai&model=gpt-4o") {
		v.get(door).opened()
		v.body(door, `{"model":"openai/gpt-3"}`).opened() // the proxy's name of the model decides
	}
	for _, door := range asking("model=openai%2Fgpt-3") {
		v.get(door).closed("model_blocked", 403)
	}
	for _, door := range asking("mcp_client_id=github") {
		v.body(door, toolCall).opened()
	}
	for _, door := range asking("mcp_client_id=github&tool_name=delete_repo") {
		v.get(door).opened()
	}
}

const toolCall = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"create_issue","arguments":{"name":"x"}}}`

// A body that the provider would read in another way than we do is denied.
func TestProxyChecksReadBodiesAsProvidersDo(t *testing.T) {
	g := newGateway(t)
	v := g.bearer(g.key)
	for _, body := range []string{
		`{"model":"openai/gpt-3","Model":"openai/gpt-4o"}`, // field names are compared exactly by some readers
		`{"model":"openai/gpt-3","model":"openai/gpt-4o"}`, // and some readers take the first of two
		`{"MODEL":"openai/gpt-4o"}`,
	} {
		for _, door := range doors {
			if a := v.body(door, body); a.StatusCode == 200 {
				t.Errorf("%s allows %s", door, body)
			}
		}
	}
	// Of a call that names a model and a tool, only one would be checked.
	for _, door := range doors {
		if a := v.with("X-Mcp-Client-Id", "github").body(door, `{"model":"openai/gpt-3","method":"tools/call","params":{"name":"create_issue"}}`); a.StatusCode == 200 {
			t.Errorf("%s allows a call of a model as one of a tool", door)
		}
	}
}

// Headers are ignored where a body is forwarded that names another model or cannot be read; even those of the proxy.
func TestHeadersDoNotSpeakForABody(t *testing.T) {
	g := newGateway(t)
	v := g.bearer(g.key).with("X-Model", "openai/gpt-4o")
	inTool := g.bearer(g.key).with("X-Mcp-Client-Id", "github").with("X-Tool-Name", "create_issue")
	for _, door := range append(slices.Clone(doors), trusting...) {
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
	}
	for _, door := range trusting {
		// Of a model and a tool, only one would be checked.
		if a := inTool.with("X-Model", "openai/gpt-3").get(door); a.StatusCode == 200 {
			t.Errorf("%s: a model that is not granted passes beside a tool that is", door)
		}
	}
}

func TestProxyChecksReportLimits(t *testing.T) {
	g := newGateway(t)
	narrow := g.profileNaming("Narrow", `"provider_configs":[{"provider_name":"openai","all_models_allowed":true,"rate_limit":{"token_max_limit":500,"token_reset_duration":"1d"}}],
"budgets":[{"max_limit":5,"reset_duration":"1d"}],"rate_limit":{"request_max_limit":3,"request_reset_duration":"1h"}`)
	_, key := g.give(g.bob, narrow)
	g.admin.counted(event(key, "tokens", 499))
	for _, door := range trusting {
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
		for _, door := range trusting {
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

// A body that is too large, or an internal error, never allows a call; nginx gets a status that it understands.
func TestProxyChecksFailClosed(t *testing.T) {
	g := newGateway(t)
	v := g.bearer(g.key)
	large := `{"model":"openai/gpt-4o","x":"` + strings.Repeat("x", 1<<20) + `"}`
	for _, door := range doors {
		v.body(door, large).closed("body_too_large", 413)
		v.body(door, strings.Repeat(" ", 1<<20)+`{"model":"openai/gpt-4o"}`).closed("body_too_large", 413)
		v.with("X-Model", "openai/gpt-4o").body(door, large).closed("body_too_large", 413) // a header of the client
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

// Envoy and Caddy send the host of their client's request.
func TestProxyChecksIgnoreTheHost(t *testing.T) {
	g := newGateway(t)
	for _, door := range trusting {
		a := g.bearer(g.key).with("X-Model", "openai/gpt-4o").with("Host", "api.example.com").get(door)
		if a.StatusCode != http.StatusOK {
			t.Errorf("%s for a host of the gateway: %d %.80s", door, a.StatusCode, a.body)
		}
	}
}
