package web_test

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/uptrace/bun"

	"tollgate/handlers"
	"tollgate/models/dbtest"
	"tollgate/models/pgserver"
	"tollgate/models/schema"
	"tollgate/models/secret"
	"tollgate/web/webtest"
)

// A console whose database is restored from a backup evicts everything it has cached, with a history after the backup
// that is shorter or longer than the one it has seen. In a longer history numbers pass the last number seen: the
// known-bad twin, for which the new history has the hash and the feed of the old one, compares numbers alone and notices nothing.
func TestConsoleNoticesARestoredDatabase(t *testing.T) {
	t.Parallel()
	b := newBackup(t)
	for name, history := range map[string]struct {
		lost, after int // changes
		twin        bool
	}{
		"to a shorter history":                              {30, 2, false},
		"to a longer history":                               {10, 40, false},
		"to a longer history that is told by numbers alone": {10, 40, true},
	} {
		t.Run(name, func(t *testing.T) {
			old, restored := b.restore(t), b.restore(t)
			var behind atomic.Pointer[pgserver.Server]
			behind.Store(old)
			w := webtest.NewWire(t, func() (net.Conn, error) { return dialPostgres(behind.Load()) }, nil)
			c, _ := b.serving(t).Another(overWire(t, old, w))
			t.Cleanup(w.Restore) // before the console closes, which waits for its requests
			other, _ := b.serving(t).Another(restored.URL("tollgate"))
			admin, key := b.bearerOf(c, b.secret), b.bearerOf(c, b.key)
			ask := func() webtest.Answer { return key.Get("/authz/nginx?model=openai/gpt-4o") }
			change := func(v webtest.Client, words string, n int) {
				for i := range n {
					v.API("PUT", b.profile, webtest.Object{"description": fmt.Sprint(words, " ", i)}).Is(200)
				}
			}

			change(admin, "lost", history.lost)
			user, _, _ := strings.Cut(b.keyPath, "/access-profiles/")
			made, _ := admin.API("POST", user+"/virtual-keys", nil).Is(200).JSON()["virtual_key"].(map[string]any)
			// Changes access, so that the next decision reads all changes.
			admin.API("DELETE", fmt.Sprint(user, "/access-profiles/virtual-keys/", made["id"]), nil).Is(200)
			ask().Is(200) // and is cached from now on
			b.lists(admin, fmt.Sprint("lost ", history.lost-1))
			w.Breaks()
			seen, row := lastChange(t, old)

			// In the history after the backup the key is deleted first.
			b.bearerOf(other, b.secret).API("DELETE", b.keyPath, nil).Is(200)
			if deleted, _ := lastChange(t, restored); deleted >= seen {
				t.Fatalf("the key was deleted by change %d, and %d was seen", deleted, seen)
			}
			change(b.bearerOf(other, b.secret), "new", history.after)
			if now, _ := lastChange(t, restored); (now > seen) != (history.after > history.lost) {
				t.Fatalf("change %d was seen, and it is %d now", seen, now)
			}
			if history.twin {
				into := webtest.Connect(t, restored.URL("tollgate_owner"))
				_, err := into.Exec("UPDATE audit_logs SET hash = decode(?, 'hex') WHERE id = ?", row.Hash, row.ID)
				c.Must(err)
				copyFeed(t, webtest.Connect(t, old.URL("tollgate_owner")), into)
			}

			behind.Store(restored)
			w.Restore()
			if history.twin {
				c.Eventually("changes after the restore are followed", func() bool {
					return strings.Contains(string(admin.Get("/api/access-profiles").Body), fmt.Sprintf(`"new %d"`, history.after-1))
				})
				if a := ask(); a.StatusCode != 200 || admin.Metrics()["tollgate_database_rewinds_total"] != 0 {
					t.Errorf("the known-bad twin refuses the deleted key (%d): this test finds nothing", a.StatusCode)
				}
				return
			}
			c.Within(func() bool { return ask().StatusCode != 200 }, "the deleted key is allowed")
			c.Eventually("the deleted key is refused", func() bool { return ask().StatusCode == 401 })
			for range 3 {
				ask().Is(401)
				admin.Decides(webtest.Model(b.key), "access_not_found", 401)
			}
			// A version of a profile now has other content; cached lists follow it.
			change(b.bearerOf(other, b.secret), "even", max(0, history.lost-history.after))
			words := fmt.Sprint("new ", history.after-1)
			if history.lost > history.after {
				words = fmt.Sprint("even ", history.lost-history.after-1)
			}
			b.lists(admin, words)
			if rewinds := admin.Metrics()["tollgate_database_rewinds_total"]; rewinds != 1 {
				t.Errorf("%v rewinds counted", rewinds)
			}
			if logged := c.Log.String(); strings.Count(logged, "the database went back to an earlier state") != 1 {
				t.Errorf("logged: %s", logged)
			}
		})
	}
}

