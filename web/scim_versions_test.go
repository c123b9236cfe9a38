package web_test

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"tollgate/handlers"
	"tollgate/models/purge"
	"tollgate/web/webtest"
)

// A group has another version when a member leaves it because they were deleted, released or purged.
func TestGroupVersionsFollowLeavers(t *testing.T) {
	c := webtest.NewConsole(t)
	d := c.Directory("Okta", "Viewer")
	admin := c.Login(webtest.Admin)
	stays := d.Provision("stays@example.com")
	for name, leave := range map[string]func(user string){
		"deleted":  func(user string) { d.SCIM("DELETE", "/Users/"+user, nil).Is(204) },
		"released": func(user string) { admin.API("PUT", "/api/users/"+user+"/release", nil).Is(200) },
		"purged": func(user string) {
			// An earlier release could leave a deleted user in a group.
			c.Exec("UPDATE users SET deactivated_at = now(), left_at = now() - interval '31 days' WHERE id = ?", user)
			c.Exec("UPDATE scim_purging SET purged_at = NULL, lease_until = to_timestamp(0)")
			c.Must(purge.NewWorker(c.DB, slog.New(slog.DiscardHandler)).Purge(t.Context()))
		},
	} {
		user := d.Provision(name + "@example.com")
		group, other := d.Group("Of "+name, user, stays), d.Group("Not of "+name, stays)
		path := "/Groups/" + group
		before, kept := d.SCIM("GET", path, nil).Is(200), d.SCIM("GET", "/Groups/"+other, nil).Is(200)
		leave(user)
		tag := before.Header.Get("ETag")
		after := d.With("If-None-Match", tag).Get("/scim/v2" + path).Is(200)
		if strings.Contains(string(after.Body), user) || after.Header.Get("ETag") == tag {
			t.Errorf("%s: %s %s", name, after.Header.Get("ETag"), after.Body)
		}
		if was, is := before.JSON()["meta"].(webtest.Object), after.JSON()["meta"].(webtest.Object); was["lastModified"] == is["lastModified"] {
			t.Errorf("%s: last modified %v", name, is["lastModified"])
		}
		stale := webtest.Directory{Client: d.With("If-Match", tag), Connection: d.Connection}
		stale.Patch(path, removeMember(stays)).RefusesSCIM(412, "")
		d.With("If-None-Match", kept.Header.Get("ETag")).Get("/scim/v2/Groups/" + other).Is(304)
	}
}

// A user who is deleted and added to a group at the same time is in no group, in either order.
func TestLeaversAreInNoGroup(t *testing.T) {
	deadlocks := &webtest.Deadlocks{}
	c := webtest.NewConsole(t, func(h *handlers.Handlers) { h.DB = h.DB.WithQueryHook(deadlocks) })
	s := webtest.Stage{Cast: webtest.Cast{Console: c}}
	d := s.Directory("Okta", "Viewer")
	for round := range 4 {
		user := d.Provision(fmt.Sprintf("round%d@example.com", round))
		group := d.Group(fmt.Sprint("Round ", round))
		leave := func() webtest.Answer { return d.SCIM("DELETE", "/Users/"+user, nil) }
		join := func() webtest.Answer { return d.Patch("/Groups/"+group, addMember(user)) }
		if round%2 == 0 {
			got := s.Queued("users", user, leave, join)
			got[0].Is(204)
			got[1].RefusesSCIM(400, "invalidValue")
		} else {
			webtest.Statuses(t, s.Queued("users", user, join, leave)...)
		}
		webtest.Same(t, "members", len(d.SCIM("GET", "/Groups/"+group, nil).Is(200).JSON()["members"].([]any)), 0)
		webtest.Same(t, "memberships", c.Count("scim_members"), 0)
	}
	webtest.Same(t, "deadlocks", deadlocks.Load(), int64(0))
}
