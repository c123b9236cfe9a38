package web_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"tollgate/web/webtest"
)

func TestNewUsersGetTheProfilesOfTheirRole(t *testing.T) {
	s := webtest.NewStage(t)
	s.AssignByRole(webtest.Research, "Developer")
	s.Attach(1, webtest.Object{"role_ids": []int64{s.RoleID("Developer")}})
	s.AssignByRole(2, "Developer")
	s.Admin.API("PUT", "/api/access-profiles/2/deactivate", nil).Is(200)
	developer := fmt.Sprint(s.RoleID("Developer"))
	for _, door := range webtest.DoorsTo(s.Console, "/users", "POST", "/api/governance/users") {
		email := door.Name + "@example.com"
		rows := s.Count("audit_logs")
		door.Send(url.Values{"name": {"x"}, "email": {email}, "role_id": {developer}}, `{"name":"x","email":"`+email+`","role_id":`+developer+`}`)
		user := s.UserID(email)
		webtest.Same(t, "held", s.Held(user), "Research role")
		webtest.Same(t, "keys", len(s.Keys(user)), 0)
		webtest.Same(t, "rows", s.Count("audit_logs")-rows, 2)
		webtest.Same(t, "rows of the user", s.Count("audit_logs WHERE user_id = ? AND (action = 'create' OR action = 'assign' AND access_profile_id = 4)", user), 2)
	}
	// A refused user gets no copy.
	s.Unchanged(func() {
		s.Admin.API("POST", "/api/users", `{"name":"x","email":"json@example.com","role_id":`+developer+`}`).Refuses(409, "email_taken", "email")
	})
}

func TestRoleChangeReplacesTheCopiesOfTheRole(t *testing.T) {
	s := webtest.NewStage(t)
	s.AddRole("Old")
	s.AddRole("New")
	s.AddRole("Bare")
	s.AssignByRole(1, "Old")
	s.AssignByRole(webtest.Research, "Old")
	s.AssignByRole(webtest.Research, "New")
	s.AssignByRole(2, "New")
	s.SetRole(s.Ada, "Old")
	s.Assign(s.Ada, 3)
	webtest.Same(t, "held", s.Held(s.Ada), "Café direct, Engineering role, Research role")
	var shared webtest.Object
	for _, held := range s.Copies(s.Ada) {
		if held["name"] == "Research" {
			shared = held
		}
	}
	s.Spend(webtest.Objects(shared["budgets"])[0], 7)
	keys := s.Keys(s.Ada)
	path := "/api/users/" + s.Ada + "/role"
	s.Audits(func() { s.SetRole(s.Ada, "New") }, "update - "+s.Ada+" cli", "assign 2 "+s.Ada+" cli", "unassign 1 "+s.Ada+" cli")
	webtest.Same(t, "held", s.Held(s.Ada), "Café direct, Research role, Straße role")
	for _, held := range s.Copies(s.Ada) {
		if used := webtest.Objects(held["budgets"]); held["name"] == "Research" && (webtest.Int64ID(held) != webtest.Int64ID(shared) || used[0]["current_usage"] != 0.000000007) {
			t.Errorf("copy %v has used %v", held["id"], used[0]["current_usage"])
		}
	}
	webtest.Same(t, "keys", s.Keys(s.Ada), keys)
	s.Unchanged(func() {
		s.SetRole(s.Ada, "New")
		s.Admin.API("PUT", path, `{"role_id":999}`).Refuses(400, "unknown_role", "role_id")
		s.Session.Post("/users/"+s.Ada+"/role", url.Values{"role_id": {"999"}}).Refuses(422, "unknown_role", "role_id")
	})
	// The page first names the copies that would be deleted; nothing has changed yet.
	bare := fmt.Sprint(s.RoleID("Bare"))
	form := "/users/" + s.Ada + "/role"
	asked := s.Session.Post(form, url.Values{"role_id": {bare}}).Is(200)
	s.Unchanged(func() {
		if effects := webtest.Text(asked.One("ul", "class", "effects")); !strings.Contains(effects, "They lose Research and Straße") {
			t.Errorf("it asks: %s", effects)
		}
		webtest.Same(t, "asked with the role", webtest.Attribute(asked.One("input", "name", "role_id"), "value"), bare)
	})
	// What has changed since is asked again.
	s.Exec("UPDATE user_access_profiles SET direct = true WHERE user_id = ? AND access_profile_id = ?", s.Ada, webtest.Research)
	s.Unchanged(func() {
		again := s.Session.Post(form, asked.KeptFields(form)).Is(200)
		if effects := webtest.Text(again.One("ul", "class", "effects")); !strings.Contains(effects, "They lose Straße") {
			t.Errorf("it asks again: %s", effects)
		}
	})
	s.Exec("UPDATE user_access_profiles SET direct = false WHERE user_id = ? AND access_profile_id = ?", s.Ada, webtest.Research)
	s.Session.Post(form, asked.KeptFields(form)).Redirects("/users/" + s.Ada)
	webtest.Same(t, "held", s.Held(s.Ada), "Café direct")
	webtest.Same(t, "keys", s.Keys(s.Ada), keys)
	// After changing back, the copies are new ones without usage.
	s.SetRole(s.Ada, "Old")
	webtest.Same(t, "held", s.Held(s.Ada), "Café direct, Engineering role, Research role")
	for _, held := range s.Copies(s.Ada) {
		if held["name"] == "Research" && (webtest.Int64ID(held) == webtest.Int64ID(shared) || webtest.Objects(held["budgets"])[0]["current_usage"] != 0.0) {
			t.Errorf("the copy is back: %v", held)
		}
	}
}

