package web_test

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"tollgate/models/ledger"
	"tollgate/web/webtest"
)

// aged closes the week in which events are, as if that had been some days ago, and makes them as old.
func aged(g webtest.Gateway, days int) (week string) {
	g.Looked()
	_, err := nextWeek(g)
	g.Must(err)
	g.Scan(&week, "SELECT max(week)::text FROM usage_weeks WHERE closed_at IS NOT NULL")
	g.Exec(`UPDATE usage_weeks SET opened_at = opened_at - ?0 * interval '1 day', closed_at = closed_at - ?0 * interval '1 day' WHERE week = ?1`, days, week)
	g.Exec("UPDATE usage_weeks SET opened_at = to_timestamp(1), closed_at = to_timestamp(2) WHERE week = '1970-01-05'")
	g.Exec("UPDATE weekly_events SET received_at = received_at - ?0 * interval '1 day', occurred_at = occurred_at - ?0 * interval '1 day' WHERE week = ?1", days, week)
	g.Exec("UPDATE usage_adjustments SET created_at = created_at - ? * interval '1 day'", days)
	g.Exec("UPDATE usage_days SET day = day - ?", days)
	g.Exec("UPDATE limit_windows SET window_start = window_start - ? * interval '1 day'", days)
	g.Exec("UPDATE weekly_charges SET window_starts = (SELECT array_agg(s - ? * interval '1 day') FROM unnest(window_starts) AS s)", days)
	g.Exec("UPDATE usage_sealing SET sealed_until = to_timestamp(0)")
	return week
}

func reconciled(g webtest.Gateway, keep ledger.Keep) {
	g.T.Helper()
	g.Must(reconcile(g, keep))
}

func reconcile(g webtest.Gateway, keep ledger.Keep) error {
	g.T.Helper()
	g.Looked()
	g.Exec("UPDATE usage_sealing SET checked_at = NULL, lease_until = to_timestamp(0)")
	return ledger.NewReconciler(g.DB, slog.New(slog.DiscardHandler), keep).Reconcile(g.T.Context())
}

// Events go with their week when it is sealed, old enough, and the counters fit; what they add up to stays.
func TestOldEventsGo(t *testing.T) {
	g := webtest.NewGateway(t)
	refunded := webtest.Event(g.Key)
	g.Admin.Counted(refunded)
	g.Admin.Counted(webtest.Event(g.Key))
	g.Admin.API("POST", "/api/usage/adjustments", webtest.Object{"event_id": refunded["event_id"], "amount": -0.5, "reason": "twice"}).Is(201)
	week := aged(g, 89)
	g.Admin.Counted(webtest.Event(g.Key, "cost", 2))
	left := func(what string, events, weeks int) {
		t.Helper()
		webtest.Same(t, what+": events", g.Count("counted_events"), events)
		webtest.Same(t, what+": weeks that are dropped", g.Count("usage_weeks WHERE dropped_at IS NOT NULL"), weeks)
		webtest.Same(t, what+": partitions", g.Count("pg_inherits WHERE inhparent = 'weekly_events'::regclass"), g.Count("usage_weeks WHERE week > '1970-01-05'")-max(weeks-1, 0))
		var used int64
		g.Scan(&used, "SELECT sum(used)::bigint FROM limit_windows WHERE kind = 'requests'")
		webtest.Same(t, what+": used", used, int64(3))
		g.Balanced()
	}
	drops := func(week string) (done bool) {
		g.Must(g.DB.NewRaw("SELECT drop_usage_week(?::date)", week).Scan(t.Context(), &done))
		return done
	}
	if drops(week) {
		t.Error("a week was dropped that is not sealed")
	}
	reconciled(g, ledger.DefaultKeep)
	left("after 89 days", 3, 1)
	g.Exec("UPDATE limit_windows SET used = used + 1 WHERE kind = 'tokens'")
	reconciled(g, keepLittle)
	webtest.Same(t, "beside counters that do not fit", g.Count("counted_events"), 3)
	g.Exec("UPDATE limit_windows SET used = used - 1 WHERE kind = 'tokens'")
	reconciled(g, keepLittle)
	left("after 88 days", 1, 2)
	g.Admin.API("POST", "/api/usage/adjustments", webtest.Object{"event_id": refunded["event_id"], "amount": -0.25, "reason": "late"}).Refuses(404, "not_found", "event_id")

	for what, tamper := range map[string]string{
		"a counter of the week under way":       "UPDATE limit_windows SET used = used + 1 WHERE kind = 'requests'",
		"a sealed sum of events that are gone":  "UPDATE limit_windows SET sealed = sealed - 1 WHERE kind = 'spend' AND sealed > 0",
		"a day of events that are still there ": "UPDATE usage_days SET requests = requests + 1 WHERE day >= current_date - 1",
	} {
		tx, err := g.Owner().BeginTx(t.Context(), nil)
		g.Must(err)
		_, err = tx.NewRaw(tamper).Exec(t.Context())
		g.Must(err)
		if _, skewed, err := ledger.VerifyWhole(t.Context(), tx); err != nil || len(skewed) == 0 {
			t.Errorf("%s: %+v %v", what, skewed, err)
		}
		g.Must(tx.Rollback())
	}
}

