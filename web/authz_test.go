package web_test

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"tollgate/web/webtest"
)

func TestProxyChecksAcceptTheKeyHeaderOfAnyClient(t *testing.T) {
	g := webtest.NewGateway(t)
	for _, door := range webtest.Trusting {
		asked := g.Anonymous().With("X-Model", "openai/gpt-4o")
		for name, value := range map[string]string{
			"Authorization": "Bearer " + g.Key, "X-Bf-Vk": g.Key, "X-Api-Key": g.Key, "Api-Key": g.Key, "X-Goog-Api-Key": g.Key,
		} {
			a := asked.With(name, value).Get(door).Opened()
			if a.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("%s by %s: headers %v", door, name, a.Header)
			}
			for header, want := range map[string]any{
				"X-Access-Profile-Id": g.Work, "X-Access-User-Id": g.Ada, "X-Access-Key-Id": g.Keys(g.Ada)[0]["id"],
			} {
				if got := a.Header.Get(header); got != fmt.Sprint(want) {
					t.Errorf("%s by %s: %s is %q, want %v", door, name, header, got, want)
				}
			}
		}
		asked.With("Authorization", "bearer  "+g.Key).Get(door).Opened()
		asked.With("X-Bf-Vk", "Bearer "+g.Key).Get(door).Opened()
		for _, method := range []string{"HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} {
			if a := asked.With("Authorization", "Bearer "+g.Key).Send(method, door, "", nil); a.StatusCode != 200 {
				t.Errorf("%s %s: %d", method, door, a.StatusCode)
			}
			if a := asked.Send(method, door, "", nil); a.StatusCode != 401 {
				t.Errorf("%s %s without a key: %d", method, door, a.StatusCode)
			}
		}
		for name, v := range map[string]webtest.Client{
			"none": asked, "an unknown one": asked.With("X-Api-Key", "sk-bf-x"), "Basic": asked.With("Authorization", webtest.Basic(webtest.Admin, webtest.Password)),
			"an API key": asked.With("Authorization", g.Admin.Header.Get("Authorization")),
			"a session":  asked.With("Cookie", g.Session.Header.Get("Cookie")), "an empty one": asked.With("Authorization", "Bearer "),
			"a key without Bearer": asked.With("Authorization", g.Key),
		} {
			a := v.Get(door).Closed("access_not_found", 401)
			if !strings.HasPrefix(a.Header.Get("WWW-Authenticate"), "Bearer") {
				t.Errorf("%s with %s: WWW-Authenticate %q", door, name, a.Header.Get("WWW-Authenticate"))
			}
		}
		// The request is a copy of the client's: its origin and host are no reason to refuse it.
		elsewhere := asked.With("Authorization", "Bearer "+g.Key).With("Origin", "https://elsewhere.example")
		elsewhere.With("Sec-Fetch-Site", "cross-site").Send("POST", door, "", nil).Opened()
	}
	// An unknown key is reported before any other problem.
	for _, door := range webtest.Doors {
		g.Anonymous().Body(door, `{"model":`).Closed("access_not_found", 401)
		g.Anonymous().With("X-Api-Key", "sk-bf-x").Body(door, `{}`).Closed("access_not_found", 401)
	}
}

// A provider's credential beside our key is normal; two of our keys are an attempt to be decided as one user and to
// pass as another.
func TestProxyChecksAcceptOneKey(t *testing.T) {
	g := webtest.NewGateway(t)
	_, other := g.Give(g.Bob, g.Work)
	for _, door := range webtest.Asking("model=openai%2Fgpt-4o") {
		both := g.Anonymous().With("X-Bf-Vk", g.Key)
		both.With("Authorization", "Bearer sk-ant-oat01-x").Get(door).Opened()
		both.With("Authorization", "Bearer "+g.Key).With("X-Api-Key", g.Key).Get(door).Opened()
		g.Anonymous().With("X-Goog-Api-Key", g.Key).With("X-Api-Key", "sk-ant-api03-x").With("Api-Key", "x").Get(door).Opened()
		for _, name := range []string{"X-Bf-Vk", "Authorization", "X-Api-Key", "X-Goog-Api-Key", "Api-Key"} {
			for _, first := range []string{"X-Bf-Vk", "Authorization", "X-Api-Key", "X-Goog-Api-Key", "Api-Key"} {
				if name != first {
					g.Anonymous().With(first, "Bearer "+g.Key).With(name, "Bearer "+other).Get(door).Closed("ambiguous_key", 403)
				}
			}
		}
		twice := g.Anonymous()
		twice.Header = http.Header{"X-Api-Key": {g.Key, other}}
		twice.Get(door).Closed("ambiguous_key", 403)
	}
}

