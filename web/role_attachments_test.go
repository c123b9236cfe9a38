package web_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"tollgate/web/webtest"
)

func TestAttachRoles(t *testing.T) {
	s := webtest.NewStage(t)
	developer, viewers := s.RoleID("Developer"), s.RoleID("Viewer")
	webtest.Same(t, "roles", s.Roles(webtest.Research), "")
	for i, prefix := range []string{"/api", "/api/governance"} {
		path := prefix + "/access-profiles/4/roles"
		var got webtest.Object
		send := func(body string) func() { return func() { got = s.Admin.API("POST", path, body).Is(200).JSON() } }
		s.Audits(send(fmt.Sprintf(`{"role_ids":[%d,%d,%d]}`, viewers, developer, viewers)), "attach_role 4 - cli")
		if said, _ := got["message"].(string); said == "" || got["users_applied"] != 0.0 || webtest.KeysOf(got) != "message users_applied" {
			t.Errorf("got %v", got)
		}
		webtest.Same(t, "roles", s.Roles(webtest.Research), "Developer false, Viewer false")
		webtest.Same(t, "held", s.Held(s.Ada), "")
		// Sent again it changes nothing; the default changes only when it is sent.
		s.Unchanged(send(fmt.Sprintf(`{"role_ids":[%d],"is_default":false}`, viewers)))
		s.Audits(send(fmt.Sprintf(`{"role_ids":[%d],"is_default":true}`, viewers)), "attach_role 4 - cli")
		s.Unchanged(send(fmt.Sprintf(`{"role_ids":[%d,%d]}`, viewers, developer)))
		webtest.Same(t, "roles", s.Roles(webtest.Research), "Developer false, Viewer true")
		for _, role := range []int64{viewers, developer} {
			s.Audits(func() {
				got = s.Admin.API("DELETE", fmt.Sprintf("%s/%d", path, role), nil).Is(200).JSON()
			}, "detach_role 4 - cli")
			if said, _ := got["message"].(string); said == "" || webtest.KeysOf(got) != "message" {
				t.Errorf("got %v", got)
			}
			s.Unchanged(func() { s.Admin.API("DELETE", fmt.Sprintf("%s/%d", path, role), nil).Refuses(404, "not_found", "") })
		}
		if roles := s.Admin.Get(fmt.Sprint(prefix, "/access-profiles/4")).JSON()["roles"]; roles == nil || s.Roles(webtest.Research) != "" {
			t.Errorf("round %d: roles %v", i, roles)
		}
	}
}

func TestAttachRolesByForm(t *testing.T) {
	s := webtest.NewStage(t)
	page := "/access-profiles/4/roles"
	developer, viewers := fmt.Sprint(s.RoleID("Developer")), fmt.Sprint(s.RoleID("Viewer"))
	s.Audits(func() {
		s.Session.Post(page, url.Values{"role_ids": {viewers, developer, viewers}, "is_default": {"true"}}).Redirects(page)
	}, "attach_role 4 - "+webtest.Admin)
	webtest.Same(t, "roles", s.Roles(webtest.Research), "Developer true, Viewer true")
	s.Session.Post(page, url.Values{"role_ids": {viewers}, "apply_to_existing": {"true"}}).Redirects(page)
	webtest.Same(t, "held", s.Held(s.Ada), "Research role")
	s.Unchanged(func() {
		s.Session.Get(page+"/"+viewers+"/delete").Is(200).One("form", "action", page+"/"+viewers+"/delete")
	})
	s.Session.Post(page+"/"+developer+"/delete", nil).Redirects(page)
	s.Session.Post(page+"/"+developer+"/delete", nil).Refuses(404, "not_found", "")
	s.Audits(func() {
		s.Session.Post(page+"/"+viewers+"/delete", url.Values{"remove_from_users": {"true"}}).Redirects(page)
	}, "detach_role 4 - "+webtest.Admin)
	webtest.Same(t, "held", s.Held(s.Ada), "")
	// The ticked boxes come back with the problems.
	refused := s.Session.Post(page, url.Values{"role_ids": {developer, "999"}, "is_default": {"true"}}).Refuses(422, "unknown_role", "role_ids[1]")
	if !webtest.Present(refused.One("input", "name", "role_ids", "value", developer), "checked") || !webtest.Present(refused.One("input", "name", "is_default"), "checked") {
		t.Error("the form has not kept what was ticked")
	}
}

