package web_test

import (
	"fmt"
	"strings"
	"testing"
)

// Every model that a body can lead to has to be allowed.
func TestProxyChecksCoverFallbacks(t *testing.T) {
	g := newGateway(t)
	v := g.bearer(g.key)
	for _, door := range doors {
		for _, body := range []string{
			`{"model":"openai/gpt-4o","fallbacks":["openai/gpt-4o-mini"]}`,
			`{"model":"openai/gpt-4o","fallbacks":[{"provider":"openai","model":"gpt-4o-mini"},{"model":"openai/gpt-4o","messages":[{"a":1}]}]}`,
			`{"model":"openai/gpt-4o","models":["openai/gpt-4o-mini","gpt-4o"]}`,
			`{"models":["openai/gpt-4o"]}`,
			`{"model":"openai/gpt-4o","fallbacks":[],"models":null}`,
			`{"mod\u0065l":"openai/gpt-4o"}`,
			`{"model":"openai/gpt-4o","method":{"type":"supervised"}}`, // a fine-tuning job
			`{"model":"openai/gpt-4o","params":{"name":"x"}}`,
		} {
			v.body(door, body).opened()
		}
		for _, body := range []string{
			`{"model":"openai/gpt-4o","fallbacks":["openai/gpt-3"]}`,
			`{"model":"openai/gpt-4o","fallbacks":["openai/gpt-4o-mini","anthropic/claude"]}`,
			`{"model":"openai/gpt-4o","fallbacks":[{"provider":"anthropic","model":"gpt-4o"}]}`,
			`{"model":"openai/gpt-4o","models":["gpt-4o","gpt-3"]}`,
			`{"models":["openai/gpt-3"]}`, `{"models":[]}`,
			`{"model":"openai/gpt-4o","fallbacks":"openai/gpt-4o"}`,
			`{"model":"openai/gpt-4o","fallbacks":{"model":"openai/gpt-4o"}}`,
			`{"model":"openai/gpt-4o","fallbacks":[7]}`, `{"model":"openai/gpt-4o","fallbacks":[null]}`, `{"model":"openai/gpt-4o","fallbacks":[["openai/gpt-4o"]]}`,
			`{"model":"openai/gpt-4o","fallbacks":[{}]}`, `{"model":"openai/gpt-4o","fallbacks":[{"gpt-4o":["gpt-3"]}]}`,
			`{"model":"openai/gpt-4o","fallbacks":[{"model":"openai/gpt-4o","Model":"openai/gpt-3"}]}`,
			`{"model":"openai/gpt-4o","fallbacks":[{"model":"openai/gpt-4o","fallbacks":["openai/gpt-3"]}]}`,
			`{"model":"openai/gpt-4o","Fallbacks":["openai/gpt-3"]}`, `{"model":"openai/gpt-4o","MODELS":["openai/gpt-3"]}`,
			`{"model":"openai/gpt-4o","fallbacks":[],"fallbacks":["openai/gpt-3"]}`,
			`{"model":"openai/gpt-4o","fallback_models":["openai/gpt-3"]}`,
			`{"model":"openai/gpt-4o","context_window_fallbacks":[{"gpt-4o":["gpt-3"]}]}`,
			`{"model":"openai/gpt-4o","content_policy_fallbacks":["gpt-3"]}`,
			`{"model":"openai/gpt-4o","mod\u0065l":"openai/gpt-3"}`, `{"model":"openai/gpt-4o","model\u0000":"openai/gpt-3"}`,
			`{"model":"openai/gpt-4o","` + "modeſl" + `":1,"` + "modelſ" + `":["openai/gpt-3"]}`,
			`{"model":"openai/gpt-4o","models":[` + strings.Repeat(`"openai/gpt-4o",`, 60) + `"openai/gpt-4o"]}`,
		} {
			if a := v.body(door, body); a.StatusCode == 200 || a.json()["allowed"] != false {
				t.Errorf("%s allows %.90s", door, body)
			}
		}
	}
}

