package web_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/google/uuid"

	"tollgate/web/webtest"
)

// The twins of two races do the same as the console, but read first and write later, without a lock. The checks of the
// races must detect the damage; otherwise they would not detect it in the console either.

// Of TestRaceDeleteProfileAndAssign: checks that the profile exists and that it has no copies, without a lock that
// keeps it so.
func TestTwinOfDeleteProfileAndAssign(t *testing.T) {
	s := webtest.NewStage(t)
	_, err := s.Owner().Exec("ALTER TABLE user_access_profiles DROP CONSTRAINT user_access_profiles_unknown_profile")
	s.Must(err)
	for round := range webtest.Rounds() {
		id := s.AddProfile(fmt.Sprint("Round ", round))
		s.AfterBoth(
			func(read func()) {
				there := s.Count("access_profiles WHERE id = ?", id)
				read()
				if there == 1 {
					s.Raw(`WITH p AS (INSERT INTO policies (calendar_aligned) VALUES (false) RETURNING id)
INSERT INTO user_access_profiles (user_id, access_profile_id, policy_id, direct, from_role, group_versions, template_version, assigned_at)
SELECT ?, ?, id, true, false, '{1,1,1,1,1,1}', 1, now() FROM p`, s.Ada, id)
				}
			},
			func(read func()) {
				holders := s.Count("user_access_profiles WHERE access_profile_id = ?", id)
				read()
				if holders == 0 {
					s.Raw("WITH a AS (DELETE FROM access_profiles WHERE id = ? RETURNING policy_id) DELETE FROM policies WHERE id IN (SELECT policy_id FROM a)", id)
				}
			},
		)
		found := s.Faults()
		if found["copies without a profile"] != 1 {
			t.Fatalf("round %d: the race would have found %v", round, found)
		}
		s.Raw("DELETE FROM policies WHERE id IN (SELECT policy_id FROM user_access_profiles WHERE user_id = ?)", s.Ada)
		s.Sound()
	}
}

// Of TestRaceRoleChangeAndPropagation: a propagation that writes the copies back as it has read them restores those of
// the old role.
func TestTwinOfRoleChangeAndPropagation(t *testing.T) {
	s := webtest.NewStage(t)
	next := s.AddRole("New")
	s.AddRole("Old")
	s.AssignByRole(1, "Old")
	s.AssignByRole(2, "Old")
	s.Assign(s.Ada, 3)
	revived := 0
	for round := range webtest.Rounds() {
		s.SetRole(s.Ada, "Old")
		left := make(chan struct{})
		s.AfterBoth(
			func(read func()) {
				defer close(left)
				var old []int64
				s.Scan(&old, "SELECT id FROM user_access_profiles WHERE user_id = ? AND from_role AND NOT direct", s.Ada)
				read()
				for _, id := range old {
					s.Raw("DELETE FROM user_access_profiles WHERE id = ?", id)
				}
				s.Raw("UPDATE users SET role_id = ? WHERE id = ?", next, s.Ada)
			},
			func(read func()) {
				var row string
				s.Scan(&row, "SELECT to_jsonb(c)::text FROM user_access_profiles AS c WHERE user_id = ? AND access_profile_id = 1", s.Ada)
				read()
				if round%2 == 0 { // otherwise in any order
					<-left
				}
				s.Raw(`INSERT INTO user_access_profiles OVERRIDING SYSTEM VALUE SELECT * FROM jsonb_populate_record(NULL::user_access_profiles, ?::jsonb)
ON CONFLICT (id) DO UPDATE SET template_version = excluded.template_version`, row)
			},
		)
		switch held := s.Held(s.Ada); {
		case held == "Café direct, Engineering role":
			revived++
		case held != "Café direct" || round%2 == 0:
			t.Fatalf("round %d: ada holds %s", round, held)
		}
		s.Raw("DELETE FROM user_access_profiles WHERE user_id = ? AND NOT direct", s.Ada)
		s.Raw("DELETE FROM policies AS p WHERE NOT EXISTS (SELECT FROM access_profiles AS a WHERE a.policy_id = p.id) AND NOT EXISTS (SELECT FROM user_access_profiles AS c WHERE c.policy_id = p.id)")
	}
	if revived < webtest.Rounds()/2 {
		t.Errorf("copies of the old role were found in %d of %d rounds", revived, webtest.Rounds())
	}
}

