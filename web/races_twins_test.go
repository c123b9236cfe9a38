package web_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/google/uuid"
)

// The twins of two races do the same as the console, but read first and write later, without a lock. The checks of the
// races must detect the damage; otherwise they would not detect it in the console either.

// afterBoth lets two read, and write only when both have read; an error stops neither.
func (s stage) afterBoth(one, other func(read func())) {
	var reading, writing sync.WaitGroup
	reading.Add(2)
	for _, do := range []func(func()){one, other} {
		writing.Go(func() { do(func() { reading.Done(); reading.Wait() }) })
	}
	writing.Wait()
}

// raw changes the database from any goroutine, and logs a failure.
func (s stage) raw(query string, args ...any) {
	if _, err := s.db.NewRaw(query, args...).Exec(s.t.Context()); err != nil {
		s.t.Errorf("%s: %v", query, err)
	}
}

// Of TestRaceDeleteProfileAndAssign: checks that the profile exists and that it has no copies, without a lock that
// keeps it so.
func TestTwinOfDeleteProfileAndAssign(t *testing.T) {
	s := newStage(t)
	_, err := s.owner().Exec("ALTER TABLE user_access_profiles DROP CONSTRAINT user_access_profiles_unknown_profile")
	s.must(err)
	for round := range rounds() {
		id := s.addProfile(fmt.Sprint("Round ", round))
		s.afterBoth(
			func(read func()) {
				there := s.count("access_profiles WHERE id = ?", id)
				read()
				if there == 1 {
					s.raw(`WITH p AS (INSERT INTO policies (calendar_aligned) VALUES (false) RETURNING id)
INSERT INTO user_access_profiles (user_id, access_profile_id, policy_id, direct, from_role, group_versions, template_version, assigned_at)
SELECT ?, ?, id, true, false, '{1,1,1,1,1,1}', 1, now() FROM p`, s.ada, id)
				}
			},
			func(read func()) {
				holders := s.count("user_access_profiles WHERE access_profile_id = ?", id)
				read()
				if holders == 0 {
					s.raw("WITH a AS (DELETE FROM access_profiles WHERE id = ? RETURNING policy_id) DELETE FROM policies WHERE id IN (SELECT policy_id FROM a)", id)
				}
			},
		)
		found := s.faults()
		if found["copies without a profile"] != 1 {
			t.Fatalf("round %d: the race would have found %v", round, found)
		}
		s.raw("DELETE FROM policies WHERE id IN (SELECT policy_id FROM user_access_profiles WHERE user_id = ?)", s.ada)
		s.sound()
	}
}

// Of TestRaceRoleChangeAndPropagation: a propagation that writes the copies back as it has read them restores those of
// the old role.
func TestTwinOfRoleChangeAndPropagation(t *testing.T) {
	s := newStage(t)
	next := s.addRole("New")
	s.addRole("Old")
	s.assignByRole(1, "Old")
	s.assignByRole(2, "Old")
	s.assign(s.ada, 3)
	revived := 0
	for round := range rounds() {
		s.setRole(s.ada, "Old")
		left := make(chan struct{})
		s.afterBoth(
			func(read func()) {
				defer close(left)
				var old []int64
				s.scan(&old, "SELECT id FROM user_access_profiles WHERE user_id = ? AND from_role AND NOT direct", s.ada)
				read()
				for _, id := range old {
					s.raw("DELETE FROM user_access_profiles WHERE id = ?", id)
				}
				s.raw("UPDATE users SET role_id = ? WHERE id = ?", next, s.ada)
			},
			func(read func()) {
				var row string
				s.scan(&row, "SELECT to_jsonb(c)::text FROM user_access_profiles AS c WHERE user_id = ? AND access_profile_id = 1", s.ada)
				read()
				if round%2 == 0 { // otherwise in any order
					<-left
				}
				s.raw(`INSERT INTO user_access_profiles OVERRIDING SYSTEM VALUE SELECT * FROM jsonb_populate_record(NULL::user_access_profiles, ?::jsonb)
ON CONFLICT (id) DO UPDATE SET template_version = excluded.template_version`, row)
			},
		)
		switch held := s.held(s.ada); {
		case held == "Café direct, Engineering role":
			revived++
		case held != "Café direct" || round%2 == 0:
			t.Fatalf("round %d: ada holds %s", round, held)
		}
		s.raw("DELETE FROM user_access_profiles WHERE user_id = ? AND NOT direct", s.ada)
		s.raw("DELETE FROM policies AS p WHERE NOT EXISTS (SELECT FROM access_profiles AS a WHERE a.policy_id = p.id) AND NOT EXISTS (SELECT FROM user_access_profiles AS c WHERE c.policy_id = p.id)")
	}
	if revived < rounds()/2 {
		t.Errorf("copies of the old role were found in %d of %d rounds", revived, rounds())
	}
}

// Of TestRaceReservations: checks for room first, and reserves with a statement of its own.
func TestTwinOfReservations(t *testing.T) {
	g := newGateway(t)
	const asking, room = 8, 3
	line := uuid.NewString()
	g.exec("INSERT INTO limit_windows (line_id, kind, reset_duration, window_start, used) VALUES (?, 'requests', '1d', now(), 0)", line)
	var reading, holding sync.WaitGroup
	reading.Add(asking)
	for range asking {
		holding.Go(func() {
			held := g.count("reservations WHERE ? = ANY (line_ids)", line)
			reading.Done()
			reading.Wait()
			if held < room {
				g.raw(`INSERT INTO reservations (id, user_id, copy_id, expires_at, line_ids, kinds, reset_durations, window_starts, amounts)
SELECT gen_random_uuid(), ?, 0, now() + interval '5 minutes', ARRAY[line_id], ARRAY[kind], ARRAY[reset_duration], ARRAY[window_start], ARRAY[1]
FROM limit_windows WHERE line_id = ?`, g.ada, line)
			}
		})
	}
	holding.Wait()
	stored := 0
	if g.scan(&stored, "SELECT count(DISTINCT id) FROM reservations WHERE user_id = ?", g.ada); stored <= room {
		t.Errorf("%d of %d are held in the room of %d: the race finds nothing", stored, asking, room)
	}
}