func TestProxyChecksReadTheCall(t *testing.T) {
	g := webtest.NewGateway(t)
	v := g.Bearer(g.Key)
	for _, door := range webtest.Trusting {
		v.With("X-Model", "gpt-4o").With("X-Provider", "openai").Get(door).Opened()
		v.With("X-Ai-Eg-Model", "openai/gpt-4o").Get(door).Opened()
		v.With("X-Model", "openai/gpt-4o").Also("X-Model", "openai/gpt-3").Get(door).Closed("ambiguous_question", 403)
		v.With("X-Model", "openai/gpt-3").Get(door).Closed("model_blocked", 403)
		v.With("X-Model", "gpt-4o").With("X-Provider", "azure").Get(door).Closed("provider_blocked", 403)
		v.With("X-Mcp-Client-Id", "github").With("X-Tool-Name", "create_issue").Get(door).Opened()
		v.With("X-Mcp-Client-Id", "github").With("X-Tool-Name", "x").Get(door).Closed("mcp_tool_blocked", 403)
		v.With("X-Tool-Name", "create_issue").Get(door).Closed("mcp_tool_blocked", 403)
		v.With("X-Provider", "openai").Body(door, `{"model":"gpt-4o"}`).Opened()
		v.With("X-Mcp-Client-Id", "github").Body(door, webtest.ToolCall).Opened()
		v.With("X-Mcp-Client-Id", "github").Body(door, strings.Replace(webtest.ToolCall, "create_issue", "x", 1)).Closed("mcp_tool_blocked", 403)
	}
	for _, door := range append(slices.Clone(webtest.Doors), webtest.Trusting...) {
		v.Body(door, `{"model":"openai/gpt-4o","messages":[{"role":"user","content":"model"}],"stream":true}`).Opened()
		v.Body(door, `{"model":"openai/gpt-3"}`).Closed("model_blocked", 403)
		v.Body(door, webtest.ToolCall).Closed("mcp_tool_blocked", 403)
		for _, body := range []string{
			``, `{}`, `{"model":7}`, `{"model":null}`, `["openai/gpt-4o"]`, `openai/gpt-4o`, `{"model":"openai/gpt-4o"`,
			`{"messages":[{"model":"openai/gpt-4o"}]}`, `{"model":"openai/gpt-4o"} x`, "\xff", `[` + webtest.ToolCall + `]`, `{"method":"tools/list"}`, `[]`, `[7]`,
		} {
			if a := v.Body(door, body); a.StatusCode == 200 || a.JSON()["allowed"] != false {
				t.Errorf("%s of %q: %d %s", door, body, a.StatusCode, a.Body)
			}
		}
	}
	for _, door := range webtest.Asking("provider=openai&model=gpt-4o") {
		v.Get(door).Opened()
		v.Body(door, `{"model":"openai/gpt-3"}`).Opened() // the proxy's name of the model decides
	}
	for _, door := range webtest.Asking("model=openai%2Fgpt-3") {
		v.Get(door).Closed("model_blocked", 403)
	}
	for _, door := range webtest.Asking("mcp_client_id=github") {
		v.Body(door, webtest.ToolCall).Opened()
	}
	for _, door := range webtest.Asking("mcp_client_id=github&tool_name=delete_repo") {
		v.Get(door).Opened()
	}
}

// A body that the provider would read in another way than we do is denied.
func TestProxyChecksReadBodiesAsProvidersDo(t *testing.T) {
	g := webtest.NewGateway(t)
	v := g.Bearer(g.Key)
	for _, test := range []struct{ body, kind string }{
		{`{"model":"openai/gpt-3","Model":"openai/gpt-4o"}`, "unknown_field"}, // field names are compared exactly by some readers
		{`{"model":"openai/gpt-4o","Model":"openai/gpt-4o"}`, "unknown_field"},
		{`{"model":"openai/gpt-3","model":"openai/gpt-4o"}`, "duplicate_key"}, // and some readers take the first of two
		{`{"MODEL":"openai/gpt-4o"}`, "unknown_field"},
	} {
		for _, door := range webtest.Doors {
			v.Body(door, test.body).Closed(test.kind, 400)
		}
	}
	// Of a call that names a model and a tool, only one would be checked.
	for _, door := range webtest.Doors {
		if a := v.With("X-Mcp-Client-Id", "github").Body(door, `{"model":"openai/gpt-3","method":"tools/call","params":{"name":"create_issue"}}`); a.StatusCode == 200 {
			t.Errorf("%s allows a call of a model as one of a tool", door)
		}
	}
}

