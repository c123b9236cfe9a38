package web_test

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"testing"

	"github.com/google/uuid"

	"tollgate/web/webtest"
)

// A model with its provider as prefix is the same call as one with a separate provider: for prices, counters, reports,
// FOCUS, and repeated events.
func TestUsageBySpellingOfTheModel(t *testing.T) {
	g := webtest.NewGateway(t)
	g.Admin.API("POST", "/api/providers", `{"name":"groq","prices":[{"model":"openai/x","input_cost_per_million_tokens":2000,"output_cost_per_million_tokens":0}]}`).Is(201)
	_, key := g.Give(g.Bob, g.ProfileNaming("Groq", `"provider_configs":[{"provider_name":"groq","all_models_allowed":true,"budgets":[{"max_limit":50,"reset_duration":"1d"}]}]`))
	spellings := []webtest.Object{{"model": "groq/openai/x"}, {"provider": "groq", "model": "openai/x"}, {"provider": "groq", "model": "groq/openai/x"}}
	call := func(i int, more ...any) webtest.Object {
		body := webtest.With(webtest.Event(key, "provider", nil, "cost", nil, "tokens", nil, "input_tokens", 1000, "output_tokens", 0), more...)
		for name, value := range spellings[i] {
			body = webtest.With(body, name, value)
		}
		return body
	}
	for i := range spellings {
		one := call(i)
		g.Admin.Counted(one)
		for j := range spellings {
			webtest.Same(t, "reported again", g.Admin.Report(call(j, "event_id", one["event_id"])).Is(200).JSON()["status"], any("duplicate"))
		}
		g.Admin.Report(webtest.With(one, "model", "groq/openai/y", "provider", nil)).Refuses(409, "event_conflict", "event_id")
	}
	got := g.Admin.Report(webtest.Object{"events": []webtest.Object{call(0), call(1)}}).Is(200).JSON()
	webtest.Same(t, "in a batch", got["counted"], 2.0)
	webtest.Same(t, "spent", g.Used(g.Bob)["spend 1d provider"], int64(10_000_000_000))
	webtest.Same(t, "of the day", webtest.Objects(webtest.Objects(g.Copies(g.Bob)[0]["provider_configs"])[0]["budgets"])[0]["current_usage"], 10.0)

	rows := webtest.Objects(g.Admin.API("GET", "/api/usage?group_by=model&user_id="+g.Bob, nil).Is(200).JSON()["usage"])
	webtest.Same(t, "reported", fmt.Sprint(len(rows), rows[0]["key"], rows[0]["cost"], rows[0]["unpriced_events"]), "1groq/openai/x10 0")
	webtest.Same(t, "of groq", g.Admin.API("GET", "/api/usage?provider=groq&model=openai/x", nil).Is(200).JSON()["total"].(webtest.Object)["cost"], 10.0)
	exported, err := csv.NewReader(bytes.NewReader(g.Session.Get("/usage/export?format=focus&provider=groq").Is(200).Body)).ReadAll()
	g.Must(err)
	place := map[string]int{}
	for i, name := range exported[0] {
		place[name] = i
	}
	webtest.Same(t, "lines of FOCUS", len(exported), 2)
	webtest.Same(t, "exported", fmt.Sprint(exported[1][place["BilledCost"]], exported[1][place["ProviderName"]], exported[1][place["ResourceId"]]), "10groqopenai/x")

	// A path has no provider as prefix, and an event of an unknown key is kept under the same two names.
	g.Admin.Counted(webtest.With(call(0), "provider", nil, "model", "/models/q"))
	webtest.Same(t, "events without a provider", g.Count("counted_events WHERE provider = '' AND model = '/models/q'"), 1)
	stray := webtest.With(call(0), "virtual_key", "sk-bf-unknown", "event_id", uuid.NewString())
	g.Admin.Report(stray).Is(200)
	webtest.Same(t, "kept", g.Count(`usage_quarantine WHERE event::jsonb @> '{"provider": "groq", "model": "openai/x"}'`), 1)
	g.Balanced()
}

