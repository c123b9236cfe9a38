package web_test

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"tollgate/web/webtest"
)

func TestDetach(t *testing.T) {
	s := webtest.NewStage(t)
	// A trace that a deleted copy left behind would be a change of a table other than these.
	left := s.Changes(func() {
		for i, prefix := range []string{"/api", "/api/governance"} {
			first, key := s.Assign(s.Ada, webtest.Research)
			second, _ := s.Assign(s.Ada, 1)
			further := s.Admin.API("POST", "/api/users/"+s.Ada+"/virtual-keys", webtest.Object{"name": "Further"}).Is(200).Object("virtual_key")
			s.Admin.API("PUT", webtest.OverridePath(s.Ada, first, webtest.Objects(first["budgets"])[0]), `{"amount":1,"mode":"forever"}`).Is(200)
			var got webtest.Object
			s.Audits(func() { got = s.Admin.API("DELETE", prefix+webtest.CopyPath(s.Ada, first), nil).Is(200).JSON() }, "unassign 4 "+s.Ada+" cli")
			if said, _ := got["message"].(string); said == "" || webtest.KeysOf(got) != "deleted_vk_count deleted_vk_names message" {
				t.Errorf("got %v", got)
			}
			webtest.Same(t, "names", got["deleted_vk_names"], []any{})
			webtest.Same(t, "count", got["deleted_vk_count"], 0.0)
			webtest.Same(t, "held", s.Held(s.Ada), "Engineering direct")
			s.Bearer(key["value"]).Get("/api/virtual-keys/quota").Is(200)
			s.Unchanged(func() {
				s.Admin.API("DELETE", prefix+webtest.CopyPath(s.Ada, first), nil).Refuses(404, "not_found", "")
			})

			s.Audits(func() { got = s.Admin.API("DELETE", prefix+webtest.CopyPath(s.Ada, second), nil).Is(200).JSON() }, "unassign 1 "+s.Ada+" cli")
			names := webtest.List(got["deleted_vk_names"])
			slices.Sort(names)
			webtest.Same(t, "names", names, []string{"Further", "ada@example.com - Research"})
			webtest.Same(t, "count", got["deleted_vk_count"], 2.0)
			for _, value := range []any{key["value"], further["value"]} {
				s.Bearer(value).Get("/api/virtual-keys/quota").Refuses(401, "unauthenticated", "")
			}
			if n := len(s.Keys(s.Ada)) + len(s.Copies(s.Ada)); n != 0 {
				t.Errorf("%d of round %d are left", n, i)
			}
		}
	})
	webtest.Same(t, "tables changed", left, []string{"access_changes", "audit_head", "audit_logs", "retired_keys", "usage_feed"})
}

func TestDetachByForm(t *testing.T) {
	s := webtest.NewStage(t)
	held, _ := s.Assign(s.Ada, webtest.Research)
	page := webtest.CopyPath(s.Ada, held)
	s.Unchanged(func() {
		s.Session.Get(page+"/delete").Is(200).One("form", "action", page+"/delete")
		s.Session.Post(webtest.CopyPath(s.Bob, held)+"/delete", nil).Refuses(404, "not_found", "")
	})
	s.Audits(func() { s.Session.Post(page+"/delete", nil).Redirects("/users/" + s.Ada) }, "unassign 4 "+s.Ada+" "+webtest.Admin)
	s.Session.Post(page+"/delete", nil).Refuses(404, "not_found", "")
	if n := len(s.Keys(s.Ada)); n != 0 {
		t.Errorf("%d keys are left", n)
	}
}

// What belongs to another user is answered like something that does not exist.
func TestCopiesOfOthers(t *testing.T) {
	s := webtest.NewStage(t)
	held, _ := s.Assign(s.Ada, webtest.Research)
	s.Assign(s.Bob, webtest.Research)
	missing := webtest.Object{"id": 999.0}
	s.Unchanged(func() {
		for _, prefix := range []string{"/api", "/api/governance"} {
			for _, ask := range []func(held webtest.Object) webtest.Answer{
				func(held webtest.Object) webtest.Answer {
					return s.Admin.API("DELETE", prefix+webtest.CopyPath(s.Bob, held), nil)
				},
				func(held webtest.Object) webtest.Answer {
					return s.Admin.API("PUT", prefix+webtest.CopyPath(s.Bob, held), `{"is_active":false}`)
				},
			} {
				webtest.Same(t, "answer", ask(held).Refuses(404, "not_found", "").Refusal(), ask(missing).Refuses(404, "not_found", "").Refusal())
			}
			for _, id := range []string{"abc", "-1", "1.0", "0x1", "99999999999999999999"} {
				s.Admin.API("DELETE", prefix+"/users/"+s.Ada+"/access-profiles/"+id, nil).Refuses(400, "invalid_id", "")
			}
		}
		s.Session.Post(webtest.CopyPath(s.Bob, held), url.Values{"is_active": {"true"}}).Refuses(404, "not_found", "")
		s.Session.Get(webtest.CopyPath(s.Bob, held)+"/edit").Refuses(404, "not_found", "")
		s.Session.Get(webtest.CopyPath(s.Bob, held)+"/delete").Refuses(404, "not_found", "")
	})
}

