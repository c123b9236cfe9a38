package web_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/uptrace/bun"

	"tollgate/handlers"
)

// deadlocks counts the statements that the database cancelled to break a deadlock.
type deadlocks struct{ atomic.Int64 }

func (d *deadlocks) BeforeQuery(ctx context.Context, _ *bun.QueryEvent) context.Context { return ctx }

func (d *deadlocks) AfterQuery(_ context.Context, event *bun.QueryEvent) {
	if broken := (*pgconn.PgError)(nil); errors.As(event.Err, &broken) && broken.Code == "40P01" {
		d.Add(1)
	}
}

// Locks are taken in one order everywhere: profiles, roles, users, copies. Any other order makes the database wait a
// second to detect the deadlock, and blocks other requests meanwhile.
func TestOneOrderOfLocks(t *testing.T) {
	type pair struct {
		name       string
		one, other func(s stage, round int) answer
	}
	attach := func(s stage, _ int) answer {
		return s.admin.api("POST", "/api/access-profiles/4/roles", object{"role_ids": []int64{s.roleID("Viewer")}, "apply_to_existing": true})
	}
	assign := func(s stage, _ int) answer {
		return s.admin.api("POST", "/api/users/"+s.ada+"/access-profiles", `{"access_profile_id":4}`)
	}
	for _, p := range []pair{
		{"attaching and assigning", attach, assign},
		{"attaching and assigning to many", attach, func(s stage, _ int) answer {
			return s.session.post("/users/bulk", map[string][]string{"ids": {s.ada, s.bob}, "access_profile_id": {"4"}})
		}},
		{"detaching the role and the copy", func(s stage, _ int) answer {
			return s.admin.api("DELETE", fmt.Sprint("/api/access-profiles/4/roles/", s.roleID("Viewer"), "?remove_from_users=true"), nil)
		}, func(s stage, _ int) answer {
			return s.session.post("/access-profiles/4/users/bulk", map[string][]string{"ids": {s.ada, s.bob}, "confirmed": {"true"}})
		}},
		{"attaching and changing a role", attach, func(s stage, round int) answer {
			role := []string{"Developer", "Viewer"}[round%2]
			return s.admin.api("PUT", "/api/users/"+s.ada+"/role", object{"role_id": s.roleID(role)})
		}},
		{"attaching and adding a user", attach, func(s stage, round int) answer {
			return s.admin.api("POST", "/api/users", object{"name": "x", "email": fmt.Sprintf("user%d@example.com", round), "role_id": s.roleID("Viewer")})
		}},
	} {
		t.Run(p.name, func(t *testing.T) {
			counted := &deadlocks{}
			c := newConsole(t, func(h *handlers.Handlers) { h.DB = h.DB.WithQueryHook(counted) })
			s := stage{cast: cast{c, c.apiKey(), c.apiKey(), c.login(admin).with("Sec-Fetch-Site", "same-origin")}}
			for i := range 4 {
				s.addProfile(strings.Repeat("x", i+1))
			}
			s.ada, s.bob = s.member(ada, "Viewer"), s.member(bob, "Viewer")
			for round := range rounds() {
				if p.name == "detaching the role and the copy" {
					attach(s, round).is(200)
				}
				statuses(t, concurrently(func() answer { return p.one(s, round) }, func() answer { return p.other(s, round) })...)
				s.sound()
				for _, user := range []string{s.ada, s.bob} {
					s.detachAll(user)
				}
			}
			if n := counted.Load(); n > 0 {
				t.Errorf("%d deadlocks in %d rounds", n, rounds())
			}
		})
	}
}