// A bare model belongs to the only provider in its user's profiles that lists it, as at the decision; a repeated event
// stays with it, even if the profiles have changed. The money counts as spent also where the provider is unknown.
func TestUsageOfABareModel(t *testing.T) {
	g := webtest.NewGateway(t)
	g.Admin.API("PUT", "/api/providers/openai", `{"prices":[{"model":"gpt-4o","input_cost_per_million_tokens":1000,"output_cost_per_million_tokens":0}]}`).Is(200)
	bare := webtest.Event(g.Key, "provider", nil, "cost", nil, "tokens", nil, "input_tokens", 1000)
	webtest.Same(t, "decided", g.Admin.Decides(webtest.With(webtest.Model(g.Key), "provider", nil), "allowed", 200)["provider"], any("openai"))
	g.Admin.Counted(bare)
	webtest.Same(t, "spent", g.Used(g.Ada)["spend 1d provider"], int64(1_000_000_000))
	webtest.Same(t, "reported", g.Admin.API("GET", "/api/usage?provider=openai&model=gpt-4o", nil).JSON()["total"].(webtest.Object)["cost"], 1.0)
	webtest.Same(t, "unpriced", g.Count("counted_events WHERE cost IS NULL"), 0)
	stray := webtest.With(bare, "virtual_key", "sk-bf-unknown", "event_id", "bare-stray")
	webtest.Same(t, "of an unknown key", g.Admin.Report(stray).Is(200).JSON()["status"], any("quarantined"))
	kept := webtest.Objects(g.Admin.API("GET", "/api/usage/quarantine", nil).Is(200).JSON()["quarantined_events"])[0]["id"]
	g.Admin.API("POST", fmt.Sprint("/api/usage/quarantine/", kept, "/assign"), webtest.Object{"user_id": g.Ada}).Is(200)
	webtest.Same(t, "assigned", g.Used(g.Ada)["spend 1d provider"], int64(2_000_000_000))
	unknown := webtest.With(bare, "event_id", uuid.NewString(), "model", "llama")
	g.Admin.Counted(unknown)
	webtest.Same(t, "without a provider", g.Count("counted_events WHERE provider = '' AND model = 'llama' AND cost IS NULL"), 1)

	g.Admin.API("POST", "/api/providers", `{"name":"azure"}`).Is(201)
	g.Give(g.Ada, g.ProfileNaming("Azure", `"provider_configs":[{"provider_name":"azure","allowed_models":["gpt-4o","llama"]}]`))
	g.Admin.WithinASecond(webtest.With(webtest.Model(g.Key), "provider", nil), "model_blocked")
	both := webtest.With(bare, "event_id", uuid.NewString())
	g.Admin.Counted(both)
	webtest.Same(t, "of several providers", g.Count("counted_events WHERE provider = '' AND model = 'gpt-4o'"), 1)
	for _, again := range []webtest.Object{bare, webtest.With(bare, "provider", "openai"), webtest.With(bare, "model", "openai/gpt-4o"), unknown, both} {
		webtest.Same(t, "again", g.Admin.Report(again).Is(200).JSON()["status"], any("duplicate"))
	}
	for _, other := range []webtest.Object{webtest.With(bare, "provider", "azure"), webtest.With(bare, "model", "llama"), webtest.With(unknown, "model", "gpt-4o")} {
		g.Admin.Report(other).Refuses(409, "event_conflict", "event_id")
	}
	g.Balanced()
}

// The copy that granted a call may be paused or expire before the call is reported by its bare model. The call is still
// of the provider that the copy lists.
func TestUsageOfABareModelOfACopyThatStopped(t *testing.T) {
	g := webtest.NewGateway(t)
	price := func(provider string, dollars int) {
		g.Admin.API("PUT", "/api/providers/"+provider, fmt.Sprintf(`{"prices":[{"model":"gpt-4o","input_cost_per_million_tokens":%d,"output_cost_per_million_tokens":0}]}`, dollars*1000)).Is(200)
	}
	price("openai", 1)
	bare := func(more ...any) webtest.Object {
		return webtest.With(webtest.Event(g.Key, "event_id", uuid.NewString(), "provider", nil, "cost", nil, "tokens", nil, "input_tokens", 1000), more...)
	}
	spent := func(what string, dollars float64) {
		t.Helper()
		webtest.Same(t, what, float64(g.Used(g.Ada)["spend 1d provider"])/1e9, dollars)
	}
	paused, moved := bare("estimated", true), bare("estimated", true)
	g.Admin.Counted(paused)
	g.Admin.Counted(moved)
	spent("estimated", 2)
	g.Admin.API("PUT", "/api"+webtest.CopyPath(g.Ada, g.Held), `{"is_active":false}`).Is(200)
	g.Admin.WithinASecond(webtest.Model(g.Key), "access_blocked")
	late := bare()
	g.Admin.Counted(late)
	spent("after the pause", 3)
	exact := webtest.With(paused, "estimated", nil, "input_tokens", 3000)
	g.Admin.Counted(exact)
	spent("an exact event after the pause", 5)

	// Another copy lists the model now, and another provider has it at another price.
	g.Admin.API("POST", "/api/providers", `{"name":"azure"}`).Is(201)
	price("azure", 7)
	g.Give(g.Ada, g.ProfileNaming("Azure", `"provider_configs":[{"provider_name":"azure","allowed_models":["gpt-4o"]}]`))
	g.Admin.WithinASecond(webtest.With(webtest.Model(g.Key), "provider", "azure"), "allowed")
	g.Admin.Counted(webtest.With(moved, "estimated", nil, "input_tokens", 4000))
	spent("an exact event of a model that is elsewhere now", 8)
	for _, again := range []webtest.Object{late, exact, paused, webtest.With(moved, "estimated", nil, "input_tokens", 4000)} {
		webtest.Same(t, "again", g.Admin.Report(again).Is(200).JSON()["status"], any("duplicate"))
	}
	g.Admin.Report(webtest.With(bare("event_id", late["event_id"]), "model", "llama")).Refuses(409, "event_conflict", "event_id")
	var rows []string
	g.Scan(&rows, "SELECT concat(provider, '/', model, ' ', requests, ' ', cost) FROM usage_days WHERE user_id = ? ORDER BY 1", g.Ada)
	webtest.Same(t, "days", fmt.Sprint(rows), "[openai/gpt-4o 3 8000000000]")
	g.Balanced()
}

