package web_test

import (
	"net/http"
	"testing"
)

// One column of the list says what each profile allows of each provider, counted against the catalogue of now.
func TestProfileListSaysPolicyInOneColumn(t *testing.T) {
	c := newConsole(t)
	v := c.apiKey()
	for name, models := range map[string][]string{"one": {"a", "b", "c"}, "two": {"a"}, "three": {}, "four": {"a"}} {
		v.api("POST", "/api/providers", object{"name": name, "models": models}).is(http.StatusCreated)
	}
	all := func(name string) object { return object{"provider_name": name, "all_models_allowed": true} }
	picked := func(name string, models ...string) object {
		return object{"provider_name": name, "all_models_allowed": false, "allowed_models": models}
	}
	for name, configs := range map[string][]object{
		"Empty":  {},
		"Short":  {all("two"), picked("one", "a", "c")},
		"Custom": {picked("two", "a", "ft:custom")},
		"Long":   {all("one"), all("two"), all("three"), picked("four", "a")},
	} {
		v.api("POST", "/api/access-profiles", object{"name": name, "provider_configs": configs}).is(http.StatusCreated)
	}
	page := c.login(viewer).get("/access-profiles").is(http.StatusOK)
	same(t, "Empty", cell(page, "Empty", "Policy"), "none")
	same(t, "Short", cell(page, "Short", "Policy"), "two all · one 2 of 3")
	same(t, "Custom", cell(page, "Custom", "Policy"), "two 2 models")
	same(t, "Long", cell(page, "Long", "Policy"), "one all · two all · three all · +1")
	page.one("td", "title", "one all · two all · three all · four 1 of 1")
	same(t, "old columns", len(page.all("td", "data-label", "Providers"))+len(page.all("td", "data-label", "Models")), 0)

	v.api("PUT", "/api/providers/one", object{"models": []string{"a", "b", "c", "d"}}).is(http.StatusOK)
	page = c.login(viewer).get("/access-profiles").is(http.StatusOK)
	same(t, "after the catalogue grew", cell(page, "Short", "Policy"), "two all · one 2 of 4")
}
