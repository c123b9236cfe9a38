package web_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"tollgate/models/permission"
	"tollgate/web/webtest"
)

// What a user is still charged for after they were deactivated, or their copies paused, is charged to a copy that grants
// the call, as before.
func TestLateUsageIsChargedToTheCopyThatGrantsIt(t *testing.T) {
	g := webtest.NewGateway(t)
	g.Admin.API("POST", "/api/providers", `{"name":"azure","models":["gpt-4o"]}`).Is(201)
	azure := g.ProfileNaming("Azure", `"provider_configs":[{"provider_name":"azure","all_models_allowed":true}],"budgets":[{"max_limit":100,"reset_duration":"1w"}],
"mcp_servers":[{"mcp_server_id":"jira"}]`)
	g.Give(g.Ada, azure)
	of := webtest.With(webtest.Event(g.Key), "provider", "azure")
	spent := 0
	charged := func(what string, event webtest.Object) {
		t.Helper()
		spent++
		g.Admin.Counted(webtest.With(event, "event_id", fmt.Sprint("late-", spent)))
		webtest.Same(t, "spent by the copy that grants, "+what, g.Used(g.Ada)["spend 1w total"], int64(spent)*1_000_000_000)
	}
	charged("before", of)
	g.Admin.API("POST", fmt.Sprint("/api/access-profiles/", azure, "/pause"), nil).Is(200)
	charged("while it is paused", of)
	g.Admin.API("POST", fmt.Sprint("/api/access-profiles/", azure, "/resume"), nil).Is(200)
	g.Admin.API("PUT", "/api/users/"+g.Ada+"/deactivate", nil).Is(200)
	charged("deactivated", of)
	tool := webtest.With(of, "provider", nil, "model", nil, "mcp_client_id", "jira", "tool_name", "x")
	webtest.Same(t, "of no tool", g.Admin.Report(tool).Is(200).JSON()["status"], any("counted"))
	webtest.Same(t, "spent of the first copy", g.Used(g.Ada)["spend 1M total"], int64(1_000_000_000))
	g.Balanced()
}

