package web_test

import (
	"bytes"
	"database/sql"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tollgate/web/webtest"
)

// nextWeek opens the week after the newest, as a console does on Monday.
func nextWeek(g webtest.Gateway) (opened string, err error) {
	err = g.DB.NewRaw("SELECT open_usage_week((SELECT max(week) + 7 FROM usage_weeks))::text").Scan(g.T.Context(), &opened)
	return opened, err
}

// rewriting changes statements on their way to the database: from becomes to, filled up with blanks.
func rewriting(t *testing.T, from, to string) (change func([]byte) bool, times *atomic.Int64) {
	t.Helper()
	if len(to) > len(from) {
		t.Fatalf("%q is longer than %q", to, from)
	}
	times = &atomic.Int64{}
	if from == to {
		return nil, times
	}
	to += strings.Repeat(" ", len(from)-len(to))
	return func(sent []byte) bool {
		for at := bytes.Index(sent, []byte(from)); at >= 0; at = bytes.Index(sent, []byte(from)) {
			copy(sent[at:], to)
			times.Add(1)
		}
		return false
	}, times
}

// consolesBehind are consoles whose statements are changed on the way.
func consolesBehind(g webtest.Gateway, n int, change func([]byte) bool) (all []*webtest.Console) {
	w, address := g.DatabaseWire(nil)
	w.Cut = change
	for range n {
		c, _ := g.Another(address + "&statement_timeout=60s")
		all = append(all, c)
	}
	return all
}