// Of TestRaceReservations: checks for room first, and reserves with a statement of its own.
func TestTwinOfReservations(t *testing.T) {
	g := webtest.NewGateway(t)
	const asking, room = 8, 3
	line := uuid.NewString()
	g.Exec("INSERT INTO limit_windows (line_id, kind, reset_duration, window_start, used) VALUES (?, 'requests', '1d', now(), 0)", line)
	var reading, holding sync.WaitGroup
	reading.Add(asking)
	for range asking {
		holding.Go(func() {
			held := g.Count("reservations WHERE ? = ANY (line_ids)", line)
			reading.Done()
			reading.Wait()
			if held < room {
				g.Raw(`INSERT INTO reservations (id, user_id, copy_id, expires_at, line_ids, kinds, reset_durations, window_starts, amounts)
SELECT gen_random_uuid(), ?, 0, now() + interval '5 minutes', ARRAY[line_id], ARRAY[kind], ARRAY[reset_duration], ARRAY[window_start], ARRAY[1]
FROM limit_windows WHERE line_id = ?`, g.Ada, line)
			}
		})
	}
	holding.Wait()
	stored := 0
	if g.Scan(&stored, "SELECT count(DISTINCT id) FROM reservations WHERE user_id = ?", g.Ada); stored <= room {
		t.Errorf("%d of %d are held in the room of %d: the race finds nothing", stored, asking, room)
	}
}

// Of TestPushesReadMembershipsAfterTheyLock: pushes that read memberships before they lock the user. Each sees only its
// own, and the later one takes the role that the other has given.
func TestTwinOfPushes(t *testing.T) {
	g := webtest.NewStage(t)
	d := g.Directory("Okta", "Viewer")
	roles, groups := []int64{g.AddRole("First"), g.AddRole("Second")}, []string{d.Group("One"), d.Group("Two")}
	d.Rules(webtest.Object{"group_id": groups[0], "role_id": roles[0]}, webtest.Object{"group_id": groups[1], "role_id": roles[1]}).Is(200)
	user := d.Provision("ada.twin@example.org")
	written := make(chan struct{})
	push := func(i int, read func(), wait <-chan struct{}) {
		tx, err := g.Owner().BeginTx(t.Context(), nil)
		g.Must(err)
		defer tx.Rollback()
		run := func(query string, args ...any) {
			_, err := tx.NewRaw(query, args...).Exec(t.Context())
			g.Must(err)
		}
		run("INSERT INTO scim_members (group_id, user_id) VALUES (?, ?)", groups[i], user)
		var role int64
		g.Must(tx.NewRaw(`SELECT r.role_id FROM scim_rules AS r JOIN scim_members AS m USING (group_id)
WHERE m.user_id = ? ORDER BY r.position LIMIT 1`, user).Scan(t.Context(), &role))
		read()
		<-wait
		run("SELECT FROM users WHERE id = ? FOR NO KEY UPDATE", user)
		run("UPDATE users SET role_id = ? WHERE id = ?", role, user)
		g.Must(tx.Commit())
	}
	now := make(chan struct{})
	close(now)
	g.AfterBoth(
		func(read func()) { defer close(written); push(0, read, now) },
		func(read func()) { push(1, read, written) },
	)
	if want := modelRoles(g.Console, d, []string{user}); g.Account(user)["role_id"] == any(want[user]) {
		t.Error("the race would not have found the role that was lost")
	}
}
