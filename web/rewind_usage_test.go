package web_test

import (
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"tollgate/models/pgserver"
	"tollgate/web/webtest"
)

// rewinding is a console whose database goes back to a backup, beside another one that works with that already.
type rewinding struct {
	backup
	c, other       *webtest.Console
	gateway, there webtest.Client // a gateway of each
	restored       *pgserver.Server
	w              *webtest.Wire
	behind         atomic.Pointer[pgserver.Server]
}

func newRewinding(t *testing.T) *rewinding { return newRewindingAt(t, "", func(*pgserver.Server) {}) }

// newRewindingAt changes both databases first, and asks for settings of the console's sessions.
func newRewindingAt(t *testing.T, settings string, change func(*pgserver.Server)) *rewinding {
	t.Helper()
	r := &rewinding{backup: newBackup(t)}
	old := r.restore(t)
	r.restored = r.restore(t)
	change(old)
	change(r.restored)
	r.behind.Store(old)
	r.w = webtest.NewWire(t, func() (net.Conn, error) { return dialPostgres(r.behind.Load()) }, nil)
	r.c, _ = r.serving(t).Another(overWire(t, old, r.w) + settings)
	t.Cleanup(r.w.Restore)
	r.other, _ = r.serving(t).Another(r.restored.URL("tollgate"))
	r.gateway, r.there = r.bearerOf(r.c, r.secret), r.bearerOf(r.other, r.secret)
	return r
}

// rewinds puts the backup under the console.
func (r *rewinding) rewinds() {
	r.w.Breaks()
	r.behind.Store(r.restored)
	r.w.Restore()
}

func (r *rewinding) storedAgain() bool {
	return strings.Contains(r.c.Log.String(), "is stored again, as far as it was lost")
}

