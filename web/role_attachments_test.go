package web_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
)

// roles lists the roles that a profile is attached to, in short: "Developer false, Viewer true".
func (s stage) roles(profile int64) string {
	s.t.Helper()
	var names []string
	for _, attached := range objects(s.admin.get(fmt.Sprintf("/api/access-profiles/%d", profile)).is(200).json()["roles"]) {
		if keysOf(attached) != "access_profile_id id is_default role_id role_name" || attached["access_profile_id"] != float64(profile) {
			s.t.Errorf("attachment %v", attached)
		}
		names = append(names, fmt.Sprint(attached["role_name"], " ", attached["is_default"]))
	}
	return strings.Join(names, ", ")
}

func TestAttachRoles(t *testing.T) {
	s := newStage(t)
	developer, viewers := s.roleID("Developer"), s.roleID("Viewer")
	same(t, "roles", s.roles(research), "")
	for i, prefix := range []string{"/api", "/api/governance"} {
		path := prefix + "/access-profiles/4/roles"
		var got object
		send := func(body string) func() { return func() { got = s.admin.api("POST", path, body).is(200).json() } }
		s.audits(send(fmt.Sprintf(`{"role_ids":[%d,%d,%d]}`, viewers, developer, viewers)), "attach_role 4 - cli")
		if said, _ := got["message"].(string); said == "" || got["users_applied"] != 0.0 || keysOf(got) != "message users_applied" {
			t.Errorf("got %v", got)
		}
		same(t, "roles", s.roles(research), "Developer false, Viewer false")
		same(t, "held", s.held(s.ada), "")
		// Sent again it changes nothing; the default changes only when it is sent.
		s.unchanged(send(fmt.Sprintf(`{"role_ids":[%d],"is_default":false}`, viewers)))
		s.audits(send(fmt.Sprintf(`{"role_ids":[%d],"is_default":true}`, viewers)), "attach_role 4 - cli")
		s.unchanged(send(fmt.Sprintf(`{"role_ids":[%d,%d]}`, viewers, developer)))
		same(t, "roles", s.roles(research), "Developer false, Viewer true")
		for _, role := range []int64{viewers, developer} {
			s.audits(func() {
				got = s.admin.api("DELETE", fmt.Sprintf("%s/%d", path, role), nil).is(200).json()
			}, "detach_role 4 - cli")
			if said, _ := got["message"].(string); said == "" || keysOf(got) != "message" {
				t.Errorf("got %v", got)
			}
			s.unchanged(func() { s.admin.api("DELETE", fmt.Sprintf("%s/%d", path, role), nil).refuses(404, "not_found", "") })
		}
		if roles := s.admin.get(fmt.Sprint(prefix, "/access-profiles/4")).json()["roles"]; roles == nil || s.roles(research) != "" {
			t.Errorf("round %d: roles %v", i, roles)
		}
	}
}

func TestAttachRolesByForm(t *testing.T) {
	s := newStage(t)
	page := "/access-profiles/4/roles"
	developer, viewers := fmt.Sprint(s.roleID("Developer")), fmt.Sprint(s.roleID("Viewer"))
	s.audits(func() {
		s.session.post(page, url.Values{"role_ids": {viewers, developer, viewers}, "is_default": {"true"}}).redirects(page)
	}, "attach_role 4 - "+admin)
	same(t, "roles", s.roles(research), "Developer true, Viewer true")
	s.session.post(page, url.Values{"role_ids": {viewers}, "apply_to_existing": {"true"}}).redirects(page)
	same(t, "held", s.held(s.ada), "Research role")
	s.unchanged(func() {
		s.session.get(page+"/"+viewers+"/delete").is(200).one("form", "action", page+"/"+viewers+"/delete")
	})
	s.session.post(page+"/"+developer+"/delete", nil).redirects(page)
	s.session.post(page+"/"+developer+"/delete", nil).refuses(404, "not_found", "")
	s.audits(func() {
		s.session.post(page+"/"+viewers+"/delete", url.Values{"remove_from_users": {"true"}}).redirects(page)
	}, "detach_role 4 - "+admin)
	same(t, "held", s.held(s.ada), "")
	// The ticked boxes come back with the problems.
	refused := s.session.post(page, url.Values{"role_ids": {developer, "999"}, "is_default": {"true"}}).refuses(422, "unknown_role", "role_ids[1]")
	if !present(refused.one("input", "name", "role_ids", "value", developer), "checked") || !present(refused.one("input", "name", "is_default"), "checked") {
		t.Error("the form has not kept what was ticked")
	}
}

