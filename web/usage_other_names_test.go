package web_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/google/uuid"

	"tollgate/web/webtest"
)

// A provider that LiteLLM or OpenTelemetry names in its own way is the one that the catalogue has under its usual name,
// at every door, unless the catalogue has a provider of just that name. An event that comes again stays what it was.
func TestUsageOfAProviderAsOtherSoftwareNamesIt(t *testing.T) {
	g := webtest.NewGateway(t)
	g.Admin.API("POST", "/api/providers", `{"name":"vertex","prices":[{"model":"vertex_ai/listed","input_cost_per_million_tokens":1000,"output_cost_per_million_tokens":0}],
		"models":["gemini-2.5-pro","vertex_ai/listed"]}`).Is(201)
	_, key := g.Give(g.Bob, g.ProfileNaming("Vertex", `"provider_configs":[{"provider_name":"vertex","all_models_allowed":true,"budgets":[{"max_limit":50,"reset_duration":"1d"}]}]`))
	by := g.APIKey("Usage:Create")
	log := func(id, provider, more string) []byte {
		return fmt.Appendf(nil, `{"id":%q,"custom_llm_provider":%q,"model":"gemini","total_tokens":2,"metadata":{"user_api_key_user_id":%q}%s}`, id, provider, g.Bob, more)
	}
	post := func(what string, body []byte, want string) {
		t.Helper()
		webtest.Same(t, what, sent(by, "/api/usage/litellm", jsonType, body).Is(200).JSON()[want], any(1.0))
	}
	spent := func(what string, dollars float64) {
		t.Helper()
		webtest.Same(t, what, float64(g.Used(g.Bob)["spend 1d provider"])/1e9, dollars)
	}
	one := log("one", "vertex_ai", `,"model_group":"gemini-2.5-pro","response_cost":1`)
	post("a log", one, "counted")
	post("a log again", one, "duplicates")
	post("a beta", log("two", "Vertex_AI_beta", `,"model_group":"vertex/gemini-2.5-pro","response_cost":1`), "counted")
	post("a model with that name in front", log("three", "vertex_ai", `,"model_group":"vertex_ai/listed","prompt_tokens":1000,"total_tokens":1000`), "counted")
	spent("logs", 3)
	attributes := []any{"user.id", g.Bob, "gen_ai.provider.name", "gcp.vertex_ai", "gen_ai.request.model", "gemini-2.5-pro", "gen_ai.usage.cost", 1.0}
	exported(g, protobufType, inProtobuf(t, nil, call("01", attributes...))).Is(200)
	attributes[3] = "vertex_ai"
	exported(g, protobufType, inProtobuf(t, nil, call("02", attributes...))).Is(200)
	event := webtest.Event(key, "provider", nil, "model", "vertex_ai/gemini-2.5-pro", "cost", 1)
	g.Admin.Counted(event)
	spent("at every door", 6)
	stray := bytes.Replace(log("four", "vertex_ai", `,"model_group":"gemini-2.5-pro","response_cost":1`), []byte(g.Bob), []byte("stray"), 1)
	post("of an unknown user", stray, "quarantined")
	post("of an unknown user again", stray, "quarantined")
	kept := webtest.Objects(g.Admin.API("GET", "/api/usage/quarantine", nil).Is(200).JSON()["quarantined_events"])[0]["id"]
	g.Admin.API("POST", fmt.Sprint("/api/usage/quarantine/", kept, "/assign"), webtest.Object{"user_id": g.Bob}).Is(200)
	spent("with what was assigned", 7)
	var rows []string
	g.Scan(&rows, "SELECT concat(provider, '/', model, ' ', requests) FROM usage_days WHERE user_id = ? ORDER BY 1", g.Bob)
	webtest.Same(t, "days", fmt.Sprint(rows), "[vertex/gemini-2.5-pro 6 vertex/vertex_ai/listed 1]")

	// The catalogue has neither name, and later the one that was sent.
	post("of no provider", log("five", "together_ai", `,"model_group":"m","response_cost":1`), "counted")
	estimate := webtest.Event(key, "event_id", uuid.NewString(), "provider", "together_ai", "model", "m", "cost", 1, "estimated", true)
	g.Admin.Counted(estimate)
	webtest.Same(t, "under the usual name", g.Count("counted_events WHERE (provider, model) = ('together', 'm')"), 2)
	g.Admin.API("POST", "/api/providers", `{"name":"together_ai"}`).Is(201)
	post("stored before", log("five", "together_ai", `,"model_group":"m","response_cost":1`), "duplicates")
	g.Admin.Counted(webtest.With(estimate, "estimated", nil, "cost", 2))
	post("of the provider of that name", log("six", "together_ai", `,"model_group":"m","response_cost":1`), "counted")
	webtest.Same(t, "as it was sent", g.Count("counted_events WHERE (provider, model) = ('together_ai', 'm')"), 1)
	g.Balanced()
}
