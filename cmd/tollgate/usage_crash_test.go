package main

import (
	"errors"
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
	"github.com/uptrace/bun/dialect/pgdialect"
)

// gateways report usage to the console of a folder, each event until it is counted, also across an end of the console.
type gateways struct {
	key, user string
	at        atomic.Pointer[served]
	counted   atomic.Int64
	mutex     sync.Mutex
	ids       []string // that were acknowledged
}

// served is a console until another takes its place.
type served struct {
	*instance
	gone chan struct{}
}

func (g *gateways) turnTo(c *instance) {
	if before := g.at.Swap(&served{c, make(chan struct{})}); before != nil {
		close(before.gone)
	}
}

// report sends events that cost a cent until enough is closed; the answer to each is awaited however often it has to be
// sent.
func (g *gateways) report(t *testing.T, enough <-chan struct{}) {
	for {
		select {
		case <-enough:
			return
		default:
		}
		id := uuid.NewString()
		body := fmt.Sprintf(`{"event_id": %q, "user_id": %q, "provider": "openai", "model": "m", "cost": 0.01, "tokens": 1}`, id, g.user)
		for began := time.Now(); ; {
			c := g.at.Load()
			status, answer, err := c.try(t, "POST", c.address+"/api/usage", g.key, body)
			if err == nil && status == http.StatusOK {
				break
			}
			if err == nil && status != http.StatusServiceUnavailable {
				t.Errorf("an event that would be repeated in vain: %d %s\n%s", status, answer, c.log)
				return
			}
			if time.Since(began) > 2*patience {
				t.Errorf("no console took its place after %d %s %v", status, answer, err)
				return
			}
			select {
			case <-c.gone:
			case <-time.After(100 * time.Millisecond): // it may have been busy
			}
		}
		g.counted.Add(1)
		g.mutex.Lock()
		g.ids = append(g.ids, id)
		g.mutex.Unlock()
	}
}

// killServer ends every process of a folder's database server at once, the first one first, so that it starts no
// others.
func killServer(t *testing.T, dir string) {
	t.Helper()
	for _, pid := range append([]int{postmaster(t, dir)}, serverProcesses(t, dir)...) {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
			t.Fatal(err)
		}
	}
}

// crashUnderLoad kills the server while many report, and the console goes with it; another takes its place, by which
// all of them finish. It returns how many acknowledged events are not stored.
func (g *gateways) crashUnderLoad(t *testing.T, dir string, between func()) (lost int64) {
	t.Helper()
	enough, barrier := make(chan struct{}), make(chan struct{})
	var writers sync.WaitGroup
	for range 8 {
		writers.Go(func() { <-barrier; g.report(t, enough) })
	}
	close(barrier)
	more := func(n int64) {
		until := g.counted.Load() + n
		eventually(t, "events are counted", func() bool { return g.counted.Load() >= until })
	}
	more(100)
	killServer(t, dir)
	if code := g.at.Load().end(t, patience); code != exitFailure {
		t.Errorf("the console without its server: exit code %d", code)
	}
	between()
	g.turnTo(start(t, inFolder(dir)))
	more(50)
	close(enough)
	writers.Wait()
	return missing(t, privateDatabase(t, dir), g.ids)
}

// missing is how many of the events that were acknowledged are not stored.
func missing(t *testing.T, db *bun.DB, ids []string) int64 {
	t.Helper()
	return number(t, db, "SELECT count(*) FROM unnest(?::uuid[]) AS a WHERE NOT EXISTS (SELECT FROM counted_events WHERE event_id = a)", pgdialect.Array(ids))
}

// twice is how many events are stored once more than they may be, as in two weeks.
func twice(t *testing.T, db *bun.DB) int64 {
	t.Helper()
	return number(t, db, "SELECT count(*) - count(DISTINCT event_id) FROM counted_events")
}

