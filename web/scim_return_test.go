package web_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"tollgate/web/webtest"
)

// Who comes back is in the groups that they left and that are still there: the copy that the role of a group gave stays,
// with what was used of it and with its key. A group that was deleted meanwhile, and users who were released, do not.
func TestSCIMLeaversComeBackToTheirGroups(t *testing.T) {
	for name, back := range map[string]func(g webtest.Gateway, d webtest.Directory, user string){
		"by the directory": func(g webtest.Gateway, d webtest.Directory, user string) {
			webtest.Same(g.T, "the same user", d.Provision("kim@example.com", webtest.Object{"externalId": "k-1"}), user)
		},
		"by the directory, in two steps": func(g webtest.Gateway, d webtest.Directory, user string) {
			d.Provision("kim@example.com", webtest.Object{"externalId": "k-1", "active": false})
			d.Patch("/Users/"+user, `{"op":"replace","path":"active","value":true}`).Is(200)
		},
		"by an admin": func(g webtest.Gateway, _ webtest.Directory, user string) {
			g.Admin.API("PUT", "/api/users/"+user+"/activate", nil).Is(200)
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := webtest.NewGateway(t)
			role := g.AddRole("Dev")
			g.AssignByRole(g.Work, "Dev")
			d := g.Directory("Okta", "Viewer")
			user := d.Provision("kim@example.com", webtest.Object{"externalId": "k-1"})
			eng, gone := d.Group("Eng", user), d.Group("Gone", user)
			d.Rules(webtest.Object{"group_id": eng, "role_id": role}).Is(200)
			key := g.Admin.API("POST", fmt.Sprint("/api/users/", user, "/access-profiles/", g.Copies(user)[0]["id"], "/virtual-keys"),
				webtest.Object{"name": "laptop"}).Is(200).Object("virtual_key")["value"]
			g.Admin.Counted(webtest.Event(key, "cost", 8))
			g.Admin.Decides(webtest.Model(key), "budget_exceeded", 402)
			copies := g.Copies(user)

			d.SCIM("DELETE", "/Users/"+user, nil).Is(204)
			members := func(group string) int {
				return len(d.SCIM("GET", "/Groups/"+group, nil).Is(200).JSON()["members"].([]any))
			}
			webtest.Same(t, "members while away", members(eng), 0)
			d.SCIM("DELETE", "/Groups/"+gone, nil).Is(204)
			before := d.SCIM("GET", "/Groups/"+eng, nil).Header.Get("ETag")
			back(g, d, user)
			g.Admin.Decides(webtest.Model(key), "budget_exceeded", 402)
			webtest.Same(t, "copies", g.Copies(user), copies)
			webtest.Same(t, "members", members(eng), 1)
			if d.SCIM("GET", "/Groups/"+eng, nil).Header.Get("ETag") == before {
				t.Error("the group has the version that it had without the user")
			}
			// What the directory sends next counts.
			d.SCIM("PUT", "/Groups/"+eng, webtest.Object{"displayName": "Eng", "members": []webtest.Object{}}).Is(200)
			webtest.Same(t, "role", g.Account(user)["role"], any("Viewer"))
			d.SCIM("DELETE", "/Users/"+user, nil).Is(204)
			back(g, d, user)
			webtest.Same(t, "members", members(eng), 0)

			d.Patch("/Groups/"+eng, addMember(user)).Is(204)
			d.SCIM("DELETE", "/Users/"+user, nil).Is(204)
			back(g, d, user)
			webtest.Same(t, "the latest changes of members", groupChanges(g, 3), []string{
				"Eng added [" + user + "], removed [], away []", "Eng added [], removed [" + user + "], away []",
				"Eng added [" + user + "], removed [], away []",
			})
			d.SCIM("DELETE", "/Users/"+user, nil).Is(204)
			g.Admin.API("PUT", "/api/users/"+user+"/release", nil).Is(200)
			webtest.Same(t, "kept of a released user", g.Count("scim_left_members"), 0)
		})
	}
}

// groupChanges are the latest rows of the audit log in which members of groups changed, newest first.
func groupChanges(g webtest.Gateway, n int) (changes []string) {
	g.T.Helper()
	log := g.Admin.Get("/api/access-profiles/audit-logs?resource=scim_group&action=update&limit=" + fmt.Sprint(n)).Is(200)
	for _, row := range log.JSON()["audit_logs"].([]any) {
		var group struct{ Name string }
		var change struct {
			Added, Removed []string
			Away           []string `json:"removed_while_away"`
		}
		g.Must(json.Unmarshal([]byte(row.(map[string]any)["new_values"].(string)), &group))
		g.Must(json.Unmarshal([]byte(row.(map[string]any)["metadata"].(string)), &change))
		changes = append(changes, fmt.Sprint(group.Name, " added ", change.Added, ", removed ", change.Removed, ", away ", change.Away))
	}
	return changes
}

