package web_test

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tollgate/handlers"
	"tollgate/models/database"
	"tollgate/models/decision"
	"tollgate/models/entitlement"
	"tollgate/models/metrics"
	"tollgate/models/propagation"
	"tollgate/models/usage"
	"tollgate/models/window"
	"tollgate/web"
)

// clock is the database's time.
func (c *console) clock() (now time.Time) {
	c.t.Helper()
	c.scan(&now, "SELECT clock_timestamp()")
	return now
}

// anchored lets the windows of all limits of a user begin at a moment, as if the copy had been assigned then.
func (g gateway) anchored(user string, at time.Time) {
	g.t.Helper()
	g.exec("UPDATE limit_lines SET created_at = ? WHERE policy_id IN (SELECT policy_id FROM user_access_profiles WHERE user_id = ?)", at, user)
	g.exec("INSERT INTO access_changes (user_id, xact) VALUES (?, pg_current_xact_id()) ON CONFLICT (user_id) DO UPDATE SET xact = excluded.xact", user)
}

// counts are the counters of a user's spend in each window of a duration, in order.
func (c *console) counts(user, duration string) (used []int64) {
	c.t.Helper()
	c.scan(&used, `SELECT w.used FROM limit_windows AS w JOIN limit_lines AS b ON b.id = w.line_id AND b.kind = w.kind JOIN user_access_profiles AS c USING (policy_id)
WHERE c.user_id = ? AND w.kind = 'spend' AND w.reset_duration = ? ORDER BY w.window_start`, user, duration)
	return used
}

// skewed starts a console whose process has another clock, and no network: it is called within the process. Its clock
// starts in the year 2000 and moves only by leaps.
func (g gateway) skewed(t *testing.T) func(method, path, body string) (int, string) {
	db, err := database.Open(g.appURL())
	if err != nil {
		t.Fatal(err)
	}
	h := &handlers.Handlers{
		DB: db, Log: slog.New(slog.DiscardHandler), BaseURL: "http://skewed", Keys: g.h.Keys,
		Propagator: propagation.NewWorker(db, slog.New(slog.DiscardHandler)), Cache: entitlement.NewCache(db, g.h.Keys, slog.New(slog.DiscardHandler)),
	}
	h.Engine = decision.NewEngine(h.Cache, nil)
	h.Recorder = usage.NewRecorder(db, h.Cache)
	h.Metrics = metrics.New(db, h.Cache, h.Engine, h.Recorder, usage.NewReconciler(db, h.Log))
	handler, err := web.New(web.Config{Addr: "127.0.0.1:80", Hosts: []string{"skewed"}}, h)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { synctest.Wait(); _ = db.Close() })
	return func(method, path, body string) (int, string) {
		request := httptest.NewRequestWithContext(t.Context(), method, "http://skewed"+path, strings.NewReader(body))
		request.Header.Set("Authorization", g.admin.header.Get("Authorization"))
		request.Header.Set("Content-Type", "application/json")
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, request)
		content, _ := io.ReadAll(answer.Body)
		return answer.Code, string(content)
	}
}

// leaps are those of a clock: it stands still, then jumps by an hour, a month, to the present and past it.
var leaps = []time.Duration{0, time.Hour, 30 * 24 * time.Hour, 26*365*24*time.Hour + 6*24*time.Hour, 400 * 24 * time.Hour}

// The twin of TestWindowsFollowTheDatabasesClock computes windows with the clock of its machine.
func TestTwinOfTheDatabasesClock(t *testing.T) {
	g := newGateway(t)
	var line struct {
		ID        string
		CreatedAt time.Time
	}
	g.scan(&line, "SELECT b.id, b.created_at FROM limit_lines AS b JOIN user_access_profiles USING (policy_id) WHERE user_id = ? AND reset_duration = '1d'", g.ada)
	synctest.Test(t, func(t *testing.T) {
		db := connect(t, g.appURL())
		for _, leap := range leaps {
			<-time.After(leap)
			start, _ := window.Window("1d", 0, window.Calendar{}, line.CreatedAt, time.Now())
			_, err := db.NewRaw(`INSERT INTO limit_windows AS w (line_id, kind, reset_duration, window_start, used) VALUES (?, 'spend', '1d', ?, 1)
ON CONFLICT (line_id, kind, reset_duration, window_start) DO UPDATE SET used = w.used + 1`, line.ID, start).Exec(t.Context())
			if err != nil {
				t.Fatal(err)
			}
		}
	})
	if counts := g.counts(g.ada, "1d"); len(counts) < 2 {
		t.Errorf("spent by the day: %d: the test finds nothing", counts)
	}
}

