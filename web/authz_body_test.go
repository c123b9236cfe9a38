package web_test

import (
	"fmt"
	"strings"
	"testing"

	"tollgate/web/webtest"
)

// Every model that a body can lead to has to be allowed.
func TestProxyChecksCoverFallbacks(t *testing.T) {
	g := webtest.NewGateway(t)
	v := g.Bearer(g.Key)
	for _, door := range webtest.Doors {
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
			v.Body(door, body).Opened()
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
			if a := v.Body(door, body); a.StatusCode == 200 || a.JSON()["allowed"] != false {
				t.Errorf("%s allows %.90s", door, body)
			}
		}
	}
}

// LiteLLM calls each model of a name with commas: a profile that allows all models of a provider grants no such name.
func TestAModelThatNamesSeveral(t *testing.T) {
	g := webtest.NewGateway(t)
	_, key := g.Give(g.Bob, g.ProfileNaming("All", `"provider_configs":[{"provider_name":"openai","all_models_allowed":true}]`))
	v := g.Bearer(key)
	for _, door := range webtest.Doors {
		v.Body(door, `{"model":"openai/a-model-of-tomorrow"}`).Opened()
		for _, body := range []string{
			`{"model":"openai/gpt-4o,anthropic/claude-opus-4"}`, `{"model":"openai/gpt-4o , claude-opus-4"}`, `{"model":"openai/gpt-4o\u002cgpt-3"}`,
			`{"model":"openai/gpt-4o","fallbacks":["openai/gpt-4o,anthropic/claude-opus-4"]}`,
			`{"model":"openai/gpt-4o","fallbacks":[{"provider":"openai","model":"gpt-4o,claude-opus-4"}]}`,
		} {
			v.Body(door, body).Closed("model_blocked", 403)
		}
	}
	for _, door := range webtest.Asking("model=openai%2Fgpt-4o,gpt-3") {
		v.Body(door, `{}`).Closed("model_blocked", 403)
	}
	for _, door := range webtest.Trusting {
		v.With("X-Model", "openai/gpt-4o,gpt-3").Body(door, `{"model":"openai/gpt-4o"}`).Closed("model_blocked", 403)
	}
	v.Get("/authz/envoy-with/provider=openai/v1/realtime?model=gpt-4o,gpt-3").Closed("model_blocked", 403)
	v.Body("/authz/envoy-with/provider=openai/v1beta/models/gpt-4o,gpt-3:generateContent", `{}`).Closed("model_blocked", 403)
	for _, call := range []webtest.Object{
		{"virtual_key": key, "model": "openai/gpt-4o,gpt-3"}, {"user_id": g.Bob, "provider": "openai", "model": "gpt-4o,gpt-3"},
	} {
		d := g.Admin.Decides(call, "model_blocked", 403)
		webtest.Same(t, "message", d["message"], "Name one model: a name with a comma, such as gpt-4o,gpt-3, is granted only by a profile that lists it.")
	}
	evaluated := g.Admin.API("POST", "/access/v1/evaluation",
		webtest.Evaluation(webtest.Entity("user", g.Bob), webtest.Entity("model", "openai/gpt-4o,gpt-3"))).Is(200).JSON()
	webtest.Same(t, "evaluated", evaluated["decision"], false)
	g.Assign(g.Bob, g.ProfileNaming("Listed", `"provider_configs":[{"provider_name":"openai","allowed_models":["gpt-4o,gpt-3"]}]`))
	g.Admin.Decides(webtest.Object{"user_id": g.Bob, "model": "openai/gpt-4o,gpt-3"}, "allowed", 200)
}

// Fields that do not decide are ignored, however deep, odd or duplicated they are.
func TestProxyChecksIgnoreIrrelevantFields(t *testing.T) {
	g := webtest.NewGateway(t)
	v := g.Bearer(g.Key)
	deep := strings.Repeat(`{"properties":`, 400) + `1` + strings.Repeat(`}`, 400)
	for _, door := range webtest.Doors {
		for _, more := range []string{
			`"tools":[{"parameters":` + deep + `}]`, `"messages":[{"content":"a","content":"b"}]`, `"user":"\ud800"`, `"x":1,"x":2`, `"n":1e999`,
			`"messages":[{"content":"\u0000"}]`, `"messages":[` + strings.Repeat(`{},`, 20_000) + `{}]`, `"a":[[],{},"",{"b":[1,-2.5e3,true,null]}] `,
			`"esc":"\"}],\\"`,
		} {
			v.Body(door, ` { "model" : "openai/gpt-4o" , `+more+` }`).Opened()
			v.Body(door, `{`+more+`,"model":"openai/gpt-4o"}`).Opened()
			v.Body(door, `{`+more+`,"model":"openai/gpt-3"}`).Closed("model_blocked", 403)
		}
	}
}