// A week that lost an event after it was sealed, or whose event was changed, is noticed before its events go, and stays.
func TestWeekThatLostAnEventStays(t *testing.T) {
	g := webtest.NewGateway(t)
	lost := webtest.With(webtest.Event(g.Key), "event_id", uuid.NewString(), "occurred_at", g.Clock().Add(-48*time.Hour))
	g.Admin.Counted(lost)
	g.Admin.Counted(webtest.Event(g.Key))
	g.Admin.API("POST", "/api/usage/adjustments", webtest.Object{"event_id": lost["event_id"], "amount": -0.5, "reason": "twice"}).Is(201)
	week := aged(g, 89)
	g.Exec("UPDATE usage_weeks SET opened_at = opened_at - interval '5 days' WHERE week = ?", week)
	checked := func() int { return g.Count("usage_weeks WHERE week = ? AND sealed_at IS NOT NULL", week) }
	reconciled(g, ledger.DefaultKeep)
	webtest.Same(t, "the week is checked when it is sealed", checked(), 1)
	g.ExecAsOwner("CREATE TABLE kept AS SELECT * FROM weekly_events", "CREATE TABLE kept_charges AS SELECT * FROM weekly_charges")
	archiving := ledger.Keep{Events: 60, Days: 800, Windows: 400, Archive: t.TempDir()}
	const ended = "(SELECT min(window_start) FROM limit_windows WHERE kind = 'requests') AND kind = 'requests'"
	for _, c := range []struct {
		what            string
		keep            ledger.Keep
		damage, repairs string
	}{
		{"lost", keepLittle, "DELETE FROM weekly_events WHERE event_id = ?0", "INSERT INTO weekly_events SELECT * FROM kept WHERE event_id = ?0"},
		{"changed", archiving, "UPDATE weekly_events SET tokens = tokens + 1 WHERE event_id = ?0", "UPDATE weekly_events SET tokens = tokens - 1 WHERE event_id = ?0"},
		{
			"no longer charged", archiving, "DELETE FROM weekly_charges WHERE id = (SELECT charge_set FROM kept WHERE event_id = ?0)",
			"INSERT INTO weekly_charges SELECT * FROM kept_charges WHERE id = (SELECT charge_set FROM kept WHERE event_id = ?0)",
		},
		{
			"counted twice", keepLittle, "UPDATE limit_windows SET used = used + 1, sealed = sealed + 1 WHERE window_start = " + ended,
			"UPDATE limit_windows SET used = used - 1, sealed = sealed - 1 WHERE window_start = " + ended,
		},
	} {
		_, err := g.Owner().NewRaw(c.damage, lost["event_id"]).Exec(t.Context())
		g.Must(err)
		events := g.Count("weekly_events WHERE week = ?", week)
		for range 2 { // it stays known
			reconciled(g, c.keep)
			if g.Count("usage_sealing WHERE skewed > 0") == 0 {
				t.Errorf("an event %s was not noticed", c.what)
			}
		}
		webtest.Same(t, c.what+": archived or checked", g.Count("usage_weeks WHERE week = ? AND file IS NOT NULL", week)+checked(), 0)
		webtest.Same(t, c.what+": events that stay", g.Count("weekly_events WHERE week = ?", week), events)
		_, err = g.Owner().NewRaw(c.repairs, lost["event_id"]).Exec(t.Context())
		g.Must(err)
	}
	reconciled(g, archiving)
	webtest.Same(t, "counters that differ once it is repaired", g.Count("usage_sealing WHERE skewed > 0"), 0)
	webtest.Same(t, "events of a week that fits", g.Count("weekly_events WHERE week = ?", week), 0)
}

