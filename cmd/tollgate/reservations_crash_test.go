package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
)

// asking is what becomes of those who ask one console after another for half a dollar to be held.
type asking struct {
	key, body string
	mutex     sync.Mutex
	held      []string // as they were answered
	refused   int
}

func (a *asking) ask(t *testing.T, first, then *instance) {
	status, answer, err := first.try(t, "POST", first.address+"/api/decisions", a.key, a.body)
	if err != nil {
		status, answer, err = then.try(t, "POST", then.address+"/api/decisions", a.key, a.body)
	}
	for err == nil && status == http.StatusServiceUnavailable { // it waited for longer than a lock may be waited for
		status, answer, err = then.try(t, "POST", then.address+"/api/decisions", a.key, a.body)
	}
	var decision struct {
		Decision bool    `json:"decision"`
		ID       *string `json:"reservation_id"`
	}
	if err != nil || status != http.StatusOK || json.Unmarshal(answer, &decision) != nil || decision.Decision != (decision.ID != nil) {
		t.Errorf("got %d %s: %v", status, answer, err)
		return
	}
	a.mutex.Lock()
	defer a.mutex.Unlock()
	if decision.Decision {
		a.held = append(a.held, *decision.ID)
	} else {
		a.refused++
	}
}

// U-09: of many who ask three consoles at once exactly as many holds are stored as there is room for, though one of the
// consoles is killed before it can answer. A hold without an answer expires.
func TestKilledConsoleHoldsNoMoreThanThereIsRoomFor(t *testing.T) {
	t.Parallel()
	environment, key, db := given(t)
	if _, err := db.Exec("INSERT INTO providers (name, models) VALUES ('openai', '{gpt-4o}')"); err != nil {
		t.Fatal(err)
	}
	one, two := start(t, environment), start(t, environment)
	unanswered := 0 // holds that were stored for the console that was killed
	for round := 0; round < rounds(20) || unanswered == 0 && round < 5; round++ {
		const room, doomed, others = 17, 8, 40
		user := one.holderOfRoom(t, db, environment, key, round)
		killed := start(t, environment)
		a := &asking{key: key, body: fmt.Sprintf(`{"user_id": %q, "provider": "openai", "model": "gpt-4o", "estimated_cost": 0.5, "reserve": true}`, user)}

		// All of them wait for the note of the user's changes, each console with what it holds together: the one to be killed
		// first in the queue.
		holding, err := db.BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := holding.Exec("LOCK TABLE usage_changes IN EXCLUSIVE MODE"); err != nil {
			t.Fatal(err)
		}
		waiting := func() int64 {
			return number(t, db, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE 'WITH fed AS%hold_estimates(%'")
		}
		var group sync.WaitGroup
		for range doomed {
			group.Go(func() { a.ask(t, killed, two) })
		}
		eventually(t, "the first wait", func() bool { return waiting() == 2 }) // statements, which is as many as a console has under way
		barrier := make(chan struct{})
		for i := range others {
			group.Go(func() { <-barrier; a.ask(t, []*instance{one, two}[i%2], one) })
		}
		close(barrier)
		eventually(t, "others wait behind them", func() bool { return waiting() >= 4 })
		killed.signal(t, syscall.SIGKILL)
		if err := holding.Commit(); err != nil {
			t.Fatal(err)
		}
		group.Wait()

		stored := func() int64 {
			return number(t, db, "SELECT count(DISTINCT id) FROM reservations WHERE user_id = ? AND expires_at > clock_timestamp()", user)
		}
		unanswered += room - len(a.held)
		if stored() != room || a.refused != doomed+others-len(a.held) {
			t.Fatalf("round %d: %d stored, %d answered, %d refused; there is room for %d", round, stored(), len(a.held), a.refused, room)
		}
		if n := number(t, db, "SELECT count(*) FROM reservations WHERE id = ANY (?)", pgdialect.Array(a.held)); n != int64(len(a.held)) {
			t.Errorf("round %d: only %d of %d holds that were answered are stored", round, n, len(a.held))
		}
		if n := number(t, db, "SELECT count(*) FROM reservations WHERE expires_at > clock_timestamp() + interval '5 minutes'"); n > 0 {
			t.Errorf("round %d: %d holds last longer than a call", round, n)
		}
		// Those without an answer expire, a little earlier than they would, and just their room is free
		// then.
		if _, err := db.NewRaw(`WITH soon AS (UPDATE reservations SET expires_at = clock_timestamp() + interval '500 ms' WHERE user_id = ?0 AND NOT id = ANY (?1))
INSERT INTO usage_feed (writer, seq, users, at) VALUES (gen_random_uuid(), 1, ARRAY[?0::uuid], clock_timestamp())`,
			user, pgdialect.Array(a.held)).Exec(t.Context()); err != nil {
			t.Fatal(err)
		}
		tried := 0
		eventually(t, "the room of unanswered reservations is free", func() bool {
			a.ask(t, []*instance{one, two}[tried%2], one)
			tried++
			return len(a.held) == room || t.Failed()
		})
		for _, c := range []*instance{one, two} {
			a.ask(t, c, c)
		}
		if len(a.held) != room || stored() != room {
			t.Errorf("round %d: %d are held and %d stored in the end; there is room for %d", round, len(a.held), stored(), room)
		}
		for _, id := range a.held {
			one.demand(t, http.StatusOK, "POST", "/api/usage", key, fmt.Sprintf(`{"event_id": %[1]q, "reservation_id": %[1]q, "user_id": %q, "provider": "openai", "model": "gpt-4o", "cost": 0.5}`, id, user))
		}
		if left, spent := stored(), number(t, db, "SELECT sum(cost)::bigint FROM counted_events WHERE user_id = ?", user); left != 0 || spent != room*500_000_000 {
			t.Errorf("round %d: %d holds are left, %d is spent", round, left, spent)
		}
	}
	if unanswered == 0 {
		t.Error("no console was killed between storing a hold and answering")
	}
	must(t, environment, "", "ledger", "verify")
}

// holderOfRoom is a user who may spend 8.75 dollars a day, and whose counter is there to be waited for.
func (c *instance) holderOfRoom(t *testing.T, db *bun.DB, environment []string, key string, round int) (user string) {
	t.Helper()
	email := fmt.Sprintf("racer%d@example.com", round)
	must(t, environment, adminPassword, "user", "create", "--email", email, "--role", "Viewer")
	if err := db.NewRaw("SELECT id FROM users WHERE email = ?", email).Scan(t.Context(), &user); err != nil {
		t.Fatal(err)
	}
	profile := createProfile(t, c, key, fmt.Sprint("Room ", round))
	c.demand(t, http.StatusOK, "PUT", profile, key, `{"provider_configs": [{"provider_name": "openai", "all_models_allowed": true, "budgets": [{"max_limit": 8.75, "reset_duration": "1d"}]}]}`)
	c.demand(t, http.StatusCreated, "POST", "/api/users/"+user+"/access-profiles", key, fmt.Sprintf(`{"access_profile_id": %s}`, filepath.Base(profile)))
	c.demand(t, http.StatusOK, "POST", "/api/usage", key, fmt.Sprintf(`{"event_id": %[1]q, "user_id": %[1]q, "provider": "openai", "model": "gpt-4o", "cost": 0}`, user))
	return user
}
