package web_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tollgate/models/window"
	"tollgate/web/webtest"
)

// leaps are those of a clock: it stands still, then jumps by an hour, a month, to the present and past it.
var leaps = []time.Duration{0, time.Hour, 30 * 24 * time.Hour, 26*365*24*time.Hour + 6*24*time.Hour, 400 * 24 * time.Hour}

// The twin of TestWindowsFollowTheDatabasesClock computes windows with the clock of its machine.
func TestTwinOfTheDatabasesClock(t *testing.T) {
	g := webtest.NewGateway(t)
	var line struct {
		ID        string
		CreatedAt time.Time
	}
	g.Scan(&line, "SELECT b.id, b.created_at FROM limit_lines AS b JOIN user_access_profiles USING (policy_id) WHERE user_id = ? AND reset_duration = '1d'", g.Ada)
	synctest.Test(t, func(t *testing.T) {
		db := webtest.Connect(t, g.AppURL())
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
	if counts := g.Counts(g.Ada, "1d"); len(counts) < 2 {
		t.Errorf("spent by the day: %d: the test finds nothing", counts)
	}
}

// I-27: a console whose machine has the wrong time, and whose time leaps, counts and decides by the database's time
// like any other.
func TestWindowsFollowTheDatabasesClock(t *testing.T) {
	g := webtest.NewGateway(t)
	spent := int64(0)
	counted := func(id string) {
		var at time.Time
		g.Scan(&at, "SELECT occurred_at FROM counted_events WHERE event_id = ?", id)
		if off := g.Clock().Sub(at); off < -time.Second || off > time.Minute {
			t.Errorf("an event of now is of %s", at)
		}
		spent++
	}
	report := func(id string) string {
		return fmt.Sprintf(`{"event_id":%q,"virtual_key":%q,"provider":"openai","model":"gpt-4o","cost":1,"tokens":10}`, id, g.Key)
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
		skewed := g.Skewed(t)
		for n, leap := range leaps {
			<-time.After(leap)
			id := fmt.Sprintf("0198c0de-0000-4000-8000-%012d", n)
			if status, said := skewed("POST", "/api/usage", report(id)); status != 200 || !strings.Contains(said, `"counted"`) {
				t.Fatalf("by %s: %d %s", time.Now(), status, said)
			}
			var right, wrong webtest.Object
			outside(func() {
				counted(id)
				g.Admin.Counted(webtest.Event(g.Key, "cost", 0))
				right = g.Admin.Ask(webtest.Model(g.Key))
			})
			_, said := skewed("POST", "/api/decisions", fmt.Sprintf(`{"virtual_key":%q,"provider":"openai","model":"gpt-4o"}`, g.Key))
			if err := json.Unmarshal([]byte(said), &wrong); err != nil || wrong["decision"] != true || !reflect.DeepEqual(wrong["limits"], right["limits"]) {
				t.Errorf("by %s: %s, want the limits of %v", time.Now(), said, right)
			}
		}
	})
	webtest.Same(t, "spent by the day, in one window", g.Counts(g.Ada, "1d"), []int64{spent * 1_000_000_000})
	webtest.Same(t, "windows", g.Count("limit_windows WHERE used > 0"), 4)
	g.Balanced()
}

// I-23, I-27: an event counts in the window of its own time, in any order of arrival, also when that window is closed;
// a closed window takes nothing from the current one.
func TestEventsAroundABoundary(t *testing.T) {
	g := webtest.NewGateway(t)
	const every = `"budgets":[{"max_limit":100,"reset_duration":"1h"},{"max_limit":100,"reset_duration":"1d"},{"max_limit":100,"reset_duration":"1w"},{"max_limit":100,"reset_duration":"1M"},
{"max_limit":100,"reset_duration":"1Q","reset_config":{"quarter_start_month":2}},{"max_limit":100,"reset_duration":"1Y"}]`
	boundary := g.Clock().Add(-10 * time.Minute).UTC().Truncate(time.Microsecond)
	other, _ := g.Another(g.AppURL())
	g.Must(other.H.Cache.Preload(t.Context())) // before there are users, whose windows are moved below
	for round, order := range [][]int{{-1, 0, 1}, {1, 0, -1}, {0, -1, 1}, {-1, 1, 0, -1, 1}} {
		user := g.Member(fmt.Sprintf("edge%d@example.com", round), "Viewer")
		_, key := g.Give(user, g.ProfileNaming(fmt.Sprint("Every ", round), every))
		g.Anchored(user, boundary, other)
		before, after := int64(0), int64(0)
		for n, offset := range order {
			at := boundary.Add(time.Duration(offset) * time.Microsecond)
			g.Admin.At([]*webtest.Console{g.Console, other}[n%2]).Counted(webtest.Event(key, "occurred_at", at))
			if offset < 0 {
				before += 1_000_000_000
			} else {
				after += 1_000_000_000
			}
		}
		for _, duration := range []string{"1h", "1d", "1w", "1M", "1Q", "1Y"} {
			webtest.Same(t, fmt.Sprintf("%s in the order %v", duration, order), g.Counts(user, duration), []int64{before, after})
		}
		for _, budget := range webtest.Objects(g.Copies(user)[0]["budgets"]) {
			webtest.Same(t, fmt.Sprint("shown of ", budget["reset_duration"]), budget["current_usage"], float64(after)/1e9)
		}
	}
	g.Balanced()
}

// I-27: a reservation of an ended window reserves nothing of the next; its call counts in the window where it was made.
func TestAReservationAcrossABoundary(t *testing.T) {
	g := webtest.NewGateway(t)
	const hourly = `"provider_configs":[{"provider_name":"openai","all_models_allowed":true}],"budgets":[{"max_limit":2,"reset_duration":"1h"}]`
	_, key := g.Give(g.Bob, g.ProfileNaming("Hourly", hourly))
	reserve := webtest.With(webtest.Model(key), "estimated_cost", 2, "reserve", true)
	boundary := g.Clock().Add(10 * time.Second).UTC().Truncate(time.Microsecond)
	g.Anchored(g.Bob, boundary)
	first := g.Admin.Decides(reserve, "allowed", 200)["reservation_id"]
	second := g.Admin.Decides(webtest.With(reserve, "estimated_cost", 0.5), "budget_exceeded", 402)["reservation_id"]
	if webtest.Same(t, "a reservation without room", second, nil); !g.Clock().Before(boundary) {
		t.Fatal("this machine was too slow to do all that before the window ended")
	}
	g.Eventually("the next window", func() bool { return !g.Clock().Before(boundary) })
	next := g.Admin.Decides(reserve, "allowed", 200)["reservation_id"]
	g.Admin.Decides(webtest.With(reserve, "estimated_cost", 0.5), "budget_exceeded", 402)
	g.Admin.Counted(webtest.Event(key, "cost", 2, "reservation_id", first, "occurred_at", boundary.Add(-time.Microsecond)))
	g.Admin.Decides(webtest.With(reserve, "estimated_cost", 0.5), "budget_exceeded", 402)
	g.Admin.Counted(webtest.Event(key, "cost", 1.5, "reservation_id", next))
	g.Admin.Decides(webtest.With(reserve, "estimated_cost", 0.5), "allowed", 200)
	d := g.Admin.Ask(webtest.Model(key))
	webtest.Same(t, "limit", []any{webtest.Objects(d["limits"])[0]["used"], webtest.Objects(d["limits"])[0]["reserved"]}, []any{1.5, 0.5})
	webtest.Same(t, "spent", g.Counts(g.Bob, "1h"), []int64{2_000_000_000, 1_500_000_000})
	webtest.Same(t, "holds", g.Count("reservations WHERE expires_at > now()"), 1)
	g.Balanced()
}
