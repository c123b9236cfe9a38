package web_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"tollgate/web/webtest"
)

var longModel = strings.Repeat("é", 255)

// Every name that the catalogue, a price or a profile accepts is matched by a decision and a usage event, in every
// spelling.
func TestModelNamesMeanTheSameEverywhere(t *testing.T) {
	g := webtest.NewGateway(t)
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
	g.Admin.API("PUT", "/api/providers/openai", `{"models":`+list+`,"prices":[`+strings.Join(prices, ",")+`]}`).Is(http.StatusOK)
	listed := g.ProfileNaming("Listed", `"provider_configs":[{"provider_name":"openai","allowed_models":`+list+`,"refuse_unpriced":true}]`)
	_, key := g.Give(g.Bob, listed)

	// The form shows every name unchanged, in prices too.
	session := g.Login(webtest.Admin).With("Sec-Fetch-Site", "same-origin")
	before := g.Admin.API("GET", "/api/providers/openai", nil).JSON()["provider"].(webtest.Object)
	page, form := session.Get("/providers/openai/edit").Is(http.StatusOK), url.Values{}
	for _, name := range []string{"models", "price_lines"} {
		form.Set(name, page.One("textarea", "name", name).FirstChild.Data)
	}
	session.Save("/providers/openai", form).Redirects("/providers/openai")
	after := g.Admin.API("GET", "/api/providers/openai", nil).JSON()["provider"].(webtest.Object)
	webtest.Same(t, "models", after["models"], before["models"])
	webtest.Same(t, "prices", after["prices"], before["prices"])
	address := fmt.Sprint("/access-profiles/", listed)
	form = session.Get(address + "/edit").Is(http.StatusOK).Fields("profile-form")
	form.Set("op", "save")
	session.Post(address, form).Redirects(address)
	webtest.Same(t, "version", g.Admin.API("GET", "/api"+address, nil).JSON()["access_profile"].(webtest.Object)["version"], any(1.0))

	caller := g.APIKey("Usage:View")
	for _, name := range names {
		bare := strings.TrimPrefix(name, "openai/")
		for _, request := range []webtest.Object{
			{"provider": "openai", "model": name},
			{"provider": "openai", "model": bare},
			{"provider": "openai", "model": "openai/" + bare},
			{"model": "openai/" + bare},
		} {
			request["virtual_key"] = key
			g.Admin.Decides(request, "allowed", 200)
			resource := webtest.Entity("model", request["model"].(string))
			if request["provider"] != nil {
				resource = webtest.Entity("model", request["model"].(string), "provider", "openai")
			}
			got := caller.API("POST", "/access/v1/evaluation", webtest.Evaluation(webtest.Entity("virtual_key", key), resource)).Is(200).JSON()
			webtest.Same(t, "evaluated "+request["model"].(string), got["decision"], any(true))
		}
		g.Admin.Counted(webtest.Event(key, "model", "openai/"+bare, "provider", nil))
		call := webtest.Event(key, "model", name, "cost", nil, "tokens", nil, "input_tokens", 1_000_000)
		g.Admin.Counted(call)
		var cost int64
		g.Scan(&cost, "SELECT cost FROM counted_events WHERE event_id = ?", call["event_id"])
		webtest.Same(t, "the cost of "+name, cost, int64(3_000_000_000))
	}
	found := caller.API("POST", "/access/v1/search/resource", webtest.Evaluation(webtest.Entity("user", g.Bob), webtest.Object{"type": "model"})).Is(200).JSON()["results"].([]any)
	webtest.Same(t, "callable", len(found), len(names))
	if !slices.ContainsFunc(found, func(model any) bool { return model.(webtest.Object)["id"] == "openai/nested" }) {
		t.Errorf("openai/nested is not in %v", found)
	}
}

// Text that cannot name a model is refused wherever a name is saved, and by every decision.
func TestRefusedModelNames(t *testing.T) {
	c := webtest.NewCast(t)
	g := webtest.NewGateway(t)
	_, key := g.Give(g.Bob, g.ProfileNaming("Open", `"provider_configs":[{"provider_name":"openai","all_models_allowed":true}]`))
	for _, name := range []string{
		"gpt-*", "gpt-4?", "a//b", "//a", "/", "a/", "a/b/", "..", "../a", "a/../b", "a/..", "regex:gpt.*", "Regex:gpt", "openai/", "openai/regex:x", "openai/..",
		"gpt\u00a04o", "gpt\u30004o", "openai/gpt\u20034o",
	} {
		c.Admin.API("PUT", "/api/providers/openai", webtest.Object{"models": []string{name}}).Refuses(http.StatusBadRequest, "invalid_model", "models[0]")
		price := webtest.Object{"model": name, "input_cost_per_million_tokens": 1, "output_cost_per_million_tokens": 1}
		c.Admin.API("PUT", "/api/providers/openai", webtest.Object{"prices": []webtest.Object{price}}).Refuses(http.StatusBadRequest, "invalid_model", "prices[0].model")
		config := webtest.Object{"provider_name": "openai", "allowed_models": []string{name}}
		c.Admin.API("POST", "/api/access-profiles", webtest.Object{"name": "x", "provider_configs": []webtest.Object{config}}).
			Refuses(http.StatusBadRequest, "invalid_model", "provider_configs[0].allowed_models[0]")
		c.Session.Save("/providers/openai", url.Values{"models": {name}}).Refuses(http.StatusUnprocessableEntity, "invalid_model", "models[0]")
		c.Session.Save("/providers/openai", url.Values{"price_lines": {name + " 1 1"}}).Refuses(http.StatusUnprocessableEntity, "invalid_model", "prices[0].model")
		form := url.Values{"name": {"x"}, "op": {"save"}, "provider_configs[p1].provider_name": {"openai"}, "provider_configs[p1].allowed_models": {name}}
		c.Session.Post("/access-profiles", form).Refuses(http.StatusUnprocessableEntity, "invalid_model", "provider_configs[0].allowed_models[0]")
		g.Admin.Decides(webtest.With(webtest.Model(key), "model", name), "model_blocked", 403)
	}
	for _, name := range []string{"*", "openai//a"} {
		c.Admin.API("PUT", "/api/providers/openai", webtest.Object{"models": []string{name}}).Refuses(http.StatusBadRequest, "invalid_model", "models[0]")
	}
	g.Admin.Decides(webtest.With(webtest.Model(key), "model", "openai//a"), "allowed", 200) // means /a of openai
	price := `{"model":"b","input_cost_per_million_tokens":1,"output_cost_per_million_tokens":1}`
	c.Admin.API("PUT", "/api/providers/openai", `{"prices":[`+price+`,`+strings.Replace(price, `"b"`, `"openai/b"`, 1)+`]}`).
		Refuses(http.StatusBadRequest, "duplicate_model", "prices[1].model")
	g.Admin.Decides(webtest.With(webtest.Model(key), "model", " gpt-4o"), "model_blocked", 403)
	g.Admin.Decides(webtest.With(webtest.Model(key), "model", "e\u0301"), "model_blocked", 403)
	g.Admin.Decides(webtest.With(webtest.Model(key), "provider", nil, "model", "openai/*"), "model_blocked", 403)
}
