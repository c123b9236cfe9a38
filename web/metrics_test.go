package web_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"
)

// metrics are the series of a console, by name and labels.
func (v client) metrics() map[string]float64 {
	v.t.Helper()
	series := map[string]float64{}
	for line := range strings.Lines(string(v.get("/metrics").is(200).body)) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), " "); ok && name != "#" {
			number, err := strconv.ParseFloat(value, 64)
			if err != nil {
				v.t.Fatalf("%s: %v", line, err)
			}
			series[name] = number
		}
	}
	return series
}

func TestMetricsReportDecisionsUsageAndPropagations(t *testing.T) {
	g := newGateway(t)
	scraper := g.apiKey("Usage:View")
	before := scraper.metrics()

	g.admin.decides(model(g.key), "allowed", 200)
	g.admin.decides(model(g.key), "allowed", 200)
	g.admin.decides(with(model(g.key), "model", "o3"), "model_blocked", 403)
	g.admin.decides(with(model(g.key), "reserve", true, "estimated_cost", 1), "allowed", 200)
	first := event(g.key, "cost", 2)
	g.admin.counted(first)
	g.admin.report(first).is(200)
	g.admin.api("PUT", fmt.Sprint("/api/access-profiles/", g.work), `{"tags":["more"],"budgets":[{"max_limit":11,"reset_duration":"1M"}]}`).is(200)
	g.admin.api("POST", fmt.Sprint("/api/access-profiles/", g.work, "/propagate"), `{"fields":["budgets"]}`).is(200)
	// A running propagation reports its holders; an ended one reports none.
	g.exec(`WITH job AS (INSERT INTO propagation_jobs (access_profile_id, to_version, fields, reset_usage, actor, state, lease_until, created_at)
VALUES (?, 1, '{budgets}', false, 'test', 'running', now() + interval '1 hour', now()) RETURNING id)
INSERT INTO propagation_items (job_id, copy_id, user_id, state) SELECT id, n, 'somebody', CASE n WHEN 1 THEN 'failed' ELSE 'waiting' END FROM job, generate_series(1, 3) AS n`, g.work)

	after := scraper.metrics()
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
	for _, secret := range []string{g.key, g.key[len("sk-bf-"):][:12], g.ada, "openai"} {
		if strings.Contains(string(scraper.get("/metrics").body), secret) {
			t.Errorf("metrics are %q", secret)
		}
	}
}

// Counter drift shows on the next console that starts, which checks at once.
func TestMetricsReportCounterDrift(t *testing.T) {
	g := newGateway(t)
	g.admin.counted(event(g.key, "cost", 2))
	const skewed, checked = "tollgate_ledger_skewed_counters", "tollgate_ledger_checked_timestamp_seconds"
	drift := func(by int, want float64) {
		g.exec("UPDATE limit_windows SET used = used + ? WHERE kind = 'spend' AND reset_duration = '1M' AND used > 0", by)
		next, _ := g.another(g.appURL())
		scraper := g.apiKey("Usage:View").at(next)
		g.eventually("the books are kept", func() bool { return scraper.metrics()[checked] > 0 })
		if got := scraper.metrics()[skewed]; got != want {
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
	g := newGateway(t)
	w, address := g.databaseWire(nil)
	c, _ := g.another(address)
	t.Cleanup(w.restore)
	scraper, other := g.apiKey("Usage:View").at(c), g.apiKey("Usage:View").at(c)
	g.admin.at(c).decides(model(g.key), "allowed", 200)
	const decided, held, answers = `tollgate_decision_seconds_count{type="allowed"}`, "tollgate_reservations_held", "tollgate_database_answers"
	before := scraper.metrics()
	same(t, "with the database", []float64{before[decided], before[answers]}, []float64{1, 1})
	for name, take := range map[string]func(){"away": w.breaks, "silent": func() { w.mute.Store(true) }} {
		take()
		asked := time.Now()
		series := scraper.metrics()
		if took := time.Since(asked); took > 3*time.Second {
			t.Errorf("%s: answered after %s", name, took)
		}
		same(t, name, []float64{series[decided], series[answers]}, []float64{1, 0})
		if _, ok := series[held]; ok || series["go_goroutines"] <= 0 || series["go_sql_max_open_connections{db_name=\"tollgate\"}"] <= 0 {
			t.Errorf("%s: %v", name, series)
		}
		other.get("/metrics").refuses(503, "retry_later", "")
		c.anonymous().get("/metrics").refuses(401, "unauthenticated", "")
		w.restore()
		g.eventually("the database", func() bool { return scraper.metrics()[answers] == 1 })
	}
	// A deleted key is no longer accepted.
	g.exec("DELETE FROM api_keys")
	scraper.get("/metrics").refuses(401, "unauthenticated", "")
	w.breaks()
	scraper.get("/metrics").refuses(503, "retry_later", "")
}
