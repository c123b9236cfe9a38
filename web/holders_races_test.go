package web_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"
)

// concurrently runs all at once and returns their answers in the order given.
func concurrently(all ...func() answer) []answer {
	answers := make([]answer, len(all))
	start := make(chan struct{})
	var group sync.WaitGroup
	for i, one := range all {
		group.Go(func() { <-start; answers[i] = one() })
	}
	close(start)
	group.Wait()
	return answers
}

// queued makes all wait for a row in the order given, and releases them at once: a race that each of them wins in turn.
func (s stage) queued(row string, id any, all ...func() answer) []answer {
	s.t.Helper()
	holding, err := s.db.BeginTx(s.t.Context(), nil)
	s.must(err)
	defer holding.Rollback()
	_, err = holding.NewRaw("SELECT FROM ? WHERE id = ? FOR UPDATE", ident(row), id).Exec(s.t.Context())
	s.must(err)
	answers := make([]answer, len(all))
	var group sync.WaitGroup
	for i, one := range all {
		group.Go(func() { answers[i] = one() })
		for waiting, deadline := 0, time.Now().Add(time.Second); waiting <= i && time.Now().Before(deadline); {
			s.scan(&waiting, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")
		}
	}
	s.must(holding.Commit())
	group.Wait()
	return answers
}

// contend runs two against each other: both at once, and each first in the queue for a row that both need.
func (s stage) contend(round int, row string, id any, one, other func() answer) (first, second answer) {
	s.t.Helper()
	var got []answer
	switch round % 3 {
	case 0:
		got = concurrently(one, other)
	case 1:
		got = s.queued(row, id, one, other)
	default:
		got = s.queued(row, id, other, one)
		slices.Reverse(got)
	}
	return got[0], got[1]
}

// statuses are those of answers; a failure of the console itself fails the test.
func statuses(t *testing.T, answers ...answer) []int {
	t.Helper()
	var all []int
	for _, a := range answers {
		if all = append(all, a.StatusCode); a.StatusCode >= 500 {
			t.Fatalf("%s %s: %d %s", a.Request.Method, a.Request.URL, a.StatusCode, a.body)
		}
	}
	return all
}

// faults are the contradictions in what is stored, and how often each occurs.
func (s stage) faults() map[string]int {
	s.t.Helper()
	found := map[string]int{}
	for what, query := range map[string]string{
		"copies without a profile": "user_access_profiles WHERE access_profile_id NOT IN (SELECT id FROM access_profiles)",
		"policies of nothing": `policies AS p WHERE NOT EXISTS (SELECT FROM access_profiles AS a WHERE a.policy_id = p.id)
AND NOT EXISTS (SELECT FROM user_access_profiles AS c WHERE c.policy_id = p.id)`,
		"keys of those who hold nothing": "virtual_keys WHERE user_id NOT IN (SELECT user_id FROM user_access_profiles)",
		"holders without a key":          "user_access_profiles WHERE user_id NOT IN (SELECT user_id FROM virtual_keys)",
		"attachments of nothing":         "role_access_profiles WHERE access_profile_id NOT IN (SELECT id FROM access_profiles) OR role_id NOT IN (SELECT id FROM roles)",
	} {
		if n := s.count(query); n > 0 {
			found[what] = n
		}
	}
	return found
}

// sound fails the test when what is stored contradicts itself.
func (s stage) sound() {
	s.t.Helper()
	if found := s.faults(); len(found) > 0 {
		s.t.Fatalf("stored are %v", found)
	}
}

func (s stage) addProfile(name string) int64 {
	return s.profileNaming(name, `"budgets":[{"max_limit":1,"reset_duration":"1M"}]`)
}

func (s stage) detachAll(user string) {
	s.t.Helper()
	for _, held := range s.copies(user) {
		s.admin.api("DELETE", "/api"+copyPath(user, held), nil).is(200)
	}
}

// C-03, I-13: of a deletion and an assignment one wins, and no copy is left without its profile.
func TestRaceDeleteProfileAndAssign(t *testing.T) {
	s := newStage(t)
	won := map[string]int{}
	for round := range rounds() {
		id := s.addProfile(fmt.Sprint("Round ", round))
		path := fmt.Sprint("/api/access-profiles/", id)
		assigned, deleted := s.contend(round, "access_profiles", id,
			func() answer {
				return s.admin.api("POST", "/api/users/"+s.ada+"/access-profiles", object{"access_profile_id": id})
			},
			func() answer { return s.admin.api("DELETE", path, nil) },
		)
		switch fmt.Sprint(statuses(t, assigned, deleted)) {
		case "[404 200]":
			won["deletion"]++
			assigned.refuses(404, "not_found", "")
			same(t, "held", s.held(s.ada), "")
		case "[201 409]":
			won["assignment"]++
			deleted.refuses(409, "profile_in_use", "")
			same(t, "held", s.held(s.ada), fmt.Sprintf("Round %d direct", round))
		default:
			t.Fatalf("assigned %d, deleted %d", assigned.StatusCode, deleted.StatusCode)
		}
		s.sound()
		s.detachAll(s.ada)
	}
	if len(won) != 2 {
		t.Errorf("won: %v", won)
	}
}

// The same with all members of a role: all of them have a copy, or the profile is deleted.
func TestRaceDeleteProfileAndApply(t *testing.T) {
	s := newStage(t)
	viewers, won := s.roleID("Viewer"), map[string]int{}
	for round := range rounds() {
		id := s.addProfile(fmt.Sprint("Round ", round))
		path := fmt.Sprint("/api/access-profiles/", id)
		attached, deleted := s.contend(round, "access_profiles", id,
			func() answer {
				return s.admin.api("POST", path+"/roles", object{"role_ids": []int64{viewers}, "apply_to_existing": true})
			},
			func() answer { return s.admin.api("DELETE", path, nil) },
		)
		copies := s.count("user_access_profiles WHERE access_profile_id = ?", id)
		switch all := fmt.Sprint(statuses(t, attached, deleted), copies); all {
		case "[404 200] 0", "[200 409] 3":
			won[all]++
		default:
			t.Fatalf("attached, deleted, copies: %v", all)
		}
		s.sound()
		for _, user := range []string{s.ada, s.bob, s.userID(viewer)} {
			s.detachAll(user)
		}
	}
	if len(won) != 2 {
		t.Errorf("won: %v", won)
	}
}

func TestRaceAssignTwice(t *testing.T) {
	s := newStage(t)
	for round := range rounds() {
		send := func() answer {
			return s.admin.api("POST", "/api/users/"+s.ada+"/access-profiles", `{"access_profile_id":4}`)
		}
		byForm := func() answer {
			return s.session.post("/users/"+s.ada+"/access-profiles", map[string][]string{"access_profile_id": {"4"}})
		}
		if round%2 == 0 {
			byForm = send
		}
		got := concurrently(send, byForm)
		all := statuses(t, got...)
		slices.Sort(all)
		if all[0] != 201 && all[0] != 303 || all[1] != 409 { // a form leads to the page with the key
			t.Fatalf("statuses %v", all)
		}
		for _, a := range got {
			if a.StatusCode == 409 {
				a.refuses(409, "already_held", "access_profile_id")
			}
		}
		same(t, "held", s.held(s.ada), "Research direct")
		same(t, "keys", len(s.keys(s.ada)), 1)
		s.sound()
		s.detachAll(s.ada)
	}
}

// Of two first profiles, one comes with the key.
func TestRaceTwoFirstProfiles(t *testing.T) {
	s := newStage(t)
	for range rounds() {
		got := concurrently(
			func() answer {
				return s.admin.api("POST", "/api/users/"+s.ada+"/access-profiles", `{"access_profile_id":4}`)
			},
			func() answer {
				return s.admin.api("POST", "/api/users/"+s.ada+"/access-profiles", `{"access_profile_id":1}`)
			},
		)
		same(t, "statuses", statuses(t, got...), []int{201, 201})
		if issued := [2]bool{got[0].json()["virtual_key"] != nil, got[1].json()["virtual_key"] != nil}; issued[0] == issued[1] {
			t.Fatalf("keys issued: %v", issued)
		}
		same(t, "keys", len(s.keys(s.ada)), 1)
		s.detachAll(s.ada)
		s.sound()
	}
}

// A key that is created while the last profile is detached is deleted with it, or was never created.
func TestRaceNewKeyAndLastDetachment(t *testing.T) {
	s := newStage(t)
	for range rounds() {
		held, _ := s.assign(s.ada, research)
		got := concurrently(
			func() answer { return s.admin.api("POST", "/api/users/"+s.ada+"/virtual-keys", nil) },
			func() answer { return s.admin.api("DELETE", "/api"+copyPath(s.ada, held), nil) },
		)
		all := statuses(t, got...)
		deleted := got[1].is(200).json()["deleted_vk_count"]
		if made := fmt.Sprint(all[0], deleted); made != "200 2" && made != "404 1" {
			t.Fatalf("made %d, deleted %v", all[0], deleted)
		}
		s.sound()
	}
}

func TestRaceRotations(t *testing.T) {
	s := newStage(t)
	_, key := s.assign(s.ada, research)
	for range rounds() {
		rotate := func() answer { return s.admin.api("POST", rotatePath(key), `{"grace_period_seconds":60}`) }
		got := concurrently(rotate, rotate, rotate)
		same(t, "statuses", statuses(t, got...), []int{200, 200, 200})
		works := 0
		for _, a := range got {
			if s.bearer(a.object("virtual_key")["value"]).get(quota).StatusCode == 200 {
				works++
			}
		}
		same(t, "values that work: the last, and the one before", works, 2)
	}
	rotate := func() answer { return s.admin.api("POST", rotatePath(key), nil) }
	all := statuses(t, concurrently(rotate, func() answer { return s.admin.api("DELETE", keyPath(s.ada, key), nil) })...)
	if all[1] != 200 || all[0] != 200 && all[0] != 404 || len(s.keys(s.ada)) != 0 {
		t.Errorf("statuses %v", all)
	}
}

// An override replaces the one before, in any order, and is deleted with its copy.
func TestRaceOverrides(t *testing.T) {
	s := newStage(t)
	for range rounds() {
		held, _ := s.assign(s.ada, research)
		path := overridePath(s.ada, held, lines(held)["provider:openai 1d"])
		set := func(amount int) func() answer {
			return func() answer { return s.admin.api("PUT", path, fmt.Sprintf(`{"amount":%d,"mode":"forever"}`, amount)) }
		}
		same(t, "statuses", statuses(t, concurrently(set(1), set(2), set(4))...), []int{200, 200, 200})
		if limit := lines(s.copies(s.ada)[0])["provider:openai 1d"]["effective_max_limit"].(float64); !slices.Contains([]float64{21.5, 22.5, 24.5}, limit) {
			t.Fatalf("effective limit %v", limit)
		}
		all := statuses(t, concurrently(set(8), func() answer { return s.admin.api("DELETE", "/api"+copyPath(s.ada, held), nil) })...)
		if all[1] != 200 || all[0] != 200 && all[0] != 404 || s.count("budget_overrides") != 0 {
			t.Fatalf("statuses %v", all)
		}
		s.sound()
	}
}

func TestRaceDeleteUser(t *testing.T) {
	s := newStage(t)
	for round := range rounds() {
		user := s.member(fmt.Sprintf("user%d@example.com", round), "Viewer")
		if round%2 == 0 {
			s.assign(user, 1)
		}
		got := concurrently(
			func() answer {
				return s.admin.api("POST", "/api/users/"+user+"/access-profiles", `{"access_profile_id":4}`)
			},
			func() answer { return s.admin.api("POST", "/api/users/"+user+"/virtual-keys", nil) },
			func() answer { return s.admin.api("DELETE", "/api/users/"+user, nil) },
		)
		all := statuses(t, got...)
		if all[2] != 200 || all[0] != 201 && all[0] != 404 || all[1] != 200 && all[1] != 404 {
			t.Fatalf("statuses %v", all)
		}
		if n := s.count("user_access_profiles WHERE user_id = ?", user) + s.count("virtual_keys WHERE user_id = ?", user); n > 0 {
			t.Fatalf("%d are left of the user", n)
		}
		s.sound()
	}
}