// Fields that do not decide are ignored, however deep, odd or duplicated they are.
func TestProxyChecksIgnoreIrrelevantFields(t *testing.T) {
	g := newGateway(t)
	v := g.bearer(g.key)
	deep := strings.Repeat(`{"properties":`, 400) + `1` + strings.Repeat(`}`, 400)
	for _, door := range doors {
		for _, more := range []string{
			`"tools":[{"parameters":` + deep + `}]`, `"messages":[{"content":"a","content":"b"}]`, `"user":"\ud800"`, `"x":1,"x":2`, `"n":1e999`,
			`"messages":[{"content":"\u0000"}]`, `"messages":[` + strings.Repeat(`{},`, 20_000) + `{}]`, `"a":[[],{},"",{"b":[1,-2.5e3,true,null]}] `,
			`"esc":"\"}],\\"`,
		} {
			v.body(door, ` { "model" : "openai/gpt-4o" , `+more+` }`).opened()
			v.body(door, `{`+more+`,"model":"openai/gpt-4o"}`).opened()
			v.body(door, `{`+more+`,"model":"openai/gpt-3"}`).closed("model_blocked", 403)
		}
	}
}

// A body is read as JSON when its media type says so. One that is not read can lead to any model, unless the proxy
// names the model.
func TestProxyChecksReadBodiesByMediaType(t *testing.T) {
	g := newGateway(t)
	v := g.bearer(g.key)
	good := `{"model":"openai/gpt-4o"}`
	for n, door := range doors {
		for _, media := range []string{"application/json", "application/json; charset=utf-8", "application/vnd.api+json", "Application/JSON"} {
			v.send("POST", door, media, strings.NewReader(good)).opened()
		}
		advice := []string{"?model=", "?model=", "/authz/envoy-with/"}[n]
		for _, media := range []string{
			"", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "audio/wav", "application/json; charset=utf-16", "application/jsonl", ";",
		} {
			a := v.send("POST", door, media, strings.NewReader(good)).closed("unsupported_media_type", 403)
			if !strings.Contains(string(a.body), advice) {
				t.Errorf("%s: %s", door, a.body)
			}
		}
		v.with("Content-Encoding", "gzip").body(door, good).closed("unsupported_media_type", 403)
		v.with("X-Envoy-Auth-Partial-Body", "true").body(door, good).closed("partial_body", 403)
		v.with("X-Envoy-Auth-Partial-Body", "false").body(door, good).opened()
	}
	large := `{"model":"openai/gpt-3","x":"` + strings.Repeat("x", 1<<20) + `"}`
	named := v.with("X-Model", "openai/gpt-4o")
	for n, door := range trusting {
		addressed := asking("model=openai%2Fgpt-4o")[n]
		for _, pass := range []func(v client, door string) answer{
			func(v client, door string) answer { return v.body(door, large) },
			func(v client, door string) answer {
				return v.send("POST", door, "multipart/form-data; boundary=x", strings.NewReader("--x"))
			},
			func(v client, door string) answer {
				return v.with("X-Envoy-Auth-Partial-Body", "true").body(door, `{"model":"openai/gp`)
			},
		} {
			pass(named, door).opened()
			pass(v, addressed).opened()
			pass(named.with("X-Model", "openai/gpt-3"), door).closed("model_blocked", 403)
			if a := pass(v, door); a.StatusCode == 200 {
				t.Errorf("%s: %d", door, a.StatusCode)
			}
		}
	}
}

