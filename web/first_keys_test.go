package web_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"tollgate/web/webtest"
)

// A key is issued only where its value is shown: a copy from a bulk assignment, a role or a change of role has none,
// and counts all the same.
func TestKeysAreIssuedWhereTheyAreShown(t *testing.T) {
	g := webtest.NewGateway(t)
	g.AddRole("Old")
	g.AddRole("New")
	g.AssignByRole(g.Work, "New")
	work, role := fmt.Sprint(g.Work), fmt.Sprint(g.RoleID("New"))
	for name, get := range map[string]func(user string){
		"bulk": func(user string) {
			got := g.Session.Post("/users/bulk", url.Values{"ids": {user}, "access_profile_id": {work}})
			says(t, g.Session.Follow(got), "1 user has no key yet")
		},
		"role change": func(user string) { g.SetRole(user, "New") },
		"role change by form": func(user string) {
			path := "/users/" + user + "/role"
			asked := g.Session.Post(path, url.Values{"role_id": {role}}).Is(200)
			g.Session.Post(path, asked.KeptFields(path)).Redirects("/users/" + user)
		},
		"role attachment": func(string) {
			got := g.Admin.API("POST", "/api/access-profiles/"+work+"/roles", webtest.Object{
				"role_ids": []int64{g.RoleID("Old")}, "apply_to_existing": true,
			}).Is(200).JSON()
			webtest.Same(t, "message", strings.HasSuffix(fmt.Sprint(got["message"]), "1 user has no key yet. A key is made on the user's page."), true)
		},
	} {
		user := g.Member(strings.ReplaceAll(name, " ", ".")+"@example.com", "Old")
		get(user)
		t.Log(name)
		isKeyless(t, g, user)
		g.Exec("UPDATE users SET role_id = ? WHERE id = ?", g.RoleID("Viewer"), user)
	}
	for _, door := range webtest.DoorsTo(g.Console, "/users", "POST", "/api/users") {
		email := door.Name + "@new.example.com"
		door.Send(url.Values{"name": {"x"}, "email": {email}, "role_id": {role}}, `{"name":"x","email":"`+email+`","role_id":`+role+`}`)
		isKeyless(t, g, g.UserID(email))
	}
}

// isKeyless checks that a user has a copy that counts and no key, and gets one by asking.
func isKeyless(t *testing.T, g webtest.Gateway, user string) {
	t.Helper()
	held := g.Copies(user)
	if len(held) != 1 || len(held[0]["virtual_key_ids"].([]any)) > 0 || len(held[0]["virtual_key_values"].(webtest.Object)) > 0 {
		t.Fatalf("copies %v", held)
	}
	webtest.Same(t, "keys", g.Count("virtual_keys WHERE user_id = ?", user), 0)
	webtest.Same(t, "rows that name keys", g.Count("audit_logs WHERE user_id = ? AND metadata LIKE '%\"keys\":%'", user), 0)
	g.Admin.Decides(webtest.Object{"user_id": user, "provider": "openai", "model": "gpt-4o"}, "allowed", 200)
	says(t, g.Session.Get("/users/"+user), "No key yet. Make one")

	got := g.Session.Follow(g.Session.Post("/users/"+user+"/virtual-keys", url.Values{"name": {""}}).Is(303))
	g.Admin.Decides(webtest.Model(webtest.Text(got.One("code", "id", "secret"))), "allowed", 200)
}

func says(t *testing.T, page webtest.Answer, text string) {
	t.Helper()
	if got := webtest.Text(page.Is(200).One("body")); !strings.Contains(got, text) {
		t.Errorf("%s does not say %q: %s", page.Request.URL, text, got)
	}
}

// A direct assignment shows a key to a user who has none, also when they hold something already.
func TestDirectAssignmentIssuesTheMissingKey(t *testing.T) {
	s := webtest.NewStage(t)
	s.AddRole("New")
	s.AssignByRole(1, "New")
	s.SetRole(s.Ada, "New")
	_, key := s.Assign(s.Ada, webtest.Research)
	webtest.Same(t, "name", key["name"], "ada@example.com - Research")
	s.Bearer(key["value"]).Get(webtest.Quota).Is(200)
	_, key = s.Assign(s.Ada, 2)
	webtest.Same(t, "another", len(key), 0)
	s.SetRole(s.Bob, "New")
	got := s.Session.Follow(s.Session.Post("/users/"+s.Bob+"/access-profiles", url.Values{"access_profile_id": {"4"}}).Is(303))
	s.Bearer(webtest.Text(got.One("code", "id", "secret"))).Get(webtest.Quota).Is(200)
	webtest.Same(t, "keys", []int{len(s.Keys(s.Ada)), len(s.Keys(s.Bob))}, []int{1, 1})
}
