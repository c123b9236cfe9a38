package web_test

import (
	"fmt"
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

// The same words stand where a role's profiles and a user's copies are listed.
func TestPolicyWordsOfRolesAndCopies(t *testing.T) {
	s := webtest.NewStage(t)
	s.AddProvider("one", "a", "b", "c")
	id := s.ProfileNaming("Worded", `"provider_configs":[{"provider_name":"one","allowed_models":["a","c"]},`+
		`{"provider_name":"openai","all_models_allowed":true}],"budgets":[{"max_limit":5,"reset_duration":"1d"}]`)
	s.Attach(id, webtest.Object{"role_ids": []int64{s.RoleID("Viewer")}})
	held, _ := s.Assign(s.Ada, id)

	browser := s.Login(webtest.Admin)
	role := browser.Get(fmt.Sprintf("/roles/%d", s.RoleID("Viewer"))).Is(http.StatusOK)
	webtest.Same(t, "policy", webtest.Cell(role, "Worded", "Policy"), "one 2 of 3 · openai all")
	webtest.Same(t, "budgets", webtest.Cell(role, "Worded", "Budgets"), "$5.00 / day")
	user := browser.Get("/users/" + s.Ada).Is(http.StatusOK)
	webtest.Says(user, fmt.Sprint("copy-", webtest.Int64ID(held)), "one 2 of 3 · openai all")
	webtest.Says(browser.Get(fmt.Sprint("/access-profiles/", id)).Is(http.StatusOK), "read-providers", "2 of 3 one models")
}
