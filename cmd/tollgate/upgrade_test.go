package main

import (
	"encoding/json"
	"errors"
	"io/fs"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"tollgate/models/migrations"
	"tollgate/models/schema"
)

// readiness is what /readyz answers.
func (c *instance) readiness(t *testing.T) (status int, said string) {
	t.Helper()
	status, body := c.get(t, c.address+"/readyz", "")
	var answer struct{ Status string }
	if err := json.Unmarshal(body, &answer); err != nil {
		t.Fatalf("%d %s: %v", status, body, err)
	}
	return status, answer.Status
}

// A console that is asked to stop says so first, and answers until balancers have looked.
func TestStoppingConsoleIsNotReady(t *testing.T) {
	t.Parallel()
	environment, key, _ := given(t)
	c := start(t, append(environment, "TOLLGATE_DRAIN=1500ms"))
	asked := time.Now()
	if err := c.process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is not ready", func() bool {
		status, said := c.readiness(t)
		return status == http.StatusServiceUnavailable && said == "the console is stopping"
	})
	createProfile(t, c, key, "While it stops")
	eventually(t, "the console takes no more connections", func() bool {
		conn, err := net.Dial("tcp", strings.TrimPrefix(c.address, "http://"))
		if err == nil {
			conn.Close()
		}
		return errors.Is(err, syscall.ECONNREFUSED)
	})
	if took := time.Since(asked); took < 1500*time.Millisecond {
		t.Errorf("the listener closed after %s", took)
	}
	if code := c.end(t, stopTime); code != exitOK {
		t.Errorf("exit code %d:\n%s", code, c.log)
	}
}

// What a later release removes waits for every console that may use it, also for one that was killed a moment ago; a
// console that meets it all the same is taken out by its balancer.
func TestContractWaitsForRunningConsoles(t *testing.T) {
	t.Parallel()
	environment, _, db := given(t)
	c := start(t, environment)
	refused := func(when string) {
		t.Helper()
		var left schema.ContractError
		err := schema.Apply(t.Context(), db, later(t), schema.Options{})
		if !errors.As(err, &left) || len(left.Consoles) != 1 || left.Consoles[0].Version != "v0.0.0-test" ||
			!strings.Contains(left.Consoles[0].ID, strings.TrimPrefix(c.address, "http://")) {
			t.Fatalf("%s: %v", when, err)
		}
	}
	refused("at work")
	c.signal(t, syscall.SIGKILL)
	refused("killed")
	if _, err := db.Exec("UPDATE consoles SET seen_at = seen_at - interval '1 minute'"); err != nil {
		t.Fatal(err)
	}
	c = start(t, environment)
	refused("started again")
	if code := c.signal(t, syscall.SIGTERM); code != exitOK {
		t.Fatalf("exit code %d:\n%s", code, c.log)
	}
	c = start(t, environment)
	if err := schema.Apply(t.Context(), db, later(t), schema.Options{Force: true}); err != nil {
		t.Fatal(err)
	}
	if status, said := c.readiness(t); status != http.StatusServiceUnavailable || said != "the database is newer than this console" {
		t.Errorf("after a contract: %d %s", status, said)
	}
	if code := c.signal(t, syscall.SIGTERM); code != exitOK {
		t.Errorf("exit code %d:\n%s", code, c.log)
	}
	if left := number(t, db, "SELECT count(*) FROM consoles WHERE seen_at > now() - interval '1 minute'"); left != 0 {
		t.Errorf("%d consoles are still listed", left)
	}
}

// later are the migrations of a later release, of which the last contracts.
func later(t *testing.T) fs.FS {
	t.Helper()
	files := fstest.MapFS{"29990101000000_gone.contract.tx.up.sql": {Data: []byte("SELECT 1")}}
	names, err := fs.Glob(migrations.Files, "*.sql")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		data, err := fs.ReadFile(migrations.Files, name)
		if err != nil {
			t.Fatal(err)
		}
		files[name] = &fstest.MapFile{Data: data}
	}
	return files
}