// Ways in which APIs name the model in the path: the Envoy check reads each, and the others do where the URL of the
// check says so.
func TestProxyChecksReadPaths(t *testing.T) {
	g := newGateway(t)
	g.admin.api("POST", "/api/providers", object{"name": "cloud", "models": []string{}}).is(201)
	arn := "arn:aws:bedrock:us-east-1:123:inference-profile/us.anthropic.claude-v2:1"
	profile := g.profileNaming("Cloud", fmt.Sprintf(`"provider_configs":[{"provider_name":"cloud","allowed_models":["gemini-2.5-pro","anthropic.claude-v2:1",%q,"my-gpt","claude-x@2024"]}]`, arn))
	_, key := g.give(g.bob, profile)
	v := g.bearer(key)
	for _, row := range []struct{ form, allowed, denied string }{
		{"gemini", "/v1beta/models/gemini-2.5-pro:generateContent", "/v1beta/models/gemini-2.5-flash:generateContent"},
		{"gemini", "/genai/v1/models/gemini-2.5-pro:streamGenerateContent?alt=sse", "/genai/v1/models/gemini:streamGenerateContent?alt=sse"},
		{"gemini", "/v1/projects/p/locations/l/publishers/anthropic/models/claude-x@2024:rawPredict", "/v1/projects/p/locations/l/publishers/anthropic/models/claude-y@2024:rawPredict"},
		{"bedrock", "/model/anthropic.claude-v2%3A1/invoke", "/model/anthropic.claude-v3%3A1/invoke"},
		{"bedrock", "/bedrock/model/anthropic.claude-v2:1/converse-stream", "/bedrock/model/anthropic.claude-v2:2/converse-stream"},
		{"bedrock", "/model/" + strings.NewReplacer(":", "%3A", "/", "%2F").Replace(arn) + "/converse", "/model/arn%3Aaws/converse"},
		{"bedrock", "/model/" + arn + "/invoke-with-response-stream", "/model/arn:aws/invoke-with-response-stream"},
		{"azure", "/openai/deployments/my-gpt/chat/completions?api-version=2024", "/openai/deployments/your-gpt/chat/completions?api-version=2024"},
		{"azure", "/OpenAI/Deployments/my-gpt/chat/completions", "/OpenAI/Deployments/your-gpt/chat/completions"},
		{"azure", "/v1/engines/my-gpt/completions", "/v1/engines/your-gpt/completions"},
	} {
		for _, body := range []string{`{"contents":[{"parts":[{"text":"hi"}]}]}`, `{}`} {
			v.body("/authz/envoy"+row.allowed, body).opened()
			v.body("/authz/envoy"+row.denied, body).closed("model_blocked", 403)
			v.body("/authz/envoy-with/provider=cloud&path="+row.form+row.allowed, body).opened()
			v.body("/authz/envoy-with/provider=cloud&path="+row.form+row.denied, body).closed("model_blocked", 403)
		}
		for _, door := range []string{"/authz/forward?path=", "/authz/nginx?method=POST&path="} {
			for _, header := range []string{"X-Forwarded-Uri", "X-Original-Uri"} {
				v.with(header, row.allowed).get(door + row.form).opened()
				v.with(header, row.denied).get(door+row.form).closed("model_blocked", 403)
			}
			if a := v.with("X-Forwarded-Method", "POST").with("X-Forwarded-Uri", row.allowed).get(strings.TrimSuffix(strings.TrimSuffix(door, "path="), "&")); a.StatusCode == 200 {
				t.Errorf("%s takes %s for a model without an option that says so", door, row.allowed)
			}
		}
		// A body that names another model than the path has to be allowed as well, since the gateway may use either.
		if a := v.body("/authz/envoy"+row.allowed, `{"model":"openai/gpt-4o"}`); a.StatusCode == 200 {
			t.Errorf("%s with another model in the body: %s", row.allowed, a.body)
		}
		if a := v.body("/authz/envoy/x/.."+row.allowed, `{}`); a.StatusCode == 200 {
			t.Errorf("a path with .. segments: %s", a.body)
		}
		v.send("POST", "/authz/envoy"+row.allowed, "multipart/form-data; boundary=x", strings.NewReader("--x")).opened()
	}
	// A path that the gateway may read in another way is decided by every model that it may name, or refused.
	for _, path := range []string{
		"/openai%2fdeployments/your-gpt/chat/completions", "/model%2fx/converse", "/model/x%2fconverse", "/v1beta/models%2fx:generateContent",
		"/v1beta/models/a/x:generateContent", "/v1beta/models/x:generateContent%20", "/v1beta/models/x:generateContent%0a",
		"/v1beta/models/x:generateContent;x=1", "/v1beta/models/x%253AgenerateContent", "/model/x/converse;a", "/model/x/async-invoke",
		"/v1beta/models/ft:x::y:generateContent", "/v1beta/tunedModels/x:generateContent", "/v1/projects/p/locations/l/endpoints/1:predict",
		"/deployments/x/chat/completions", "/openai/v1/deployments/x/chat", "/openai;x/deployments/x/chat", "/v1/chat/completions;/models/my-gpt:x",
		"/v1/chat/completions%23/models/my-gpt:x", "/v1beta/models/my-gpt:x/..;/x:generateContent", "/v1beta/models/my-gpt:x/%252e%252e/y:x",
	} {
		if a := v.body("/authz/envoy"+path, `{"model":"cloud/my-gpt"}`); a.StatusCode == 200 {
			t.Errorf("%s passes with another model in the body", path)
		}
		sent := v.with("X-Forwarded-Uri", strings.ReplaceAll(path, "%23", "#"))
		for _, form := range []string{"gemini", "bedrock", "azure"} {
			if a := sent.with("X-Forwarded-Method", "POST").get("/authz/forward?path=" + form); a.StatusCode == 200 {
				t.Errorf("%s passes as %s", path, form)
			}
		}
	}
	v.body("/authz/envoy/v1beta/models/gemini-2.5-pro:embedContent", `{"model":"models/gemini-2.5-pro"}`).opened()
	v.body("/authz/envoy/v1beta/models/gemini-2.5-pro:embedContent", `{"model":"models/gemini-2.5-flash"}`).closed("model_blocked", 403)
	v.with("X-Forwarded-Method", "POST").with("X-Forwarded-Uri", "/v1beta/openai/chat/completions").get("/authz/forward?path=gemini").closed("model_blocked", 403)
}

