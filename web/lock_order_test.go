package web_test

import (
	"fmt"
	"strings"
	"testing"

	"tollgate/handlers"
	"tollgate/web/webtest"
)

// Locks are taken in one order everywhere: profiles, roles, users, copies. Any other order makes the database wait a
// second to detect the deadlock, and blocks other requests meanwhile.
func TestOneOrderOfLocks(t *testing.T) {
	type pair struct {
		name       string
		one, other func(s webtest.Stage, round int) webtest.Answer
	}
	attach := func(s webtest.Stage, _ int) webtest.Answer {
		return s.Admin.API("POST", "/api/access-profiles/4/roles", webtest.Object{"role_ids": []int64{s.RoleID("Viewer")}, "apply_to_existing": true})
	}
	assign := func(s webtest.Stage, _ int) webtest.Answer {
		return s.Admin.API("POST", "/api/users/"+s.Ada+"/access-profiles", `{"access_profile_id":4}`)
	}
	for _, p := range []pair{
		{"attaching and assigning", attach, assign},
		{"attaching and assigning to many", attach, func(s webtest.Stage, _ int) webtest.Answer {
			return s.Session.Post("/users/bulk", map[string][]string{"ids": {s.Ada, s.Bob}, "access_profile_id": {"4"}})
		}},
		{"detaching the role and the copy", func(s webtest.Stage, _ int) webtest.Answer {
			return s.Admin.API("DELETE", fmt.Sprint("/api/access-profiles/4/roles/", s.RoleID("Viewer"), "?remove_from_users=true"), nil)
		}, func(s webtest.Stage, _ int) webtest.Answer {
			return s.Session.Post("/access-profiles/4/users/bulk", map[string][]string{"ids": {s.Ada, s.Bob}, "confirmed": {"true"}})
		}},
		{"attaching and changing a role", attach, func(s webtest.Stage, round int) webtest.Answer {
			role := []string{"Developer", "Viewer"}[round%2]
			return s.Admin.API("PUT", "/api/users/"+s.Ada+"/role", webtest.Object{"role_id": s.RoleID(role)})
		}},
		{"attaching and adding a user", attach, func(s webtest.Stage, round int) webtest.Answer {
			return s.Admin.API("POST", "/api/users", webtest.Object{"name": "x", "email": fmt.Sprintf("user%d@example.com", round), "role_id": s.RoleID("Viewer")})
		}},
		{"attaching and pushing a group", attach, func() func(webtest.Stage, int) webtest.Answer {
			var d webtest.Directory
			var group, user string
			return func(s webtest.Stage, round int) webtest.Answer {
				if round == 0 {
					d = s.Directory("Okta", "Viewer")
					group, user = d.Group("Staff"), d.Provision("staff@example.com")
					d.Rules(webtest.Object{"group_id": group, "role_id": s.RoleID("Developer")}).Is(200)
				}
				return d.Patch("/Groups/"+group, []string{addMember(user), removeMember(user)}[round%2])
			}
		}()},
	} {
		t.Run(p.name, func(t *testing.T) {
			counted := &webtest.Deadlocks{}
			c := webtest.NewConsole(t, func(h *handlers.Handlers) { h.DB = h.DB.WithQueryHook(counted) })
			s := webtest.Stage{Cast: webtest.Cast{Console: c, Admin: c.APIKey(), Viewer: c.APIKey(), Session: c.Login(webtest.Admin).With("Sec-Fetch-Site", "same-origin")}}
			for i := range 4 {
				s.AddProfile(strings.Repeat("x", i+1))
			}
			s.Ada, s.Bob = s.Member(webtest.Ada, "Viewer"), s.Member(webtest.Bob, "Viewer")
			for round := range soaked(8) {
				if p.name == "detaching the role and the copy" {
					attach(s, round).Is(200)
				}
				webtest.Statuses(t, webtest.Concurrently(func() webtest.Answer { return p.one(s, round) }, func() webtest.Answer { return p.other(s, round) })...)
				s.Sound()
				for _, user := range []string{s.Ada, s.Bob} {
					s.DetachAll(user)
				}
			}
			if n := counted.Load(); n > 0 {
				t.Errorf("%d deadlocks in %d rounds", n, soaked(8))
			}
		})
	}
}
