package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
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

// probed waits until balancers are told this: on a busy machine the half second that an answer has may be too short.
func (c *instance) probed(t *testing.T, code int, status string) {
	t.Helper()
	eventually(t, fmt.Sprintf("%d %q as readiness", code, status), func() bool {
		got, said := c.readiness(t)
		return got == code && said == status
	})
}

// A console that is asked to stop says so first, and answers until balancers have looked.
func TestStoppingConsoleIsNotReady(t *testing.T) {
	t.Parallel()
	environment, key, _ := given(t)
	c := start(t, append(environment, "TOLLGATE_DRAIN=8s"))
	asked := time.Now()
	if err := c.process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	c.probed(t, http.StatusServiceUnavailable, "the console is stopping")
	createProfile(t, c, key, "While it stops")
	eventually(t, "the console takes no more connections", func() bool {
		conn, err := net.Dial("tcp", strings.TrimPrefix(c.address, "http://"))
		if err == nil {
			conn.Close()
		}
		return errors.Is(err, syscall.ECONNREFUSED)
	})
	if took := time.Since(asked); took < 8*time.Second {
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
	c.probed(t, http.StatusServiceUnavailable, "the database is newer than this console")
	if code := c.signal(t, syscall.SIGTERM); code != exitOK {
		t.Errorf("exit code %d:\n%s", code, c.log)
	}
	if left := number(t, db, "SELECT count(*) FROM consoles WHERE seen_at > now() - interval '1 minute'"); left != 0 {
		t.Errorf("%d consoles are still listed", left)
	}
}

// The commands of the next release do what is told of an upgrade: a console of this release is at work.
func TestMigrateWaitsForRunningConsoles(t *testing.T) {
	t.Parallel()
	environment, _, _ := given(t)
	c := start(t, environment)
	settings := map[string]string{}
	for _, setting := range environment {
		name, value, _ := strings.Cut(setting, "=")
		settings[name] = value
	}
	files := later(t)
	next := func(ctx context.Context, said *lines, arguments ...string) error {
		p := &program{getenv: func(name string) string { return settings[name] }, stdin: strings.NewReader(""), stdout: said, stderr: said, migrations: files}
		return p.commands().Run(ctx, append([]string{"tollgate"}, arguments...))
	}
	var waits schema.ContractError
	if err := next(t.Context(), &lines{}, "migrate"); !errors.As(err, &waits) || !strings.Contains(waits.Error(), strings.TrimPrefix(c.address, "http://")) {
		t.Errorf("migrate: %v", err)
	}
	said := &lines{}
	if err := next(t.Context(), said, "migrate", "--expand"); err != nil || said.String() != "The database is up to date.\n" {
		t.Errorf("migrate --expand: %q %v", said, err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	served, ended := &lines{}, make(chan error, 1)
	go func() { ended <- next(ctx, served, "serve") }()
	eventually(t, "a console of the later release serves", func() bool { return strings.Contains(served.String(), "/api/access-profiles") })
	if !strings.Contains(served.String(), "a migration waits until consoles of an earlier release have ended") {
		t.Errorf("it says %s", served)
	}
	stop()
	if err := <-ended; err != nil {
		t.Errorf("serve: %v", err)
	}
	c.probed(t, http.StatusOK, "ready")
	if err := next(t.Context(), &lines{}, "migrate", "--force"); err != nil {
		t.Errorf("migrate --force: %v", err)
	}
	c.probed(t, http.StatusServiceUnavailable, "the database is newer than this console")
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