// I-27: a console whose machine has the wrong time, and whose time leaps, counts and decides by the database's time
// like any other.
func TestWindowsFollowTheDatabasesClock(t *testing.T) {
	g := newGateway(t)
	spent := int64(0)
	counted := func(id string) {
		var at time.Time
		g.scan(&at, "SELECT occurred_at FROM usage_events WHERE event_id = ?", id)
		if off := g.clock().Sub(at); off < -time.Second || off > time.Minute {
			t.Errorf("an event of now is of %s", at)
		}
		spent++
	}
	report := func(id string) string {
		return fmt.Sprintf(`{"event_id":%q,"virtual_key":%q,"provider":"openai","model":"gpt-4o","cost":1,"tokens":10}`, id, g.key)
	}
	// Code with the right time runs outside of the bubble with the wrong time.
	tasks, done := make(chan func()), make(chan bool)
	go func() {
		for task := range tasks {
			go func() {
				defer func() { done <- true }() // also when the task fails the test
				task()
			}()
		}
	}()
	defer close(tasks)
	outside := func(task func()) { tasks <- task; <-done }
	synctest.Test(t, func(t *testing.T) {
		skewed := g.skewed(t)
		for n, leap := range leaps {
			<-time.After(leap)
			id := fmt.Sprintf("0198c0de-0000-4000-8000-%012d", n)
			if status, said := skewed("POST", "/api/usage", report(id)); status != 200 || !strings.Contains(said, `"counted"`) {
				t.Fatalf("by %s: %d %s", time.Now(), status, said)
			}
			var right, wrong object
			outside(func() {
				counted(id)
				g.admin.counted(event(g.key, "cost", 0))
				right = g.admin.ask(model(g.key))
			})
			_, said := skewed("POST", "/api/decisions", fmt.Sprintf(`{"virtual_key":%q,"provider":"openai","model":"gpt-4o"}`, g.key))
			if err := json.Unmarshal([]byte(said), &wrong); err != nil || wrong["decision"] != true || !reflect.DeepEqual(wrong["limits"], right["limits"]) {
				t.Errorf("by %s: %s, want the limits of %v", time.Now(), said, right)
			}
		}
	})
	same(t, "spent by the day, in one window", g.counts(g.ada, "1d"), []int64{spent * 1_000_000_000})
	same(t, "windows", g.count("limit_windows WHERE used > 0"), 4)
	g.balanced()
}

// I-23, I-27: an event counts in the window of its own time, in any order of arrival, also when that window is closed;
// a closed window takes nothing from the current one.
func TestEventsAroundABoundary(t *testing.T) {
	g := newGateway(t)
	const every = `"budgets":[{"max_limit":100,"reset_duration":"1h"},{"max_limit":100,"reset_duration":"1d"},{"max_limit":100,"reset_duration":"1w"},{"max_limit":100,"reset_duration":"1M"},
{"max_limit":100,"reset_duration":"1Q","reset_config":{"quarter_start_month":2}},{"max_limit":100,"reset_duration":"1Y"}]`
	boundary := g.clock().Add(-10 * time.Minute).UTC().Truncate(time.Microsecond)
	other, _ := g.another(g.appURL())
	for round, order := range [][]int{{-1, 0, 1}, {1, 0, -1}, {0, -1, 1}, {-1, 1, 0, -1, 1}} {
		user := g.member(fmt.Sprintf("edge%d@example.com", round), "Viewer")
		_, key := g.give(user, g.profileNaming(fmt.Sprint("Every ", round), every))
		g.anchored(user, boundary)
		g.admin.withinASecond(model(key), "provider_blocked")
		before, after := int64(0), int64(0)
		for n, offset := range order {
			at := boundary.Add(time.Duration(offset) * time.Microsecond)
			g.admin.at([]*console{g.console, other}[n%2]).counted(event(key, "occurred_at", at))
			if offset < 0 {
				before += 1_000_000_000
			} else {
				after += 1_000_000_000
			}
		}
		for _, duration := range []string{"1h", "1d", "1w", "1M", "1Q", "1Y"} {
			same(t, fmt.Sprintf("%s in the order %v", duration, order), g.counts(user, duration), []int64{before, after})
		}
		for _, budget := range objects(g.copies(user)[0]["budgets"]) {
			same(t, fmt.Sprint("shown of ", budget["reset_duration"]), budget["current_usage"], float64(after)/1e9)
		}
	}
	g.balanced()
}

// I-27: a reservation of an ended window reserves nothing of the next; its call counts in the window where it was made.
func TestAReservationAcrossABoundary(t *testing.T) {
	g := newGateway(t)
	const hourly = `"provider_configs":[{"provider_name":"openai","all_models_allowed":true}],"budgets":[{"max_limit":2,"reset_duration":"1h"}]`
	_, key := g.give(g.bob, g.profileNaming("Hourly", hourly))
	reserve := with(model(key), "estimated_cost", 2, "reserve", true)
	boundary := g.clock().Add(3 * time.Second).UTC().Truncate(time.Microsecond)
	g.anchored(g.bob, boundary)
	g.admin.withinASecond(with(model(key), "estimated_cost", 2), "allowed")
	first := g.admin.decides(reserve, "allowed", 200)["reservation_id"]
	second := g.admin.decides(with(reserve, "estimated_cost", 0.5), "budget_exceeded", 402)["reservation_id"]
	if same(t, "a reservation without room", second, nil); !g.clock().Before(boundary) {
		t.Fatal("this machine was too slow to do all that before the window ended")
	}
	g.eventually("the next window", func() bool { return !g.clock().Before(boundary) })
	next := g.admin.decides(reserve, "allowed", 200)["reservation_id"]
	g.admin.decides(with(reserve, "estimated_cost", 0.5), "budget_exceeded", 402)
	g.admin.counted(event(key, "cost", 2, "reservation_id", first, "occurred_at", boundary.Add(-time.Microsecond)))
	g.admin.decides(with(reserve, "estimated_cost", 0.5), "budget_exceeded", 402)
	g.admin.counted(event(key, "cost", 1.5, "reservation_id", next))
	g.admin.decides(with(reserve, "estimated_cost", 0.5), "allowed", 200)
	d := g.admin.ask(model(key))
	same(t, "limit", []any{objects(d["limits"])[0]["used"], objects(d["limits"])[0]["reserved"]}, []any{1.5, 0.5})
	same(t, "spent", g.counts(g.bob, "1h"), []int64{2_000_000_000, 1_500_000_000})
	same(t, "holds", g.count("reservations WHERE expires_at > now()"), 1)
	g.balanced()
}