// Headers are ignored where a body is forwarded that names another model or cannot be read; even those of the proxy.
func TestHeadersDoNotSpeakForABody(t *testing.T) {
	g := webtest.NewGateway(t)
	v := g.Bearer(g.Key).With("X-Model", "openai/gpt-4o")
	inTool := g.Bearer(g.Key).With("X-Mcp-Client-Id", "github").With("X-Tool-Name", "create_issue")
	for _, door := range append(slices.Clone(webtest.Doors), webtest.Trusting...) {
		for _, body := range []string{
			`{"model":"openai/gpt-3"}`, `{"model":"openai/gpt-3"`, "\ufeff" + `{"model":"openai/gpt-3"}`, `[{"model":"openai/gpt-3"}]`,
			"\x00" + strings.Join(strings.Split(`{"model":"openai/gpt-3"}`, ""), "\x00"), // UTF-16
		} {
			if a := v.Body(door, body); a.StatusCode == 200 {
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
			if a := inTool.Body(door, body); a.StatusCode == 200 {
				t.Errorf("%s allows %q as the tool in a header", door, body)
			}
		}
	}
	for _, door := range webtest.Trusting {
		// Of a model and a tool, only one would be checked.
		if a := inTool.With("X-Model", "openai/gpt-3").Get(door); a.StatusCode == 200 {
			t.Errorf("%s: a model that is not granted passes beside a tool that is", door)
		}
	}
}

func TestProxyChecksReportLimits(t *testing.T) {
	g := webtest.NewGateway(t)
	narrow := g.ProfileNaming("Narrow", `"provider_configs":[{"provider_name":"openai","all_models_allowed":true,"rate_limit":{"token_max_limit":500,"token_reset_duration":"1d"}}],
"budgets":[{"max_limit":5,"reset_duration":"1d"}],"rate_limit":{"request_max_limit":3,"request_reset_duration":"1h"}`)
	_, key := g.Give(g.Bob, narrow)
	g.Admin.Counted(webtest.Event(key, "tokens", 499))
	for _, door := range webtest.Trusting {
		a := g.Bearer(key).With("X-Model", "openai/gpt-4o").Get(door).Opened()
		policies, states := webtest.Fields(t, a.Header, "RateLimit-Policy"), webtest.Fields(t, a.Header, "RateLimit")
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
		for _, door := range webtest.Trusting {
			a := g.Bearer(key).With("X-Model", "openai/gpt-4o").Get(door).Closed(kind, status)
			if a.Wait() < 1 || a.Wait() > most+1 {
				t.Errorf("%s: Retry-After %q", door, a.Header.Get("Retry-After"))
			}
			if left := webtest.Fields(t, a.Header, "RateLimit"); slices.Contains([]string{left[`"requests-total"`]["r"], left[`"tokens-provider-openai"`]["r"]}, "") {
				t.Errorf("%s: %v", door, left)
			}
		}
	}
	g.Admin.Counted(webtest.Event(key, "tokens", 100, "cost", 0))
	refused("token_limited", 429, 24*3600)
	g.Admin.Counted(webtest.Event(key, "cost", 0, "tokens", 0))
	refused("rate_limited", 429, 24*3600)
	_, other := g.Give(g.Member("cy@example.com", "Viewer"), narrow)
	key = other
	g.Admin.Counted(webtest.Event(key, "cost", 5))
	refused("budget_exceeded", 402, 24*3600)
	g.Admin.Counted(webtest.Event(key, "cost", 0, "tokens", 0, "requests", 2))
	refused("request_limited", 429, 3600)
}

// A body that is too large, or an internal error, never allows a call; nginx gets a status that it understands.
func TestProxyChecksFailClosed(t *testing.T) {
	g := webtest.NewGateway(t)
	v := g.Bearer(g.Key)
	large := `{"model":"openai/gpt-4o","x":"` + strings.Repeat("x", 1<<20) + `"}`
	for _, door := range webtest.Doors {
		v.Body(door, large).Closed("body_too_large", 413)
		v.Body(door, strings.Repeat(" ", 1<<20)+`{"model":"openai/gpt-4o"}`).Closed("body_too_large", 413)
		v.With("X-Model", "openai/gpt-4o").Body(door, large).Closed("body_too_large", 413) // a header of the client
	}
	for _, path := range []string{"/authz", "/authz/", "/authz/nginx/", "/authz/other", "/authz/forward/x"} {
		if a := v.With("X-Model", "openai/gpt-4o").Get(path); a.StatusCode != 404 {
			t.Errorf("%s: %d", path, a.StatusCode)
		}
	}
	if a := v.With("X-Model", "openai/gpt-4o").Send("PROPFIND", "/authz/forward", "", nil); a.StatusCode == 200 {
		t.Error("a method that is unknown passes")
	}
	if strings.Contains(g.Log.String(), g.Key) {
		t.Error("a key is in the log")
	}
}

// Envoy and Caddy send the host of their client's request.
func TestProxyChecksIgnoreTheHost(t *testing.T) {
	g := webtest.NewGateway(t)
	for _, door := range webtest.Trusting {
		a := g.Bearer(g.Key).With("X-Model", "openai/gpt-4o").With("Host", "api.example.com").Get(door)
		if a.StatusCode != http.StatusOK {
			t.Errorf("%s for a host of the gateway: %d %.80s", door, a.StatusCode, a.Body)
		}
	}
}
