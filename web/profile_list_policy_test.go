package web_test

import (
	"net/http"
	"testing"

	"tollgate/web/webtest"
)

// One column of the list says what each profile allows of each provider, counted against the catalogue of now.
func TestProfileListSaysPolicyInOneColumn(t *testing.T) {
	c := webtest.NewConsole(t)
	v := c.APIKey()
	for name, models := range map[string][]string{"one": {"a", "b", "c"}, "two": {"a"}, "three": {}, "four": {"a"}} {
		v.API("POST", "/api/providers", webtest.Object{"name": name, "models": models}).Is(http.StatusCreated)
	}
	all := func(name string) webtest.Object {
		return webtest.Object{"provider_name": name, "all_models_allowed": true}
	}
	picked := func(name string, models ...string) webtest.Object {
		return webtest.Object{"provider_name": name, "all_models_allowed": false, "allowed_models": models}
	}
	for name, configs := range map[string][]webtest.Object{
		"Empty":  {},
		"Short":  {all("two"), picked("one", "a", "c")},
		"Custom": {picked("two", "a", "ft:custom")},
		"Long":   {all("one"), all("two"), all("three"), picked("four", "a")},
	} {
		v.API("POST", "/api/access-profiles", webtest.Object{"name": name, "provider_configs": configs}).Is(http.StatusCreated)
	}
	page := c.Login(webtest.Viewer).Get("/access-profiles").Is(http.StatusOK)
	webtest.Same(t, "Empty", webtest.Cell(page, "Empty", "Policy"), "none")
	webtest.Same(t, "Short", webtest.Cell(page, "Short", "Policy"), "two all · one 2 of 3")
	webtest.Same(t, "Custom", webtest.Cell(page, "Custom", "Policy"), "two 2 models")
	webtest.Same(t, "Long", webtest.Cell(page, "Long", "Policy"), "one all · two all · three all · +1")
	page.One("td", "title", "one all · two all · three all · four 1 of 1")
	webtest.Same(t, "old columns", len(page.All("td", "data-label", "Providers"))+len(page.All("td", "data-label", "Models")), 0)

	v.API("PUT", "/api/providers/one", webtest.Object{"models": []string{"a", "b", "c", "d"}}).Is(http.StatusOK)
	page = c.Login(webtest.Viewer).Get("/access-profiles").Is(http.StatusOK)
	webtest.Same(t, "after the catalogue grew", webtest.Cell(page, "Short", "Policy"), "two all · one 2 of 4")
}