// What a directory says of a group counts for a user whom it deleted: one whom it removes does not come back to the
// group and its role, and one whom it adds or does not name does.
func TestSCIMGroupsChangeWhileUsersAreAway(t *testing.T) {
	g := webtest.NewGateway(t)
	role := g.AddRole("Dev")
	d := g.Directory("Okta", "Viewer")
	user, other := d.Provision("kim@example.com", webtest.Object{"externalId": "k-1"}), d.Provision("lee@example.com")
	eng := d.Group("Eng", other)
	d.Rules(webtest.Object{"group_id": eng, "role_id": role}).Is(200)
	put := func(group webtest.Object) { d.SCIM("PUT", "/Groups/"+eng, group).Is(200) }
	for _, test := range []struct {
		name   string
		change func()
		role   string
	}{
		{"removed by id", func() { d.Patch("/Groups/"+eng, removeMember(user)).Is(204) }, "Viewer"},
		{"removed by a path", func() {
			d.Patch("/Groups/"+eng, `{"op":"remove","path":"members[value eq \"`+user+`\"]"}`).Is(204)
		}, "Viewer"},
		{"replaced by nobody", func() { d.Patch("/Groups/"+eng, `{"op":"replace","path":"members","value":[]}`).Is(204) }, "Viewer"},
		{"sent without them", func() {
			put(webtest.Object{"displayName": "Eng", "members": []webtest.Object{{"value": other}}})
		}, "Viewer"},
		{"removed and added again", func() {
			d.Patch("/Groups/"+eng, removeMember(user), addMember(user)).Is(204)
		}, "Dev"},
		{"sent with them", func() {
			put(webtest.Object{"displayName": "Eng", "members": []webtest.Object{{"value": user}, {"value": other}}})
		}, "Dev"},
		{"renamed", func() { put(webtest.Object{"displayName": "Engineers"}) }, "Dev"},
	} {
		d.Patch("/Groups/"+eng, addMember(user)).Is(204)
		d.SCIM("DELETE", "/Users/"+user, nil).Is(204)
		test.change()
		if test.role == "Viewer" {
			webtest.Same(t, test.name+": kept", g.Count("scim_left_members"), 0)
		}
		d.Provision("kim@example.com", webtest.Object{"externalId": "k-1"})
		webtest.Same(t, test.name+": role", g.Account(user)["role"], any(test.role))
	}
	d.SCIM("DELETE", "/Users/"+user, nil).Is(204)
	d.Patch("/Groups/"+eng, removeMember(user)).Is(204)
	webtest.Same(t, "the latest change of members", groupChanges(g, 1), []string{
		"Engineers added [], removed [], away [" + user + "]",
	})
}

// Who comes back after they were deactivated for longer than the retention begins anew, in no group that they left, also
// when the directory first creates and then activates them.
func TestSCIMLeaversBeginAnewWithoutGroups(t *testing.T) {
	g := webtest.NewGateway(t)
	role := g.AddRole("Dev")
	d := g.Directory("Okta", "Viewer")
	user := d.Provision("kim@example.com", webtest.Object{"externalId": "k-1"})
	eng := d.Group("Eng")
	d.Rules(webtest.Object{"group_id": eng, "role_id": role}).Is(200)
	for _, active := range []bool{true, false} {
		d.Patch("/Groups/"+eng, addMember(user)).Is(204)
		webtest.Same(t, "role", g.Account(user)["role"], any("Dev"))
		d.Patch("/Users/"+user, `{"op":"replace","path":"active","value":false}`).Is(200)
		g.Exec("UPDATE users SET deactivated_at = now() - interval '31 days' WHERE id = ?", user)
		d.SCIM("DELETE", "/Users/"+user, nil).Is(204)
		d.Provision("kim@example.com", webtest.Object{"externalId": "k-1", "active": active})
		d.Patch("/Users/"+user, `{"op":"replace","path":"active","value":true}`).Is(200)
		webtest.Same(t, "members", len(d.SCIM("GET", "/Groups/"+eng, nil).Is(200).JSON()["members"].([]any)), 0)
		webtest.Same(t, "role of who begins anew", g.Account(user)["role"], any("Viewer"))
		webtest.Same(t, "kept", g.Count("scim_left_members"), 0)
	}
}