// Everything by which a user gets in is refused, on every console, and works again when they are back: with the same
// keys, copies and counters.
func TestDeactivatedUserIsOut(t *testing.T) {
	g := webtest.NewGateway(t)
	other, _ := g.Another(g.AppURL())
	session := g.Login(webtest.Ada)
	g.AddRole("Makers", "APIKeys:Create", "Usage:Create", "Usage:View")
	g.SetRole(g.Ada, "Makers")
	made := session.API("POST", "/api/api-keys", webtest.Object{"name": "of ada", "scopes": []string{"Usage:Create"}}).Is(201)
	program := g.Bearer(made.JSON()["key"])
	link := g.Admin.API("POST", "/api/users/"+g.Ada+"/sign-in-link", nil).Is(201).Object("sign_in_link")["url"].(string)
	g.Admin.Counted(webtest.Event(g.Key, "cost", 3))
	calls := []webtest.Object{
		webtest.Model(g.Key), webtest.With(webtest.Model(g.Key), "reserve", true, "estimated_cost", 1),
		webtest.With(webtest.Model(nil), "virtual_key", nil, "user_id", g.Ada), webtest.Tool(g.Key, "github", "create_issue"),
		{"virtual_key": g.Key, "model": "gpt-4o"},
	}
	used, held, keys := g.Used(g.Ada), g.Copies(g.Ada), g.Keys(g.Ada)
	for _, c := range []*webtest.Console{g.Console, other} {
		for _, call := range calls {
			g.Admin.At(c).Decides(call, "allowed", 200)
		}
		session.At(c).Get("/me").Is(200)
		program.At(c).API("POST", "/api/decisions", webtest.Model(g.Key)).Is(200)
		g.Bearer(g.Key).At(c).Get("/api/governance/virtual-keys/quota").Is(200)
	}
	g.Exec("DELETE FROM reservations")

	user := g.Admin.API("PUT", "/api/users/"+g.Ada+"/deactivate", nil).Is(200).Object("user")
	if user["deactivated_at"] == nil {
		t.Errorf("got %v", user)
	}
	g.Unchanged(func() { g.Admin.API("PUT", "/api/users/"+g.Ada+"/deactivate", nil).Is(200) })
	for i, c := range []*webtest.Console{g.Console, other} {
		if i == 1 {
			g.Within(func() bool { return g.Admin.At(c).Ask(calls[0])["type"] == "access_blocked" }, "the other console lets ada call")
			g.Within(func() bool {
				return program.At(c).API("POST", "/api/decisions", calls[0]).StatusCode == 401
			}, "the other console takes ada's API key")
		}
		for _, call := range calls {
			if d := g.Admin.At(c).Decides(call, "access_blocked", 403); d["message"] != "The user is deactivated." {
				t.Errorf("message %q", d["message"])
			}
		}
		session.At(c).Get("/me").Redirects("/login?next=%2Fme")
		program.At(c).API("POST", "/api/decisions", calls[0]).Refuses(401, "unauthenticated", "")
		g.Bearer(g.Key).At(c).Get("/api/governance/virtual-keys/quota").Refuses(401, "deactivated", "")
		g.Bearer(g.Key).At(c).Get("/api/users/me/permissions").Refuses(401, "deactivated", "")
		g.Bearer(g.Key).At(c).With("X-Model", "openai/gpt-4o").Get("/authz/forward").Closed("access_blocked", 403)
		g.Exec("DELETE FROM login_throttles")
		g.Anonymous().At(c).With("Authorization", webtest.Basic(webtest.Ada, webtest.Password)).Get("/api/users").Refuses(401, "deactivated", "")
		g.Anonymous().At(c).With("Authorization", webtest.Basic(webtest.Ada, "not the password")).Get("/api/users").Refuses(401, "invalid_credentials", "")
		g.Anonymous().At(c).Post("/login", webtest.Credentials(webtest.Ada, webtest.Password)).Refuses(401, "deactivated", "")
		g.Anonymous().At(c).Post("/sign-in-link", url.Values{"code": {link}}).Refuses(422, "invalid_link", "code")
	}
	g.Admin.API("POST", "/api/users/"+g.Ada+"/sign-in-link", nil).Refuses(409, "deactivated", "")
	webtest.Same(t, "copies", g.Copies(g.Ada), held)
	webtest.Same(t, "keys", g.Keys(g.Ada), keys)
	webtest.Same(t, "counters", fmt.Sprint(g.Used(g.Ada)), fmt.Sprint(used))
	// What is reported late still finds who pays.
	g.Admin.Counted(webtest.Event(g.Key, "cost", 1))
	if n := g.Count("usage_quarantine"); n != 0 {
		t.Errorf("%d events are in the quarantine", n)
	}

	g.Session.Post("/users/"+g.Ada+"/activate", nil).Redirects("/users/" + g.Ada)
	g.Exec("DELETE FROM login_throttles")
	for _, c := range []*webtest.Console{g.Console, other} {
		g.Within(func() bool { return g.Admin.At(c).Ask(calls[0])["type"] == "allowed" }, "ada is still refused")
		g.Within(func() bool {
			return program.At(c).API("POST", "/api/decisions", calls[0]).StatusCode == 200
		}, "ada's API key is still refused")
		session.At(c).Get("/me").Redirects("/login?next=%2Fme") // it ended
		g.Anonymous().At(c).SignIn(webtest.Ada, webtest.Password).Get("/me").Is(200)
	}
	// Coming back gives no fresh budget: 4 of 8 dollars are used.
	g.Admin.Decides(webtest.With(webtest.Model(g.Key), "estimated_cost", 5), "budget_exceeded", 402)
	g.Balanced()
}