// A body is read as JSON when its media type says so. One that is not read can lead to any model, unless the proxy
// names the model.
func TestProxyChecksReadBodiesByMediaType(t *testing.T) {
	g := webtest.NewGateway(t)
	v := g.Bearer(g.Key)
	good := `{"model":"openai/gpt-4o"}`
	for n, door := range webtest.Doors {
		for _, media := range []string{"application/json", "application/json; charset=utf-8", "application/vnd.api+json", "Application/JSON"} {
			v.Send("POST", door, media, strings.NewReader(good)).Opened()
		}
		advice := []string{"?model=", "?model=", "/authz/envoy-with/"}[n]
		for _, media := range []string{
			"", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "audio/wav", "application/json; charset=utf-16", "application/jsonl", ";",
		} {
			a := v.Send("POST", door, media, strings.NewReader(good)).Closed("unsupported_media_type", 403)
			if !strings.Contains(string(a.Body), advice) {
				t.Errorf("%s: %s", door, a.Body)
			}
		}
		v.With("Content-Encoding", "gzip").Body(door, good).Closed("unsupported_media_type", 403)
		if partial := v.With("X-Envoy-Auth-Partial-Body", "true").Body(door, good); n == 2 {
			partial.Closed("partial_body", 403)
		} else { // what only Envoy says, a client could say too
			partial.Opened()
		}
		v.With("X-Envoy-Auth-Partial-Body", "false").Body(door, good).Opened()
	}
	large := `{"model":"openai/gpt-3","x":"` + strings.Repeat("x", 1<<20) + `"}`
	named := v.With("X-Model", "openai/gpt-4o")
	for n, door := range webtest.Trusting {
		addressed := webtest.Asking("model=openai%2Fgpt-4o")[n]
		for _, pass := range []func(v webtest.Client, door string) webtest.Answer{
			func(v webtest.Client, door string) webtest.Answer { return v.Body(door, large) },
			func(v webtest.Client, door string) webtest.Answer {
				return v.Send("POST", door, "multipart/form-data; boundary=x", strings.NewReader("--x"))
			},
			func(v webtest.Client, door string) webtest.Answer {
				body := `{"model":"openai/gp`
				if n < 2 {
					body = ""
				}
				return v.With("X-Envoy-Auth-Partial-Body", "true").Body(door, body)
			},
		} {
			pass(named, door).Opened()
			pass(v, addressed).Opened()
			pass(named.With("X-Model", "openai/gpt-3"), door).Closed("model_blocked", 403)
			if a := pass(v, door); a.StatusCode == 200 {
				t.Errorf("%s: %d", door, a.StatusCode)
			}
		}
	}
}