// A bare model belongs to the only provider that lists it.
func TestBareModels(t *testing.T) {
	g := newGateway(t)
	g.admin.api("POST", "/api/providers", object{"name": "azure", "models": []string{"gpt-4o", "o5"}}).is(201)
	g.give(g.ada, g.profileNaming("Azure", `"provider_configs":[{"provider_name":"azure","all_models_allowed":true}]`))
	bare := func(name string) object { return object{"virtual_key": g.key, "model": name} }
	same(t, "provider", g.admin.decides(bare("gpt-4o-mini"), "allowed", 200)["provider"], "openai")
	d := g.admin.decides(bare("o5"), "allowed", 200)
	same(t, "provider and model", []any{d["provider"], d["model"]}, []any{"azure", "o5"})
	both := g.admin.decides(bare("gpt-4o"), "model_blocked", 403)["message"].(string)
	if !strings.Contains(both, "azure/gpt-4o") || !strings.Contains(both, "openai/gpt-4o") {
		t.Errorf("message %q", both)
	}
	g.admin.decides(bare("gpt-3"), "model_blocked", 403)
	same(t, "provider", g.admin.decides(bare("openai/gpt-4o"), "allowed", 200)["provider"], "openai")
	for _, door := range doors {
		g.bearer(g.key).body(door, `{"model":"gpt-4o-mini"}`).opened()
		g.bearer(g.key).body(door, `{"model":"o5"}`).opened()
		a := g.bearer(g.key).body(door, `{"model":"gpt-4o"}`).closed("model_blocked", 403)
		if !strings.Contains(string(a.body), "azure/gpt-4o") {
			t.Errorf("%s: %s", door, a.body)
		}
	}
	for name, want := range map[string]bool{"gpt-4o-mini": true, "o5": true, "gpt-4o": false} {
		a := g.apiKey("Usage:View").api("POST", "/access/v1/evaluation", evaluation(g.mine(), entity("model", name))).is(200)
		same(t, name, a.json()["decision"], want)
	}
	// Its limits are those of that provider.
	lines := g.admin.decides(bare("gpt-4o-mini"), "allowed", 200)["limits"].([]any)
	same(t, "limits", len(lines), 4)
}
