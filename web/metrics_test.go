package web_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"tollgate/web/webtest"
)

func TestMetricsReportDecisionsUsageAndPropagations(t *testing.T) {
	g := webtest.NewGateway(t)
	scraper := g.APIKey("Usage:View")
	before := whole(scraper)

	g.Admin.Decides(webtest.Model(g.Key), "allowed", 200)
	g.Admin.Decides(webtest.Model(g.Key), "allowed", 200)
	g.Admin.Decides(webtest.With(webtest.Model(g.Key), "model", "o3"), "model_blocked", 403)
	g.Admin.Decides(webtest.With(webtest.Model(g.Key), "reserve", true, "estimated_cost", 1), "allowed", 200)
	first := webtest.Event(g.Key, "cost", 2)
	g.Admin.Counted(first)
	g.Admin.Report(first).Is(200)
	g.Admin.API("PUT", fmt.Sprint("/api/access-profiles/", g.Work), `{"tags":["more"],"budgets":[{"max_limit":11,"reset_duration":"1M"}]}`).Is(200)
	g.Admin.API("POST", fmt.Sprint("/api/access-profiles/", g.Work, "/propagate"), `{"fields":["budgets"]}`).Is(200)
	// A running propagation reports its holders; an ended one reports none.
	g.Exec(`WITH job AS (INSERT INTO propagation_jobs (access_profile_id, to_version, fields, reset_usage, actor, state, lease_until, created_at)
VALUES (?, 1, '{budgets}', false, 'test', 'running', now() + interval '1 hour', now()) RETURNING id)
INSERT INTO propagation_items (job_id, copy_id, user_id, state) SELECT id, n, 'somebody', CASE n WHEN 1 THEN 'failed' ELSE 'waiting' END FROM job, generate_series(1, 3) AS n`, g.Work)

	after := whole(scraper)
	for name, want := range map[string]float64{
		`tollgate_decision_seconds_count{type="allowed"}`:       3,
		`tollgate_decision_seconds_count{type="model_blocked"}`: 1,
		`tollgate_usage_events_total{status="counted"}`:         1,
		`tollgate_usage_events_total{status="duplicate"}`:       1,
		`tollgate_reservations_held`:                            1,
		`tollgate_propagation_jobs{state="done"}`:               1,
		`tollgate_propagation_jobs{state="running"}`:            1,
		`tollgate_propagation_items{state="waiting"}`:           2,
		`tollgate_propagation_items{state="failed"}`:            1,
		`tollgate_propagation_items{state="done"}`:              0,
	} {
		if got := after[name] - before[name]; got != want {
			t.Errorf("%s grew by %v, want %v", name, got, want)
		}
	}
	for _, name := range []string{`go_sql_max_open_connections{db_name="tollgate"}`, "process_start_time_seconds", "go_goroutines"} {
		if after[name] <= 0 {
			t.Errorf("%s is %v", name, after[name])
		}
	}
	for _, secret := range []string{g.Key, g.Key[len("sk-bf-"):][:12], g.Ada, "openai"} {
		if strings.Contains(string(scraper.Get("/metrics").Body), secret) {
			t.Errorf("metrics are %q", secret)
		}
	}
}

// Of a console that has just started there is a rate from the first event and the first error on. An event that is
// refused by itself counts like one of a batch.
func TestCountsOfUsageBeginAtZero(t *testing.T) {
	g := webtest.NewGateway(t)
	fresh, _ := g.Another(g.AppURL())
	scraper, admin := g.APIKey("Usage:View").At(fresh), g.Admin.At(fresh)
	want := map[string]float64{`tollgate_decision_seconds_count{type="error"}`: 0}
	for _, status := range []string{"counted", "duplicate", "quarantined", "conflict", "invalid", "spooled"} {
		want[fmt.Sprintf("tollgate_usage_events_total{status=%q}", status)] = 0
	}
	same := func(when string) {
		t.Helper()
		series := scraper.Metrics()
		for name, n := range want {
			if got, ok := series[name]; !ok || got != n {
				t.Errorf("%s: %s is %v (%t), want %v", when, name, got, ok, n)
			}
		}
	}
	same("at first")
	event, unknown := webtest.Event(g.Key), webtest.Event("sk-bf-unknown")
	admin.Counted(event)
	conflict := webtest.With(event, "cost", 2)
	admin.Report(conflict).Refuses(409, "event_conflict", "event_id")
	admin.Report(webtest.Event(g.Key, "tokens", -1)).Is(400)
	admin.Report(webtest.Object{"events": []webtest.Object{conflict, webtest.Event(g.Key, "tokens", -1), unknown}}).Is(200)
	for status, n := range map[string]float64{"counted": 1, "conflict": 2, "invalid": 2, "quarantined": 1} {
		want[fmt.Sprintf("tollgate_usage_events_total{status=%q}", status)] = n
	}
	same("then")
}

