package web_test

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestDetach(t *testing.T) {
	s := newStage(t)
	// A trace that a deleted copy left behind would be a change of a table other than these.
	left := s.changes(func() {
		for i, prefix := range []string{"/api", "/api/governance"} {
			first, key := s.assign(s.ada, research)
			second, _ := s.assign(s.ada, 1)
			further := s.admin.api("POST", "/api/users/"+s.ada+"/virtual-keys", object{"name": "Further"}).is(200).object("virtual_key")
			s.admin.api("PUT", overridePath(s.ada, first, objects(first["budgets"])[0]), `{"amount":1,"mode":"forever"}`).is(200)
			var got object
			s.audits(func() { got = s.admin.api("DELETE", prefix+copyPath(s.ada, first), nil).is(200).json() }, "unassign 4 "+s.ada+" cli")
			if said, _ := got["message"].(string); said == "" || keysOf(got) != "deleted_vk_count deleted_vk_names message" {
				t.Errorf("got %v", got)
			}
			same(t, "names", got["deleted_vk_names"], []any{})
			same(t, "count", got["deleted_vk_count"], 0.0)
			same(t, "held", s.held(s.ada), "Engineering direct")
			s.bearer(key["value"]).get("/api/virtual-keys/quota").is(200)
			s.unchanged(func() { s.admin.api("DELETE", prefix+copyPath(s.ada, first), nil).refuses(404, "not_found", "") })

			s.audits(func() { got = s.admin.api("DELETE", prefix+copyPath(s.ada, second), nil).is(200).json() }, "unassign 1 "+s.ada+" cli")
			names := list(got["deleted_vk_names"])
			slices.Sort(names)
			same(t, "names", names, []string{"Further", "ada@example.com - Research"})
			same(t, "count", got["deleted_vk_count"], 2.0)
			for _, value := range []any{key["value"], further["value"]} {
				s.bearer(value).get("/api/virtual-keys/quota").refuses(401, "unauthenticated", "")
			}
			if n := len(s.keys(s.ada)) + len(s.copies(s.ada)); n != 0 {
				t.Errorf("%d of round %d are left", n, i)
			}
		}
	})
	same(t, "tables changed", left, []string{"access_changes", "audit_head", "audit_logs", "retired_keys"})
}

func TestDetachByForm(t *testing.T) {
	s := newStage(t)
	held, _ := s.assign(s.ada, research)
	page := copyPath(s.ada, held)
	s.unchanged(func() {
		s.session.get(page+"/delete").is(200).one("form", "action", page+"/delete")
		s.session.post(copyPath(s.bob, held)+"/delete", nil).refuses(404, "not_found", "")
	})
	s.audits(func() { s.session.post(page+"/delete", nil).redirects("/users/" + s.ada) }, "unassign 4 "+s.ada+" "+admin)
	s.session.post(page+"/delete", nil).refuses(404, "not_found", "")
	if n := len(s.keys(s.ada)); n != 0 {
		t.Errorf("%d keys are left", n)
	}
}

// What belongs to another user is answered like something that does not exist.
func TestCopiesOfOthers(t *testing.T) {
	s := newStage(t)
	held, _ := s.assign(s.ada, research)
	s.assign(s.bob, research)
	missing := object{"id": 999.0}
	s.unchanged(func() {
		for _, prefix := range []string{"/api", "/api/governance"} {
			for _, ask := range []func(held object) answer{
				func(held object) answer { return s.admin.api("DELETE", prefix+copyPath(s.bob, held), nil) },
				func(held object) answer {
					return s.admin.api("PUT", prefix+copyPath(s.bob, held), `{"is_active":false}`)
				},
			} {
				same(t, "answer", ask(held).refuses(404, "not_found", "").refusal(), ask(missing).refuses(404, "not_found", "").refusal())
			}
			for _, id := range []string{"abc", "-1", "1.0", "0x1", "99999999999999999999"} {
				s.admin.api("DELETE", prefix+"/users/"+s.ada+"/access-profiles/"+id, nil).refuses(400, "invalid_id", "")
			}
		}
		s.session.post(copyPath(s.bob, held), url.Values{"is_active": {"true"}}).refuses(404, "not_found", "")
		s.session.get(copyPath(s.bob, held)+"/edit").refuses(404, "not_found", "")
		s.session.get(copyPath(s.bob, held)+"/delete").refuses(404, "not_found", "")
	})
}

