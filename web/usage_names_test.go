package web_test

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"testing"

	"github.com/google/uuid"
)

// A model with its provider as prefix is the same call as one with a separate provider: for prices, counters, reports,
// FOCUS, and repeated events.
func TestUsageBySpellingOfTheModel(t *testing.T) {
	g := newGateway(t)
	g.admin.api("POST", "/api/providers", `{"name":"groq","prices":[{"model":"openai/x","input_cost_per_million_tokens":2000,"output_cost_per_million_tokens":0}]}`).is(201)
	_, key := g.give(g.bob, g.profileNaming("Groq", `"provider_configs":[{"provider_name":"groq","all_models_allowed":true,"budgets":[{"max_limit":50,"reset_duration":"1d"}]}]`))
	spellings := []object{{"model": "groq/openai/x"}, {"provider": "groq", "model": "openai/x"}, {"provider": "groq", "model": "groq/openai/x"}}
	call := func(i int, more ...any) object {
		body := with(event(key, "provider", nil, "cost", nil, "tokens", nil, "input_tokens", 1000, "output_tokens", 0), more...)
		for name, value := range spellings[i] {
			body = with(body, name, value)
		}
		return body
	}
	for i := range spellings {
		one := call(i)
		g.admin.counted(one)
		for j := range spellings {
			same(t, "reported again", g.admin.report(call(j, "event_id", one["event_id"])).is(200).json()["status"], any("duplicate"))
		}
		g.admin.report(with(one, "model", "groq/openai/y", "provider", nil)).refuses(409, "event_conflict", "event_id")
	}
	got := g.admin.report(object{"events": []object{call(0), call(1)}}).is(200).json()
	same(t, "in a batch", got["counted"], 2.0)
	same(t, "spent", g.used(g.bob)["spend 1d provider"], int64(10_000_000_000))
	same(t, "of the day", objects(objects(g.copies(g.bob)[0]["provider_configs"])[0]["budgets"])[0]["current_usage"], 10.0)

	rows := objects(g.admin.api("GET", "/api/usage?group_by=model&user_id="+g.bob, nil).is(200).json()["usage"])
	same(t, "reported", fmt.Sprint(len(rows), rows[0]["key"], rows[0]["cost"], rows[0]["unpriced_events"]), "1groq/openai/x10 0")
	same(t, "of groq", g.admin.api("GET", "/api/usage?provider=groq&model=openai/x", nil).is(200).json()["total"].(object)["cost"], 10.0)
	exported, err := csv.NewReader(bytes.NewReader(g.session.get("/usage/export?format=focus&provider=groq").is(200).body)).ReadAll()
	g.must(err)
	place := map[string]int{}
	for i, name := range exported[0] {
		place[name] = i
	}
	same(t, "lines of FOCUS", len(exported), 2)
	same(t, "exported", fmt.Sprint(exported[1][place["BilledCost"]], exported[1][place["ProviderName"]], exported[1][place["ResourceId"]]), "10groqopenai/x")

	// A path has no provider as prefix, and an event of an unknown key is kept under the same two names.
	g.admin.counted(with(call(0), "provider", nil, "model", "/models/q"))
	same(t, "events without a provider", g.count("usage_events WHERE provider = '' AND model = '/models/q'"), 1)
	stray := with(call(0), "virtual_key", "sk-bf-unknown", "event_id", uuid.NewString())
	g.admin.report(stray).is(200)
	same(t, "kept", g.count(`usage_quarantine WHERE event::jsonb @> '{"provider": "groq", "model": "openai/x"}'`), 1)
	g.balanced()
}

// A bare model belongs to the only provider in its user's profiles that lists it, as at the decision; a repeated event
// stays with it, even if the profiles have changed. The money counts as spent also where the provider is unknown.
func TestUsageOfABareModel(t *testing.T) {
	g := newGateway(t)
	g.admin.api("PUT", "/api/providers/openai", `{"prices":[{"model":"gpt-4o","input_cost_per_million_tokens":1000,"output_cost_per_million_tokens":0}]}`).is(200)
	bare := event(g.key, "provider", nil, "cost", nil, "tokens", nil, "input_tokens", 1000)
	same(t, "decided", g.admin.decides(with(model(g.key), "provider", nil), "allowed", 200)["provider"], any("openai"))
	g.admin.counted(bare)
	same(t, "spent", g.used(g.ada)["spend 1d provider"], int64(1_000_000_000))
	same(t, "reported", g.admin.api("GET", "/api/usage?provider=openai&model=gpt-4o", nil).json()["total"].(object)["cost"], 1.0)
	same(t, "unpriced", g.count("usage_events WHERE cost IS NULL"), 0)
	stray := with(bare, "virtual_key", "sk-bf-unknown", "event_id", "bare-stray")
	same(t, "of an unknown key", g.admin.report(stray).is(200).json()["status"], any("quarantined"))
	kept := objects(g.admin.api("GET", "/api/usage/quarantine", nil).is(200).json()["quarantined_events"])[0]["id"]
	g.admin.api("POST", fmt.Sprint("/api/usage/quarantine/", kept, "/assign"), object{"user_id": g.ada}).is(200)
	same(t, "assigned", g.used(g.ada)["spend 1d provider"], int64(2_000_000_000))
	unknown := with(bare, "event_id", uuid.NewString(), "model", "llama")
	g.admin.counted(unknown)
	same(t, "without a provider", g.count("usage_events WHERE provider = '' AND model = 'llama' AND cost IS NULL"), 1)

	g.admin.api("POST", "/api/providers", `{"name":"azure"}`).is(201)
	g.give(g.ada, g.profileNaming("Azure", `"provider_configs":[{"provider_name":"azure","allowed_models":["gpt-4o","llama"]}]`))
	g.admin.withinASecond(with(model(g.key), "provider", nil), "model_blocked")
	both := with(bare, "event_id", uuid.NewString())
	g.admin.counted(both)
	same(t, "of several providers", g.count("usage_events WHERE provider = '' AND model = 'gpt-4o'"), 1)
	for _, again := range []object{bare, with(bare, "provider", "openai"), with(bare, "model", "openai/gpt-4o"), unknown, both} {
		same(t, "again", g.admin.report(again).is(200).json()["status"], any("duplicate"))
	}
	for _, other := range []object{with(bare, "provider", "azure"), with(bare, "model", "llama"), with(unknown, "model", "gpt-4o")} {
		g.admin.report(other).refuses(409, "event_conflict", "event_id")
	}
	g.balanced()
}
