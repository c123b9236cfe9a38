package web_test

import (
	"strings"
	"testing"

	"tollgate/models/permission"
	"tollgate/web/webtest"
)

// staffed is a filled console with users: one with a profile of their own, one whose profile comes with the role, one
// who is deactivated, and one whose copy ends.
func staffed(t *testing.T) webtest.Stage {
	t.Helper()
	s := filled(t)
	for _, u := range []struct{ name, role string }{{"Own", "Developer"}, {"By role", "Engineer"}, {"Gone", "Viewer"}, {"Until", "Member"}} {
		email := strings.ReplaceAll(strings.ToLower(u.name), " ", ".") + "@example.com"
		id := s.Admin.API("POST", "/api/users", object{"name": u.name, "email": email, "role_id": s.RoleID(u.role), "password": "correct horse battery"}).
			Is(201).JSON()["user"].(object)["id"].(string)
		switch u.name {
		case "Own":
			s.Admin.API("POST", "/api/users/"+id+"/access-profiles", object{"access_profile_id": webtest.Research}).Is(201)
		case "Until":
			s.Admin.API("POST", "/api/users/"+id+"/access-profiles", object{"access_profile_id": webtest.Research, "expires_at": "2099-01-01T00:00:00Z"}).Is(201)
		case "Gone":
			s.Admin.API("PUT", "/api/users/"+id+"/deactivate", nil).Is(200)
		}
	}
	return s
}

func userDocument(t *testing.T, documents []any, email string) string {
	t.Helper()
	for _, d := range documents {
		if d.(object)["email"] == email {
			return compact(t, d)
		}
	}
	return ""
}

// Users go into documents and make the same users of an empty console, without their secrets.
func TestConfigUsersRoundTrip(t *testing.T) {
	s := staffed(t)
	all := documentsOf(t, s.Admin, "?users=true")
	for email, want := range map[string]string{
		"own@example.com":     `{"access_profiles":["Research"],"email":"own@example.com","kind":"user","name":"Own","role":"Developer"}`,
		"by.role@example.com": `{"email":"by.role@example.com","kind":"user","name":"By role","role":"Engineer"}`,
		"gone@example.com":    `{"email":"gone@example.com","is_active":false,"kind":"user","name":"Gone","role":"Viewer"}`,
		"until@example.com":   `{"email":"until@example.com","kind":"user","name":"Until","role":"Member"}`,
	} {
		if got := userDocument(t, all, email); got != want {
			t.Errorf("%s is exported as %s", email, got)
		}
	}
	if plain := documentsOf(t, s.Admin, ""); userDocument(t, plain, "own@example.com") != "" {
		t.Error("users are exported without being asked for")
	}
	other := webtest.NewConsole(t)
	admin := other.APIKey(permission.AllPermissions()...)
	body := object{"set": "platform", "documents": all}
	body["plan"] = admin.API("POST", "/api/config/plan", body).Is(200).JSON()["plan"]
	admin.API("POST", "/api/config/apply", body).Is(200)
	if got := documentsOf(t, admin, "?users=true&set=platform"); compact(t, got) != compact(t, all) {
		t.Errorf("exported again:\n%s\nwant\n%s", compact(t, got), compact(t, all))
	}
	delete(body, "plan")
	again := admin.API("POST", "/api/config/plan", body).Is(200).JSON()
	if len(again["changes"].([]any)) > 0 {
		t.Errorf("planned again: %v", again["changes"])
	}
	for _, email := range []string{"own@example.com", "by.role@example.com"} {
		decided := admin.API("POST", "/api/decisions", object{"user_id": other.UserID(email), "model": "openai/gpt-4o"}).Is(200).JSON()
		if decided["type"] != "budget_exceeded" {
			t.Errorf("%s has no copy of a profile with a budget of nothing: %v", email, decided)
		}
	}
	if n := other.Count("virtual_keys"); n > 0 {
		t.Errorf("%d keys were issued, whose values were answered to no one", n)
	}
	page := other.Login("admin@example.com").Get("/users/" + other.UserID("own@example.com")).Is(200)
	if !strings.Contains(string(page.Body), "platform") {
		t.Error("the page of a user does not name the set")
	}
}

