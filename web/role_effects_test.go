package web_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"tollgate/web/webtest"
)

// The role that a user has already gives and takes nothing, so the page promises nothing.
func TestSameRoleHasNoEffects(t *testing.T) {
	s := webtest.NewStage(t)
	s.AddRole("Old")
	s.SetRole(s.Ada, "Old")
	s.AssignByRole(webtest.Research, "Old") // which she did not get
	s.Unchanged(func() {
		s.Session.Post("/users/"+s.Ada+"/role", url.Values{"role_id": {fmt.Sprint(s.RoleID("Old"))}}).Redirects("/users/" + s.Ada)
	})
}

// expiring has ada hold Research by the role Old, and directly until an end that is past.
func expiring(t *testing.T) webtest.Stage {
	t.Helper()
	s := webtest.NewStage(t)
	s.AddRole("Old")
	s.AddRole("Bare")
	held, _ := s.Assign(s.Ada, webtest.Research)
	s.AssignByRole(webtest.Research, "Old")
	s.SetRole(s.Ada, "Old")
	s.Exec("UPDATE user_access_profiles SET expires_at = now() - interval '1 hour' WHERE id = ?", webtest.Int64ID(held))
	return s
}

// A copy that only its role kept from having expired is named before a role change, and in the log.
func TestRoleChangeNamesWhatExpires(t *testing.T) {
	s := expiring(t)
	bare := fmt.Sprint(s.RoleID("Bare"))
	s.Unchanged(func() {
		asked := s.Session.Post("/users/"+s.Ada+"/role", url.Values{"role_id": {bare}}).Is(200)
		if effects := webtest.Text(asked.One("ul", "class", "effects")); !strings.Contains(effects, "Their access by Research ends") {
			t.Errorf("it asks: %s", effects)
		}
	})
	s.Audits(func() { s.SetRole(s.Ada, "Bare") }, "update - "+s.Ada+" cli", "update 4 "+s.Ada+" cli")
	webtest.Same(t, "keys", len(s.Keys(s.Ada)), 1) // the copy is there still
	if left := s.Copies(s.Ada); len(left) != 1 || left[0]["source"] != "direct" || left[0]["expires_at"] == nil {
		t.Errorf("left: %v", left)
	}
}

// Of those who keep their copies when a profile is taken from a role, the ones whose copy expires by it are told apart.
func TestDetachmentNamesWhatExpires(t *testing.T) {
	s := expiring(t)
	s.SetRole(s.Bob, "Old")
	cyd := s.Member("cyd@example.com", "Bare")
	s.Assign(cyd, webtest.Research)
	s.SetRole(cyd, "Old")
	said := s.Admin.API("DELETE", fmt.Sprintf("/api/access-profiles/4/roles/%d?remove_from_users=true", s.RoleID("Old")), nil).Is(200).JSON()["message"]
	webtest.Same(t, "said", said, any("Old was detached. 1 user lost their copy. 1 keep it, since it was assigned to them directly too. "+
		"1 copy expired: assigned directly too, until an end that is past."))
	var metadata string
	s.Scan(&metadata, "SELECT metadata FROM audit_logs WHERE action = 'detach_role'")
	for _, want := range []string{`"expired_for":["` + s.Ada + `"]`, `"still_held_by":["` + cyd + `"]`} {
		if !strings.Contains(metadata, want) {
			t.Errorf("no %s in %s", want, metadata)
		}
	}
}

// Deleting a role detaches its profiles, and the log of each of them says so, by each door.
func TestDeletedRoleIsDetached(t *testing.T) {
	s := webtest.NewStage(t)
	role := object{"kind": "role", "name": "Made", "permission_ids": []string{}}
	apply := func(documents ...any) {
		s.Admin.API("POST", "/api/config/apply", object{"set": "roles", "documents": documents, "prune": true}).Is(200)
	}
	for actor, remove := range map[string]func(id int64){
		webtest.Admin: func(id int64) { s.Session.Post(fmt.Sprintf("/roles/%d/delete", id), nil).Redirects("/roles") },
		"cli":         func(id int64) { s.Admin.API("DELETE", fmt.Sprint("/api/roles/", id), nil).Is(200) },
		"files":       func(int64) { apply(object{"kind": "role", "name": "Other", "permission_ids": []string{}}) },
	} {
		if actor == "files" {
			apply(role)
		} else {
			s.AddRole("Made")
		}
		for _, profile := range []int64{webtest.Research, 1} {
			s.AssignByRole(profile, "Made")
		}
		var last int64
		s.Scan(&last, "SELECT max(id) FROM audit_logs")
		remove(s.RoleID("Made"))
		var detached []string
		s.Scan(&detached, `SELECT concat_ws(' ', access_profile_id, metadata::json->>'access_profile', metadata::json->>'role')
FROM audit_logs WHERE action = 'detach_role' AND id > ? ORDER BY id`, last)
		webtest.Same(t, "detached by "+actor, detached, []string{"1 Engineering Made", "4 Research Made"})
		webtest.Same(t, "attached", s.Count("role_access_profiles AS a JOIN roles AS r ON r.id = a.role_id WHERE r.name = 'Made'"), 0)
	}
	page := webtest.Text(s.Session.Get("/access-profiles/4/audit").Is(200).One("main"))
	if !strings.Contains(page, "detached Research from the role Made") {
		t.Errorf("the profile's log: %s", page)
	}
}