func TestAttachRolesRefused(t *testing.T) {
	s := newStage(t)
	viewers := fmt.Sprint(s.roleID("Viewer"))
	ids := func(values ...string) url.Values { return url.Values{"role_ids": values} }
	with := func(rest string) string { return `{"role_ids":[` + viewers + `],` + rest + `}` }
	s.refuseAll(t, "/access-profiles/4/roles", []badRow{
		{"nothing", url.Values{}, `{}`, "required", "role_ids"},
		{"no role", url.Values{"is_default": {"true"}}, `{"role_ids":[]}`, "required", "role_ids"},
		{"null", nil, `{"role_ids":null}`, "null_not_allowed", "role_ids"},
		{"number", nil, `{"role_ids":` + viewers + `}`, "wrong_type", "role_ids"},
		{"text", nil, `{"role_ids":"` + viewers + `"}`, "wrong_type", "role_ids"},
		{"zero", ids("0"), `{"role_ids":[0]}`, "number_out_of_range", "role_ids[0]"},
		{"below zero", ids(viewers, "-1"), `{"role_ids":[` + viewers + `,-1]}`, "number_out_of_range", "role_ids[1]"},
		{"beyond numbers", ids("99999999999999999999"), `{"role_ids":[99999999999999999999]}`, "number_out_of_range", "role_ids[0]"},
		{"decimals", ids("1.5"), `{"role_ids":[1.5]}`, "not_an_integer", "role_ids[0]"},
		{"a name", ids("Viewer"), `{"role_ids":["Viewer"]}`, "wrong_type", "role_ids[0]"},
		{"null among them", nil, `{"role_ids":[` + viewers + `,null]}`, "null_not_allowed", "role_ids[1]"},
		{"list among them", nil, `{"role_ids":[[` + viewers + `]]}`, "wrong_type", "role_ids[0]"},
		{"unknown", ids("999"), `{"role_ids":[999]}`, "unknown_role", "role_ids[0]"},
		{"unknown beside a known one", ids(viewers, "999"), `{"role_ids":[` + viewers + `,999]}`, "unknown_role", "role_ids[1]"},
		{"too many", nil, `{"role_ids":[` + strings.Repeat(viewers+",", 1000) + viewers + `]}`, "too_many_items", "role_ids"},
		{"default as text", nil, with(`"is_default":"true"`), "wrong_type", "is_default"},
		{"default null", nil, with(`"is_default":null`), "null_not_allowed", "is_default"},
		{"apply as number", nil, with(`"apply_to_existing":1`), "wrong_type", "apply_to_existing"},
		{"apply null", nil, with(`"apply_to_existing":null`), "null_not_allowed", "apply_to_existing"},
		{"unknown field", url.Values{"role_ids": {viewers}, "all": {"true"}}, with(`"all":true`), "unknown_field", "all"},
		{"the other door's spelling", nil, with(`"isDefault":true`), "unknown_field", "isDefault"},
	})
	s.t = t
	s.admin.api("POST", "/api/access-profiles/4/roles", with(`"is_default":true`)).is(200)
	s.unchanged(func() {
		for _, path := range []string{"/api/access-profiles/999/roles", "/api/governance/access-profiles/999/roles"} {
			s.admin.api("POST", path, `{"role_ids":[0]}`).refuses(404, "not_found", "")
			s.admin.api("DELETE", path+"/"+viewers, nil).refuses(404, "not_found", "")
		}
		s.session.post("/access-profiles/999/roles", ids(viewers)).refuses(404, "not_found", "")
		for _, id := range []string{"abc", "-1", "1.0"} {
			s.admin.api("POST", "/api/access-profiles/"+id+"/roles", `{"role_ids":[1]}`).refuses(400, "invalid_id", "")
			s.admin.api("DELETE", "/api/access-profiles/4/roles/"+id, nil).refuses(400, "invalid_id", "")
		}
		s.admin.api("DELETE", "/api/access-profiles/4/roles/999", nil).refuses(404, "not_found", "")
		s.admin.api("DELETE", fmt.Sprint("/api/access-profiles/4/roles/", s.roleID("Developer")), nil).refuses(404, "not_found", "")
		for query, code := range map[string]string{
			"remove_from_users=maybe": "wrong_type", "remove_from_users=1": "wrong_type",
			"remove_from_users=true&remove_from_users=false": "duplicate_parameter",
		} {
			s.admin.api("DELETE", "/api/access-profiles/4/roles/"+viewers+"?"+query, nil).refuses(400, code, "remove_from_users")
		}
		s.admin.api("DELETE", "/api/access-profiles/4/roles/"+viewers+"?remove=true", nil).refuses(400, "unknown_parameter", "remove")
		s.session.post("/access-profiles/4/roles/"+viewers+"/delete", url.Values{"remove": {"true"}}).refuses(400, "unknown_field", "remove")
	})
	s.admin.api("PUT", "/api/access-profiles/4/deactivate", nil).is(200)
	s.unchanged(func() {
		s.admin.api("POST", "/api/access-profiles/4/roles", with(`"apply_to_existing":true`)).refuses(409, "profile_inactive", "apply_to_existing")
		s.session.post("/access-profiles/4/roles", url.Values{"role_ids": {viewers}, "apply_to_existing": {"true"}}).refuses(409, "profile_inactive", "apply_to_existing")
	})
}