// A provider in another case than the catalogue has it is that provider, at every door: its limits are used, its prices
// hold, and reports have one row for it. Decisions refuse the other case, so only usage needs this.
func TestUsageOfAProviderInAnotherCase(t *testing.T) {
	g := webtest.NewGateway(t)
	g.Admin.API("POST", "/api/providers", `{"name":"groq","prices":[{"model":"x","input_cost_per_million_tokens":2000,"output_cost_per_million_tokens":0}]}`).Is(201)
	g.Admin.API("POST", "/api/providers", `{"name":"router"}`).Is(201)
	_, key := g.Give(g.Bob, g.ProfileNaming("Groq", `"provider_configs":[{"provider_name":"groq","all_models_allowed":true,"budgets":[{"max_limit":50,"reset_duration":"1d"}]},
		{"provider_name":"router","allowed_models":["Groq/listed","openai/listed"]}]`))
	g.Admin.Decides(webtest.Object{"virtual_key": key, "model": "Groq/x"}, "provider_blocked", 403)
	event := func(more ...any) webtest.Object {
		return webtest.With(webtest.Event(key, "provider", nil, "cost", nil, "tokens", nil, "input_tokens", 1000), more...)
	}
	named := event("model", "GROQ/x")
	g.Admin.Counted(named)
	for _, again := range []webtest.Object{named, webtest.With(named, "model", "groq/x"), webtest.With(named, "provider", "Groq", "model", "x")} {
		webtest.Same(t, "again", g.Admin.Report(again).Is(200).JSON()["status"], any("duplicate"))
	}
	batch := webtest.Object{"events": []webtest.Object{
		event("provider", "Groq", "model", "x"), event("provider", "gROQ", "model", "groq/x"),
		event("virtual_key", "sk-bf-unknown", "model", "Groq/x", "event_id", "kept"),
	}}
	webtest.Same(t, "in a batch", fmt.Sprint(g.Admin.Report(batch).Is(200).JSON()["counted"]), "2")
	kept := webtest.Objects(g.Admin.API("GET", "/api/usage/quarantine", nil).Is(200).JSON()["quarantined_events"])[0]["id"]
	g.Admin.API("POST", fmt.Sprint("/api/usage/quarantine/", kept, "/assign"), webtest.Object{"user_id": g.Bob}).Is(200)
	attributes := call("01", "user.id", g.Bob, "gen_ai.provider.name", "Groq", "gen_ai.request.model", "x", "gen_ai.usage.input_tokens", 1000)
	exported(g, protobufType, inProtobuf(t, nil, attributes)).Is(200)
	log := fmt.Sprintf(`{"id":"log","model":"x","custom_llm_provider":"Groq","prompt_tokens":1000,"metadata":{"user_api_key_user_id":%q}}`, g.Bob)
	sent(g.APIKey("Usage:Create"), "/api/usage/litellm", jsonType, []byte(log)).Is(200)
	g.Admin.Counted(event("provider", nil, "model", "Groq/listed"))   // as router has it, and as decisions find it
	g.Admin.Counted(event("provider", nil, "model", "OpenAI/listed")) // as decisions find openai/listed
	g.Admin.Counted(event("provider", "Acme", "model", "x"))

	webtest.Same(t, "spent", g.Used(g.Bob)["spend 1d provider"], int64(6*2_000_000_000))
	var rows []string
	g.Scan(&rows, "SELECT concat(provider, '/', model, ' ', requests, ' ', cost) FROM usage_days WHERE user_id = ? ORDER BY 1", g.Bob)
	webtest.Same(t, "days", fmt.Sprint(rows), "[Acme/x 1 0 groq/x 6 12000000000 router/Groq/listed 1 0 router/openai/listed 1 0]")
	g.Admin.Counted(event("model", "GROQ/x", "cost", 38))
	g.Admin.Decides(webtest.Object{"virtual_key": key, "model": "groq/x"}, "budget_exceeded", 402)

	// An event that was stored before the catalogue had its provider is the same event when it comes again.
	early := event("model", "Mistral/y")
	g.Admin.Counted(early)
	g.Admin.API("POST", "/api/providers", `{"name":"mistral"}`).Is(201)
	g.Admin.Counted(event("model", "Mistral/z"))
	webtest.Same(t, "of the new provider", g.Count("counted_events WHERE provider = 'mistral'"), 1)
	webtest.Same(t, "stored before", g.Admin.Report(early).Is(200).JSON()["status"], any("duplicate"))
	g.Balanced()
}