// Where the path, or a header of the proxy, names the model or the tool, a client cannot switch the check of its body off
// by what it says that the body is: JSON is judged, files pass, and all else is refused.
func TestProxyChecksOfBodiesBesideANamedModel(t *testing.T) {
	g := webtest.NewGateway(t)
	v := g.Bearer(g.Key)
	const path = "/openai/deployments/gpt-4o/chat/completions"
	const good, bad, fallback = `{"model":"gpt-4o"}`, `{"model":"openai/gpt-3"}`, `{"fallbacks":["openai/gpt-3"]}`
	calling := v.With("X-Forwarded-URI", path).With("X-Forwarded-Method", "POST")
	vouched := calling.With("X-Model", "openai/gpt-4o")
	for _, at := range []struct {
		v    webtest.Client
		door string
	}{
		{v, "/authz/envoy" + path},
		{v, "/authz/envoy-with/path=azure" + path},
		{calling, "/authz/forward?path=azure"},
		{calling, "/authz/nginx?method=POST&path=azure"},
		{vouched, webtest.Trusting[0]},
		{vouched, webtest.Trusting[1]},
		{vouched, webtest.Trusting[2]},
	} {
		send := func(v webtest.Client, media, body string) webtest.Answer {
			return v.Send("POST", at.door, media, strings.NewReader(body))
		}
		for _, media := range []string{
			"", "text/plain", "application/x-www-form-urlencoded", "application/json; charset=utf-16", "application/octet-stream", ";",
			"multipart/form-data; boundary=x", "audio/wav", "image/png",
		} {
			send(at.v, media, good).Opened()
			send(at.v, media, "\ufeff"+good).Opened()
			for _, body := range []string{bad, fallback, "\n" + bad, "\ufeff" + bad} {
				send(at.v, media, body).Closed("model_blocked", 403)
			}
			file := isFile(media)
			for _, body := range []string{"model=gpt-3", "--x", `"x"`, "1"} {
				if a := send(at.v, media, body); (a.StatusCode == 200) != file {
					t.Errorf("%s as %q: %q is answered with %d %s", at.door, media, body, a.StatusCode, a.Body)
				}
			}
			send(at.v, media, bad+"x").Closed("unsupported_media_type", 403)
			send(at.v.With("Content-Encoding", "gzip"), media, "--x").Closed("unsupported_media_type", 403)
		}
		send(at.v.With("Content-Encoding", "gzip"), "application/json", bad).Closed("unsupported_media_type", 403)
	}
	tool := v.With("X-Mcp-Client-Id", "github").With("X-Tool-Name", "create_issue").With("X-Original-Method", "POST")
	for _, door := range webtest.Trusting {
		tool.Send("POST", door, "text/plain", strings.NewReader(webtest.ToolCall)).Opened()
		other := strings.Replace(webtest.ToolCall, "create_issue", "unknown", 1)
		tool.Send("POST", door, "text/plain", strings.NewReader(other)).Closed("mcp_tool_blocked", 403)
	}
}

func isFile(media string) bool {
	kind, _, _ := strings.Cut(media, "/")
	return kind == "multipart" || kind == "audio" || kind == "image"
}

// Ways in which APIs name the model in the path: the Envoy check reads each, and the others do where the URL of the
// check says so.
func TestProxyChecksReadPaths(t *testing.T) {
	g := webtest.NewGateway(t)
	g.Admin.API("POST", "/api/providers", webtest.Object{"name": "cloud", "models": []string{}}).Is(201)
	arn := "arn:aws:bedrock:us-east-1:123:inference-profile/us.anthropic.claude-v2:1"
	profile := g.ProfileNaming("Cloud", fmt.Sprintf(`"provider_configs":[{"provider_name":"cloud","allowed_models":["gemini-2.5-pro","anthropic.claude-v2:1",%q,"my-gpt","claude-x@2024"]}]`, arn))
	_, key := g.Give(g.Bob, profile)
	v := g.Bearer(key)
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
			v.Body("/authz/envoy"+row.allowed, body).Opened()
			v.Body("/authz/envoy"+row.denied, body).Closed("model_blocked", 403)
			v.Body("/authz/envoy-with/provider=cloud&path="+row.form+row.allowed, body).Opened()
			v.Body("/authz/envoy-with/provider=cloud&path="+row.form+row.denied, body).Closed("model_blocked", 403)
		}
		for _, door := range []string{"/authz/forward?path=", "/authz/nginx?method=POST&path="} {
			for _, header := range []string{"X-Forwarded-URI", "X-Original-URI"} {
				v.With(header, row.allowed).Get(door + row.form).Opened()
				v.With(header, row.denied).Get(door+row.form).Closed("model_blocked", 403)
			}
			if a := v.With("X-Forwarded-Method", "POST").With("X-Forwarded-URI", row.allowed).Get(strings.TrimSuffix(strings.TrimSuffix(door, "path="), "&")); a.StatusCode == 200 {
				t.Errorf("%s takes %s for a model without an option that says so", door, row.allowed)
			}
		}
		// A body that names another model than the path has to be allowed as well, since the gateway may use either.
		if a := v.Body("/authz/envoy"+row.allowed, `{"model":"openai/gpt-4o"}`); a.StatusCode == 200 {
			t.Errorf("%s with another model in the body: %s", row.allowed, a.Body)
		}
		if a := v.Body("/authz/envoy/x/.."+row.allowed, `{}`); a.StatusCode == 200 {
			t.Errorf("a path with .. segments: %s", a.Body)
		}
		v.Send("POST", "/authz/envoy"+row.allowed, "multipart/form-data; boundary=x", strings.NewReader("--x")).Opened()
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
		if a := v.Body("/authz/envoy"+path, `{"model":"cloud/my-gpt"}`); a.StatusCode == 200 {
			t.Errorf("%s passes with another model in the body", path)
		}
		sent := v.With("X-Forwarded-URI", strings.ReplaceAll(path, "%23", "#"))
		for _, form := range []string{"gemini", "bedrock", "azure"} {
			if a := sent.With("X-Forwarded-Method", "POST").Get("/authz/forward?path=" + form); a.StatusCode == 200 {
				t.Errorf("%s passes as %s", path, form)
			}
		}
	}
	v.Body("/authz/envoy/v1beta/models/gemini-2.5-pro:embedContent", `{"model":"models/gemini-2.5-pro"}`).Opened()
	v.Body("/authz/envoy/v1beta/models/gemini-2.5-pro:embedContent", `{"model":"models/gemini-2.5-flash"}`).Closed("model_blocked", 403)
	v.With("X-Forwarded-Method", "POST").With("X-Forwarded-URI", "/v1beta/openai/chat/completions").Get("/authz/forward?path=gemini").Closed("model_blocked", 403)
	// Where the path names the model, a gateway behind may still go by the body or the query.
	azure := v.With("X-Forwarded-Method", "POST").With("X-Forwarded-URI", "/openai/deployments/my-gpt/chat/completions?api-version=1")
	azure.Get("/authz/forward?path=azure").Opened()
	azure.Body("/authz/forward?path=azure", `{"model":"my-gpt"}`).Opened()
	azure.Body("/authz/forward?path=azure", `{"model":"cloud/other"}`).Closed("model_blocked", 403)
	azure.Body("/authz/forward?path=azure", `{"model":"my-gpt","fallbacks":["cloud/other"]}`).Closed("model_blocked", 403)
	azure.With("X-Forwarded-URI", "/openai/deployments/my-gpt/chat?model=cloud/other").Get("/authz/forward?path=azure").Closed("model_blocked", 403)
}

