package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"tollgate/models/dbtest"
	"tollgate/models/secret"
)

// given is the environment of consoles that share a database, a key for them, and the database for its owner.
func given(t *testing.T) (environment []string, key string, db *bun.DB) {
	t.Helper()
	serving, owner := dbtest.URLs(t)
	environment = append(inFolder(t.TempDir()), "DATABASE_URL="+serving, "TOLLGATE_MIGRATE_URL="+owner, "TOLLGATE_SECRET="+secret.NewSecret())
	key = strings.TrimSpace(must(t, environment, "", "api-key", "create", "--name", "test"))
	return environment, key, opened(t, owner)
}

// I-33: consoles that are restarted one after the other under load answer or refuse every request, and lose nothing
// that they acknowledged.
func TestRollingRestartsUnderLoad(t *testing.T) {
	t.Parallel()
	environment, key, db := given(t)
	places := [2]atomic.Pointer[instance]{}
	for i := range places {
		places[i].Store(start(t, environment))
	}
	if _, err := db.Exec("INSERT INTO providers (name, models) VALUES ('openai', '{gpt-4o}')"); err != nil {
		t.Fatal(err)
	}
	user := places[0].Load().holderOfRoom(t, db, environment, key, 0)
	var mutex sync.Mutex
	var ids []string
	var counted atomic.Int64
	enough := make(chan struct{})
	var writers sync.WaitGroup
	for writer := range 6 {
		writers.Go(func() {
			// What a gateway gets no answer to it sends to the other console.
			for at := writer; ; {
				select {
				case <-enough:
					return
				default:
				}
				id := uuid.NewString()
				body := fmt.Sprintf(`{"event_id": %q, "user_id": %q, "provider": "openai", "model": "gpt-4o", "cost": 0.01}`, id, user)
				for {
					c := places[at%2].Load()
					status, answer, err := c.try(t, "POST", c.address+"/api/usage", key, body)
					if err == nil && status == http.StatusOK {
						break
					}
					if err == nil && status != http.StatusServiceUnavailable {
						t.Errorf("%d %s", status, answer)
						return
					}
					at++
				}
				counted.Add(1)
				mutex.Lock()
				ids = append(ids, id)
				mutex.Unlock()
			}
		})
	}
	for restart := range 2 * rounds(10) {
		until := counted.Load() + 30
		eventually(t, "events are counted", func() bool { return counted.Load() >= until })
		place := &places[restart%2]
		began := time.Now()
		if code := place.Load().signal(t, syscall.SIGTERM); code != exitOK || time.Since(began) > 15*time.Second {
			t.Errorf("restart %d: exit code %d after %s", restart, code, time.Since(began))
		}
		place.Store(start(t, environment))
	}
	close(enough)
	writers.Wait()
	if lost := missing(t, db, ids); lost > 0 {
		t.Errorf("%d of %d acknowledged events are lost", lost, len(ids))
	}
	if n := twice(t, db); n > 0 {
		t.Errorf("%d events are stored twice", n)
	}
	if stored := number(t, db, "SELECT count(*) FROM counted_events WHERE cost > 0"); stored != int64(len(ids)) {
		t.Errorf("%d events are stored of %d", stored, len(ids))
	}
	must(t, environment, "", "ledger", "verify")
}

// The twin of TestRollingRestartsUnderLoad takes all it sends for counted, also what a console refuses that ends.
func TestTwinOfRollingRestarts(t *testing.T) {
	t.Parallel()
	environment, key, db := given(t)
	c := start(t, environment)
	if _, err := db.Exec("INSERT INTO providers (name, models) VALUES ('openai', '{gpt-4o}')"); err != nil {
		t.Fatal(err)
	}
	user := c.holderOfRoom(t, db, environment, key, 0)
	var ids []string
	for refused := 0; refused < 3; {
		if len(ids) == 10 {
			if err := c.process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
		}
		ids = append(ids, uuid.NewString())
		body := fmt.Sprintf(`{"event_id": %q, "user_id": %q, "provider": "openai", "model": "gpt-4o", "cost": 0.01}`, ids[len(ids)-1], user)
		status, _, err := c.try(t, "POST", c.address+"/api/usage", key, body)
		if ended := len(ids) > 10; ended && (err != nil || status != http.StatusOK) {
			refused++
		}
	}
	if lost := missing(t, db, ids); len(ids) < 13 || lost == 0 {
		t.Errorf("%d of %d events that were sent are missing: the test finds nothing", lost, len(ids))
	}
}