func TestAttachRolesRefused(t *testing.T) {
	s := webtest.NewStage(t)
	viewers := fmt.Sprint(s.RoleID("Viewer"))
	ids := func(values ...string) url.Values { return url.Values{"role_ids": values} }
	with := func(rest string) string { return `{"role_ids":[` + viewers + `],` + rest + `}` }
	s.RefuseAll(t, "/access-profiles/4/roles", []webtest.BadRow{
		{Name: "nothing", Form: url.Values{}, Body: `{}`, Code: "required", Param: "role_ids"},
		{Name: "no role", Form: url.Values{"is_default": {"true"}}, Body: `{"role_ids":[]}`, Code: "required", Param: "role_ids"},
		{Name: "null", Form: nil, Body: `{"role_ids":null}`, Code: "null_not_allowed", Param: "role_ids"},
		{Name: "number", Form: nil, Body: `{"role_ids":` + viewers + `}`, Code: "wrong_type", Param: "role_ids"},
		{Name: "text", Form: nil, Body: `{"role_ids":"` + viewers + `"}`, Code: "wrong_type", Param: "role_ids"},
		{Name: "zero", Form: ids("0"), Body: `{"role_ids":[0]}`, Code: "number_out_of_range", Param: "role_ids[0]"},
		{Name: "below zero", Form: ids(viewers, "-1"), Body: `{"role_ids":[` + viewers + `,-1]}`, Code: "number_out_of_range", Param: "role_ids[1]"},
		{Name: "beyond numbers", Form: ids("99999999999999999999"), Body: `{"role_ids":[99999999999999999999]}`, Code: "number_out_of_range", Param: "role_ids[0]"},
		{Name: "decimals", Form: ids("1.5"), Body: `{"role_ids":[1.5]}`, Code: "not_an_integer", Param: "role_ids[0]"},
		{Name: "a name", Form: ids("Viewer"), Body: `{"role_ids":["Viewer"]}`, Code: "wrong_type", Param: "role_ids[0]"},
		{Name: "null among them", Form: nil, Body: `{"role_ids":[` + viewers + `,null]}`, Code: "null_not_allowed", Param: "role_ids[1]"},
		{Name: "list among them", Form: nil, Body: `{"role_ids":[[` + viewers + `]]}`, Code: "wrong_type", Param: "role_ids[0]"},
		{Name: "unknown", Form: ids("999"), Body: `{"role_ids":[999]}`, Code: "unknown_role", Param: "role_ids[0]"},
		{Name: "unknown beside a known one", Form: ids(viewers, "999"), Body: `{"role_ids":[` + viewers + `,999]}`, Code: "unknown_role", Param: "role_ids[1]"},
		{Name: "too many", Form: nil, Body: `{"role_ids":[` + strings.Repeat(viewers+",", 1000) + viewers + `]}`, Code: "too_many_items", Param: "role_ids"},
		{Name: "default as text", Form: nil, Body: with(`"is_default":"true"`), Code: "wrong_type", Param: "is_default"},
		{Name: "default null", Form: nil, Body: with(`"is_default":null`), Code: "null_not_allowed", Param: "is_default"},
		{Name: "apply as number", Form: nil, Body: with(`"apply_to_existing":1`), Code: "wrong_type", Param: "apply_to_existing"},
		{Name: "apply null", Form: nil, Body: with(`"apply_to_existing":null`), Code: "null_not_allowed", Param: "apply_to_existing"},
		{Name: "unknown field", Form: url.Values{"role_ids": {viewers}, "all": {"true"}}, Body: with(`"all":true`), Code: "unknown_field", Param: "all"},
		{Name: "the other door's spelling", Form: nil, Body: with(`"isDefault":true`), Code: "unknown_field", Param: "isDefault"},
	})
	s.T = t
	s.Admin.API("POST", "/api/access-profiles/4/roles", with(`"is_default":true`)).Is(200)
	s.Unchanged(func() {
		for _, path := range []string{"/api/access-profiles/999/roles", "/api/governance/access-profiles/999/roles"} {
			s.Admin.API("POST", path, `{"role_ids":[0]}`).Refuses(404, "not_found", "")
			s.Admin.API("DELETE", path+"/"+viewers, nil).Refuses(404, "not_found", "")
		}
		s.Session.Post("/access-profiles/999/roles", ids(viewers)).Refuses(404, "not_found", "")
		for _, id := range []string{"abc", "-1", "1.0"} {
			s.Admin.API("POST", "/api/access-profiles/"+id+"/roles", `{"role_ids":[1]}`).Refuses(400, "invalid_id", "")
			s.Admin.API("DELETE", "/api/access-profiles/4/roles/"+id, nil).Refuses(400, "invalid_id", "")
		}
		s.Admin.API("DELETE", "/api/access-profiles/4/roles/999", nil).Refuses(404, "not_found", "")
		s.Admin.API("DELETE", fmt.Sprint("/api/access-profiles/4/roles/", s.RoleID("Developer")), nil).Refuses(404, "not_found", "")
		for query, code := range map[string]string{
			"remove_from_users=maybe": "wrong_type", "remove_from_users=1": "wrong_type",
			"remove_from_users=true&remove_from_users=false": "duplicate_parameter",
		} {
			s.Admin.API("DELETE", "/api/access-profiles/4/roles/"+viewers+"?"+query, nil).Refuses(400, code, "remove_from_users")
		}
		s.Admin.API("DELETE", "/api/access-profiles/4/roles/"+viewers+"?remove=true", nil).Refuses(400, "unknown_parameter", "remove")
		s.Session.Post("/access-profiles/4/roles/"+viewers+"/delete", url.Values{"remove": {"true"}}).Refuses(400, "unknown_field", "remove")
	})
	s.Admin.API("PUT", "/api/access-profiles/4/deactivate", nil).Is(200)
	s.Unchanged(func() {
		s.Admin.API("POST", "/api/access-profiles/4/roles", with(`"apply_to_existing":true`)).Refuses(409, "profile_inactive", "apply_to_existing")
		s.Session.Post("/access-profiles/4/roles", url.Values{"role_ids": {viewers}, "apply_to_existing": {"true"}}).Refuses(409, "profile_inactive", "apply_to_existing")
	})
}

