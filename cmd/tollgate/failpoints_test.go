package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/google/uuid"

	"tollgate/models/dbtest"
	"tollgate/models/secret"
)

// failpoint is where a console is killed: when it sends something to its database, before that arrives or when it is
// answered.
type failpoint struct {
	behind   string // was sent before, on the same connection
	sent     string
	answered bool
}

func (f failpoint) String() string {
	return fmt.Sprintf("killed at %q, answered: %v", f.sent, f.answered)
}

// watched stands in front of a database and kills the console behind it at a failpoint.
type watched struct {
	net.Listener
	socket string
	point  atomic.Pointer[armed]
}

// armed is a failpoint with what it does.
type armed struct {
	failpoint
	kill func()
}

// watch returns the address of a database by way of it.
func watch(t *testing.T, address string) (*watched, string) {
	t.Helper()
	parsed, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	query := parsed.Query()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	w := &watched{Listener: listener, socket: query.Get("host") + "/.s.PGSQL." + query.Get("port")}
	host, port, _ := net.SplitHostPort(listener.Addr().String())
	query.Set("host", host)
	query.Set("port", port)
	parsed.RawQuery = query.Encode()
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			go w.carry(client)
		}
	}()
	return w, parsed.String()
}

func (w *watched) carry(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("unix", w.socket)
	if err != nil {
		return
	}
	defer server.Close()
	var due atomic.Pointer[armed]
	go func() {
		defer client.Close()
		answer := make([]byte, 64<<10)
		for {
			n, err := server.Read(answer)
			if point := due.Load(); point != nil {
				point.kill()
				return
			}
			if _, failed := client.Write(answer[:n]); err != nil || failed != nil {
				return
			}
		}
	}()
	sent, all := make([]byte, 64<<10), []byte{}
	for {
		n, err := client.Read(sent)
		point := w.point.Load()
		if point != nil && bytes.Contains(all, []byte(point.behind)) && bytes.Contains(sent[:n], []byte(point.sent)) && w.point.CompareAndSwap(point, nil) {
			if !point.answered {
				point.kill()
				return
			}
			due.Store(point)
		}
		all = append(all, sent[:n]...)
		if _, failed := server.Write(sent[:n]); err != nil || failed != nil {
			return
		}
	}
}

// I-03: a console that is killed between any two things that it says to its database loses nothing that it
// acknowledged, and the same event again, by another console, is counted once. The twin sends it again with another id.
func TestConsoleKilledBetweenAnyTwoStatements(t *testing.T) {
	t.Parallel()
	serving, owner := dbtest.URLs(t)
	value := "TOLLGATE_SECRET=" + secret.NewSecret()
	environment := append(inFolder(t.TempDir()), "DATABASE_URL="+serving, "TOLLGATE_MIGRATE_URL="+owner, value)
	key := strings.TrimSpace(must(t, environment, "", "api-key", "create", "--name", "test"))
	db := opened(t, owner)
	if _, err := db.Exec("INSERT INTO providers (name, models) VALUES ('openai', '{gpt-4o}')"); err != nil {
		t.Fatal(err)
	}
	healthy := start(t, environment)
	w, by := watch(t, serving)
	const begin, text, values, commit = "begin isolation level read committed", "INSERT INTO weekly_events", "marked-model", "COMMIT\x00"
	for n, c := range []struct {
		point failpoint
		after string // what becomes of the event when it is sent again
	}{
		{failpoint{"", begin, false}, "counted"},
		{failpoint{"", begin, true}, "counted"},
		{failpoint{"", text, false}, "counted"},
		{failpoint{"", text, true}, "counted"},
		{failpoint{"", values, false}, "counted"},
		{failpoint{"", values, true}, "counted"},
		{failpoint{values, commit, false}, "counted"},
		{failpoint{values, commit, true}, "duplicate"},
	} {
		user := healthy.holderOfRoom(t, db, environment, key, n)
		doomed := start(t, append(inFolder(t.TempDir()), "DATABASE_URL="+by, value))
		report := func(c *instance, id string) (status int, said string, err error) {
			status, answer, err := c.try(t, "POST", c.address+"/api/usage", key,
				fmt.Sprintf(`{"event_id": %q, "user_id": %q, "provider": "openai", "model": "marked-model", "cost": 1}`, id, user))
			var result struct{ Status string }
			_ = json.Unmarshal(answer, &result)
			return status, result.Status, err
		}
		spent := func() int64 {
			return number(t, db, "SELECT coalesce(sum(w.used), 0)::bigint FROM limit_windows AS w JOIN limit_lines AS b ON b.id = w.line_id AND b.kind = w.kind JOIN user_access_profiles AS c USING (policy_id) WHERE c.user_id = ?", user)
		}
		id := uuid.NewString()
		w.point.Store(&armed{c.point, func() { _ = doomed.process.Signal(syscall.SIGKILL); <-doomed.ended }})
		if status, said, err := report(doomed, id); err == nil {
			t.Fatalf("%s: a killed console said %d %s", c.point, status, said)
		}
		<-doomed.ended
		eventually(t, "the database has noticed", func() bool {
			return number(t, db, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in transaction%'") == 0
		})
		var again int
		var said string
		var err error
		eventually(t, "the healthy console is not busy", func() bool {
			again, said, err = report(healthy, id)
			return again != http.StatusServiceUnavailable
		})
		if err != nil || again != http.StatusOK || said != c.after {
			t.Errorf("%s: again: %d %s %v, want %s", c.point, again, said, err, c.after)
		}
		if got := spent(); got != 1_000_000_000 {
			t.Errorf("%s: %d is spent", c.point, got)
		}
		if c.after == "duplicate" {
			_, _, _ = report(healthy, uuid.NewString())
			if got := spent(); got == 1_000_000_000 {
				t.Errorf("the known-bad twin counts the event once: this test finds nothing")
			}
		}
	}
	must(t, environment, "", "ledger", "verify")
}