// No user is deactivated by an actor who may do less, by themselves, or as the last admin; then nothing changes.
func TestWhoIsNotDeactivated(t *testing.T) {
	c := webtest.NewConsole(t)
	c.AddUser("second@example.com", "Admin")
	c.AddRole("Helpers", "Users:View", "Users:Update")
	c.AddUser("helper@example.com", "Helpers")
	admin, second, helper, viewer := c.UserID(webtest.Admin), c.UserID("second@example.com"), c.UserID("helper@example.com"), c.UserID(webtest.Viewer)
	browser, less := c.Login(webtest.Admin), c.Login("helper@example.com")
	refused := func(v webtest.Client, user string, status int, code string) {
		t.Helper()
		c.Unchanged(func() {
			v.API("PUT", "/api/users/"+user+"/deactivate", nil).Refuses(status, code, "")
			v.Post("/users/"+user+"/deactivate", nil).Refuses(status, code, "")
			v.Post("/users/bulk/deactivate", url.Values{"ids": {user}, "confirmed": {"true"}}).Is(status)
		})
	}
	refused(browser, admin, 409, "own_account")
	refused(less, admin, 403, "forbidden")
	refused(less, helper, 409, "own_account")
	refused(c.Login(webtest.Viewer), helper, 403, "forbidden")
	refused(browser, "11111111-1111-4111-8111-111111111111", 404, "not_found")
	browser.API("PUT", "/api/users/"+second+"/deactivate", nil).Is(200)
	// The other admin is the last one who can sign in.
	program := c.APIKey()
	c.Unchanged(func() {
		program.API("PUT", "/api/users/"+admin+"/deactivate", nil).Refuses(409, "last_admin", "")
		program.API("PUT", "/api/users/"+admin+"/role", webtest.Object{"role_id": c.RoleID("Viewer")}).Refuses(409, "last_admin", "role_id")
		program.API("DELETE", "/api/users/"+admin, nil).Refuses(409, "last_admin", "")
		less.API("PUT", "/api/users/"+second+"/activate", nil).Refuses(403, "forbidden", "")
	})
	// Both of the last admins in one form: none of them goes.
	browser.API("PUT", "/api/users/"+second+"/activate", nil).Is(200)
	c.AddRole("Wardens", permission.AllPermissions()...)
	c.AddUser("warden@example.com", "Wardens")
	c.Unchanged(func() {
		c.Login("warden@example.com").Post("/users/bulk/deactivate", url.Values{"ids": {admin, second, viewer}, "confirmed": {"true"}}).Is(409)
	})
	// A session that began while they were deactivated is refused too.
	c.Exec("UPDATE users SET deactivated_at = now() WHERE id = ?", helper)
	less.API("PUT", "/api/users/"+viewer, `{"name":"New"}`).Refuses(401, "unauthenticated", "")
}

// The list of users deactivates and activates those who are ticked, after it has asked, and can be narrowed to them.
func TestUsersDeactivatedInBulk(t *testing.T) {
	c := webtest.NewConsole(t)
	c.AddUser("ada@example.com", "Viewer")
	browser := c.Login(webtest.Admin)
	ids := []string{c.UserID("ada@example.com"), c.UserID(webtest.Viewer)}
	slices.Sort(ids)
	asked := browser.Post("/users/bulk/deactivate", url.Values{"ids": ids, "access_profile_id": {""}}).Is(200)
	c.Unchanged(func() { browser.Post("/users/bulk/deactivate", url.Values{"ids": ids}).Is(200) })
	form := asked.Hidden("/users/bulk/deactivate")
	slices.Sort(form["ids"])
	webtest.Same(t, "what is asked", form, url.Values{"ids": ids, "confirmed": {"true"}})
	c.Audits(func() { browser.Post("/users/bulk/deactivate", form).Redirects("/users") },
		"deactivate - "+ids[0]+" "+webtest.Admin, "deactivate - "+ids[1]+" "+webtest.Admin)
	names := func(query string) (names []string) {
		for _, user := range webtest.Objects(c.APIKey().Get("/api/users" + query).Is(200).JSON()["users"]) {
			names = append(names, user["email"].(string))
		}
		slices.Sort(names)
		return names
	}
	webtest.Same(t, "deactivated", names("?deactivated=true"), []string{"ada@example.com", webtest.Viewer})
	webtest.Same(t, "active", names("?deactivated=false"), []string{webtest.Admin})
	c.APIKey().Get("/api/users?deactivated=yes").Refuses(400, "wrong_type", "deactivated")
	page := browser.Get("/users?deactivated=true").Is(200)
	if n := strings.Count(string(page.Body), "Deactivated</span>"); n != 2 {
		t.Errorf("%d badges", n)
	}
	browser.Post("/users/bulk/activate", url.Values{"ids": ids}).Redirects("/users")
	webtest.Same(t, "deactivated", names("?deactivated=true"), []string(nil))
	browser.Post("/users/bulk/deactivate", nil).Refuses(422, "required", "ids")
}