// A role with the profile attached, though not as its default, keeps the copy that a user had from their last role.
func TestRoleChangeBetweenRolesOfOneProfile(t *testing.T) {
	s := webtest.NewStage(t)
	s.AddRole("Old")
	s.AddRole("New")
	s.AssignByRole(webtest.Research, "Old")
	s.Attach(webtest.Research, webtest.Object{"role_ids": []int64{s.RoleID("New")}})
	s.SetRole(s.Ada, "Old")
	held := s.Copies(s.Ada)[0]
	s.SetRole(s.Bob, "New")
	s.SetRole(s.Ada, "New")
	webtest.Same(t, "held", []string{s.Held(s.Ada), s.Held(s.Bob)}, []string{"Research role", ""})
	webtest.Same(t, "copy", s.Copies(s.Ada)[0]["id"], held["id"])
	// The same while the profile is inactive: copies keep working.
	s.Admin.API("PUT", "/api/access-profiles/4/deactivate", nil).Is(200)
	s.SetRole(s.Ada, "Old")
	webtest.Same(t, "copy", s.Copies(s.Ada)[0]["id"], held["id"])
}

func TestKeysAreDeletedWithTheLastCopyOfARole(t *testing.T) {
	s := webtest.NewStage(t)
	s.AddRole("Old")
	s.AddRole("New")
	s.AddRole("Bare")
	s.AssignByRole(1, "Old")
	s.AssignByRole(2, "New")
	s.SetRole(s.Ada, "Old")
	key := s.Admin.API("POST", "/api/users/"+s.Ada+"/virtual-keys", nil).Is(200).Object("virtual_key")
	// A user who has some copy throughout keeps their keys.
	s.SetRole(s.Ada, "New")
	s.Bearer(key["value"]).Get("/api/virtual-keys/quota").Is(200)
	webtest.Same(t, "keys", len(s.Keys(s.Ada)), 1)
	s.SetRole(s.Ada, "Bare")
	s.Bearer(key["value"]).Get("/api/virtual-keys/quota").Refuses(401, "unauthenticated", "")
	webtest.Same(t, "keys", len(s.Keys(s.Ada)), 0)
}

func TestDirectAndFromTheRole(t *testing.T) {
	s := webtest.NewStage(t)
	s.AddRole("Old")
	s.AddRole("Bare")
	body := `{"access_profile_id":4,"expires_at":"2099-01-01T00:00:00Z"}`
	direct := s.Admin.API("POST", "/api/users/"+s.Ada+"/access-profiles", body).Is(201).Object("access_profile")
	s.AssignByRole(webtest.Research, "Old")
	s.Audits(func() { s.SetRole(s.Ada, "Old") }, "update - "+s.Ada+" cli", "update 4 "+s.Ada+" cli")
	both := s.Copies(s.Ada)
	webtest.Same(t, "with the role", []any{len(both), both[0]["id"], both[0]["source"], both[0]["expires_at"]}, []any{1, direct["id"], "direct", nil})
	s.Unchanged(func() {
		s.Admin.API("PUT", "/api"+webtest.CopyPath(s.Ada, direct), `{"expires_at":"2098-01-01T00:00:00Z"}`).Refuses(409, "from_role", "expires_at")
	})
	s.SetRole(s.Ada, "Bare")
	left := s.Copies(s.Ada)
	webtest.Same(t, "without", []any{len(left), left[0]["id"], left[0]["source"], left[0]["expires_at"]}, []any{1, direct["id"], "direct", "2099-01-01T00:00:00Z"})
	// A copy of any origin can be detached by hand; joining the role again creates a new one.
	s.SetRole(s.Ada, "Old")
	s.Admin.API("DELETE", "/api"+webtest.CopyPath(s.Ada, direct), nil).Is(200)
	webtest.Same(t, "held", s.Held(s.Ada), "")
	s.SetRole(s.Ada, "Bare")
	s.SetRole(s.Ada, "Old")
	webtest.Same(t, "held", s.Held(s.Ada), "Research role")
	s.Admin.API("POST", "/api/users/"+s.Ada+"/access-profiles", `{"access_profile_id":4}`).Refuses(409, "already_held", "access_profile_id")
}

func TestDeletedUsersLoseTheirCopies(t *testing.T) {
	s := webtest.NewStage(t)
	for _, name := range []string{"form", "json"} {
		left := s.Changes(func() {
			user := s.Member(name+"@example.com", "Viewer")
			held, key := s.Assign(user, webtest.Research)
			s.Assign(user, 1)
			s.Admin.API("PUT", webtest.OverridePath(user, held, webtest.Objects(held["budgets"])[0]), `{"amount":1,"mode":"forever"}`).Is(200)
			actor := map[string]string{"form": webtest.Admin, "json": "cli"}[name]
			s.Audits(func() {
				if name == "form" {
					s.Session.Post("/users/"+user+"/delete", nil).Redirects("/users")
				} else {
					s.Admin.API("DELETE", "/api/users/"+user, nil).Is(200)
				}
			}, "delete - "+user+" "+actor)
			s.Bearer(key["value"]).Get("/api/virtual-keys/quota").Refuses(401, "unauthenticated", "")
			var said string
			s.Scan(&said, "SELECT previous_values FROM audit_logs ORDER BY id DESC LIMIT 1")
			for _, lost := range []string{"Research", "Engineering", name + "@example.com - Research"} {
				if !strings.Contains(said, `"`+lost+`"`) {
					t.Errorf("%q is not in the audit row", lost)
				}
			}
		})
		webtest.Same(t, "tables changed", left, []string{"access_changes", "audit_head", "audit_logs", "former_names", "retired_keys", "usage_feed"})
	}
	webtest.Same(t, "user_count", s.Admin.Get("/api/access-profiles/4").JSON()["user_count"], 0.0)
	s.Admin.API("DELETE", "/api/access-profiles/4", nil).Is(200)
}