// newGateways start a console where one user, who holds a profile, has spent nothing yet.
func newGateways(t *testing.T, dir string) (*gateways, *bun.DB) {
	t.Helper()
	g := &gateways{key: strings.TrimSpace(must(t, inFolder(dir), "", "api-key", "create", "--name", "test"))}
	g.turnTo(start(t, inFolder(dir)))
	c := g.at.Load()
	must(t, inFolder(dir), adminPassword, "user", "create", "--email", "ada@example.com", "--role", "Viewer")
	db := privateDatabase(t, dir)
	if err := db.NewRaw("SELECT id FROM users WHERE email = 'ada@example.com'").Scan(t.Context(), &g.user); err != nil {
		t.Fatal(err)
	}
	profile := createProfile(t, c.instance, g.key, "Work")
	c.demand(t, http.StatusOK, "PUT", profile, g.key, `{"budgets": [{"max_limit": 100000, "reset_duration": "1M"}], "rate_limit": {"request_max_limit": 1000000, "request_reset_duration": "1M"}}`)
	c.demand(t, http.StatusCreated, "POST", "/api/users/"+g.user+"/access-profiles", g.key, fmt.Sprintf(`{"access_profile_id": %s}`, filepath.Base(profile)))
	return g, db
}

// I-05: when the database server is killed under load, all that was acknowledged is stored, and nothing counted twice.
func TestKilledServerLosesNoUsage(t *testing.T) {
	t.Parallel()
	dir := migratedFolder(t)
	g, _ := newGateways(t, dir)
	for round := range rounds(10) {
		if lost := g.crashUnderLoad(t, dir, func() {}); lost != 0 {
			t.Fatalf("round %d: %d of %d acknowledged events are lost", round, lost, len(g.ids))
		}
		db, sent := privateDatabase(t, dir), int64(len(g.ids))
		for what, query := range map[string]string{
			"events":        "SELECT count(*) FROM counted_events",
			"cents counted": "SELECT sum(used)::bigint / 10000000 FROM limit_windows WHERE kind = 'spend'",
			"requests":      "SELECT sum(used)::bigint FROM limit_windows WHERE kind = 'requests'",
			"of the days":   "SELECT sum(requests)::bigint FROM usage_days",
		} {
			if got := number(t, db, query); got != sent {
				t.Errorf("round %d: %s: %d after %d acknowledged", round, what, got, sent)
			}
		}
		must(t, inFolder(dir), "", "ledger", "verify")
	}
	g.at.Load().signal(t, syscall.SIGTERM)
}

// The twin: the same harness finds a loss when the server answers before it has written. A console does not start on
// such a server.
func TestTwinOfKilledServerLosesUsage(t *testing.T) {
	t.Parallel()
	dir := migratedFolder(t)
	g, db := newGateways(t, dir)
	if _, err := db.Exec("ALTER SYSTEM SET synchronous_commit = off"); err != nil {
		t.Fatal(err)
	}
	number(t, db, "SELECT pg_reload_conf()::int")
	eventually(t, "the server commits without writing", func() bool {
		return number(t, db, "SELECT (current_setting('synchronous_commit') = 'off')::int") == 1
	})
	// It writes a moment later. That this moment has not come yet is left to no chance.
	standStill(t, int(number(t, db, "SELECT pid FROM pg_stat_activity WHERE backend_type = 'walwriter'")))
	lost := g.crashUnderLoad(t, dir, func() {
		if r := do(t, inFolder(dir), ""); r.code != exitConfig || !strings.Contains(r.stderr, "synchronous_commit") {
			t.Errorf("a console that would lose usage: exit code %d, %s", r.code, r.stderr)
		}
		if err := os.Truncate(filepath.Join(dir, "data/postgresql.auto.conf"), 0); err != nil {
			t.Fatal(err)
		}
	})
	if lost == 0 {
		t.Errorf("nothing of %d acknowledged events is lost: the harness finds nothing", len(g.ids))
	}
}