// Counter drift shows on every console once one has checked, as one that starts does when a check is due.
func TestMetricsReportCounterDrift(t *testing.T) {
	g := webtest.NewGateway(t)
	g.Admin.Counted(webtest.Event(g.Key, "cost", 2))
	const skewed, checked = "tollgate_ledger_skewed_counters", "tollgate_ledger_checked_timestamp_seconds"
	drift := func(by int, want float64) {
		g.Exec("UPDATE limit_windows SET used = used + ? WHERE kind = 'spend' AND reset_duration = '1M' AND used > 0", by)
		g.Exec("UPDATE usage_sealing SET checked_at = NULL")
		next, _ := g.Another(g.AppURL())
		scraper := g.APIKey("Usage:View").At(next)
		g.Eventually("the books are kept", func() bool { return scraper.Metrics()[checked] > 0 })
		if got := scraper.Metrics()[skewed]; got != want {
			t.Errorf("%v counters do not fit, want %v", got, want)
		}
	}
	drift(0, 0)
	drift(1, 1)
	drift(-1, 0)
}

// While the database is unavailable or silent, metrics from memory are still answered, and soon, to keys that were
// accepted before.
func TestMetricsWithoutTheDatabase(t *testing.T) {
	g := webtest.NewGateway(t)
	w, address := g.DatabaseWire(nil)
	c, _ := g.Another(address)
	t.Cleanup(w.Restore)
	scraper, other := g.APIKey("Usage:View").At(c), g.APIKey("Usage:View").At(c)
	g.Admin.At(c).Decides(webtest.Model(g.Key), "allowed", 200)
	const decided, held, answers = `tollgate_decision_seconds_count{type="allowed"}`, "tollgate_reservations_held", "tollgate_database_answers"
	webtest.Same(t, "with the database", whole(scraper)[decided], 1.0)
	for name, take := range map[string]func(){"away": w.Breaks, "silent": func() { w.Mute.Store(true) }} {
		take()
		series, took := timed(scraper.Metrics)
		if took > 5*time.Second {
			series, took = timed(scraper.Metrics) // a busy machine may stand still once
		}
		if took > 5*time.Second {
			t.Errorf("%s: answered after %s", name, took)
		}
		webtest.Same(t, name, []float64{series[decided], series[answers]}, []float64{1, 0})
		if _, ok := series[held]; ok || series["go_goroutines"] <= 0 || series["go_sql_max_open_connections{db_name=\"tollgate\"}"] <= 0 {
			t.Errorf("%s: %v", name, series)
		}
		other.Get("/metrics").Refuses(503, "retry_later", "")
		c.Anonymous().Get("/metrics").Refuses(401, "unauthenticated", "")
		w.Restore()
		g.Eventually("the database", func() bool { return scraper.Metrics()[answers] == 1 })
	}
	// A deleted key is no longer accepted.
	g.Exec("DELETE FROM api_keys")
	g.Eventually("the deleted key is refused", func() bool { return scraper.Get("/metrics").StatusCode == 401 })
	w.Breaks()
	scraper.Get("/metrics").Refuses(503, "retry_later", "")
}

// whole are the series with those that are read from the database, which a busy machine leaves out.
func whole(scraper webtest.Client) (series map[string]float64) {
	scraper.Eventually("an answer of the database", func() bool {
		series = scraper.Metrics()
		return series["tollgate_database_answers"] == 1
	})
	return series
}

// timed is an answer and how long it took.
func timed[T any](ask func() T) (T, time.Duration) {
	asked := time.Now()
	answer := ask()
	return answer, time.Since(asked)
}

// Weeks that should have been dropped a day ago are counted until they are.
func TestMetricsReportOverdueWeeks(t *testing.T) {
	g := webtest.NewGateway(t)
	g.Admin.Counted(webtest.Event(g.Key))
	aged(g, 92)
	g.Exec("UPDATE usage_weeks SET dropped_at = now() WHERE week = '1970-01-05'")
	for _, step := range []struct {
		skewed  int
		overdue float64
	}{{1, 1}, {-1, 0}} { // a counter that is skewed keeps the week
		g.Exec("UPDATE limit_windows SET used = used + ? WHERE kind = 'spend' AND reset_duration = '1M' AND used > 0", step.skewed)
		g.Exec("UPDATE usage_sealing SET checked_at = NULL, lease_until = to_timestamp(0)")
		next, _ := g.Another(g.AppURL())
		next.Looked()
		webtest.Same(t, "weeks that are overdue", g.APIKey("Usage:View").At(next).Metrics()["tollgate_overdue_weeks"], step.overdue)
	}
}
