package web_test

import (
	"strings"
	"testing"

	"tollgate/models/permission"
	"tollgate/web/webtest"
)

// A service key belongs to no user, so the keys that it makes are service keys too, and no change of theirs is taken for
// one of the command line.
func TestServiceKeysMakeServiceKeys(t *testing.T) {
	c := webtest.NewConsole(t)
	browser := c.Login(webtest.Admin)
	create := func(by webtest.Client, name, service string, scopes ...permission.Permission) webtest.Answer {
		body := webtest.Object{"name": name, "scopes": scopes}
		if service != "" {
			body["service"] = service == "true"
		}
		return by.API("POST", "/api/api-keys", body)
	}
	wide := c.Bearer(create(browser, "gateway", "true", "APIKeys:View", "APIKeys:Create", "Roles:Create", "Settings:Update").Is(201).JSON()["key"])
	narrow := c.Bearer(create(browser, "narrow", "true", "APIKeys:Create", "Roles:Create").Is(201).JSON()["key"])
	c.Unchanged(func() {
		for _, service := range []string{"", "false"} {
			create(wide, "made", service, "Roles:Create").Refuses(403, "forbidden", "service")
			create(narrow, "made", service, "Roles:Create").Refuses(403, "forbidden", "service")
		}
		create(narrow, "made", "true", "Roles:Create").Refuses(403, "forbidden", "service")
	})
	made := create(wide, "made", "true", "Roles:Create").Is(201)
	child := c.Bearer(made.JSON()["key"])
	c.Audits(func() { child.API("POST", "/api/roles", `{"name":"By a child"}`).Is(201) }, "create - - service: made")
	page := string(browser.Get("/settings/api-keys").Is(200).Body)
	if !strings.Contains(page, "made by service: gateway") || strings.Contains(page, "Maker has left: rotate") {
		t.Errorf("the maker is not named: %s", page)
	}
	c.Unchanged(func() {
		browser.API("PUT", webtest.PathOf(made.Object("api_key")), `{"service":false}`).Refuses(409, "no_maker", "service")
	})
	c.Exec("UPDATE api_keys SET service = false WHERE name = 'made'")
	child.API("POST", "/api/roles", `{"name":"By nobody"}`).Refuses(401, "unauthenticated", "")
}

// The service key of a deleted user stays one: it has no maker any more whose key it could be.
func TestServiceKeyOfADeletedMakerStaysOne(t *testing.T) {
	c := webtest.NewConsole(t)
	c.AddUser("maker@example.com", "Admin")
	browser := c.Login(webtest.Admin)
	made := c.Login("maker@example.com").API("POST", "/api/api-keys", `{"name":"gateway","scopes":["Roles:Create"],"service":true}`).Is(201)
	path, program := webtest.PathOf(made.Object("api_key")), c.Bearer(made.JSON()["key"])
	browser.API("PUT", path, `{"service":false}`).Is(200)
	browser.API("PUT", path, `{"service":true}`).Is(200)
	browser.API("DELETE", "/api/users/"+c.UserID("maker@example.com"), nil).Is(200)
	c.Unchanged(func() { browser.API("PUT", path, `{"service":false}`).Refuses(409, "no_maker", "service") })
	browser.API("PUT", path, `{"name":"renamed"}`).Is(200)
	c.Audits(func() { program.API("POST", "/api/roles", `{"name":"One"}`).Is(201) }, "create - - service: renamed")

	// A release before this one may have changed it.
	c.Exec("UPDATE api_keys SET service = false")
	c.Unchanged(func() { program.API("POST", "/api/roles", `{"name":"Two"}`).Refuses(401, "unauthenticated", "") })
	browser.API("PUT", path, `{"service":true}`).Is(200)
	c.Audits(func() { program.API("POST", "/api/roles", `{"name":"Two"}`).Is(201) }, "create - - service: renamed")
}