// All problems are reported at once, in the order of the list.
func TestUnknownRolesAreReportedInOrder(t *testing.T) {
	s := webtest.NewStage(t)
	several := s.Admin.API("POST", "/api/access-profiles/4/roles", fmt.Sprintf(`{"role_ids":[999,%d,998,999]}`, s.RoleID("Viewer"))).Is(400)
	var params []string
	for _, problem := range webtest.Objects(several.JSON()["errors"]) {
		params = append(params, fmt.Sprint(problem["param"], " ", problem["code"]))
	}
	webtest.Same(t, "problems", params, []string{"role_ids[0] unknown_role", "role_ids[2] unknown_role"})
	webtest.Same(t, "first", several.Object("error")["param"], "role_ids[0]")
}

// An unreadable value must not be taken for false.
func TestDetachRoleFormRefusesUnreadableInput(t *testing.T) {
	s := webtest.NewStage(t)
	s.Attach(webtest.Research, webtest.Object{"role_ids": []int64{s.RoleID("Viewer")}, "apply_to_existing": true})
	s.Unchanged(func() {
		got := s.Session.Post(fmt.Sprintf("/access-profiles/4/roles/%d/delete", s.RoleID("Viewer")), url.Values{"remove_from_users": {"maybe"}})
		got.Refuses(got.StatusCode, "wrong_type", "remove_from_users")
	})
}

