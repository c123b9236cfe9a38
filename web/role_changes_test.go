package web_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
)

// assignByRole makes a role assign a profile to every user who gains the role.
func (s stage) assignByRole(profile int64, role string) {
	s.t.Helper()
	s.attach(profile, object{"role_ids": []int64{s.roleID(role)}, "is_default": true})
}

func (s stage) attach(profile int64, body object) {
	s.t.Helper()
	s.admin.api("POST", fmt.Sprintf("/api/access-profiles/%d/roles", profile), body).is(200)
}

func (s stage) setRole(user, role string) {
	s.t.Helper()
	s.admin.api("PUT", "/api/users/"+user+"/role", object{"role_id": s.roleID(role)}).is(200)
}

func TestNewUsersGetTheProfilesOfTheirRole(t *testing.T) {
	s := newStage(t)
	s.assignByRole(research, "Developer")
	s.attach(1, object{"role_ids": []int64{s.roleID("Developer")}})
	s.assignByRole(2, "Developer")
	s.admin.api("PUT", "/api/access-profiles/2/deactivate", nil).is(200)
	developer := fmt.Sprint(s.roleID("Developer"))
	for _, door := range doorsTo(s.console, "/users", "POST", "/api/governance/users") {
		email := door.name + "@example.com"
		rows := s.count("audit_logs")
		door.send(url.Values{"name": {"x"}, "email": {email}, "role_id": {developer}}, `{"name":"x","email":"`+email+`","role_id":`+developer+`}`)
		user := s.userID(email)
		same(t, "held", s.held(user), "Research role")
		same(t, "key", s.keys(user)[0]["name"], email+" - Research")
		same(t, "rows", s.count("audit_logs")-rows, 2)
		same(t, "rows of the user", s.count("audit_logs WHERE user_id = ? AND (action = 'create' OR action = 'assign' AND access_profile_id = 4)", user), 2)
	}
	// A refused user gets no copy.
	s.unchanged(func() {
		s.admin.api("POST", "/api/users", `{"name":"x","email":"json@example.com","role_id":`+developer+`}`).refuses(409, "email_taken", "email")
	})
}

func TestRoleChangeReplacesTheCopiesOfTheRole(t *testing.T) {
	s := newStage(t)
	s.addRole("Old")
	s.addRole("New")
	s.addRole("Bare")
	s.assignByRole(1, "Old")
	s.assignByRole(research, "Old")
	s.assignByRole(research, "New")
	s.assignByRole(2, "New")
	s.setRole(s.ada, "Old")
	s.assign(s.ada, 3)
	same(t, "held", s.held(s.ada), "Café direct, Engineering role, Research role")
	var shared object
	for _, held := range s.copies(s.ada) {
		if held["name"] == "Research" {
			shared = held
		}
	}
	s.spend(objects(shared["budgets"])[0], 7)
	keys := s.keys(s.ada)
	path := "/api/users/" + s.ada + "/role"
	s.audits(func() { s.setRole(s.ada, "New") }, "update - "+s.ada+" cli", "assign 2 "+s.ada+" cli", "unassign 1 "+s.ada+" cli")
	same(t, "held", s.held(s.ada), "Café direct, Research role, Straße role")
	for _, held := range s.copies(s.ada) {
		if used := objects(held["budgets"]); held["name"] == "Research" && (id64(held) != id64(shared) || used[0]["current_usage"] != 0.000000007) {
			t.Errorf("copy %v has used %v", held["id"], used[0]["current_usage"])
		}
	}
	same(t, "keys", s.keys(s.ada), keys)
	s.unchanged(func() {
		s.setRole(s.ada, "New")
		s.admin.api("PUT", path, `{"role_id":999}`).refuses(400, "unknown_role", "role_id")
		s.session.post("/users/"+s.ada+"/role", url.Values{"role_id": {"999"}}).refuses(422, "unknown_role", "role_id")
	})
	// The page first names the copies that would be deleted; nothing has changed yet.
	bare := fmt.Sprint(s.roleID("Bare"))
	s.unchanged(func() {
		asked := s.session.post("/users/"+s.ada+"/role", url.Values{"role_id": {bare}}).is(200)
		if effects := text(asked.one("ul", "class", "effects")); !strings.Contains(effects, "They lose Research and Straße") {
			t.Errorf("it asks: %s", effects)
		}
		same(t, "asked with the role", attribute(asked.one("input", "name", "role_id"), "value"), bare)
	})
	s.session.post("/users/"+s.ada+"/role", url.Values{"role_id": {bare}, "confirmed": {"true"}}).redirects("/users/" + s.ada)
	same(t, "held", s.held(s.ada), "Café direct")
	same(t, "keys", s.keys(s.ada), keys)
	// After changing back, the copies are new ones without usage.
	s.setRole(s.ada, "Old")
	same(t, "held", s.held(s.ada), "Café direct, Engineering role, Research role")
	for _, held := range s.copies(s.ada) {
		if held["name"] == "Research" && (id64(held) == id64(shared) || objects(held["budgets"])[0]["current_usage"] != 0.0) {
			t.Errorf("the copy is back: %v", held)
		}
	}
}