// Counters are compared with events that a release stored which had no weeks, too, and with what was taken back of them.
func TestEventsFromBeforeWeeksAreCompared(t *testing.T) {
	g := webtest.NewGateway(t)
	old := webtest.With(webtest.Event(g.Key), "event_id", uuid.NewString(), "occurred_at", g.Clock().Add(-48*time.Hour))
	g.Admin.Counted(old)
	g.Admin.API("POST", "/api/usage/adjustments", webtest.Object{"event_id": old["event_id"], "amount": -0.5, "reason": "twice"}).Is(201)
	week := aged(g, 20)
	g.ExecAsOwner("ALTER TABLE usage_events DISABLE TRIGGER USER",
		`INSERT INTO usage_events (event_id, user_id, occurred_at, received_at, copy_id, access_profile_id, provider, model, mcp_client_id, tool_name, cost, tokens, requests, line_ids, line_kinds, line_durations, window_starts)
SELECT event_id, user_id, occurred_at, received_at, copy_id, access_profile_id, provider, model, mcp_client_id, tool_name, cost, tokens, requests, line_ids, line_kinds, line_durations, window_starts FROM counted_events`,
		"DELETE FROM weekly_events", "UPDATE usage_adjustments SET week = '1970-01-05'")
	g.Exec("UPDATE usage_weeks SET closed_at = (SELECT closed_at FROM usage_weeks WHERE week = ?) WHERE week = '1970-01-05'", week)
	compared := func() int {
		g.Exec("UPDATE usage_weeks SET sealed_at = NULL")
		reconciled(g, ledger.DefaultKeep)
		return g.Count("usage_sealing WHERE skewed > 0")
	}
	webtest.Same(t, "as it was", compared(), 0)
	g.Exec("UPDATE limit_windows SET used = used + 1, sealed = sealed + 1 WHERE kind = 'requests'")
	webtest.Same(t, "a request more than there was", compared(), 1)
}

// A week that was archived before it was compared with its events is compared before these go.
func TestArchivedWeekIsComparedBeforeItGoes(t *testing.T) {
	g := webtest.NewGateway(t)
	lost := webtest.With(webtest.Event(g.Key), "event_id", uuid.NewString())
	g.Admin.Counted(lost)
	g.Admin.Counted(webtest.Event(g.Key))
	week := aged(g, 89)
	keep := ledger.Keep{Events: 100, Days: 800, Windows: 400, Archive: t.TempDir()}
	reconciled(g, keep)
	webtest.Same(t, "archived weeks", g.Count("usage_weeks WHERE week = ? AND file IS NOT NULL", week), 1)
	g.ExecAsOwner("UPDATE usage_weeks SET sealed_at = NULL", "CREATE TABLE kept AS SELECT * FROM weekly_events")
	_, err := g.Owner().NewRaw("DELETE FROM weekly_events WHERE event_id = ?", lost["event_id"]).Exec(t.Context())
	g.Must(err)
	keep.Events = 60
	reconciled(g, keep)
	if g.Count("usage_sealing WHERE skewed > 0") == 0 {
		t.Error("an event that was lost was not noticed")
	}
	webtest.Same(t, "events that stay", g.Count("weekly_events WHERE week = ?", week), 1)

	_, err = g.Owner().NewRaw("INSERT INTO weekly_events SELECT * FROM kept WHERE event_id = ?", lost["event_id"]).Exec(t.Context())
	g.Must(err)
	reconciled(g, keep)
	webtest.Same(t, "counters that differ once it is repaired", g.Count("usage_sealing WHERE skewed > 0"), 0)
	webtest.Same(t, "events of a week that fits", g.Count("weekly_events WHERE week = ?", week), 0)
}

