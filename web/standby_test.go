package web_test

import (
	"errors"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"tollgate/models/dbtest"
	"tollgate/models/pgserver"
	"tollgate/models/problem"
	"tollgate/web/webtest"
)

// standby starts a server on a copy of the backup that only repeats what a primary does, and hears of nothing.
func (b backup) standby(t *testing.T) *pgserver.Server { return b.standbyOf(t, nil) }

// standbyOf starts a standby that follows a primary.
func (b backup) standbyOf(t *testing.T, primary *pgserver.Server) *pgserver.Server {
	t.Helper()
	dir, settings := passableFolder(t), map[string]string{}
	if primary != nil {
		settings["primary_conninfo"] = "user=tollgate_owner host=" + socketOf(t, primary)
	}
	out, err := exec.CommandContext(t.Context(), "sh", "-c", `cp -a "$1/data" "$2" && cp -p "$2/data/PG_VERSION" "$2/data/standby.signal"`, "sh", b.dir, dir).CombinedOutput()
	if err != nil {
		t.Fatalf("copy the backup: %v\n%s", err, out)
	}
	return dbtest.StartServer(t, dir, settings)
}

// several is the address of servers that are tried in this order.
func several(t *testing.T, folders ...string) string {
	t.Helper()
	return "postgres://tollgate@/tollgate?sslmode=disable&host=" + url.QueryEscape(strings.Join(folders, ",")) +
		"&port=" + url.QueryEscape(strings.Repeat(",5432", len(folders))[1:])
}

func socketOf(t *testing.T, server *pgserver.Server) string {
	t.Helper()
	address, err := url.Parse(server.URL("tollgate"))
	if err != nil {
		t.Fatal(err)
	}
	return address.Query().Get("host")
}

// A console that finds itself on a standby, as after a switchover, is not ready and decides nothing by what the standby
// has heard; with the primary back it goes on without a restart. Where a profile says so, calls are allowed from memory
// meanwhile, and balancers let them through.
func TestConsoleRefusesAStandby(t *testing.T) {
	t.Parallel()
	b := newBackup(t)
	primary, standby := b.restore(t), b.standby(t)
	var behind atomic.Pointer[pgserver.Server]
	behind.Store(primary)
	w := webtest.NewWire(t, func() (net.Conn, error) { return dialPostgres(behind.Load()) }, nil)
	c, _ := b.serving(t).Another(overWire(t, primary, w))
	t.Cleanup(w.Restore)
	key := b.bearerOf(c, b.key)
	ready := func() string { return c.Anonymous().Get("/readyz").JSON()["status"].(string) }
	ask := func() int { return key.Get("/authz/nginx?model=openai/gpt-4o").StatusCode }
	c.Probed(200, "ready")
	webtest.Same(t, "on the primary", ask(), 200)

	behind.Store(standby)
	w.CutAll()
	c.Probed(503, "the database is a standby, which cannot be written to")
	c.Eventually("nothing is decided", func() bool { return ask() == 403 })
	b.bearerOf(c, b.secret).API("POST", "/api/access-profiles", webtest.Object{"name": "On a standby"}).Refuses(503, "retry_later", "")

	behind.Store(primary)
	w.CutAll()
	c.Probed(200, "ready")
	c.Eventually("calls are decided again", func() bool { return ask() == 200 })

	admin := b.bearerOf(c, b.secret)
	admin.API("PUT", b.profile, webtest.Object{"fail_open_for": 60}).Is(200)
	admin.API("POST", b.profile+"/propagate", webtest.Object{"fields": []string{"provider_configs"}}).Is(200)
	c.Eventually("the copy has it", func() bool { return ask() == 200 && c.H.Cache.FailsOpen() })
	behind.Store(standby)
	w.CutAll()
	c.Eventually("it is ready from memory", func() bool {
		return ready() == "ready from memory: the database is a standby, which cannot be written to"
	})
	if status := ask(); status != 200 {
		t.Errorf("a call from memory gets %d", status)
	}
}

// Of several servers the one that takes writes is used. One that accepts connections and says nothing delays the first,
// and is then the last to be asked; without the limit it would be waited for without end.
func TestSeveralServers(t *testing.T) {
	t.Parallel()
	b := newBackup(t)
	primary, standby := socketOf(t, b.restore(t)), socketOf(t, b.standby(t))
	folder := t.TempDir()
	silent, err := net.Listen("unix", filepath.Join(folder, ".s.PGSQL.5432"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { silent.Close() })
	if err := os.Chmod(folder, 0o711); err != nil { //nolint:gosec // the same as that of a server
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		address     string
		first, then time.Duration // at most
		recovering  bool
	}{
		"the standby first":          {several(t, standby, primary), 2 * time.Second, 2 * time.Second, false},
		"a silent one first":         {several(t, folder, standby, primary), 10 * time.Second, 1500 * time.Millisecond, false},
		"a standby that is wanted":   {several(t, standby, primary) + "&target_session_attrs=any", 2 * time.Second, 2 * time.Second, true},
		"the primary alone":          {several(t, primary), 2 * time.Second, 2 * time.Second, false},
		"a standby alone, as wanted": {several(t, standby) + "&target_session_attrs=standby", 2 * time.Second, 2 * time.Second, true},
	} {
		t.Run(name, func(t *testing.T) {
			db := webtest.Connect(t, test.address)
			db.SetMaxIdleConns(-1) // each query has a connection of its own
			for i, limit := range []time.Duration{test.first, test.then, test.then} {
				took := time.Duration(0)
				var err error
				for range 2 { // a busy machine is slow once
					began := time.Now()
					var recovering bool
					if err = db.NewRaw("SELECT pg_is_in_recovery()").Scan(t.Context(), &recovering); err == nil && recovering != test.recovering {
						t.Errorf("connection %d: recovering %v", i, recovering)
					}
					if took = time.Since(began); took <= limit && err == nil {
						break
					}
				}
				if took > limit || err != nil {
					t.Errorf("connection %d took %s, and so did the next: %v", i, took, err)
				}
			}
		})
	}
	var refused problem.StandbyError
	err = webtest.Connect(t, several(t, standby)).Ping()
	if !errors.As(err, &refused) || !strings.Contains(err.Error(), "this server is a standby, which cannot be written to") {
		t.Errorf("a standby alone: %v", err)
	}
}
