package web_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"tollgate/web/webtest"
)

// A new user without a role is a Member, by form and API alike: signing in leads to their own access, and every other
// screen says where that is.
func TestNewUsersAreMembers(t *testing.T) {
	s := webtest.NewStage(t)
	api := s.Admin.API("POST", "/api/users", webtest.Object{"name": "Mia", "email": "mia@example.com", "password": webtest.Password}).Is(201).Object("user")
	webtest.Same(t, "role", api["role"], "Member")
	s.Session.Post("/users", url.Values{"name": {"Max"}, "email": {"max@example.com"}, "role_id": {""}}).Is(303)
	var role string
	s.Scan(&role, "SELECT r.name FROM users AS u JOIN roles AS r ON r.id = u.role_id WHERE u.email = 'max@example.com'")
	webtest.Same(t, "role by form", role, "Member")
	form := s.Session.Get("/users/new").Is(200)
	if !webtest.Present(form.One("option", "value", fmt.Sprint(s.RoleID("Member"))), "selected") {
		t.Error("the form does not choose Member")
	}
	s.Admin.API("POST", "/api/users", `{"name":"x","email":"x@example.com","role_id":null}`).Refuses(400, "null_not_allowed", "role_id")
	s.Admin.API("POST", "/api/users", `{"name":"x","email":"x@example.com","role_id":0}`).Refuses(400, "number_out_of_range", "role_id")

	credentials := webtest.Credentials("mia@example.com", webtest.Password)
	for _, next := range []string{"", "/", "/access-profiles", "/mexico", "//me"} {
		credentials.Set("next", next)
		s.Anonymous().Post("/login", credentials).Redirects("/me")
	}
	credentials.Set("next", "/me/keys/new")
	s.Anonymous().Post("/login", credentials).Redirects("/me/keys/new")
	mia := s.Login("mia@example.com")
	mia.Get("/").Redirects("/me")
	mia.Get("/login").Redirects("/me")
	refused := mia.Get("/access-profiles").Refuses(403, "forbidden", "")
	if main := webtest.Text(refused.One("main")); !strings.Contains(main, "You see only your own access here") {
		t.Errorf("main %q", main)
	}
	refused.One("a", "href", "/me", "class", "button")
	page := mia.Get("/me").Is(200)
	if rail := webtest.Text(page.One("nav", "id", "nav")); len(page.All("form", "action", "/find")) != 0 || rail != "My access" {
		t.Error("a member is offered more than their own access")
	}
	mia.Post("/logout", nil).Redirects("/login")
	if strings.Contains(string(s.Session.Get("/me").Is(200).Body), `action="/find"`) == false {
		t.Error("an admin is not offered the search")
	}
}

// A role of one's own that was called Member makes way for the built-in one.
func TestMemberIsBuiltIn(t *testing.T) {
	s := webtest.NewStage(t)
	s.Admin.API("DELETE", fmt.Sprint("/api/roles/", s.RoleID("Member")), nil).Refuses(403, "system_role", "")
	s.Admin.API("POST", "/api/roles", `{"name":"member"}`).Refuses(409, "name_taken", "name")
	got := s.Admin.Get(fmt.Sprintf("/api/roles/%d/permissions", s.RoleID("Member"))).Is(200).JSON()["permission_ids"]
	webtest.Same(t, "permissions", fmt.Sprint(got), "[]")
}

// The page and the API show what a user may call, what is left and their keys, and nothing of others.
func TestMe(t *testing.T) {
	g := webtest.NewGateway(t)
	g.Admin.Ask(webtest.Model(g.Key))
	g.Exec("UPDATE policies SET calendar_aligned = true, time_zone = 'Asia/Kathmandu' WHERE id = (SELECT policy_id FROM user_access_profiles WHERE user_id = ?)", g.Ada)
	g.Noted(g.Ada)
	g.Admin.Counted(webtest.Event(g.Key, "cost", 8))
	g.Admin.WithinASecond(webtest.Model(g.Key), "budget_exceeded")
	g.Admin.Decides(webtest.Model(g.Key), "budget_exceeded", 402)
	g.RefusedRows("?user_id=" + g.Ada)
	ada := g.Login(webtest.Ada)
	page := ada.Get("/me").Is(200)
	webtest.Same(t, "cache", page.Header.Get("Cache-Control"), "no-store")
	words := webtest.Text(page.One("main"))
	for _, want := range []string{"openai gpt-4o gpt-4o-mini", "$0.00 left of $8.00 / day", "Asia/Kathmandu", "Why I was refused", "$8.00 per day on openai used up", "My keys"} {
		if !strings.Contains(words, want) {
			t.Errorf("the page does not say %q: %s", want, words)
		}
	}
	for _, other := range []string{g.Bob, webtest.Bob, "Engineering", "/access-profiles/"} {
		if strings.Contains(string(page.Body), other) {
			t.Errorf("the page has %q", other)
		}
	}
	me := ada.API("GET", "/api/me", nil).Is(200).JSON()
	webtest.Same(t, "me", me["user"].(webtest.Object)["id"], any(g.Ada))
	webtest.Same(t, "parts", []int{len(webtest.Objects(me["access_profiles"])), len(webtest.Objects(me["virtual_keys"])), len(webtest.Objects(me["refusals"]))}, []int{1, 1, 1})
	g.Anonymous().With("Authorization", webtest.Basic(webtest.Ada, webtest.Password)).API("GET", "/api/governance/me", nil).Is(200)
	// What concerns the user alone is open to neither API keys nor virtual keys.
	for name, v := range map[string]webtest.Client{"API key": g.Admin, "virtual key": g.Anonymous().With("Authorization", "Bearer "+g.Key)} {
		v.T = t
		for _, one := range []struct{ method, path string }{{"GET", "/api/me"}, {"GET", "/api/me/virtual-keys"}, {"POST", "/api/me/virtual-keys"}} {
			if a := v.API(one.method, one.path, nil); a.StatusCode != 403 {
				t.Errorf("%s: %s %s is %d", name, one.method, one.path, a.StatusCode)
			}
		}
	}
	g.Anonymous().Get("/quota").Redirects("/me")
	without := g.Login(webtest.Viewer).Get("/me").Is(200)
	if !strings.Contains(string(without.Body), "you hold no profile") {
		t.Error("the page of a user without a profile does not say so")
	}
}

