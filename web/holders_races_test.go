package web_test

import (
	"fmt"
	"slices"
	"testing"

	"tollgate/web/webtest"
)

// C-03, I-13: of a deletion and an assignment one wins, and no copy is left without its profile.
func TestRaceDeleteProfileAndAssign(t *testing.T) {
	s := webtest.NewStage(t)
	won := map[string]int{}
	for round := range webtest.Rounds() {
		id := s.AddProfile(fmt.Sprint("Round ", round))
		path := fmt.Sprint("/api/access-profiles/", id)
		assigned, deleted := s.Contend(round, "access_profiles", id,
			func() webtest.Answer {
				return s.Admin.API("POST", "/api/users/"+s.Ada+"/access-profiles", webtest.Object{"access_profile_id": id})
			},
			func() webtest.Answer { return s.Admin.API("DELETE", path, nil) },
		)
		switch fmt.Sprint(webtest.Statuses(t, assigned, deleted)) {
		case "[404 200]":
			won["deletion"]++
			assigned.Refuses(404, "not_found", "")
			webtest.Same(t, "held", s.Held(s.Ada), "")
		case "[201 409]":
			won["assignment"]++
			deleted.Refuses(409, "profile_in_use", "")
			webtest.Same(t, "held", s.Held(s.Ada), fmt.Sprintf("Round %d direct", round))
		default:
			t.Fatalf("assigned %d, deleted %d", assigned.StatusCode, deleted.StatusCode)
		}
		s.Sound()
		s.DetachAll(s.Ada)
	}
	if len(won) != 2 {
		t.Errorf("won: %v", won)
	}
}

// The same with all members of a role: all of them have a copy, or the profile is deleted.
func TestRaceDeleteProfileAndApply(t *testing.T) {
	s := webtest.NewStage(t)
	viewers, won := s.RoleID("Viewer"), map[string]int{}
	for round := range webtest.Rounds() {
		id := s.AddProfile(fmt.Sprint("Round ", round))
		path := fmt.Sprint("/api/access-profiles/", id)
		attached, deleted := s.Contend(round, "access_profiles", id,
			func() webtest.Answer {
				return s.Admin.API("POST", path+"/roles", webtest.Object{"role_ids": []int64{viewers}, "apply_to_existing": true})
			},
			func() webtest.Answer { return s.Admin.API("DELETE", path, nil) },
		)
		copies := s.Count("user_access_profiles WHERE access_profile_id = ?", id)
		switch all := fmt.Sprint(webtest.Statuses(t, attached, deleted), copies); all {
		case "[404 200] 0", "[200 409] 3":
			won[all]++
		default:
			t.Fatalf("attached, deleted, copies: %v", all)
		}
		s.Sound()
		for _, user := range []string{s.Ada, s.Bob, s.UserID(webtest.Viewer)} {
			s.DetachAll(user)
		}
	}
	if len(won) != 2 {
		t.Errorf("won: %v", won)
	}
}

func TestRaceAssignTwice(t *testing.T) {
	s := webtest.NewStage(t)
	for round := range webtest.Rounds() {
		send := func() webtest.Answer {
			return s.Admin.API("POST", "/api/users/"+s.Ada+"/access-profiles", `{"access_profile_id":4}`)
		}
		byForm := func() webtest.Answer {
			return s.Session.Post("/users/"+s.Ada+"/access-profiles", map[string][]string{"access_profile_id": {"4"}})
		}
		if round%2 == 0 {
			byForm = send
		}
		got := webtest.Concurrently(send, byForm)
		all := webtest.Statuses(t, got...)
		slices.Sort(all)
		if all[0] != 201 && all[0] != 303 || all[1] != 409 { // a form leads to the page with the key
			t.Fatalf("statuses %v", all)
		}
		for _, a := range got {
			if a.StatusCode == 409 {
				a.Refuses(409, "already_held", "access_profile_id")
			}
		}
		webtest.Same(t, "held", s.Held(s.Ada), "Research direct")
		webtest.Same(t, "keys", len(s.Keys(s.Ada)), 1)
		s.Sound()
		s.DetachAll(s.Ada)
	}
}

// Of two first profiles, one comes with the key.
func TestRaceTwoFirstProfiles(t *testing.T) {
	s := webtest.NewStage(t)
	for range webtest.Rounds() {
		got := webtest.Concurrently(
			func() webtest.Answer {
				return s.Admin.API("POST", "/api/users/"+s.Ada+"/access-profiles", `{"access_profile_id":4}`)
			},
			func() webtest.Answer {
				return s.Admin.API("POST", "/api/users/"+s.Ada+"/access-profiles", `{"access_profile_id":1}`)
			},
		)
		webtest.Same(t, "statuses", webtest.Statuses(t, got...), []int{201, 201})
		if issued := [2]bool{got[0].JSON()["virtual_key"] != nil, got[1].JSON()["virtual_key"] != nil}; issued[0] == issued[1] {
			t.Fatalf("keys issued: %v", issued)
		}
		webtest.Same(t, "keys", len(s.Keys(s.Ada)), 1)
		s.DetachAll(s.Ada)
		s.Sound()
	}
}

