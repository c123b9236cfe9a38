package web_test

import (
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"

	"tollgate/models/pgserver"
	"tollgate/web/webtest"
)

// A database that went back to where usage was not stored yet gets what was acknowledged in the last minute again, each
// event once, though no change of access is missing from it.
func TestAcknowledgedUsageIsStoredAgain(t *testing.T) {
	t.Parallel()
	b := newBackup(t)
	old, restored := b.restore(t), b.restore(t)
	var behind atomic.Pointer[pgserver.Server]
	behind.Store(old)
	w := webtest.NewWire(t, func() (net.Conn, error) { return dialPostgres(behind.Load()) }, nil)
	c, _ := b.serving(t).Another(overWire(t, old, w))
	t.Cleanup(w.Restore)
	other, _ := b.serving(t).Another(restored.URL("tollgate"))
	gateway, there := b.bearerOf(c, b.secret), b.bearerOf(other, b.secret)
	event := func(more ...any) webtest.Object {
		return webtest.With(webtest.Event(b.key), append([]any{"event_id", uuid.NewString(), "cost", 1}, more...)...)
	}
	estimate := event("estimated", true)
	both, once, unknown := event(), event(), event("virtual_key", "sk-bf-"+strings.Repeat("x", 43))
	for _, at := range []webtest.Client{gateway, there} { // the restored database has one of them already
		at.Report(both).Is(200)
	}
	gateway.Report(webtest.Object{"events": []webtest.Object{once, event(), event(), unknown}}).Is(200)
	gateway.Report(estimate).Is(200)
	gateway.Report(webtest.With(estimate, "estimated", nil, "cost", 5)).Is(200)
	pair := event("estimated", true)
	gateway.Report(webtest.Object{"events": []webtest.Object{pair, webtest.With(pair, "estimated", nil, "cost", 2)}}).Is(200)
	webtest.Same(t, "events before", other.Count("counted_events"), 1)

	w.Breaks()
	behind.Store(restored)
	w.Restore()
	c.Eventually("what was acknowledged is stored again", func() bool { return strings.Contains(c.Log.String(), "is stored again, as far as it was lost") })
	webtest.Same(t, "events", other.Count("counted_events"), 6)
	webtest.Same(t, "events of unknown keys", other.Count("usage_quarantine"), 1)
	var spent int64
	other.Scan(&spent, "SELECT sum(cost)::bigint FROM usage_days")
	webtest.Same(t, "dollars", spent, int64(11_000_000_000))
	other.Balanced()
	if rewinds := gateway.Metrics()["tollgate_database_rewinds_total"]; rewinds != 1 {
		t.Errorf("%v rewinds counted", rewinds)
	}
	if again := gateway.Report(once).Is(200).JSON(); again["duplicate"] != true {
		t.Errorf("reported again: %v", again)
	}
}

// Consoles of the release before note transactions instead of numbers. These follow what those change, and those what
// these change.
func TestConsoleFollowsTheReleaseBefore(t *testing.T) {
	g := webtest.NewGateway(t)
	ask := func() int { return g.Bearer(g.Key).Get("/authz/nginx?model=openai/gpt-4o").StatusCode }
	webtest.Same(t, "before", ask(), 200)
	g.Admin.Counted(webtest.Event(g.Key))
	spent := func() string { return fmt.Sprint(g.Admin.Ask(webtest.Model(g.Key))) }
	was := spent()
	g.Exec(`WITH counted AS (UPDATE limit_windows SET used = used + 1)
INSERT INTO usage_changes (user_id, xact) VALUES (?, pg_current_xact_id()) ON CONFLICT (user_id) DO UPDATE SET xact = excluded.xact`, g.Ada)
	g.Within(func() bool { return spent() != was }, "what the release before counts is not read again")

	tx, err := g.DB.Begin()
	g.Must(err)
	for _, statement := range []string{
		"UPDATE user_access_profiles SET is_active = false WHERE user_id = ?0",
		"INSERT INTO access_changes (user_id, xact) VALUES (?0, pg_current_xact_id()) ON CONFLICT (user_id) DO UPDATE SET xact = excluded.xact",
		`WITH head AS (SELECT hash FROM audit_head FOR UPDATE), added AS (
    INSERT INTO audit_logs (user_id, actor, action, created_at, hash) SELECT ?0, 'before', 'update', now(), sha256(head.hash) FROM head RETURNING hash)
UPDATE audit_head SET hash = added.hash FROM added`,
	} {
		_, err := tx.NewRaw(statement, g.Ada).Exec(t.Context())
		g.Must(err)
	}
	g.Must(tx.Commit())
	g.Within(func() bool { return ask() != 200 }, "a copy that the release before has paused is still used")

	var before, after int64
	g.Scan(&before, "SELECT xact::text::bigint FROM access_changes WHERE user_id = ?", g.Ada)
	g.Admin.API("POST", "/api/users/"+g.Ada+"/virtual-keys", webtest.Object{"name": "another"}).Is(200)
	keys := g.Keys(g.Ada)
	g.Admin.API("DELETE", webtest.KeyPath(g.Ada, keys[len(keys)-1]), nil).Is(200)
	g.Scan(&after, "SELECT xact::text::bigint FROM access_changes WHERE user_id = ?", g.Ada)
	if after <= before {
		t.Errorf("the release before sees transaction %d after %d", after, before)
	}
}

// A console that could not reach the database for so long that rows of the usage feed were deleted meanwhile, does not
// decide by the counters from before. The clock of its database is put forward instead of waiting.
func TestConsoleThatMissedTheUsageFeed(t *testing.T) {
	g := webtest.NewGateway(t)
	g.ExecAsOwner("CREATE SCHEMA later", "CREATE TABLE later.ahead (by interval)", "GRANT USAGE ON SCHEMA later TO tollgate",
		"GRANT SELECT ON later.ahead TO tollgate",
		`CREATE FUNCTION later.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS
$$ SELECT pg_catalog.clock_timestamp() + coalesce((SELECT max(by) FROM later.ahead), '0') $$`)
	w, address := g.DatabaseWire(nil)
	other, _ := g.Another(address + "&search_path=later,public,pg_catalog")
	ask := func() any { return g.Admin.At(other).Ask(webtest.Model(g.Key))["type"] }
	webtest.Same(t, "before", ask(), "allowed")
	w.Breaks()
	g.Admin.Counted(webtest.Event(g.Key, "cost", 9))
	g.ExecAsOwner("DELETE FROM usage_feed", "INSERT INTO later.ahead VALUES ('11 minutes')")
	w.Restore()
	g.Admin.At(other).Within(func() bool { return ask() != "allowed" }, "what was counted meanwhile is not read")
}