// A service key works on when its maker leaves; a key of theirs does not.
func TestServiceKeysSurviveTheirMaker(t *testing.T) {
	c := webtest.NewConsole(t)
	c.AddUser("maker@example.com", "Admin")
	maker, browser := c.Login("maker@example.com"), c.Login(webtest.Admin)
	key := func(name, service string) (webtest.Client, string) {
		made := maker.API("POST", "/api/api-keys", `{"name":"`+name+`","scopes":["Users:View","Roles:Create"],"service":`+service+`}`).Is(201)
		return c.Bearer(made.JSON()["key"]), webtest.PathOf(made.Object("api_key"))
	}
	service, path := key("gateway", "true")
	personal, _ := key("personal", "false")
	later, laterPath := key("later", "false")
	maker.API("PUT", laterPath, `{"service":true}`).Is(200)
	works := func(when string, status int) {
		t.Helper()
		for _, v := range []webtest.Client{service, later} {
			webtest.Same(t, "a service key "+when, v.Get("/api/users").StatusCode, 200)
		}
		webtest.Same(t, "a key of theirs "+when, personal.Get("/api/users").StatusCode, status)
	}
	works("at first", 200)
	c.APIKey().API("PUT", "/api/users/"+c.UserID("maker@example.com")+"/role", webtest.Object{"role_id": c.RoleID("Member")}).Is(200)
	works("with a smaller role", 403)
	browser.API("PUT", "/api/users/"+c.UserID("maker@example.com")+"/deactivate", nil).Is(200)
	works("when they are deactivated", 401)
	if page := string(browser.Get("/settings/api-keys").Is(200).Body); strings.Count(page, "Maker has left: rotate") != 2 {
		t.Errorf("no badges in %s", page)
	}
	browser.API("DELETE", "/api/users/"+c.UserID("maker@example.com"), nil).Is(200)
	works("when they are deleted", 401)
	page := string(browser.Get("/settings/api-keys").Is(200).Body)
	if strings.Count(page, "Maker has left: rotate") != 2 || strings.Count(page, "made by maker@example.com") != 2 {
		t.Errorf("no badges in %s", page)
	}
	c.Audits(func() { service.API("POST", "/api/roles", `{"name":"By a service"}`).Is(201) }, "create - - service: gateway")
	webtest.Same(t, "the key", c.APIKey().Get(path).Is(200).Object("api_key")["service"], any(true))

	// It takes Settings:Update and everything that the key may do.
	c.AddRole("Key makers", "APIKeys:Create", "APIKeys:Update", "APIKeys:Delete", "Users:View")
	c.AddUser("keys@example.com", "Key makers")
	c.AddRole("Set-up", "APIKeys:Create", "APIKeys:Update", "Settings:Update")
	c.AddUser("setup@example.com", "Set-up")
	less, setup := c.Login("keys@example.com"), c.Login("setup@example.com")
	c.Unchanged(func() {
		less.API("POST", "/api/api-keys", `{"name":"x","scopes":["Users:View"],"service":true}`).Refuses(403, "forbidden", "service")
		less.Post("/settings/api-keys", url.Values{"name": {"x"}, "scopes": {"Users:View"}, "service": {"true"}}).Is(403)
		less.API("DELETE", path, nil).Refuses(403, "forbidden", "")
		less.API("PUT", path, `{"service":false}`).Refuses(403, "forbidden", "")
	})
	own := webtest.PathOf(less.API("POST", "/api/api-keys", `{"name":"own","scopes":["Users:View"]}`).Is(201).Object("api_key"))
	program := c.APIKey()
	c.Unchanged(func() {
		setup.API("PUT", own, `{"service":true}`).Refuses(403, "forbidden", "")
		program.API("PUT", own, `{"service":"yes"}`).Refuses(400, "wrong_type", "service")
	})
	browser.Post("/settings/api-keys", url.Values{"name": {"by form"}, "scopes": {"Users:View"}, "service": {"true"}}).Is(303)
	if n := c.Count("api_keys WHERE service"); n != 3 {
		t.Errorf("%d service keys", n)
	}
}

// H-20: the time from the answer of one console until another refuses the key, 40 times.
func TestLeaverIsRefusedWithinASecond(t *testing.T) {
	t.Parallel()
	g := webtest.NewGateway(t)
	other, _ := g.Another(g.AppURL())
	worst, sum := time.Duration(0), time.Duration(0)
	const rounds = 40
	for range rounds {
		g.Admin.API("PUT", "/api/users/"+g.Ada+"/activate", nil).Is(200)
		g.Within(func() bool { return g.Admin.At(other).Ask(webtest.Model(g.Key))["type"] == "allowed" }, "ada is not back")
		g.Admin.API("PUT", "/api/users/"+g.Ada+"/deactivate", nil).Is(200)
		left := time.Now()
		g.Admin.Decides(webtest.Model(g.Key), "access_blocked", 403)
		g.Within(func() bool { return g.Admin.At(other).Ask(webtest.Model(g.Key))["type"] == "access_blocked" }, "ada may still call")
		took := time.Since(left)
		worst, sum = max(worst, took), sum+took
	}
	t.Logf("refused on the other console after %s on average, %s at worst", sum/rounds, worst)
}