// All problems are reported at once, in the order of the list.
func TestUnknownRolesAreReportedInOrder(t *testing.T) {
	s := newStage(t)
	several := s.admin.api("POST", "/api/access-profiles/4/roles", fmt.Sprintf(`{"role_ids":[999,%d,998,999]}`, s.roleID("Viewer"))).is(400)
	var params []string
	for _, problem := range objects(several.json()["errors"]) {
		params = append(params, fmt.Sprint(problem["param"], " ", problem["code"]))
	}
	same(t, "problems", params, []string{"role_ids[0] unknown_role", "role_ids[2] unknown_role"})
	same(t, "first", several.object("error")["param"], "role_ids[0]")
}

// An unreadable value must not be taken for false.
func TestDetachRoleFormRefusesUnreadableInput(t *testing.T) {
	s := newStage(t)
	s.attach(research, object{"role_ids": []int64{s.roleID("Viewer")}, "apply_to_existing": true})
	s.unchanged(func() {
		got := s.session.post(fmt.Sprintf("/access-profiles/4/roles/%d/delete", s.roleID("Viewer")), url.Values{"remove_from_users": {"maybe"}})
		got.refuses(got.StatusCode, "wrong_type", "remove_from_users")
	})
}

func TestApplyToExisting(t *testing.T) {
	s := newStage(t)
	s.exec("DELETE FROM users WHERE email = ?", viewer)
	viewers := s.roleID("Viewer")
	direct, _ := s.assign(s.ada, research)
	s.admin.api("PUT", "/api"+copyPath(s.ada, direct), `{"expires_at":"2099-01-01T00:00:00Z"}`).is(200)
	s.spend(objects(direct["budgets"])[0], 5)
	cyd, dev := s.member("cyd@example.com", "Viewer"), s.member("dev@example.com", "Developer")
	body := object{"role_ids": []int64{viewers}, "apply_to_existing": true}
	var got object
	s.audits(func() { got = s.admin.api("POST", "/api/access-profiles/4/roles", body).is(200).json() }, "attach_role 4 - cli")
	same(t, "applied", got["users_applied"], 2.0)
	same(t, "roles", s.roles(research), "Viewer false")
	same(t, "held", []string{s.held(s.ada), s.held(s.bob), s.held(cyd), s.held(dev)}, []string{"Research direct", "Research role", "Research role", ""})
	same(t, "keys", []any{s.keys(s.bob)[0]["name"], len(s.keys(s.bob)), len(s.keys(s.ada))}, []any{"bob@example.com - Research", 1, 1})
	// An existing copy stays, with its usage; a copy that also comes from a role has no expiry.
	kept := s.copies(s.ada)[0]
	if used := objects(kept["budgets"])[0]["current_usage"]; id64(kept) != id64(direct) || used != 0.000000005 || kept["expires_at"] != nil {
		t.Errorf("copy %v has used %v and ends %v", kept["id"], used, kept["expires_at"])
	}
	s.unchanged(func() {
		same(t, "applied again", s.admin.api("POST", "/api/access-profiles/4/roles", body).is(200).json()["users_applied"], 0.0)
	})
	// Detaching the role keeps the copies, also when a user joins afterwards.
	role := fmt.Sprint("/api/access-profiles/4/roles/", viewers)
	s.admin.api("DELETE", role, nil).is(200)
	same(t, "held", []string{s.held(s.ada), s.held(s.bob)}, []string{"Research direct", "Research role"})
	same(t, "user_count", s.admin.get("/api/access-profiles/4").json()["user_count"], 3.0)
	s.admin.api("POST", "/api/access-profiles/4/roles", object{"role_ids": []int64{viewers}}).is(200)
	// remove_from_users deletes the copies that came from this role, and the keys of users without another copy.
	s.assign(cyd, 1)
	s.admin.api("POST", "/api/access-profiles/4/roles", object{"role_ids": []int64{s.roleID("Developer")}, "apply_to_existing": true}).is(200)
	s.audits(func() { s.admin.api("DELETE", role+"?remove_from_users=true", nil).is(200) }, "detach_role 4 - cli")
	same(t, "held", []string{s.held(s.ada), s.held(s.bob), s.held(cyd), s.held(dev)}, []string{"Research direct", "", "Engineering direct", "Research role"})
	same(t, "keys", []int{len(s.keys(s.ada)), len(s.keys(s.bob)), len(s.keys(cyd)), len(s.keys(dev))}, []int{1, 0, 1, 1})
	kept = s.copies(s.ada)[0]
	if used := objects(kept["budgets"])[0]["current_usage"]; id64(kept) != id64(direct) || used != 0.000000005 || kept["expires_at"] != "2099-01-01T00:00:00Z" {
		t.Errorf("copy %v has used %v and ends %v", kept["id"], used, kept["expires_at"])
	}
}