// I-29: a console that stands still in the middle of a push, for longer than others wait for it, writes nothing when it
// goes on: another has finished its push.
func TestStoppedConsoleWritesNothingLate(t *testing.T) {
	t.Parallel()
	environment, key, db := given(t)
	first := start(t, environment)
	profile, user := first.holdersOf(t, db, key, "Stopped")
	first.demand(t, http.StatusOK, "PUT", profile, key, `{"budgets": [{"max_limit": 20, "reset_duration": "1M"}, {"max_limit": 6, "reset_duration": "1d"}]}`)
	holding, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer holding.Rollback()
	number(t, holding, "SELECT id FROM user_access_profiles WHERE user_id = ? FOR UPDATE", user)
	answered := make(chan string, 1)
	go func() {
		status, answer, err := first.try(t, "POST", first.address+profile+"/propagate", key, `{"fields": ["budgets"]}`)
		answered <- fmt.Sprintf("%d %.300s %v", status, answer, err)
	}()
	eventually(t, "the push waits for the copy that is held", func() bool {
		return number(t, db, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'") > 0
	})
	fence := number(t, db, "SELECT fence FROM propagation_jobs")
	standStill(t, first.process.Pid)
	if err := holding.Rollback(); err != nil {
		t.Fatal(err)
	}
	second := start(t, environment)
	defer func() {
		if t.Failed() {
			t.Logf("the push: %s\nsessions: %s\nthe other console:\n%s", table(t, db, "SELECT * FROM propagation_jobs"),
				table(t, db, "SELECT pid, state, wait_event, state_change, query FROM pg_stat_activity WHERE datname = current_database()"), second.log)
		}
	}()
	eventually(t, "another finishes the push", func() bool {
		return number(t, db, "SELECT count(*) FROM propagation_jobs WHERE state = 'done' AND fence > ?", fence) == 1
	})
	state := func() (text string) {
		if err := db.NewRaw(`SELECT md5(string_agg(row, E'\n' ORDER BY row)) FROM (SELECT c::text AS row FROM user_access_profiles AS c UNION ALL SELECT b::text FROM limit_lines AS b
UNION ALL SELECT j::text FROM propagation_jobs AS j UNION ALL SELECT i::text FROM propagation_items AS i UNION ALL SELECT a::text FROM audit_logs AS a) AS rows`).Scan(t.Context(), &text); err != nil {
			t.Fatal(err)
		}
		return text
	}
	before := state()
	if err := first.process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	said := <-answered
	if after := state(); after != before {
		t.Errorf("a console that went on late, and said %s, has changed something", said)
	}
	if named := number(t, db, `SELECT count(*) FROM (SELECT jsonb_array_elements_text(metadata::jsonb->'user_ids') AS u FROM audit_logs WHERE action = 'propagate') AS named`); named != holders {
		t.Errorf("the audit log names %d of %d holders", named, holders)
	}
	must(t, environment, "", "audit", "verify")
	must(t, environment, "", "ledger", "verify")
}

// I-28: a console that is killed in the middle of its migrations leaves nothing by halves; the next one starts.
func TestKilledMigrationIsRepeated(t *testing.T) {
	t.Parallel()
	serving, owner := emptyDatabase(t)
	environment := append(inFolder(t.TempDir()), "DATABASE_URL="+serving, "TOLLGATE_MIGRATE_URL="+owner, "TOLLGATE_SECRET="+secret.NewSecret())
	db := opened(t, owner)
	// Another session is about to make a table of that name, so that the last migration stops there.
	holding, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := holding.ExecContext(t.Context(), "CREATE TABLE reservations ()"); err != nil {
		t.Fatal(err)
	}
	c := command(t.Context(), environment)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a migration is under way", func() bool {
		return number(t, db, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'") > 0
	})
	if err := c.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = c.Wait()
	if err := holding.Rollback(); err != nil {
		t.Fatal(err)
	}
	start(t, environment)
	if r := do(t, environment, "", "migrate"); r.code != exitOK || !strings.Contains(r.stdout, "up to date") {
		t.Errorf("exit code %d, %s %s", r.code, r.stdout, r.stderr)
	}
}

// standStill stops a process, and returns when each of its threads has stopped: until then it may go on.
func standStill(t *testing.T, pid int) {
	t.Helper()
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the process stands still", func() bool {
		threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
		if err != nil {
			t.Fatal(err)
		}
		for _, thread := range threads {
			line, err := os.ReadFile(thread)
			if _, state, found := strings.Cut(string(line), ") "); err != nil || !found || state[0] != 'T' {
				return false
			}
		}
		return len(threads) > 0
	})
}

// table is what a query answers, as JSON.
func table(t *testing.T, db bun.IDB, query string) (rows string) {
	t.Helper()
	err := db.NewRaw("SELECT coalesce(json_agg(r), '[]')::text FROM (?) AS r", db.NewRaw(query)).Scan(t.Context(), &rows)
	if err != nil {
		return err.Error()
	}
	return rows
}
