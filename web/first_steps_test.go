package web_test

import (
	"net/url"
	"testing"

	"tollgate/web/webtest"
)

// The checklist of a new console ticks each step off once it is done, is gone after the last, and is shown only to those
// who can do the steps.
func TestFirstStepsAreTickedOff(t *testing.T) {
	c := webtest.EmptyConsole(t)
	form := url.Values{"email": {webtest.Admin}, "password": {webtest.Password}}
	cookie, _ := c.Anonymous().Post(c.FirstRunLink(), form).Redirects("/").Cookie("session")
	browser := c.Anonymous().With("Cookie", "session="+cookie.Value)
	done := func(want int) {
		t.Helper()
		page := browser.Get("/access-profiles").Is(200)
		page.One("section", "class", "first-steps")
		webtest.Same(t, "steps done", len(page.All("li", "class", "done")), want)
	}
	done(0)
	profile := browser.API("POST", "/api/access-profiles", `{"name":"First","provider_configs":[]}`).Is(201).Object("access_profile")
	done(1)
	user := browser.API("POST", "/api/users", `{"name":"Ada","email":"ada@example.com"}`).Is(201).Object("user")["id"].(string)
	key := browser.API("POST", "/api/users/"+user+"/access-profiles", webtest.Object{"access_profile_id": profile["id"]}).Is(201).JSON()["virtual_key"].(webtest.Object)["value"]
	done(2)
	viewer := webtest.Object{"name": "Vera", "email": "vera@example.com", "password": webtest.Password, "role_id": c.RoleID("Viewer")}
	browser.API("POST", "/api/users", viewer).Is(201)
	webtest.Same(t, "shown to a viewer", len(c.Login("vera@example.com").Get("/access-profiles").Is(200).All("section", "class", "first-steps")), 0)

	browser.API("POST", "/api/decisions", webtest.Object{"virtual_key": key, "model": "openai/gpt-5"}).Is(200)
	c.Eventually("the decision", func() bool { return c.Count("decision_hours") > 0 })
	done(3)
	browser.API("POST", "/api/usage", webtest.Object{"event_id": "first", "virtual_key": key, "model": "openai/gpt-5", "cost": 0.02}).Is(200)
	webtest.Same(t, "shown when all is done", len(browser.Get("/access-profiles").Is(200).All("section", "class", "first-steps")), 0)
}
