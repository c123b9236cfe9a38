package web_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

var longModel = strings.Repeat("é", 255)

// Every name that the catalogue, a price or a profile accepts is matched by a decision and a usage event, in every
// spelling.
func TestModelNamesMeanTheSameEverywhere(t *testing.T) {
	g := newGateway(t)
	names := []string{
		"/models/llama-3", "ft:gpt-4o:acme::x", "meta@v2", "claude[1m]", "gpt 4o", "gpt  4o", "a/b/c", longModel, "models/./x",
		"arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.claude-v1:0", "openai/nested",
	}
	var quoted, prices []string
	for _, name := range names {
		quoted = append(quoted, fmt.Sprintf("%q", name))
		prices = append(prices, fmt.Sprintf(`{"model":%q,"input_cost_per_million_tokens":3,"output_cost_per_million_tokens":0}`, name))
	}
	list := "[" + strings.Join(quoted, ",") + "]"
	g.admin.api("PUT", "/api/providers/openai", `{"models":`+list+`,"prices":[`+strings.Join(prices, ",")+`]}`).is(http.StatusOK)
	listed := g.profileNaming("Listed", `"provider_configs":[{"provider_name":"openai","allowed_models":`+list+`,"refuse_unpriced":true}]`)
	_, key := g.give(g.bob, listed)

	// The form shows every name unchanged, in prices too.
	session := g.login(admin).with("Sec-Fetch-Site", "same-origin")
	before := g.admin.api("GET", "/api/providers/openai", nil).json()["provider"].(object)
	page, form := session.get("/providers/openai/edit").is(http.StatusOK), url.Values{}
	for _, name := range []string{"models", "price_lines"} {
		form.Set(name, page.one("textarea", "name", name).FirstChild.Data)
	}
	session.post("/providers/openai", form).redirects("/providers/openai")
	after := g.admin.api("GET", "/api/providers/openai", nil).json()["provider"].(object)
	same(t, "models", after["models"], before["models"])
	same(t, "prices", after["prices"], before["prices"])
	address := fmt.Sprint("/access-profiles/", listed)
	form = session.get(address + "/edit").is(http.StatusOK).fields("profile-form")
	form.Set("op", "save")
	session.post(address, form).redirects(address)
	same(t, "version", g.admin.api("GET", "/api"+address, nil).json()["access_profile"].(object)["version"], any(1.0))

	caller := g.apiKey("Usage:View")
	for _, name := range names {
		bare := strings.TrimPrefix(name, "openai/")
		for _, request := range []object{
			{"provider": "openai", "model": name},
			{"provider": "openai", "model": bare},
			{"provider": "openai", "model": "openai/" + bare},
			{"model": "openai/" + bare},
		} {
			request["virtual_key"] = key
			g.admin.decides(request, "allowed", 200)
			resource := entity("model", request["model"].(string))
			if request["provider"] != nil {
				resource = entity("model", request["model"].(string), "provider", "openai")
			}
			got := caller.api("POST", "/access/v1/evaluation", evaluation(entity("virtual_key", key), resource)).is(200).json()
			same(t, "evaluated "+request["model"].(string), got["decision"], any(true))
		}
		g.admin.counted(event(key, "model", "openai/"+bare, "provider", nil))
		call := event(key, "model", name, "cost", nil, "tokens", nil, "input_tokens", 1_000_000)
		g.admin.counted(call)
		var cost int64
		g.scan(&cost, "SELECT cost FROM usage_events WHERE event_id = ?", call["event_id"])
		same(t, "the cost of "+name, cost, int64(3_000_000_000))
	}
	found := caller.api("POST", "/access/v1/search/resource", evaluation(entity("user", g.bob), object{"type": "model"})).is(200).json()["results"].([]any)
	same(t, "callable", len(found), len(names))
	if !slices.ContainsFunc(found, func(model any) bool { return model.(object)["id"] == "openai/nested" }) {
		t.Errorf("openai/nested is not in %v", found)
	}
}

// Text that cannot name a model is refused wherever a name is saved, and by every decision.
func TestRefusedModelNames(t *testing.T) {
	c := newCast(t)
	g := newGateway(t)
	_, key := g.give(g.bob, g.profileNaming("Open", `"provider_configs":[{"provider_name":"openai","all_models_allowed":true}]`))
	for _, name := range []string{
		"gpt-*", "gpt-4?", "a//b", "//a", "/", "a/", "a/b/", "..", "../a", "a/../b", "a/..", "regex:gpt.*", "Regex:gpt", "openai/", "openai/regex:x", "openai/..",
		"gpt\u00a04o", "gpt\u30004o", "openai/gpt\u20034o",
	} {
		c.admin.api("PUT", "/api/providers/openai", object{"models": []string{name}}).refuses(http.StatusBadRequest, "invalid_model", "models[0]")
		price := object{"model": name, "input_cost_per_million_tokens": 1, "output_cost_per_million_tokens": 1}
		c.admin.api("PUT", "/api/providers/openai", object{"prices": []object{price}}).refuses(http.StatusBadRequest, "invalid_model", "prices[0].model")
		config := object{"provider_name": "openai", "allowed_models": []string{name}}
		c.admin.api("POST", "/api/access-profiles", object{"name": "x", "provider_configs": []object{config}}).
			refuses(http.StatusBadRequest, "invalid_model", "provider_configs[0].allowed_models[0]")
		c.session.post("/providers/openai", url.Values{"models": {name}}).refuses(http.StatusUnprocessableEntity, "invalid_model", "models[0]")
		c.session.post("/providers/openai", url.Values{"price_lines": {name + " 1 1"}}).refuses(http.StatusUnprocessableEntity, "invalid_model", "prices[0].model")
		form := url.Values{"name": {"x"}, "op": {"save"}, "provider_configs[p1].provider_name": {"openai"}, "provider_configs[p1].allowed_models": {name}}
		c.session.post("/access-profiles", form).refuses(http.StatusUnprocessableEntity, "invalid_model", "provider_configs[0].allowed_models[0]")
		g.admin.decides(with(model(key), "model", name), "model_blocked", 403)
	}
	for _, name := range []string{"*", "openai//a"} {
		c.admin.api("PUT", "/api/providers/openai", object{"models": []string{name}}).refuses(http.StatusBadRequest, "invalid_model", "models[0]")
	}
	g.admin.decides(with(model(key), "model", "openai//a"), "allowed", 200) // means /a of openai
	price := `{"model":"b","input_cost_per_million_tokens":1,"output_cost_per_million_tokens":1}`
	c.admin.api("PUT", "/api/providers/openai", `{"prices":[`+price+`,`+strings.Replace(price, `"b"`, `"openai/b"`, 1)+`]}`).
		refuses(http.StatusBadRequest, "duplicate_model", "prices[1].model")
	g.admin.decides(with(model(key), "model", " gpt-4o"), "model_blocked", 403)
	g.admin.decides(with(model(key), "model", "e\u0301"), "model_blocked", 403)
	g.admin.decides(with(model(key), "provider", nil, "model", "openai/*"), "model_blocked", 403)
}