// A key that is created while the last profile is detached is deleted with it, or was never created.
func TestRaceNewKeyAndLastDetachment(t *testing.T) {
	s := webtest.NewStage(t)
	for range webtest.Rounds() {
		held, _ := s.Assign(s.Ada, webtest.Research)
		got := webtest.Concurrently(
			func() webtest.Answer { return s.Admin.API("POST", "/api/users/"+s.Ada+"/virtual-keys", nil) },
			func() webtest.Answer { return s.Admin.API("DELETE", "/api"+webtest.CopyPath(s.Ada, held), nil) },
		)
		all := webtest.Statuses(t, got...)
		deleted := got[1].Is(200).JSON()["deleted_vk_count"]
		if made := fmt.Sprint(all[0], deleted); made != "200 2" && made != "404 1" {
			t.Fatalf("made %d, deleted %v", all[0], deleted)
		}
		s.Sound()
	}
}

func TestRaceRotations(t *testing.T) {
	s := webtest.NewStage(t)
	_, key := s.Assign(s.Ada, webtest.Research)
	for range webtest.Rounds() {
		rotate := func() webtest.Answer {
			return s.Admin.API("POST", webtest.RotatePath(key), `{"grace_period_seconds":60}`)
		}
		got := webtest.Concurrently(rotate, rotate, rotate)
		webtest.Same(t, "statuses", webtest.Statuses(t, got...), []int{200, 200, 200})
		works := 0
		for _, a := range got {
			if s.Bearer(a.Object("virtual_key")["value"]).Get(webtest.Quota).StatusCode == 200 {
				works++
			}
		}
		webtest.Same(t, "values that work: the last, and the one before", works, 2)
	}
	rotate := func() webtest.Answer { return s.Admin.API("POST", webtest.RotatePath(key), nil) }
	all := webtest.Statuses(t, webtest.Concurrently(rotate, func() webtest.Answer { return s.Admin.API("DELETE", webtest.KeyPath(s.Ada, key), nil) })...)
	if all[1] != 200 || all[0] != 200 && all[0] != 404 || len(s.Keys(s.Ada)) != 0 {
		t.Errorf("statuses %v", all)
	}
}

// An override replaces the one before, in any order, and is deleted with its copy.
func TestRaceOverrides(t *testing.T) {
	s := webtest.NewStage(t)
	for range webtest.Rounds() {
		held, _ := s.Assign(s.Ada, webtest.Research)
		path := webtest.OverridePath(s.Ada, held, webtest.Lines(held)["provider:openai 1d"])
		set := func(amount int) func() webtest.Answer {
			return func() webtest.Answer {
				return s.Admin.API("PUT", path, fmt.Sprintf(`{"amount":%d,"mode":"forever"}`, amount))
			}
		}
		webtest.Same(t, "statuses", webtest.Statuses(t, webtest.Concurrently(set(1), set(2), set(4))...), []int{200, 200, 200})
		if limit := webtest.Lines(s.Copies(s.Ada)[0])["provider:openai 1d"]["effective_max_limit"].(float64); !slices.Contains([]float64{21.5, 22.5, 24.5}, limit) {
			t.Fatalf("effective limit %v", limit)
		}
		all := webtest.Statuses(t, webtest.Concurrently(set(8), func() webtest.Answer { return s.Admin.API("DELETE", "/api"+webtest.CopyPath(s.Ada, held), nil) })...)
		if all[1] != 200 || all[0] != 200 && all[0] != 404 || s.Count("budget_overrides") != 0 {
			t.Fatalf("statuses %v", all)
		}
		s.Sound()
	}
}

func TestRaceDeleteUser(t *testing.T) {
	s := webtest.NewStage(t)
	for round := range webtest.Rounds() {
		user := s.Member(fmt.Sprintf("user%d@example.com", round), "Viewer")
		if round%2 == 0 {
			s.Assign(user, 1)
		}
		got := webtest.Concurrently(
			func() webtest.Answer {
				return s.Admin.API("POST", "/api/users/"+user+"/access-profiles", `{"access_profile_id":4}`)
			},
			func() webtest.Answer { return s.Admin.API("POST", "/api/users/"+user+"/virtual-keys", nil) },
			func() webtest.Answer { return s.Admin.API("DELETE", "/api/users/"+user, nil) },
		)
		all := webtest.Statuses(t, got...)
		if all[2] != 200 || all[0] != 201 && all[0] != 404 || all[1] != 200 && all[1] != 404 {
			t.Fatalf("statuses %v", all)
		}
		if n := s.Count("user_access_profiles WHERE user_id = ?", user) + s.Count("virtual_keys WHERE user_id = ?", user); n > 0 {
			t.Fatalf("%d are left of the user", n)
		}
		s.Sound()
	}
}