// A week that was closed less than 36 days ago is not dropped, since its ids are still looked up, and one that is read
// is dropped later: usage does not wait for the reader.
func TestWeeksThatAreNotDropped(t *testing.T) {
	g := webtest.NewGateway(t)
	g.Admin.Counted(webtest.Event(g.Key))
	week := aged(g, 35)
	reconciled(g, ledger.Keep{Events: 30, Days: 800, Windows: 400})
	webtest.Same(t, "events of the last 36 days", g.Count("counted_events"), 1)

	g.Exec("UPDATE usage_weeks SET closed_at = closed_at - interval '2 days' WHERE week = ?", week)
	reader, err := g.Owner().BeginTx(t.Context(), nil)
	g.Must(err)
	_, err = reader.Exec("SELECT FROM weekly_events")
	g.Must(err)
	reconciled(g, ledger.Keep{Events: 36, Days: 800, Windows: 400})
	webtest.Same(t, "events that are read", g.Count("counted_events"), 1)
	g.Must(reader.Rollback())
	reconciled(g, ledger.Keep{Events: 36, Days: 800, Windows: 400})
	webtest.Same(t, "events that were read", g.Count("counted_events"), 0)
}

// A week is dropped while a batch of usage is between its charges and its events, and neither waits for the other: the
// charges go later.
func TestWeekIsDroppedBesideUsage(t *testing.T) {
	g := webtest.NewGateway(t)
	_, week := oldCharge(g)
	partitions := func() int { return g.Count("pg_inherits WHERE inhparent = 'weekly_charges'::regclass") }
	before := partitions()
	batch, err := g.Owner().BeginTx(t.Context(), nil)
	g.Must(err)
	_, err = batch.Exec("LOCK TABLE weekly_charges IN ROW EXCLUSIVE MODE") // which storing usage locks first
	g.Must(err)
	ended := make(chan error)
	g.Exec("UPDATE usage_sealing SET checked_at = NULL, lease_until = to_timestamp(0)")
	go func() {
		ended <- ledger.NewReconciler(g.DB, slog.New(slog.DiscardHandler), keepLittle).Reconcile(t.Context())
	}()
	blocked(g, func() int { return 1 })
	webtest.Same(t, "weeks dropped beside a batch", g.Count("usage_weeks WHERE dropped_at IS NOT NULL AND week = ?::date", week), 1)
	_, err = batch.Exec("SET LOCAL lock_timeout = '100ms'; LOCK TABLE weekly_events IN ROW EXCLUSIVE MODE")
	g.Must(err)
	if err := <-ended; err != nil { // it waits for a second at most
		t.Error(err)
	}
	webtest.Same(t, "partitions of charges in use", partitions(), before)
	g.Must(batch.Commit())
	for range 2 {
		reconciled(g, keepLittle)
		webtest.Same(t, "partitions of charges", partitions(), before-1)
	}
	g.Admin.Counted(webtest.Event(g.Key))
	g.Balanced()
}