// A bare model belongs to the only provider that lists it.
func TestBareModels(t *testing.T) {
	g := webtest.NewGateway(t)
	g.Admin.API("POST", "/api/providers", webtest.Object{"name": "azure", "models": []string{"gpt-4o", "o5"}}).Is(201)
	g.Give(g.Ada, g.ProfileNaming("Azure", `"provider_configs":[{"provider_name":"azure","all_models_allowed":true}]`))
	bare := func(name string) webtest.Object { return webtest.Object{"virtual_key": g.Key, "model": name} }
	webtest.Same(t, "provider", g.Admin.Decides(bare("gpt-4o-mini"), "allowed", 200)["provider"], "openai")
	d := g.Admin.Decides(bare("o5"), "allowed", 200)
	webtest.Same(t, "provider and model", []any{d["provider"], d["model"]}, []any{"azure", "o5"})
	both := g.Admin.Decides(bare("gpt-4o"), "model_blocked", 403)["message"].(string)
	if !strings.Contains(both, "azure/gpt-4o") || !strings.Contains(both, "openai/gpt-4o") {
		t.Errorf("message %q", both)
	}
	g.Admin.Decides(bare("gpt-3"), "model_blocked", 403)
	webtest.Same(t, "provider", g.Admin.Decides(bare("openai/gpt-4o"), "allowed", 200)["provider"], "openai")
	for _, door := range webtest.Doors {
		g.Bearer(g.Key).Body(door, `{"model":"gpt-4o-mini"}`).Opened()
		g.Bearer(g.Key).Body(door, `{"model":"o5"}`).Opened()
		a := g.Bearer(g.Key).Body(door, `{"model":"gpt-4o"}`).Closed("model_blocked", 403)
		if !strings.Contains(string(a.Body), "azure/gpt-4o") {
			t.Errorf("%s: %s", door, a.Body)
		}
	}
	for name, want := range map[string]bool{"gpt-4o-mini": true, "o5": true, "gpt-4o": false} {
		a := g.APIKey("Usage:View").API("POST", "/access/v1/evaluation", webtest.Evaluation(g.Mine(), webtest.Entity("model", name))).Is(200)
		webtest.Same(t, name, a.JSON()["decision"], want)
	}
	// Its limits are those of that provider.
	lines := g.Admin.Decides(bare("gpt-4o-mini"), "allowed", 200)["limits"].([]any)
	webtest.Same(t, "limits", len(lines), 4)
}