// A change without fields accepts no fields: one that is accepted and ignored misleads.
func TestRemovalsRefuseUnknownFields(t *testing.T) {
	for name, path := range map[string]func(s stage, held, key object) string{
		"copy":     func(s stage, held, _ object) string { return "/api" + copyPath(s.ada, held) },
		"override": func(s stage, held, _ object) string { return overridePath(s.ada, held, objects(held["budgets"])[0]) },
		"key":      func(s stage, _, key object) string { return keyPath(s.ada, key) },
		"role": func(s stage, _, _ object) string {
			return fmt.Sprint("/api/access-profiles/4/roles/", s.roleID("Viewer"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			held, key := s.assign(s.ada, research)
			s.attach(research, object{"role_ids": []int64{s.roleID("Viewer")}})
			path := path(s, held, key)
			s.unchanged(func() {
				s.admin.api("DELETE", path, `{"keep_keys":true}`).refuses(400, "unknown_field", "keep_keys")
				s.admin.api("DELETE", path, `[]`).refuses(400, "expected_object", "")
				s.admin.send("DELETE", path, "text/plain", strings.NewReader("x")).refuses(415, "unsupported_media_type", "")
			})
		})
	}
}

func TestDeleteAssignedProfile(t *testing.T) {
	s := newStage(t)
	cyd := s.member("cyd@example.com", "Viewer")
	var copies []object
	for i, user := range []string{s.ada, s.bob, cyd} {
		held, _ := s.assign(user, research)
		copies = append(copies, held)
		got := s.admin.get("/api/governance/access-profiles/4").is(200).json()
		if got["user_count"] != float64(i+1) || keysOf(got) != "access_profile roles user_count" {
			t.Errorf("user_count %v, fields %s", got["user_count"], keysOf(got))
		}
	}
	s.unchanged(func() {
		for _, prefix := range []string{"/api", "/api/governance"} {
			got := s.admin.api("DELETE", prefix+"/access-profiles/4", nil).refuses(409, "profile_in_use", "")
			if message := got.object("error")["message"].(string); !regexp.MustCompile(`\b3\b`).MatchString(message) {
				t.Errorf("message %q", message)
			}
		}
		s.session.post("/access-profiles/4/delete", nil).refuses(409, "profile_in_use", "")
	})
	for i, user := range []string{s.ada, s.bob, cyd} {
		s.admin.api("DELETE", "/api"+copyPath(user, copies[i]), nil).is(200)
	}
	s.admin.api("DELETE", "/api/access-profiles/4", nil).is(200)
}

func TestAssignAndDetachMany(t *testing.T) {
	s := newStage(t)
	held, key := s.assign(s.ada, research)
	s.assign(s.ada, 1)
	cyd := s.member("cyd@example.com", "Viewer")
	all := []string{s.ada, s.bob, cyd}
	ticked := func(profile string, ids ...string) url.Values {
		return url.Values{"ids": ids, "access_profile_id": {profile}}
	}
	unknown := "00000000-0000-0000-0000-000000000000"
	s.unchanged(func() {
		for _, bad := range []struct {
			form        url.Values
			code, param string
		}{
			{ticked("4"), "required", "ids"},
			{ticked("", all...), "required", "access_profile_id"},
			{ticked("0", all...), "number_out_of_range", "access_profile_id"},
		} {
			// A list has no form to return to, so the status is that of a page of its own.
			got := s.session.post("/users/bulk", bad.form)
			got.refuses(got.StatusCode, bad.code, bad.param)
		}
		s.session.post("/users/bulk", ticked("999", all...)).refuses(404, "not_found", "")
		s.session.post("/users/bulk", ticked("4", s.bob, unknown)).refuses(404, "not_found", "")
		s.session.post("/users/bulk", ticked("4", s.bob, "x' OR '1'='1")).refuses(404, "not_found", "")
	})
	ordered := slices.Sorted(slices.Values([]string{s.bob, cyd}))
	s.audits(func() { s.session.post("/users/bulk", ticked("4", append(all, s.bob)...)).redirects("/users") },
		"assign 4 "+ordered[0]+" "+admin, "assign 4 "+ordered[1]+" "+admin)
	same(t, "kept", id64(s.copies(s.ada)[0]), id64(held))
	s.unchanged(func() {
		asked := s.session.post("/access-profiles/4/users/bulk", url.Values{"ids": {s.ada, s.bob}}).is(200)
		if n := len(asked.all("input", "type", "hidden", "name", "ids")); n != 2 {
			t.Errorf("%d are asked about", n)
		}
	})
	rows := s.count("audit_logs")
	s.session.post("/access-profiles/4/users/bulk", url.Values{"ids": {s.ada, s.bob}, "confirmed": {"true"}}).redirects("/access-profiles/4/users")
	same(t, "rows", s.count("audit_logs")-rows, 2)
	// Users with another copy keep their keys, and each row reports only its own user.
	s.bearer(key["value"]).get("/api/virtual-keys/quota").is(200)
	same(t, "keys", []int{len(s.keys(s.ada)), len(s.keys(s.bob)), len(s.keys(cyd))}, []int{1, 0, 1})
	for user, want := range map[string]string{s.ada: "[]", s.bob: `["bob@example.com - Research"]`} {
		var deleted string
		s.scan(&deleted, "SELECT metadata::json ->> 'deleted_keys' FROM audit_logs WHERE action = 'unassign' AND user_id = ?", user)
		if deleted != want {
			t.Errorf("deleted keys %s, want %s", deleted, want)
		}
	}
}