// Sums of days and counters go after their time, but not while events are kept that count on them.
func TestOldSumsGo(t *testing.T) {
	g := webtest.NewGateway(t)
	g.Admin.Counted(webtest.Event(g.Key))
	g.Exec(`INSERT INTO usage_days (day, user_id, access_profile_id, provider, model, cost, tokens, requests, unpriced)
SELECT current_date - n, 'u', 0, 'p', 'm', 1, 1, 1, 0 FROM unnest(ARRAY[1000, 750, 2]) AS n`)
	for _, table := range []string{
		"usage_totals (day, access_profile_id, provider, model, cost, tokens, requests, unpriced) SELECT day, 0, 'p', 'm', 1, 1, 1, 0",
		"usage_people (day, user_id, cost, tokens, requests, unpriced) SELECT day, 'u', 1, 1, 1, 0", "usage_groups SELECT 'day', day, '', 1, 1, 1, 0",
		"usage_months SELECT date_trunc('month', day), 'u', 1, 1, 1, 0", "usage_sealed_days SELECT day, 1, 1, 1",
	} {
		g.Exec("INSERT INTO " + table + " FROM (VALUES (current_date - 1000), (current_date - 750)) AS d(day)")
	}
	g.Exec(`INSERT INTO limit_windows (line_id, kind, reset_duration, window_start, used, sealed)
SELECT gen_random_uuid(), 'spend', d, now() - n * interval '1 day', 5, 5 FROM (VALUES (402, '1d'), (399, '1d'), (700, '1Y'), (800, '1Y')) AS w(n, d)`)
	// Of a window that was carried on into another calendar.
	const carried = "(SELECT id, kind FROM limit_lines WHERE kind = 'spend' ORDER BY id LIMIT 1)"
	g.Exec("UPDATE limit_lines SET carried_from = now() - interval '790 days', carried_until = now() - interval '60 days' WHERE (id, kind) IN " + carried)
	g.Exec(`INSERT INTO limit_windows (line_id, kind, reset_duration, window_start, used, sealed)
SELECT id, kind, '1Y', carried_from, 5, 5 FROM limit_lines WHERE (id, kind) IN ` + carried)
	old := func() string {
		return fmt.Sprint(g.Count("usage_days WHERE user_id = 'u'"), g.Count("usage_totals"), g.Count("usage_people WHERE user_id = 'u'"), g.Count("usage_groups WHERE day < current_date - 36"),
			g.Count("usage_months WHERE user_id = 'u'"), g.Count("usage_sealed_days WHERE day < current_date - 36"), g.Count("limit_windows WHERE used = 5"))
	}
	before := old()
	reconciled(g, ledger.DefaultKeep)
	webtest.Same(t, "beside events of before", old(), before)
	g.Exec("UPDATE usage_weeks SET dropped_at = now() WHERE week = '1970-01-05'")
	g.ExecAsOwner("REVOKE DELETE ON usage_quarantine, limit_windows FROM tollgate")
	if err := reconcile(g, ledger.DefaultKeep); err == nil || strings.Count(err.Error(), "delete old ") != 2 {
		t.Errorf("what cannot be deleted: %v", err)
	}
	webtest.Same(t, "beside counters that cannot be deleted", old(), "2 1 1 1 1 1 5")
	g.ExecAsOwner("GRANT DELETE ON limit_windows TO tollgate")
	if err := reconcile(g, ledger.DefaultKeep); err == nil || strings.Count(err.Error(), "delete old ") != 1 {
		t.Errorf("what cannot be deleted: %v", err)
	}
	webtest.Same(t, "later", old(), "2 1 1 1 1 1 3")
	g.Exec("UPDATE limit_lines SET carried_until = now() - interval '401 days' WHERE carried_from IS NOT NULL")
	g.ExecAsOwner("GRANT DELETE ON usage_quarantine TO tollgate")
	reconciled(g, ledger.DefaultKeep)
	webtest.Same(t, "after the carried window, too", old(), "2 1 1 1 1 1 2")
}