// A database that went back to where usage was not stored yet gets what was acknowledged in the last minute again, each
// event once, though no change of access is missing from it.
func TestAcknowledgedUsageIsStoredAgain(t *testing.T) {
	t.Parallel()
	b := newRewinding(t)
	c, other, gateway, there := b.c, b.other, b.gateway, b.there
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

	b.rewinds()
	c.Eventually("what was acknowledged is stored again", b.storedAgain)
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

// When the database does not take what was acknowledged at once, that is stored again later, however much comes after.
func TestAcknowledgedUsageIsStoredAgainLater(t *testing.T) {
	t.Parallel()
	b := newRewinding(t)
	var lost []webtest.Object
	for range 3 {
		event := webtest.With(webtest.Event(b.key), "event_id", uuid.NewString())
		b.gateway.Report(event).Is(200)
		lost = append(lost, event)
	}
	locking, err := webtest.Connect(t, b.restored.URL("tollgate_owner")+"&idle_in_transaction_session_timeout=0").BeginTx(t.Context(), nil)
	b.c.Must(err)
	b.c.T.Cleanup(func() { _ = locking.Rollback() })
	_, err = locking.Exec("LOCK TABLE usage_feed IN SHARE ROW EXCLUSIVE MODE") // which polls read, and usage adds to
	b.c.Must(err)
	b.rewinds()
	b.c.Eventually("storing again fails", func() bool { return strings.Contains(b.c.Log.String(), "could not be stored again yet") })
	if b.storedAgain() {
		t.Error("it is said that all is stored again")
	}
	b.c.Must(locking.Rollback())
	b.c.Eventually("what was acknowledged is stored again", b.storedAgain)
	webtest.Same(t, "events", b.other.Count("counted_events"), len(lost))
	for _, event := range lost {
		webtest.Same(t, "reported again", b.gateway.Report(event).Is(200).JSON()["duplicate"], any(true))
	}
	b.other.Balanced()
}

// An event that cannot be counted any more does not keep others, in its report and after it, from being stored again.
func TestUsageBesideUncountableIsStoredAgain(t *testing.T) {
	t.Parallel()
	b := newRewinding(t)
	event := func(tokens int) webtest.Object {
		return webtest.With(webtest.Event(b.key), "event_id", uuid.NewString(), "tokens", tokens)
	}
	large := event(1_000_000)
	b.gateway.Report(webtest.Object{"events": []webtest.Object{event(1), large, event(1)}}).Is(200)
	b.gateway.Report(event(1)).Is(200)
	b.there.Report(event(1)).Is(200)
	b.other.Exec("UPDATE limit_windows SET used = 9000000000000000000 - 1000")
	b.rewinds()
	b.c.Eventually("what was acknowledged is stored again", b.storedAgain)
	webtest.Same(t, "events", b.other.Count("counted_events"), 4)
	webtest.Same(t, "large events", b.other.Count("counted_events WHERE event_id = ?", large["event_id"]), 0)
	log := b.c.Log.String()
	if strings.Count(log, "cannot be counted") != 1 || !strings.Contains(log, large["event_id"].(string)) {
		t.Error("the log does not say which event cannot be counted")
	}
}

// A database that has lost nothing but usage of unknown keys has gone back, too. The keys are read again without a call.
func TestQuarantinedUsageIsStoredAgain(t *testing.T) {
	t.Parallel()
	b := newRewinding(t)
	estimate := webtest.With(webtest.Event("sk-bf-"+strings.Repeat("x", 43)), "event_id", uuid.NewString(), "estimated", true)
	b.gateway.Report(estimate).Is(200)
	b.rewinds()
	b.c.Eventually("what was acknowledged is stored again", b.storedAgain)
	b.c.Eventually("the keys are in memory again", func() bool { return b.gateway.Metrics()["tollgate_keys_in_memory"] == 1.0 })
	webtest.Same(t, "events of unknown keys", b.other.Count("usage_quarantine"), 1)
	webtest.Same(t, "rewinds", b.gateway.Metrics()["tollgate_database_rewinds_total"], 1.0)
}

// Usage that was lost before a poll has seen it is missed by its number, though usage after it is there.
func TestLostUsageBetweenOthersIsMissed(t *testing.T) {
	g := webtest.NewGateway(t)
	event := func() webtest.Object { return webtest.With(webtest.Event(g.Key), "event_id", uuid.NewString()) }
	g.Admin.Report(event()).Is(200)
	type row struct {
		Writer string
		Seq    int64
	}
	last := func() (r row) {
		g.Must(g.Owner().NewRaw("SELECT writer::text, seq FROM usage_feed ORDER BY at DESC LIMIT 1").Scan(t.Context(), &r))
		return r
	}
	// Polls wait meanwhile. What is not polled for a second is not decided by, nor counted: then it is tried again.
	attempt := func() bool {
		tx, err := g.Owner().BeginTx(t.Context(), nil)
		g.Must(err)
		defer func() { _ = tx.Rollback() }()
		_, err = tx.Exec("LOCK TABLE access_changes")
		g.Must(err)
		lost := event()
		if g.Admin.Report(lost).StatusCode != 200 {
			return false
		}
		first := last()
		if g.Admin.Report(event()).StatusCode != 200 || last() != (row{first.Writer, first.Seq + 1}) {
			return false
		}
		for _, statement := range []string{"DELETE FROM usage_feed WHERE writer = ?0::uuid AND seq = ?1", "DELETE FROM weekly_events WHERE event_id = ?2::uuid"} {
			_, err := tx.NewRaw(statement, first.Writer, first.Seq, lost["event_id"]).Exec(t.Context())
			g.Must(err)
		}
		g.Must(tx.Commit())
		g.Eventually("what was lost is stored again", func() bool { return g.Count("weekly_events WHERE event_id = ?", lost["event_id"]) == 1 })
		return true
	}
	g.Eventually("usage between two polls", attempt)
	webtest.Same(t, "rewinds", g.Admin.Metrics()["tollgate_database_rewinds_total"], 1.0)
}

// Consoles of the release before note transactions instead of numbers. These follow what those change, and those what
// these change.
func TestConsoleFollowsTheReleaseBefore(t *testing.T) {
	g := webtest.NewGateway(t)
	ask := func() int { return g.Bearer(g.Key).Get("/authz/nginx?model=openai/gpt-4o").StatusCode }
	webtest.Same(t, "before", ask(), 200)
	g.Admin.Counted(webtest.Event(g.Key))
	spent := func() string { return fmt.Sprint(g.Admin.Ask(webtest.Model(g.Key))) }
	conn, err := g.DB.Conn(t.Context())
	g.Must(err)
	for range 3 { // there are other transactions between those of a connection
		was := spent()
		_, err := conn.NewRaw(`WITH counted AS (UPDATE limit_windows SET used = used + 1)
INSERT INTO usage_changes (user_id, xact) VALUES (?, pg_current_xact_id()) ON CONFLICT (user_id) DO UPDATE SET xact = excluded.xact`, g.Ada).Exec(t.Context())
		g.Must(err)
		g.Within(func() bool { return spent() != was }, "what the release before counts is not read again")
		g.Exec("UPDATE limit_windows SET used = used")
	}
	g.Must(conn.Close())
	webtest.Same(t, "rewinds", g.Admin.Metrics()["tollgate_database_rewinds_total"], 0.0)

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

// aheadOfTime is a console on a database whose clock can be put forward, by what later.ahead says.
func aheadOfTime(g webtest.Gateway) (other *webtest.Console, w *webtest.Wire) {
	g.T.Helper()
	g.ExecAsOwner(laterClock...)
	w, address := g.DatabaseWire(nil)
	other, _ = g.Another(address + "&search_path=later,public,pg_catalog")
	return other, w
}

// After an outage of so long that the usage feed no longer tells whether usage was lost, what was acknowledged last is
// stored again, as far as it was.
func TestUsageLostInALongOutageIsStoredAgain(t *testing.T) {
	t.Parallel()
	b := newRewindingAt(t, "&search_path=later,public,pg_catalog", func(s *pgserver.Server) {
		b := webtest.Connect(t, s.URL("tollgate_owner"))
		for _, statement := range laterClock {
			if _, err := b.Exec(statement); err != nil {
				t.Fatal(err)
			}
		}
	})
	b.gateway.Report(webtest.Event(b.key)).Is(200)
	if _, err := webtest.Connect(t, b.restored.URL("tollgate_owner")).Exec("INSERT INTO later.ahead VALUES ('11 minutes')"); err != nil {
		t.Fatal(err)
	}
	b.rewinds()
	b.c.Eventually("what was acknowledged is stored again", b.storedAgain)
	webtest.Same(t, "events", b.other.Count("counted_events"), 1)
}

// A change that is lost before a poll has seen it is noticed, like usage, so that it can be made again. Pages and forms
// change access by connections of their own.
func TestLostChangeOfAccessIsNoticed(t *testing.T) {
	t.Parallel()
	for what, change := range map[string]func(*rewinding){
		"a virtual key that is deleted": func(b *rewinding) { b.gateway.API("DELETE", b.keyPath, nil).Is(200) },
		"an API key that is changed": func(b *rewinding) {
			made := b.gateway.Get("/api/api-keys").Is(200).JSON()["api_keys"].([]any)[0].(map[string]any)
			b.gateway.API("PUT", fmt.Sprint("/api/api-keys/", made["id"]), `{"name":"Another"}`).Is(200)
		},
	} {
		t.Run(what, func(t *testing.T) {
			b := newRewinding(t)
			pages := webtest.Connect(t, overWire(t, b.restored, b.w))
			b.c.H.DB = pages
			b.c.H.Cache.Follow(pages)
			b.gateway.Decides(webtest.Model(b.key), "allowed", 200)
			change(b)
			b.rewinds()
			b.c.Eventually("the loss is noticed", func() bool {
				a := b.gateway.Get("/metrics")
				return a.StatusCode == 200 && b.gateway.Metrics()["tollgate_database_rewinds_total"] == 1
			})
		})
	}
}

// What was refused because another event has its id does not take the place of that one when both are lost.
func TestRefusedEventIsNotStoredAgain(t *testing.T) {
	t.Parallel()
	b := newRewinding(t)
	second, _ := b.serving(t).Another(overWire(t, b.restored, b.w))
	event, other := webtest.With(webtest.Event(b.key), "event_id", uuid.NewString()), webtest.Event(b.key)
	stray := webtest.With(webtest.Event("sk-bf-"+strings.Repeat("x", 43)), "event_id", uuid.NewString())
	first := b.bearerOf(second, b.secret)
	first.Report(webtest.Object{"events": []webtest.Object{event, stray}}).Is(200)
	results := b.gateway.Report(webtest.Object{"events": []webtest.Object{webtest.With(event, "cost", 5), webtest.With(stray, "cost", 5), other}}).Is(200).JSON()["results"].([]any)
	for i, status := range []string{"conflict", "conflict", "counted"} {
		webtest.Same(t, "an event", results[i].(map[string]any)["status"], any(status))
	}
	b.rewinds()
	b.c.Eventually("what was acknowledged is stored again", b.storedAgain)
	second.Eventually("here too", func() bool { return strings.Contains(second.Log.String(), "is stored again, as far as it was lost") })
	var spent int64
	b.other.Scan(&spent, "SELECT sum(cost)::bigint FROM usage_days")
	webtest.Same(t, "dollars", spent, int64(2_000_000_000))
	var strayed string
	b.other.Scan(&strayed, "SELECT event::jsonb ->> 'cost' FROM usage_quarantine")
	webtest.Same(t, "dollars in quarantine", strayed, "1")
}

// laterClock makes a clock of the database that is ahead by what a table says.
var laterClock = []string{
	"CREATE SCHEMA later", "CREATE TABLE later.ahead (by interval)", "GRANT USAGE ON SCHEMA later TO tollgate",
	"GRANT SELECT ON later.ahead TO tollgate",
	`CREATE FUNCTION later.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS
$$ SELECT pg_catalog.clock_timestamp() + coalesce((SELECT max(by) FROM later.ahead), '0') $$`,
}

// A console that could not reach the database for so long that rows of the usage feed were deleted meanwhile, does not
// decide by the counters from before. The clock of its database is put forward instead of waiting.
func TestConsoleThatMissedTheUsageFeed(t *testing.T) {
	g := webtest.NewGateway(t)
	g.Give(g.Bob, webtest.Research)
	other, w := aheadOfTime(g)
	ask := func() any { return g.Admin.At(other).Ask(webtest.Model(g.Key))["type"] }
	webtest.Same(t, "before", ask(), "allowed")
	w.Breaks()
	g.Admin.Counted(webtest.Event(g.Key, "cost", 9))
	g.ExecAsOwner("DELETE FROM usage_feed", "INSERT INTO later.ahead VALUES ('11 minutes')")
	w.Restore()
	g.Admin.At(other).Within(func() bool { return ask() != "allowed" }, "what was counted meanwhile is not read")
	other.Eventually("the keys are in memory again, without being asked for", func() bool {
		return g.Admin.At(other).Metrics()["tollgate_keys_in_memory"] == 2.0
	})
}

// A server that becomes a standby under a pooler, whose connections stay, is one that is away.
func TestServerThatBecomesAStandby(t *testing.T) {
	g := webtest.NewGateway(t)
	g.ExecAsOwner("CREATE SCHEMA later", "CREATE TABLE later.standby ()", "GRANT USAGE ON SCHEMA later TO tollgate",
		"GRANT SELECT ON later.standby TO tollgate",
		`CREATE FUNCTION later.pg_is_in_recovery() RETURNS boolean LANGUAGE sql AS 'SELECT EXISTS (SELECT FROM later.standby)'`)
	_, address := g.DatabaseWire(nil)
	other, _ := g.Another(address + "&search_path=later,public,pg_catalog")
	gateway := g.Admin.At(other)
	ask := func() int { return gateway.API("POST", "/api/decisions", webtest.Model(g.Key)).StatusCode }
	gateway.Decides(webtest.Model(g.Key), "allowed", 200)
	other.Probed(200, "ready")
	g.ExecAsOwner("INSERT INTO later.standby DEFAULT VALUES")
	gateway.Within(func() bool { return ask() == 503 }, "calls are decided")
	other.Probed(503, "the database is a standby, which cannot be written to")
	g.ExecAsOwner("DELETE FROM later.standby")
	gateway.Eventually("calls are decided again", func() bool { return ask() == 200 })
	other.Probed(200, "ready")
}

// Usage that a gateway whose clock is ahead reported for the next window counts as soon as that begins.
func TestUsageOfTheNextWindowCounts(t *testing.T) {
	g := webtest.NewGateway(t)
	other, _ := aheadOfTime(g)
	gateway := g.Admin.At(other)
	limited := `"provider_configs":[{"provider_name":"openai","all_models_allowed":true}],"rate_limit":{"request_max_limit":1,"request_reset_duration":"1m"}`
	_, key := g.Give(g.Bob, g.ProfileNaming("By the minute", limited))
	g.Admin.Counted(webtest.Event(key, "occurred_at", other.Clock().Add(80*time.Second).Format(time.RFC3339Nano)))
	g.Admin.Counted(webtest.Event(g.Key, "cost", 9))
	gateway.WithinASecond(webtest.Model(g.Key), "budget_exceeded") // so that the earlier event is known, too
	gateway.Decides(webtest.Model(key), "allowed", 200)
	g.ExecAsOwner("INSERT INTO later.ahead VALUES ('70 seconds')")
	gateway.Within(func() bool { return gateway.Ask(webtest.Model(key))["type"] != "allowed" }, "usage of the window that has begun is not seen")
}

// A console that was suspended while its own rows of the usage feed were deleted takes that for no loss.
func TestSuspendedConsoleMissesNoUsage(t *testing.T) {
	g := webtest.NewGateway(t)
	other, w := aheadOfTime(g)
	gateway := g.Admin.At(other)
	gateway.Counted(webtest.Event(g.Key))
	w.Breaks()
	g.ExecAsOwner("DELETE FROM usage_feed", "INSERT INTO later.ahead VALUES ('11 minutes')")
	w.Restore()
	restored := time.Now()
	gateway.Eventually("a poll", func() bool {
		since := time.Since(restored).Seconds()
		return gateway.Get("/metrics").StatusCode == 200 && gateway.Metrics()["tollgate_followed_age_seconds"] < since
	})
	webtest.Same(t, "rewinds", gateway.Metrics()["tollgate_database_rewinds_total"], 0.0)
}