// copyFeed has a database know of the same usage and changes of access as another.
func copyFeed(t *testing.T, from, to *bun.DB) {
	t.Helper()
	var rows string
	err := from.NewRaw("SELECT coalesce(json_agg(f), '[]')::text FROM usage_feed AS f").Scan(t.Context(), &rows)
	if err == nil {
		_, err = to.Exec("INSERT INTO usage_feed SELECT * FROM json_populate_recordset(NULL::usage_feed, ?) ON CONFLICT DO NOTHING", rows)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// backup is the data folder of a stopped database server, with a user who has a virtual key.
type backup struct {
	dir, secret, key, keyPath, profile string
	keys                               secret.Keys
}

func newBackup(t *testing.T) backup {
	t.Helper()
	b := backup{dir: passableFolder(t)}
	var err error
	if b.keys, err = secret.DeriveKeys([]byte("a secret for tests, of 32 bytes.")); err != nil {
		t.Fatal(err)
	}
	server := dbtest.StartServer(t, b.dir, nil)
	owner := webtest.Connect(t, server.URL("tollgate_owner"))
	if err := schema.Migrate(t.Context(), owner, "tollgate"); err != nil {
		t.Fatal(err)
	}
	c, closes := b.serving(t).Another(server.URL("tollgate"))
	c.AddUser(webtest.Admin, "Admin")
	c.Exec(`INSERT INTO providers (name, models) VALUES ('openai', '{gpt-4o}')`)
	v := c.APIKey()
	s := webtest.Stage{Cast: webtest.Cast{Console: c, Admin: v}}
	profile := s.ProfileNaming("Work", `"provider_configs":[{"provider_name":"openai","all_models_allowed":true}],"rate_limit":{"token_max_limit":9000000,"token_reset_duration":"1M"}`)
	user := s.Member(webtest.Ada, "Viewer")
	_, b.key = s.Give(user, profile)
	b.secret, b.keyPath = strings.TrimPrefix(v.Header.Get("Authorization"), "Bearer "), webtest.KeyPath(user, s.Keys(user)[0])
	b.profile = fmt.Sprint("/api/access-profiles/", profile)
	closes()
	if err := owner.Close(); err != nil {
		t.Fatal(err)
	}
	if err := server.Stop(context.WithoutCancel(t.Context())); err != nil {
		t.Fatal(err)
	}
	return b
}

// restore starts a server on a copy of the backup.
func (b backup) restore(t *testing.T) *pgserver.Server {
	t.Helper()
	dir := passableFolder(t)
	if out, err := exec.CommandContext(t.Context(), "cp", "-a", filepath.Join(b.dir, "data"), dir).CombinedOutput(); err != nil {
		t.Fatalf("copy the backup: %v\n%s", err, out)
	}
	return dbtest.StartServer(t, dir, nil)
}

// serving is the configuration that consoles on the backup share.
func (b backup) serving(t *testing.T) *webtest.Console {
	return &webtest.Console{T: t, H: &handlers.Handlers{Keys: b.keys}}
}

func (b backup) bearerOf(c *webtest.Console, secret string) webtest.Client {
	return c.Anonymous().With("Authorization", "Bearer "+secret)
}

// lists fails the test unless the list of profiles has the words.
func (b backup) lists(v webtest.Client, words string) {
	v.T.Helper()
	if a := v.Get("/api/access-profiles").Is(200); !strings.Contains(string(a.Body), `"`+words+`"`) {
		v.T.Errorf("no %q in %s", words, a.Body)
	}
}

// passableFolder is a folder that the user of the server can enter.
func passableFolder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(filepath.Dir(dir), 0o711); err != nil { //nolint:gosec // a server that root starts runs as another user
		t.Fatal(err)
	}
	return dir
}

func dialPostgres(server *pgserver.Server) (net.Conn, error) {
	address, err := url.Parse(server.URL("tollgate"))
	if err != nil {
		return nil, err
	}
	return net.Dial("unix", address.Query().Get("host")+"/.s.PGSQL."+address.Query().Get("port"))
}

// overWire is the URL of a server's database through a wire.
func overWire(t *testing.T, server *pgserver.Server, w *webtest.Wire) string {
	t.Helper()
	address, err := url.Parse(server.URL("tollgate"))
	if err != nil {
		t.Fatal(err)
	}
	host, port, err := net.SplitHostPort(w.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	query := address.Query()
	query.Set("host", host)
	query.Set("port", port)
	address.RawQuery = query.Encode()
	return address.String()
}

// auditRow is the last row of the audit log.
type auditRow struct {
	ID   int64
	Hash string
}

// lastChange is the number of the last change of access, and the last audit row.
func lastChange(t *testing.T, server *pgserver.Server) (seq int64, row auditRow) {
	t.Helper()
	err := webtest.Connect(t, server.URL("tollgate")).NewRaw(`
SELECT seq, id, encode(l.hash, 'hex') FROM audit_head, audit_logs AS l ORDER BY id DESC LIMIT 1`).Scan(t.Context(), &seq, &row.ID, &row.Hash)
	if err != nil {
		t.Fatal(err)
	}
	return seq, row
}
