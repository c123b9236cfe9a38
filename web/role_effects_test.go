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

// ending has ada hold Research directly until an end, expired or not, and the role New hand it out.
func ending(t *testing.T, until string) webtest.Stage {
	t.Helper()
	s := webtest.NewStage(t)
	s.AddRole("New")
	held, _ := s.Assign(s.Ada, webtest.Research)
	s.AssignByRole(webtest.Research, "New")
	s.Exec("UPDATE user_access_profiles SET expires_at = now() + ?::interval WHERE id = ?", until, webtest.Int64ID(held))
	return s
}

// A copy that no longer ends by a role is named before the role changes, and in the log, also when it had expired.
func TestRoleChangeNamesWhatNoLongerEnds(t *testing.T) {
	for name, until := range map[string]string{"expired": "-1 hour", "not yet": "1 day"} {
		t.Run(name, func(t *testing.T) {
			s := ending(t, until)
			s.Unchanged(func() {
				asked := s.Session.Post("/users/"+s.Ada+"/role", url.Values{"role_id": {fmt.Sprint(s.RoleID("New"))}}).Is(200)
				if effects := webtest.Text(asked.One("ul", "class", "effects")); !strings.Contains(effects, "Their access by Research no longer ends") {
					t.Errorf("it asks: %s", effects)
				}
			})
			s.Audits(func() { s.SetRole(s.Ada, "New") }, "update - "+s.Ada+" cli", "update 4 "+s.Ada+" cli")
			var changed string
			s.Scan(&changed, `SELECT concat_ws(' ', previous_values::json->>'from_role', previous_values::json->>'expires_at' IS NOT NULL,
    new_values::json->>'from_role', new_values::json->>'expires_at' IS NOT NULL, metadata::json->>'role_id') FROM audit_logs ORDER BY id DESC LIMIT 1`)
			webtest.Same(t, "recorded", changed, fmt.Sprint("false t true f ", s.RoleID("New")))
			s.Unchanged(func() { s.SetRole(s.Ada, "New") })
			endsAgain(s)
		})
	}
}

// endsAgain has ada lose the role New: its end counts again, which is asked and recorded.
func endsAgain(s webtest.Stage) {
	s.T.Helper()
	s.Unchanged(func() {
		asked := s.Session.Post("/users/"+s.Ada+"/role", url.Values{"role_id": {fmt.Sprint(s.RoleID("Viewer"))}}).Is(200)
		if effects := webtest.Text(asked.One("ul", "class", "effects")); !strings.Contains(effects, "Their access by Research ends") {
			s.T.Errorf("it asks: %s", effects)
		}
	})
	s.Audits(func() { s.SetRole(s.Ada, "Viewer") }, "update - "+s.Ada+" cli", "update 4 "+s.Ada+" cli")
	var changed string
	s.Scan(&changed, `SELECT concat_ws(' ', previous_values::json->>'from_role', new_values::json->>'from_role',
    new_values::json->>'expires_at' IS NOT NULL) FROM audit_logs ORDER BY id DESC LIMIT 1`)
	webtest.Same(s.T, "recorded", changed, "true false t")
}

// The same is said of those who get a profile by the role that they have, and before users are handed over.
func TestAttachmentNamesWhatNoLongerEnds(t *testing.T) {
	s := ending(t, "-1 hour")
	s.SetRole(s.Bob, "New")
	plan := fmt.Sprintf("/api/scim-connections/%d/hand-over", s.Directory("Okta", "New").Connection)
	said := s.Admin.API("POST", plan, webtest.Object{"email_domain": "example.com", "dry_run": true}).Is(200).JSON()
	webtest.Same(t, "handed over", said["endless"], any(webtest.Object{"Research": 1.0}))
	page := strings.Replace(plan, "/api/scim-connections/", "/settings/provisioning/", 1)
	shown := webtest.Text(s.Session.Post(page, url.Values{"email_domain": {"example.com"}}).Is(200).One("main"))
	if want := "The access of 1 user by Research no longer ends"; !strings.Contains(shown, want) {
		t.Errorf("no %q in %s", want, shown)
	}
	roles := fmt.Sprintf("/api/access-profiles/%d/roles", webtest.Research)
	applied := s.Admin.API("POST", roles, webtest.Object{"role_ids": []int64{s.RoleID("Viewer")}, "apply_to_existing": true}).Is(200).JSON()["message"]
	if want := "1 copy no longer ends"; !strings.Contains(fmt.Sprint(applied), want) {
		t.Errorf("no %q in %s", want, applied)
	}
	var metadata string
	s.Scan(&metadata, "SELECT metadata FROM audit_logs WHERE action = 'attach_role' ORDER BY id DESC LIMIT 1")
	if want := `"endless_for":["` + s.Ada + `"]`; !strings.Contains(metadata, want) {
		t.Errorf("no %s in %s", want, metadata)
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