// blocked waits until as many sessions wait for a lock.
func blocked(g webtest.Gateway, want func() int) {
	g.Eventually("sessions wait for locks", func() bool {
		var n int
		g.Scan(&n, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")
		return n >= want()
	})
}

// twice has one console store an event, whose transaction cannot end yet; meanwhile something happens, and another
// console stores the same event as it was repeated. It returns how often it is stored.
func twice(g webtest.Gateway, consoles []*webtest.Console, event, repeated webtest.Object, meanwhile func(waits func(int))) int {
	for _, c := range consoles { // both know the open week
		g.Admin.At(c).Counted(webtest.Event(g.Key))
	}
	locked, err := g.Owner().BeginTx(g.T.Context(), nil)
	g.Must(err)
	defer func() { _ = locked.Rollback() }()
	_, err = locked.ExecContext(g.T.Context(), "SELECT FROM usage_latest FOR UPDATE") // is counted last
	g.Must(err)
	waiting := 0
	waits := func(more int) {
		waiting += more
		blocked(g, func() int { return waiting })
	}
	var reports sync.WaitGroup
	statuses := make([]int, 2)
	reports.Go(func() { statuses[0] = g.Admin.At(consoles[0]).Report(event).StatusCode })
	waits(1)
	meanwhile(waits)
	reports.Go(func() { statuses[1] = g.Admin.At(consoles[1]).Report(repeated).StatusCode })
	waits(1)
	g.Must(locked.Rollback())
	reports.Wait()
	if statuses[0] != 200 || statuses[1] != 200 && statuses[1] != 409 {
		g.T.Errorf("answered %v", statuses)
	}
	return g.Count("counted_events WHERE event_id = ?", event["event_id"])
}

// A week begins after all that was under way in the one before, so that an event that is repeated in it is found. The
// twin stores without locking the open week.
func TestWeekBeginsAfterTheOneBefore(t *testing.T) {
	const locking = "AND closed_at IS NULL FOR SHARE"
	for _, row := range []struct {
		name, statement string
		stored          int
	}{
		{"the open week is locked", locking, 1},
		{"twin: it is not", "AND closed_at IS NULL", 2},
	} {
		t.Run(row.name, func(t *testing.T) {
			g := webtest.NewGateway(t)
			change, changed := rewriting(t, locking, row.statement)
			event := webtest.Event(g.Key)
			var opening sync.WaitGroup
			stored := twice(g, consolesBehind(g, 2, change), event, event, func(waits func(int)) {
				var opened atomic.Bool
				opening.Go(func() {
					if _, err := nextWeek(g); err != nil {
						t.Error(err)
					}
					opened.Store(true)
				})
				if row.stored == 1 {
					waits(1)
				} else {
					g.Eventually("the next week is open", opened.Load)
				}
			})
			opening.Wait()
			webtest.Same(t, "times stored", stored, row.stored)
			if row.stored > 1 && changed.Load() == 0 {
				t.Error("no statement was changed")
			}
			if row.stored == 1 {
				g.Balanced()
			}
		})
	}
}

// The week of an event is that of its arrival. In the twin it is that of occurred_at, which a gateway may give another
// time or leave out when it repeats an event.
func TestWeekIsThatOfTheArrival(t *testing.T) {
	const arrival = "    SELECT week, user_id, event_id, occurred_at, clock_timestamp(), virtual_key_id, charge_set,\n"
	for _, row := range []struct {
		name, to string
		stored   int
	}{
		{"by arrival", arrival, 1},
		{"twin: by occurred_at", "SELECT date_trunc('week', occurred_at), user_id, event_id, occurred_at, now(), NULL, charge_set,", 2},
	} {
		t.Run(row.name, func(t *testing.T) {
			g := webtest.NewGateway(t)
			before := time.Now().UTC().AddDate(0, 0, -8)
			week := before.AddDate(0, 0, -(int(before.Weekday())+6)%7).Format(time.DateOnly)
			g.ExecAsOwner("CREATE TABLE before PARTITION OF weekly_events (PRIMARY KEY (event_id)) FOR VALUES IN ('" + week + "')")
			change, changed := rewriting(t, arrival, row.to)
			event := webtest.Event(g.Key, "occurred_at", before.Format(time.RFC3339))
			stored := twice(g, consolesBehind(g, 2, change), event, webtest.With(event, "occurred_at", nil), func(func(int)) {})
			webtest.Same(t, "times stored", stored, row.stored)
			if row.stored > 1 && changed.Load() == 0 {
				t.Error("no statement was changed")
			}
		})
	}
}

// weeksLater opens five weeks and dates them, and the events before, as if a week had passed before each of them: the
// first was closed 34 days ago.
func weeksLater(g webtest.Gateway) {
	g.Looked()
	for range 5 {
		_, err := nextWeek(g)
		g.Must(err)
	}
	g.Exec(`UPDATE usage_weeks SET closed_at = clock_timestamp() - interval '6 days' - n * interval '7 days'
FROM (SELECT week AS name, row_number() OVER (ORDER BY week DESC) - 2 AS n FROM usage_weeks) AS w WHERE week = name AND closed_at IS NOT NULL`)
	g.Exec("UPDATE weekly_events SET received_at = received_at - interval '40 days'")
	g.Exec("UPDATE usage_adjustments SET created_at = created_at - interval '40 days'")
	g.Exec("UPDATE usage_sealing SET sealed_until = to_timestamp(0)")
}

// An event is looked up in the open week and five before it. The twin looks into four.
func TestEventIsCountedOnceInFiveWeeks(t *testing.T) {
	const five = "clock_timestamp() - interval '36 days'"
	for _, row := range []struct{ name, to, status string }{
		{"five weeks", five, "duplicate"},
		{"twin: four weeks", "clock_timestamp() - interval '28 days'", "counted"},
	} {
		t.Run(row.name, func(t *testing.T) {
			g := webtest.NewGateway(t)
			event := webtest.Event(g.Key)
			g.Admin.Counted(event)
			weeksLater(g)
			webtest.Same(t, "the first was closed", g.Count("usage_weeks WHERE closed_at BETWEEN now() - interval '35 days' AND now() - interval '33 days'"), 1)
			change, _ := rewriting(t, five, row.to)
			c := consolesBehind(g, 1, change)[0]
			for range 2 {
				g.Admin.At(c).Counted(webtest.Event(g.Key))
			}
			webtest.Same(t, "status", g.Admin.At(c).Report(event).Is(200).JSON()["status"], any(row.status))
			g.Admin.Report(webtest.With(event, "cost", 2)).Refuses(409, "event_conflict", "event_id")
			webtest.Same(t, "weeks with events", g.Count("(SELECT DISTINCT week FROM counted_events) AS w"), 2)
		})
	}
}

// After 36 days an id is that of another event, which is the one that is adjusted and made exact.
func TestIDsOfEventsEnd(t *testing.T) {
	g := webtest.NewGateway(t)
	event := webtest.Event(g.Key, "estimated", true)
	g.Admin.Counted(event)
	refund := webtest.Object{"event_id": event["event_id"], "amount": -0.25, "reason": "early"}
	g.Admin.API("POST", "/api/usage/adjustments", refund).Is(201)
	weeksLater(g)
	g.Exec("UPDATE usage_weeks SET closed_at = closed_at - interval '3 days' WHERE closed_at < now() - interval '30 days'")
	c, _ := g.Another(g.AppURL())
	v := g.Admin.At(c)
	v.Counted(event)
	v.API("POST", "/api/usage/adjustments", webtest.With(refund, "amount", -0.5, "reason", "late")).Is(201)
	v.API("POST", "/api/usage/adjustments", webtest.With(refund, "amount", -0.75, "reason", "too much")).Refuses(409, "exceeds_charge", "amount")
	v.Report(webtest.With(event, "estimated", nil, "cost", 3)).Is(200)
	webtest.Same(t, "used", g.Used(g.Ada)["spend 1M total"], int64(3_250_000_000))
	webtest.Same(t, "estimates left", g.Count("counted_events WHERE estimated"), 1)
	g.Balanced()
}

// 64 writers at two consoles report the same events while weeks begin: each is counted once.
func TestEventsAreCountedOnceAcrossWeeks(t *testing.T) {
	g := webtest.NewGateway(t)
	c, _ := g.Another(g.AppURL())
	var events []webtest.Object
	for range 40 {
		events = append(events, webtest.Event(g.Key, "cost", 0.001))
	}
	var writers sync.WaitGroup
	var answers, counted atomic.Int64
	for n := range 64 {
		v := g.Admin
		if n%2 == 0 {
			v = v.At(c)
		}
		writers.Go(func() {
			for i := range events {
				a := v.Report(events[(i+n/2)%len(events)])
				for a.StatusCode == 503 {
					a = v.Report(events[(i+n/2)%len(events)])
				}
				if a.Is(200).JSON()["status"] == "counted" {
					counted.Add(1)
				}
				answers.Add(1)
			}
		})
	}
	for week := range 4 {
		g.Eventually(fmt.Sprint("part ", week), func() bool { return answers.Load() >= int64(week*400) })
		opened, err := nextWeek(g)
		if g.Must(err); opened == "" {
			t.Error("no week was opened")
		}
	}
	writers.Wait()
	webtest.Same(t, "counted", counted.Load(), int64(len(events)))
	webtest.Same(t, "stored", g.Count("counted_events"), len(events))
	webtest.Same(t, "requests of days", g.Count("usage_days WHERE requests = 40"), 1)
	g.Balanced()
}

// After a failover the database may lack counters of events that a console remembers: they are stored again.
func TestLostSetsAreStoredAgain(t *testing.T) {
	g := webtest.NewGateway(t)
	g.Admin.Counted(webtest.Event(g.Key))
	g.ExecAsOwner("DELETE FROM weekly_charges")
	g.Admin.Counted(webtest.Event(g.Key))
	without := "weekly_events AS e WHERE NOT EXISTS (SELECT FROM weekly_charges AS c WHERE c.week = e.week AND c.id = e.charge_set)"
	webtest.Same(t, "events without their counters", g.Count(without), 0)
	g.Balanced()
}

// Consoles open the week themselves, once; a week that is past is not opened.
func TestWeeksAreOpenedOnce(t *testing.T) {
	g := webtest.NewGateway(t)
	var opened sql.NullString
	g.Must(g.DB.NewRaw("SELECT open_usage_week('2026-01-05')::text").Scan(t.Context(), &opened))
	webtest.Same(t, "a week that is past", opened.Valid, false)
	var workers sync.WaitGroup
	var times atomic.Int64
	for range 8 {
		workers.Go(func() {
			var opened sql.NullString
			g.Must(g.DB.NewRaw("SELECT open_usage_week('2999-01-07')::text").Scan(t.Context(), &opened))
			if opened.Valid {
				times.Add(1)
			}
		})
	}
	workers.Wait()
	webtest.Same(t, "times opened", times.Load(), int64(1))
	webtest.Same(t, "open weeks", g.Count("usage_weeks WHERE closed_at IS NULL AND week = '2999-01-07'"), 1)
}

// A week ends after the events of every batch that was under way in it, however long one of them waited: what is sealed
// and checked goes by that.
func TestWeekEndsAfterItsEvents(t *testing.T) {
	g := webtest.NewGateway(t)
	g.ExecAsOwner(`CREATE FUNCTION pass() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_advisory_xact_lock(1); RETURN NEW; END $$`,
		"CREATE TRIGGER pass BEFORE INSERT ON weekly_charges FOR EACH ROW EXECUTE FUNCTION pass()")
	gate, err := g.Owner().BeginTx(t.Context(), nil)
	g.Must(err)
	_, err = gate.Exec("SELECT pg_advisory_xact_lock(1)")
	g.Must(err)
	patient, _ := g.Another(g.AppURL() + "&lock_timeout=0&statement_timeout=60s")
	var working sync.WaitGroup
	working.Go(func() { g.Admin.At(patient).Counted(webtest.Event(g.Key)) })
	blocked(g, func() int { return 1 })
	working.Go(func() {
		_, err := patient.DB.Exec("SELECT open_usage_week((SELECT max(week) + 7 FROM usage_weeks))")
		g.Must(err)
	})
	blocked(g, func() int { return 2 })
	g.Must(gate.Rollback())
	working.Wait()
	webtest.Same(t, "events", g.Count("weekly_events"), 1)
	webtest.Same(t, "events after the end of their week", g.Count("weekly_events JOIN usage_weeks USING (week) WHERE received_at >= closed_at"), 0)
}
