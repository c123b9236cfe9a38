package web_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"tollgate/web/webtest"
)

// What a group of a directory gives and takes has a row in the log of each profile, which names those whose copies
// came or went, and no others of the group.
func TestDirectoryMovesAreRecordedByProfile(t *testing.T) {
	s := webtest.NewStage(t)
	role := s.AddRole("Dev")
	s.AssignByRole(webtest.Research, "Dev")
	d := s.Directory("Okta", "Viewer")
	ada, bob, cyd, dan := d.Provision("a@example.org"), d.Provision("b@example.org"), d.Provision("c@example.org"), d.Provision("d@example.org")
	s.Assign(ada, webtest.Research)
	s.Assign(dan, webtest.Research)
	s.Exec("UPDATE user_access_profiles SET expires_at = now() - interval '1 hour' WHERE user_id = ?", dan)
	group := d.Group("Eng")
	d.Rules(webtest.Object{"group_id": group, "role_id": role}).Is(200)
	var last int64
	rows := func() (all []string) {
		var found []struct{ Action, Metadata, Values string }
		s.Scan(&found, `SELECT action, metadata, concat(previous_values, new_values) AS "values" FROM audit_logs
WHERE access_profile_id = ? AND id > ? ORDER BY id`, webtest.Research, last)
		for _, row := range found {
			var about struct {
				Users []string `json:"user_ids"`
				Keys  []string `json:"deleted_keys"`
				Role  int64    `json:"role_id"`
			}
			s.Must(json.Unmarshal([]byte(row.Metadata), &about))
			all = append(all, fmt.Sprint(row.Action, about.Users, about.Keys, about.Role, row.Values))
		}
		return all
	}
	push := func(members ...string) []string {
		s.Scan(&last, "SELECT max(id) FROM audit_logs")
		list := make([]webtest.Object, len(members))
		for i, id := range members {
			list[i] = webtest.Object{"value": id}
		}
		d.SCIM("PUT", "/Groups/"+group, webtest.Object{"displayName": "Eng", "members": list}).Is(200)
		return rows()
	}
	sorted := func(ids ...string) []string { slices.Sort(ids); return ids }
	webtest.Same(t, "gained", push(ada, bob, cyd, dan), []string{
		fmt.Sprint("assign", sorted(bob, cyd), []string{}, role),
		fmt.Sprint("update", []string{dan}, []string{}, role, `{"from_role":false}{"from_role":true}`),
	})
	key := s.Admin.API("POST", "/api/users/"+bob+"/virtual-keys", nil).Is(200).Object("virtual_key")["name"]
	webtest.Same(t, "lost by one", push(ada, cyd, dan), []string{fmt.Sprint("unassign", []string{bob}, []any{key}, role)})
	webtest.Same(t, "lost", push(), []string{
		fmt.Sprint("unassign", []string{cyd}, []string{}, role),
		fmt.Sprint("update", []string{dan}, []string{}, role, `{"from_role":true}{"from_role":false}`),
	})
	push(bob, cyd)
	webtest.Same(t, "lost by two", push(), []string{fmt.Sprint("unassign", sorted(bob, cyd), []string{}, role)})

	page := webtest.Text(s.Session.Get("/access-profiles/4/audit").Is(200).One("main"))
	for _, want := range []string{
		"gave Research to 2 users through their role", "detached Research from 2 users", "gave Research to ",
		"another role, so that their access by Research no longer ends", "another role, so that their access by Research ends as it was assigned",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the profile's log lacks %q: %s", want, page)
		}
	}
	if strings.Contains(page, "from role") {
		t.Errorf("the profile's log names members of documents: %s", page)
	}
	about := func(user string) any {
		return s.Admin.Get("/api/access-profiles/audit-logs?action=unassign&user_id=" + user).Is(200).JSON()["total_count"]
	}
	webtest.Same(t, "rows about each", []any{about(ada), about(bob), about(cyd)}, []any{0.0, 2.0, 2.0})
}