// A change without fields accepts no fields: one that is accepted and ignored misleads.
func TestRemovalsRefuseUnknownFields(t *testing.T) {
	for name, path := range map[string]func(s webtest.Stage, held, key webtest.Object) string{
		"copy": func(s webtest.Stage, held, _ webtest.Object) string { return "/api" + webtest.CopyPath(s.Ada, held) },
		"override": func(s webtest.Stage, held, _ webtest.Object) string {
			return webtest.OverridePath(s.Ada, held, webtest.Objects(held["budgets"])[0])
		},
		"key": func(s webtest.Stage, _, key webtest.Object) string { return webtest.KeyPath(s.Ada, key) },
		"role": func(s webtest.Stage, _, _ webtest.Object) string {
			return fmt.Sprint("/api/access-profiles/4/roles/", s.RoleID("Viewer"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := webtest.NewStage(t)
			held, key := s.Assign(s.Ada, webtest.Research)
			s.Attach(webtest.Research, webtest.Object{"role_ids": []int64{s.RoleID("Viewer")}})
			path := path(s, held, key)
			s.Unchanged(func() {
				s.Admin.API("DELETE", path, `{"keep_keys":true}`).Refuses(400, "unknown_field", "keep_keys")
				s.Admin.API("DELETE", path, `[]`).Refuses(400, "expected_object", "")
				s.Admin.Send("DELETE", path, "text/plain", strings.NewReader("x")).Refuses(415, "unsupported_media_type", "")
			})
		})
	}
}

func TestDeleteAssignedProfile(t *testing.T) {
	s := webtest.NewStage(t)
	cyd := s.Member("cyd@example.com", "Viewer")
	var copies []webtest.Object
	for i, user := range []string{s.Ada, s.Bob, cyd} {
		held, _ := s.Assign(user, webtest.Research)
		copies = append(copies, held)
		got := s.Admin.Get("/api/governance/access-profiles/4").Is(200).JSON()
		if got["user_count"] != float64(i+1) || webtest.KeysOf(got) != "access_profile roles user_count" {
			t.Errorf("user_count %v, fields %s", got["user_count"], webtest.KeysOf(got))
		}
	}
	s.Unchanged(func() {
		for _, prefix := range []string{"/api", "/api/governance"} {
			got := s.Admin.API("DELETE", prefix+"/access-profiles/4", nil).Refuses(409, "profile_in_use", "")
			if message := got.Object("error")["message"].(string); !regexp.MustCompile(`\b3\b`).MatchString(message) {
				t.Errorf("message %q", message)
			}
		}
		s.Session.Post("/access-profiles/4/delete", nil).Refuses(409, "profile_in_use", "")
	})
	for i, user := range []string{s.Ada, s.Bob, cyd} {
		s.Admin.API("DELETE", "/api"+webtest.CopyPath(user, copies[i]), nil).Is(200)
	}
	s.Admin.API("DELETE", "/api/access-profiles/4", nil).Is(200)
}

func TestAssignAndDetachMany(t *testing.T) {
	s := webtest.NewStage(t)
	held, key := s.Assign(s.Ada, webtest.Research)
	s.Assign(s.Ada, 1)
	cyd := s.Member("cyd@example.com", "Viewer")
	all := []string{s.Ada, s.Bob, cyd}
	ticked := func(profile string, ids ...string) url.Values {
		return url.Values{"ids": ids, "access_profile_id": {profile}}
	}
	unknown := "00000000-0000-0000-0000-000000000000"
	s.Unchanged(func() {
		for _, bad := range []struct {
			form        url.Values
			code, param string
		}{
			{ticked("4"), "required", "ids"},
			{ticked("", all...), "required", "access_profile_id"},
			{ticked("0", all...), "number_out_of_range", "access_profile_id"},
		} {
			s.Session.Post("/users/bulk", bad.form).Refuses(422, bad.code, bad.param)
		}
		s.Session.Post("/users/bulk", ticked("999", all...)).Refuses(404, "not_found", "")
		s.Session.Post("/users/bulk", ticked("4", s.Bob, unknown)).Refuses(404, "not_found", "")
		s.Session.Post("/users/bulk", ticked("4", s.Bob, "x' OR '1'='1")).Refuses(404, "not_found", "")
	})
	ordered := slices.Sorted(slices.Values([]string{s.Bob, cyd}))
	s.Audits(func() { s.Session.Post("/users/bulk", ticked("4", append(all, s.Bob)...)).Redirects("/users") },
		"assign 4 "+ordered[0]+" "+webtest.Admin, "assign 4 "+ordered[1]+" "+webtest.Admin)
	webtest.Same(t, "kept", webtest.Int64ID(s.Copies(s.Ada)[0]), webtest.Int64ID(held))
	for _, user := range []string{s.Bob, cyd} {
		s.Admin.API("POST", "/api/users/"+user+"/virtual-keys", nil).Is(200)
	}
	s.Unchanged(func() {
		asked := s.Session.Post("/access-profiles/4/users/bulk", url.Values{"ids": {s.Ada, s.Bob}}).Is(200)
		if n := len(asked.All("input", "type", "hidden", "name", "ids")); n != 2 {
			t.Errorf("%d are asked about", n)
		}
	})
	rows := s.Count("audit_logs")
	s.Session.Post("/access-profiles/4/users/bulk", url.Values{"ids": {s.Ada, s.Bob}, "confirmed": {"true"}}).Redirects("/access-profiles/4/users")
	webtest.Same(t, "rows", s.Count("audit_logs")-rows, 2)
	// Users with another copy keep their keys, and each row reports only its own user.
	s.Bearer(key["value"]).Get("/api/virtual-keys/quota").Is(200)
	webtest.Same(t, "keys", []int{len(s.Keys(s.Ada)), len(s.Keys(s.Bob)), len(s.Keys(cyd))}, []int{1, 0, 1})
	for user, want := range map[string]string{s.Ada: "[]", s.Bob: `["bob@example.com - key"]`} {
		var deleted string
		s.Scan(&deleted, "SELECT metadata::json ->> 'deleted_keys' FROM audit_logs WHERE action = 'unassign' AND user_id = ?", user)
		if deleted != want {
			t.Errorf("deleted keys %s, want %s", deleted, want)
		}
	}
}