// A role with the profile attached, though not as its default, keeps the copy that a user had from their last role.
func TestRoleChangeBetweenRolesOfOneProfile(t *testing.T) {
	s := newStage(t)
	s.addRole("Old")
	s.addRole("New")
	s.assignByRole(research, "Old")
	s.attach(research, object{"role_ids": []int64{s.roleID("New")}})
	s.setRole(s.ada, "Old")
	held := s.copies(s.ada)[0]
	s.setRole(s.bob, "New")
	s.setRole(s.ada, "New")
	same(t, "held", []string{s.held(s.ada), s.held(s.bob)}, []string{"Research role", ""})
	same(t, "copy", s.copies(s.ada)[0]["id"], held["id"])
	// The same while the profile is inactive: copies keep working.
	s.admin.api("PUT", "/api/access-profiles/4/deactivate", nil).is(200)
	s.setRole(s.ada, "Old")
	same(t, "copy", s.copies(s.ada)[0]["id"], held["id"])
}

func TestKeysAreDeletedWithTheLastCopyOfARole(t *testing.T) {
	s := newStage(t)
	s.addRole("Old")
	s.addRole("New")
	s.addRole("Bare")
	s.assignByRole(1, "Old")
	s.assignByRole(2, "New")
	s.setRole(s.ada, "Old")
	key := s.admin.api("POST", "/api/users/"+s.ada+"/virtual-keys", nil).is(200).object("virtual_key")
	// A user who has some copy throughout keeps their keys.
	s.setRole(s.ada, "New")
	s.bearer(key["value"]).get("/api/virtual-keys/quota").is(200)
	same(t, "keys", len(s.keys(s.ada)), 2)
	s.setRole(s.ada, "Bare")
	s.bearer(key["value"]).get("/api/virtual-keys/quota").refuses(401, "unauthenticated", "")
	same(t, "keys", len(s.keys(s.ada)), 0)
}

func TestDirectAndFromTheRole(t *testing.T) {
	s := newStage(t)
	s.addRole("Old")
	s.addRole("Bare")
	body := `{"access_profile_id":4,"expires_at":"2099-01-01T00:00:00Z"}`
	direct := s.admin.api("POST", "/api/users/"+s.ada+"/access-profiles", body).is(201).object("access_profile")
	s.assignByRole(research, "Old")
	s.audits(func() { s.setRole(s.ada, "Old") }, "update - "+s.ada+" cli")
	both := s.copies(s.ada)
	same(t, "with the role", []any{len(both), both[0]["id"], both[0]["source"], both[0]["expires_at"]}, []any{1, direct["id"], "direct", nil})
	s.unchanged(func() {
		s.admin.api("PUT", "/api"+copyPath(s.ada, direct), `{"expires_at":"2098-01-01T00:00:00Z"}`).refuses(409, "from_role", "expires_at")
	})
	s.setRole(s.ada, "Bare")
	left := s.copies(s.ada)
	same(t, "without", []any{len(left), left[0]["id"], left[0]["source"], left[0]["expires_at"]}, []any{1, direct["id"], "direct", "2099-01-01T00:00:00Z"})
	// A copy of any origin can be detached by hand; joining the role again creates a new one.
	s.setRole(s.ada, "Old")
	s.admin.api("DELETE", "/api"+copyPath(s.ada, direct), nil).is(200)
	same(t, "held", s.held(s.ada), "")
	s.setRole(s.ada, "Bare")
	s.setRole(s.ada, "Old")
	same(t, "held", s.held(s.ada), "Research role")
	s.admin.api("POST", "/api/users/"+s.ada+"/access-profiles", `{"access_profile_id":4}`).refuses(409, "already_held", "access_profile_id")
}

func TestDeletedUsersLoseTheirCopies(t *testing.T) {
	s := newStage(t)
	for _, name := range []string{"form", "json"} {
		left := s.changes(func() {
			user := s.member(name+"@example.com", "Viewer")
			held, key := s.assign(user, research)
			s.assign(user, 1)
			s.admin.api("PUT", overridePath(user, held, objects(held["budgets"])[0]), `{"amount":1,"mode":"forever"}`).is(200)
			actor := map[string]string{"form": admin, "json": "cli"}[name]
			s.audits(func() {
				if name == "form" {
					s.session.post("/users/"+user+"/delete", nil).redirects("/users")
				} else {
					s.admin.api("DELETE", "/api/users/"+user, nil).is(200)
				}
			}, "delete - "+user+" "+actor)
			s.bearer(key["value"]).get("/api/virtual-keys/quota").refuses(401, "unauthenticated", "")
			var said string
			s.scan(&said, "SELECT previous_values FROM audit_logs ORDER BY id DESC LIMIT 1")
			for _, lost := range []string{"Research", "Engineering", name + "@example.com - Research"} {
				if !strings.Contains(said, `"`+lost+`"`) {
					t.Errorf("%q is not in the audit row", lost)
				}
			}
		})
		same(t, "tables changed", left, []string{"access_changes", "audit_head", "audit_logs", "former_names", "retired_keys"})
	}
	same(t, "user_count", s.admin.get("/api/access-profiles/4").json()["user_count"], 0.0)
	s.admin.api("DELETE", "/api/access-profiles/4", nil).is(200)
}