func TestApplyToExisting(t *testing.T) {
	s := webtest.NewStage(t)
	s.Exec("DELETE FROM users WHERE email = ?", webtest.Viewer)
	viewers := s.RoleID("Viewer")
	direct, _ := s.Assign(s.Ada, webtest.Research)
	s.Admin.API("PUT", "/api"+webtest.CopyPath(s.Ada, direct), `{"expires_at":"2099-01-01T00:00:00Z"}`).Is(200)
	s.Spend(webtest.Objects(direct["budgets"])[0], 5)
	cyd, dev := s.Member("cyd@example.com", "Viewer"), s.Member("dev@example.com", "Developer")
	body := webtest.Object{"role_ids": []int64{viewers}, "apply_to_existing": true}
	var got webtest.Object
	s.Audits(func() { got = s.Admin.API("POST", "/api/access-profiles/4/roles", body).Is(200).JSON() }, "attach_role 4 - cli")
	webtest.Same(t, "applied", got["users_applied"], 2.0)
	webtest.Same(t, "roles", s.Roles(webtest.Research), "Viewer false")
	webtest.Same(t, "held", []string{s.Held(s.Ada), s.Held(s.Bob), s.Held(cyd), s.Held(dev)}, []string{"Research direct", "Research role", "Research role", ""})
	webtest.Same(t, "keys", []int{len(s.Keys(s.Bob)), len(s.Keys(s.Ada))}, []int{0, 1})
	// An existing copy stays, with its usage; a copy that also comes from a role has no expiry.
	kept := s.Copies(s.Ada)[0]
	if used := webtest.Objects(kept["budgets"])[0]["current_usage"]; webtest.Int64ID(kept) != webtest.Int64ID(direct) || used != 0.000000005 || kept["expires_at"] != nil {
		t.Errorf("copy %v has used %v and ends %v", kept["id"], used, kept["expires_at"])
	}
	s.Unchanged(func() {
		webtest.Same(t, "applied again", s.Admin.API("POST", "/api/access-profiles/4/roles", body).Is(200).JSON()["users_applied"], 0.0)
	})
	// Detaching the role keeps the copies, also when a user joins afterwards.
	role := fmt.Sprint("/api/access-profiles/4/roles/", viewers)
	s.Admin.API("DELETE", role, nil).Is(200)
	webtest.Same(t, "held", []string{s.Held(s.Ada), s.Held(s.Bob)}, []string{"Research direct", "Research role"})
	webtest.Same(t, "user_count", s.Admin.Get("/api/access-profiles/4").JSON()["user_count"], 3.0)
	s.Admin.API("POST", "/api/access-profiles/4/roles", webtest.Object{"role_ids": []int64{viewers}}).Is(200)
	// remove_from_users deletes the copies that came from this role, and the keys of users without another copy.
	s.Assign(cyd, 1)
	s.Admin.API("POST", "/api/access-profiles/4/roles", webtest.Object{"role_ids": []int64{s.RoleID("Developer")}, "apply_to_existing": true}).Is(200)
	s.Audits(func() { s.Admin.API("DELETE", role+"?remove_from_users=true", nil).Is(200) }, "detach_role 4 - cli")
	webtest.Same(t, "held", []string{s.Held(s.Ada), s.Held(s.Bob), s.Held(cyd), s.Held(dev)}, []string{"Research direct", "", "Engineering direct", "Research role"})
	webtest.Same(t, "keys", []int{len(s.Keys(s.Ada)), len(s.Keys(s.Bob)), len(s.Keys(cyd)), len(s.Keys(dev))}, []int{1, 0, 1, 0})
	kept = s.Copies(s.Ada)[0]
	if used := webtest.Objects(kept["budgets"])[0]["current_usage"]; webtest.Int64ID(kept) != webtest.Int64ID(direct) || used != 0.000000005 || kept["expires_at"] != "2099-01-01T00:00:00Z" {
		t.Errorf("copy %v has used %v and ends %v", kept["id"], used, kept["expires_at"])
	}
}