// A profile that a user document lists is the same one under another name, and is not listed when it comes with the role.
func TestConfigUsersProfilesByAnotherNameOrRole(t *testing.T) {
	s := staffed(t)
	ada := object{"kind": "user", "email": "ada@example.org", "name": "Ada", "role": "Viewer", "access_profiles": []string{"Builders"}}
	builders := object{"kind": "access_profile", "name": "Builders"}
	body := object{"set": "people", "documents": []any{ada, builders}}
	s.Admin.API("POST", "/api/config/apply", body).Is(200)
	builders["name"], builders["renamed_from"], ada["access_profiles"] = "Makers", "Builders", []string{"Makers"}
	s.Admin.API("POST", "/api/config/apply", body).Is(200)
	delete(builders, "renamed_from")
	if again := actions(s.Admin.API("POST", "/api/config/apply", body).Is(200).JSON()); len(again) > 0 {
		t.Errorf("changed again: %v", again)
	}
	// A role that hands the profile out leaves nothing to list, as for a user who is new.
	builders["roles"] = []object{{"role": "Engineer", "is_default": true}}
	s.Admin.API("POST", "/api/config/apply", body).Is(200)
	ada["role"] = "Engineer"
	s.Admin.API("POST", "/api/config/apply", body).Refuses(400, "already_held", "documents[0].access_profiles[0]")
}

// A document of a user is the whole user: role, profiles and state follow it, and drift stops an apply.
func TestConfigUsersChange(t *testing.T) {
	s := staffed(t)
	ada := object{"kind": "user", "email": "ADA.L@example.com", "name": "Ada", "role": "engineer", "access_profiles": []string{"retired"}}
	body := object{"set": "people", "documents": []any{ada}}
	apply := func() object { return s.Admin.API("POST", "/api/config/apply", body).Is(200).JSON() }
	s.Admin.API("POST", "/api/config/apply", body).Refuses(400, "profile_inactive", "documents[0].access_profiles[0]")
	ada["access_profiles"] = []string{"research"}
	s.Admin.API("POST", "/api/config/apply", body).Refuses(400, "already_held", "documents[0].access_profiles[0]")
	ada["access_profiles"] = []string{"012"}
	apply()
	want := `{"access_profiles":["012"],"email":"ADA.L@example.com","kind":"user","name":"Ada","role":"Engineer"}`
	exported := func() string { return userDocument(t, documentsOf(t, s.Admin, "?users=true"), ada["email"].(string)) }
	if got := exported(); got != want {
		t.Errorf("applied %s", got)
	}
	ada["email"], ada["name"], ada["is_active"], ada["renamed_from"] = "ada@example.org", "Ada L.", false, "ada.l@example.com"
	delete(ada, "role")
	delete(ada, "access_profiles")
	apply()
	if got, want := exported(), `{"email":"ada@example.org","is_active":false,"kind":"user","name":"Ada L.","role":"Member"}`; got != want {
		t.Errorf("applied %s", got)
	}
	delete(ada, "renamed_from")
	id := s.UserID(ada["email"].(string))
	s.Admin.API("PUT", "/api/users/"+id+"/activate", nil).Is(200)
	s.Admin.API("POST", "/api/config/apply", body).Refuses(409, "drift", "documents[0]")
	drifted := s.Admin.Get("/api/config/drift").Is(200).JSON()["drift"].([]any)
	if len(drifted) != 1 || compact(t, drifted[0].(object)["fields"]) != `[{"after":null,"before":false,"field":"is_active"}]` {
		t.Errorf("drift: %v", drifted)
	}
	s.Admin.API("POST", "/api/config/apply", object{"set": "people", "prune": true, "on_drift": "revert", "documents": []any{
		object{"kind": "user", "email": "last@example.com", "name": "Last"},
	}}).Is(200)
	if exported() != "" {
		t.Error("a pruned user is still there")
	}
	if got := userDocument(t, documentsOf(t, s.Admin, "?users=true"), "own@example.com"); got == "" {
		t.Error("a user of no set was pruned")
	}
}

