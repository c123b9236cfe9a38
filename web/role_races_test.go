package web_test

import (
	"fmt"
	"testing"

	"tollgate/web/webtest"
)

// I-18: a user leaves or joins a role while a profile is attached to it.
func TestRaceRoleChangeAndApply(t *testing.T) {
	s := webtest.NewStage(t)
	old, next := s.AddRole("Old"), s.AddRole("New")
	came := map[string]int{}
	for round := range webtest.Rounds() {
		s.Exec("UPDATE users SET role_id = ? WHERE id = ?", old, s.Ada)
		role, isDefault := old, round%4 < 2
		if round%2 == 0 {
			role = next
		}
		if round%5 < 2 {
			s.Attach(webtest.Research, webtest.Object{"role_ids": []int64{role}}) // so that only its default changes
		}
		changed, attached := s.Contend(round, "roles", role,
			func() webtest.Answer {
				return s.Admin.API("PUT", "/api/users/"+s.Ada+"/role", webtest.Object{"role_id": next})
			},
			func() webtest.Answer {
				return s.Admin.API("POST", "/api/access-profiles/4/roles", webtest.Object{"role_ids": []int64{role}, "is_default": isDefault, "apply_to_existing": true})
			},
		)
		webtest.Same(t, "statuses", webtest.Statuses(t, changed, attached), []int{200, 200})
		// The copy of a member of the old role is deleted with it; the new role assigns it in either order, unless the
		// profile is neither its default nor applied to a user who had joined.
		applied, want := attached.JSON()["users_applied"].(float64), ""
		if role == next && (isDefault || applied == 1) {
			want = "Research role"
		}
		came[fmt.Sprint(role == next, isDefault, applied)]++
		webtest.Same(t, fmt.Sprintf("held after %v of the new role, default %v", role == next, isDefault), s.Held(s.Ada), want)
		s.Sound()
		s.DetachAll(s.Ada)
		s.Admin.API("DELETE", fmt.Sprint("/api/access-profiles/4/roles/", role), nil).Is(200)
	}
	if len(came) != 8 {
		t.Errorf("not every order was seen: %v", came)
	}
}

// I-18: afterwards a user has the copies of the new role and those assigned directly; a propagation restores none of
// the old ones.
func TestRaceRoleChangeAndPropagation(t *testing.T) {
	s := webtest.NewStage(t)
	s.AddRole("Old")
	s.AddRole("New")
	s.AssignByRole(1, "Old")
	s.AssignByRole(webtest.Research, "Old")
	s.AssignByRole(webtest.Research, "New")
	s.AssignByRole(2, "New")
	s.Assign(s.Ada, 3)
	for round := range webtest.Rounds() {
		s.SetRole(s.Ada, "Old")
		path := fmt.Sprint("/api/access-profiles/", []int{1, 2, 3, webtest.Research}[round%4])
		s.Admin.API("PUT", path, fmt.Sprintf(`{"budgets":[{"max_limit":%d,"reset_duration":"1d"}]}`, round)).Is(200)
		got := webtest.Concurrently(
			func() webtest.Answer {
				return s.Admin.API("PUT", "/api/users/"+s.Ada+"/role", webtest.Object{"role_id": s.RoleID("New")})
			},
			func() webtest.Answer {
				return s.Admin.API("POST", path+"/propagate", `{"fields":["budgets","rate_limit"]}`)
			},
		)
		webtest.Same(t, "statuses", webtest.Statuses(t, got...), []int{200, 200})
		webtest.Same(t, "failed", got[1].JSON()["failed_users"], 0.0)
		webtest.Same(t, "held", s.Held(s.Ada), "Café direct, Research role, Straße role")
		s.Sound()
	}
}

// Of many role changes the last one counts, and nothing of the others is left.
func TestRaceRoleChanges(t *testing.T) {
	s := webtest.NewStage(t)
	s.AssignByRole(webtest.Research, "Viewer")
	handsOut := map[string]string{"Viewer": "Research role"}
	for _, name := range []string{"One", "Two", "Three"} {
		s.AddRole(name)
		s.AssignByRole(s.AddProfile(name), name)
		handsOut[name] = name + " role"
	}
	s.AssignByRole(webtest.Research, "Two")
	handsOut["Two"] = "Research role, Two role"
	s.Assign(s.Ada, 1)
	key := s.Keys(s.Ada)
	for range webtest.Rounds() {
		var changes []func() webtest.Answer
		for _, role := range []string{"One", "Two", "Three", "Viewer"} {
			id := s.RoleID(role)
			changes = append(changes, func() webtest.Answer {
				return s.Admin.API("PUT", "/api/users/"+s.Ada+"/role", webtest.Object{"role_id": id})
			})
		}
		webtest.Same(t, "statuses", webtest.Statuses(t, webtest.Concurrently(changes...)...), []int{200, 200, 200, 200})
		// All but the first may find the role that they set, so only the last one is known from what is stored.
		if role := s.RoleOf(webtest.Ada); s.Held(s.Ada) != "Engineering direct, "+handsOut[role] {
			t.Fatalf("a %s holds %s", role, s.Held(s.Ada))
		}
		webtest.Same(t, "keys", s.Keys(s.Ada), key)
		s.Sound()
	}
}
