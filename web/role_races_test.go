package web_test

import (
	"fmt"
	"testing"
)

// I-18: a user leaves or joins a role while a profile is attached to it.
func TestRaceRoleChangeAndApply(t *testing.T) {
	s := newStage(t)
	old, next := s.addRole("Old"), s.addRole("New")
	came := map[string]int{}
	for round := range rounds() {
		s.exec("UPDATE users SET role_id = ? WHERE id = ?", old, s.ada)
		role, isDefault := old, round%4 < 2
		if round%2 == 0 {
			role = next
		}
		if round%5 < 2 {
			s.attach(research, object{"role_ids": []int64{role}}) // so that only its default changes
		}
		changed, attached := s.contend(round, "roles", role,
			func() answer {
				return s.admin.api("PUT", "/api/users/"+s.ada+"/role", object{"role_id": next})
			},
			func() answer {
				return s.admin.api("POST", "/api/access-profiles/4/roles", object{"role_ids": []int64{role}, "is_default": isDefault, "apply_to_existing": true})
			},
		)
		same(t, "statuses", statuses(t, changed, attached), []int{200, 200})
		// The copy of a member of the old role is deleted with it; the new role assigns it in either order, unless the
		// profile is neither its default nor applied to a user who had joined.
		applied, want := attached.json()["users_applied"].(float64), ""
		if role == next && (isDefault || applied == 1) {
			want = "Research role"
		}
		came[fmt.Sprint(role == next, isDefault, applied)]++
		same(t, fmt.Sprintf("held after %v of the new role, default %v", role == next, isDefault), s.held(s.ada), want)
		s.sound()
		s.detachAll(s.ada)
		s.admin.api("DELETE", fmt.Sprint("/api/access-profiles/4/roles/", role), nil).is(200)
	}
	if len(came) != 8 {
		t.Errorf("not every order was seen: %v", came)
	}
}

// I-18: afterwards a user has the copies of the new role and those assigned directly; a propagation restores none of
// the old ones.
func TestRaceRoleChangeAndPropagation(t *testing.T) {
	s := newStage(t)
	s.addRole("Old")
	s.addRole("New")
	s.assignByRole(1, "Old")
	s.assignByRole(research, "Old")
	s.assignByRole(research, "New")
	s.assignByRole(2, "New")
	s.assign(s.ada, 3)
	for round := range rounds() {
		s.setRole(s.ada, "Old")
		path := fmt.Sprint("/api/access-profiles/", []int{1, 2, 3, research}[round%4])
		s.admin.api("PUT", path, fmt.Sprintf(`{"budgets":[{"max_limit":%d,"reset_duration":"1d"}]}`, round)).is(200)
		got := concurrently(
			func() answer {
				return s.admin.api("PUT", "/api/users/"+s.ada+"/role", object{"role_id": s.roleID("New")})
			},
			func() answer { return s.admin.api("POST", path+"/propagate", `{"fields":["budgets","rate_limit"]}`) },
		)
		same(t, "statuses", statuses(t, got...), []int{200, 200})
		same(t, "failed", got[1].json()["failed_users"], 0.0)
		same(t, "held", s.held(s.ada), "Café direct, Research role, Straße role")
		s.sound()
	}
}

// Of many role changes the last one counts, and nothing of the others is left.
func TestRaceRoleChanges(t *testing.T) {
	s := newStage(t)
	s.assignByRole(research, "Viewer")
	handsOut := map[string]string{"Viewer": "Research role"}
	for _, name := range []string{"One", "Two", "Three"} {
		s.addRole(name)
		s.assignByRole(s.addProfile(name), name)
		handsOut[name] = name + " role"
	}
	s.assignByRole(research, "Two")
	handsOut["Two"] = "Research role, Two role"
	s.assign(s.ada, 1)
	key := s.keys(s.ada)
	for range rounds() {
		var changes []func() answer
		for _, role := range []string{"One", "Two", "Three", "Viewer"} {
			id := s.roleID(role)
			changes = append(changes, func() answer { return s.admin.api("PUT", "/api/users/"+s.ada+"/role", object{"role_id": id}) })
		}
		same(t, "statuses", statuses(t, concurrently(changes...)...), []int{200, 200, 200, 200})
		// All but the first may find the role that they set, so only the last one is known from what is stored.
		if role := s.roleOf(ada); s.held(s.ada) != "Engineering direct, "+handsOut[role] {
			t.Fatalf("a %s holds %s", role, s.held(s.ada))
		}
		same(t, "keys", s.keys(s.ada), key)
		s.sound()
	}
}