// Nobody is taken out of reach by a file: the last admin, a break-glass admin, and who may do more than the actor.
func TestConfigUsersGuards(t *testing.T) {
	s := staffed(t)
	user := func(email, role string) object {
		return object{"set": "people", "on_drift": "revert", "documents": []any{object{"kind": "user", "email": email, "name": "X", "role": role}}}
	}
	viewer := s.APIKey(permission.ViewUsers)
	viewer.API("POST", "/api/config/plan", user("x@example.com", "Admin")).Is(200)
	viewer.API("POST", "/api/config/apply", user("x@example.com", "Member")).Refuses(403, "forbidden", "")
	s.APIKey(permission.ViewAccessProfiles).API("POST", "/api/config/plan", user("x@example.com", "Member")).Refuses(403, "forbidden", "")
	s.APIKey(permission.ViewAccessProfiles).Get("/api/config?users=true").Refuses(403, "forbidden", "")
	small := s.APIKey(permission.ViewUsers, permission.CreateUsers, permission.UpdateUsers)
	small.API("POST", "/api/config/apply", user("x@example.com", "Admin")).Refuses(403, "forbidden", "documents[0].role")
	small.API("POST", "/api/config/apply", user("x@example.com", "Member")).Is(200)
	small.API("POST", "/api/config/apply", user("own@example.com", "Member")).Refuses(403, "forbidden", "documents[0]")
	s.Admin.API("POST", "/api/config/apply", user("x@example.com", "Nothing")).Refuses(400, "unknown_role", "documents[0].role")
	with := user("y@example.com", "Member")
	with["documents"].([]any)[0].(object)["access_profiles"] = []string{"Nothing"}
	s.Admin.API("POST", "/api/config/apply", with).Refuses(400, "unknown_access_profile", "documents[0].access_profiles[0]")
	with["documents"].([]any)[0].(object)["access_profiles"] = []string{"012"}
	small.API("POST", "/api/config/apply", with).Refuses(403, "forbidden", "documents[0]")
	s.Admin.API("POST", "/api/config/apply", user("admin@example.com", "Member")).Refuses(400, "last_admin", "documents[0].role")
	s.Exec("UPDATE users SET break_glass = true WHERE email = 'own@example.com'")
	s.Admin.API("POST", "/api/config/apply", user("own@example.com", "Member")).Refuses(400, "break_glass", "documents[0].role")
	s.Directory("Okta", "Member").Provision("kept@example.com")
	s.Admin.API("POST", "/api/config/apply", user("Kept@example.com", "Member")).Refuses(400, "managed", "documents[0].email")
	if got := userDocument(t, documentsOf(t, s.Admin, "?users=true"), "kept@example.com"); got != "" {
		t.Errorf("a user of a directory is exported: %s", got)
	}
	s.Admin.API("POST", "/api/config/apply", object{"set": "admins", "documents": []any{
		object{"kind": "user", "email": "admin@example.com", "name": "Admin", "role": "Admin"},
	}}).Is(200)
	s.Admin.API("POST", "/api/config/apply", object{"set": "admins", "prune": true, "documents": []any{
		object{"kind": "access_profile", "name": "Other"},
	}}).Refuses(400, "last_admin", "")
	with["documents"].([]any)[0].(object)["password"] = "correct horse battery"
	s.Admin.API("POST", "/api/config/apply", with).Refuses(400, "unknown_field", "documents[0].password")
}