// Users make and rotate their own keys; the value survives a reload, and they rotate no key of another user.
func TestOwnKeys(t *testing.T) {
	s := webtest.NewStage(t)
	s.Assign(s.Bob, webtest.Research)
	bobs := s.Keys(s.Bob)[0]["id"].(string)
	mia := s.Member("mia@example.com", "Member")
	s.Exec("UPDATE users SET password_hash = ? WHERE id = ?", webtest.FixtureHash(), mia)
	browser := s.Login("mia@example.com")
	browser.Post("/me/keys", url.Values{"name": {"Laptop"}}).Is(404) // without a profile
	s.Assign(mia, webtest.Research)
	made := browser.Post("/me/keys", url.Values{"name": {"Laptop"}}).Is(303)
	page := made.Header.Get("Location")
	value := webtest.Text(browser.Get(page).Is(200).One("code", "id", "secret"))
	webtest.Same(t, "again", webtest.Text(browser.Get(page).Is(200).One("code", "id", "secret")), value)
	s.Anonymous().With("Authorization", "Bearer "+value).Get("/api/governance/virtual-keys/quota").Is(200)
	s.Login("mia@example.com").Get(page).Redirects("/me")
	browser.Post("/me/keys", url.Values{"name": {"laptop"}}).Refuses(409, "name_taken", "name")

	rotated := browser.Follow(browser.Post(strings.Replace(page, "/value", "/rotate", 1), url.Values{"grace_period_seconds": {"0"}}))
	if again := webtest.Text(rotated.One("code", "id", "secret")); again == value {
		t.Error("the value is the old one")
	}
	s.Anonymous().With("Authorization", "Bearer "+value).Get("/api/governance/virtual-keys/quota").Is(401)
	for _, path := range []string{"/me/keys/" + bobs + "/rotate", "/me/keys/999/rotate"} {
		browser.Get(path).Is(404)
		browser.Post(path, url.Values{"grace_period_seconds": {"0"}}).Is(404)
	}
	program := s.Anonymous().With("Authorization", webtest.Basic("mia@example.com", webtest.Password))
	program.API("POST", "/api/me/virtual-keys/"+bobs+"/rotate", nil).Refuses(404, "not_found", "")
	keys := webtest.Objects(program.API("GET", "/api/me/virtual-keys", nil).Is(200).JSON()["virtual_keys"])
	if keys[0]["last_used_at"] != nil || !strings.Contains(keys[0]["value"].(string), "****") {
		t.Errorf("keys %v", keys)
	}
	for i := len(keys); i < 20; i++ {
		program.API("POST", "/api/me/virtual-keys", nil).Is(200)
	}
	program.API("POST", "/api/me/virtual-keys", nil).Refuses(409, "too_many_keys", "")
	browser.Post("/me/keys", url.Values{}).Refuses(409, "too_many_keys", "")
}

// Users try their own access, with the words for themselves.
func TestTryOwnAccess(t *testing.T) {
	g := webtest.NewGateway(t)
	g.Exec("UPDATE users SET role_id = (SELECT id FROM roles WHERE name = 'Member') WHERE id = ?", g.Ada)
	g.Admin.API("POST", "/api/mcp/clients", `{"client_id":"hidden","name":"Hidden","tools":["t"]}`).Is(201)
	ada := g.Login(webtest.Ada)
	page := ada.Get("/me/try?model=openai/gpt-4o").Is(200)
	if words := webtest.Text(page.One("section", "aria-labelledby", "tried")); !strings.HasPrefix(words, "Allowed openai/gpt-4o") {
		t.Errorf("tried: %s", words)
	}
	if body := string(page.Body); strings.Contains(body, "/users/") || strings.Contains(body, "/access-profiles/") {
		t.Error("the page links to what its user may not see")
	}
	if strings.Contains(string(page.Body), "hidden/t") || !strings.Contains(string(page.Body), "github/create_issue") {
		t.Error("tools are suggested of servers of which the user may use none")
	}
	ada.Get("/users/" + g.Ada + "/try").Is(http.StatusForbidden)
}

// The own page changes the password, and comes back with what is wrong.
func TestChangeOwnPassword(t *testing.T) {
	s := webtest.NewStage(t)
	browser := s.Login(webtest.Viewer)
	browser.Post("/me/password", url.Values{"current_password": {"wrong"}, "new_password": {"a longer password"}}).Refuses(422, "wrong_password", "current_password")
	browser.Post("/me/password", url.Values{"current_password": {webtest.Password}, "new_password": {"a longer password"}}).Redirects("/me")
	s.Anonymous().Post("/login", webtest.Credentials(webtest.Viewer, "a longer password")).Is(303)
}
