package webtest

import (
	"fmt"
	"io"
	"log/slog"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tollgate/handlers"
	"tollgate/models/access"
	"tollgate/models/database"
	"tollgate/models/decision"
	"tollgate/models/ledger"
	"tollgate/models/metrics"
	"tollgate/models/propagation"
	"tollgate/models/usage"
	"tollgate/web"
)

// Clock is the database's time.
func (c *Console) Clock() (now time.Time) {
	c.T.Helper()
	c.Scan(&now, "SELECT clock_timestamp()")
	return now
}

// Anchored lets the windows of all limits of a user begin at a moment, as if the copy had been assigned then, also for
// the consoles.
func (g Gateway) Anchored(user string, at time.Time, others ...*Console) {
	g.T.Helper()
	g.Exec("UPDATE limit_lines SET created_at = ? WHERE policy_id IN (SELECT policy_id FROM user_access_profiles WHERE user_id = ?)", at, user)
	g.Noted(user, others...)
}

// Noted notes that the access of a user was changed by SQL, and waits until the console and the others given know.
func (g Gateway) Noted(user string, others ...*Console) {
	g.T.Helper()
	g.Exec(`WITH head AS (UPDATE audit_head SET seq = seq + 1 RETURNING seq)
INSERT INTO access_changes (user_id, seq) SELECT ?, seq FROM head ON CONFLICT (user_id) DO UPDATE SET seq = excluded.seq`, user)
	for _, console := range append(others, g.Console) {
		console.Polls()
	}
}

// Polls waits until the console has seen all that is in the database now.
func (c *Console) Polls() {
	c.T.Helper()
	now := time.Now()
	c.Eventually("a poll", func() bool { return c.H.Cache.SeenAt().After(now) })
}

// Probed waits until balancers are told this: on a busy machine the half second that an answer has may be too short.
func (c *Console) Probed(code int, status string) {
	c.T.Helper()
	c.Eventually(fmt.Sprintf("%d %q as readiness", code, status), func() bool {
		a := c.Anonymous().Get("/readyz")
		return a.StatusCode == code && a.JSON()["status"] == status
	})
}

// Counts are the counters of a user's spend in each window of a duration, in order.
func (c *Console) Counts(user, duration string) (used []int64) {
	c.T.Helper()
	c.Scan(&used, `SELECT w.used FROM limit_windows AS w JOIN limit_lines AS b ON b.id = w.line_id AND b.kind = w.kind JOIN user_access_profiles AS c USING (policy_id)
WHERE c.user_id = ? AND w.kind = 'spend' AND w.reset_duration = ? ORDER BY w.window_start`, user, duration)
	return used
}

// Skewed starts a console whose process has another clock, and no network: it is called within the process. Its clock
// starts in the year 2000 and moves only by leaps.
func (g Gateway) Skewed(t *testing.T) func(method, path, body string) (int, string) {
	db, err := database.Open(g.AppURL())
	if err != nil {
		t.Fatal(err)
	}
	h := &handlers.Handlers{
		DB: db, Log: slog.New(slog.DiscardHandler), BaseURL: "http://skewed", Keys: g.H.Keys,
		Propagator: propagation.NewWorker(db, slog.New(slog.DiscardHandler)), Cache: access.NewCache(db, g.H.Keys, slog.New(slog.DiscardHandler)),
	}
	h.Engine = decision.NewEngine(h.Cache, nil)
	h.Recorder = usage.NewRecorder(db, h.Cache, h.Log)
	h.Metrics = metrics.New(db, h.Cache, h.Engine, h.Recorder, ledger.NewReconciler(db, h.Log, ledger.DefaultKeep))
	handler, err := web.New(web.Config{Addr: "127.0.0.1:80", Hosts: []string{"skewed"}}, h)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { synctest.Wait(); _ = db.Close() })
	return func(method, path, body string) (int, string) {
		request := httptest.NewRequestWithContext(t.Context(), method, "http://skewed"+path, strings.NewReader(body))
		request.Header.Set("Authorization", g.Admin.Header.Get("Authorization"))
		request.Header.Set("Content-Type", "application/json")
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, request)
		content, _ := io.ReadAll(answer.Body)
		return answer.Code, string(content)
	}
}

// DoorsClose waits until the cache of a console is too old to decide by, and fails the test when the console still
// decides by it.
func (g Gateway) DoorsClose(c *Console, doors ...string) {
	g.T.Helper()
	ask := func(door string) Answer { return g.Bearer(g.Key).At(c).With("X-Model", "openai/gpt-4o").Get(door) }
	away, ticks := time.Now(), time.NewTicker(10*time.Millisecond)
	defer ticks.Stop()
	last := ask("/authz/forward")
	for asked := away; last.StatusCode == 200; last = ask("/authz/forward") {
		if asked.Sub(away) > time.Second {
			g.T.Fatalf("still allowed after %s", asked.Sub(away))
		}
		<-ticks.C
		asked = time.Now()
	}
	all := []Answer{last}
	for _, door := range doors {
		all = append(all, ask(door))
	}
	for _, a := range all {
		if a.Is(503).JSON()["allowed"] != false || a.Header.Get("X-Access-Status") != "503" || a.Wait() < 1 {
			g.T.Errorf("%s: %v %s", a.Request.URL, a.Header, a.Body)
		}
	}
}

// Wait is the Retry-After of an answer in seconds, 0 without one.
func (a Answer) Wait() int {
	seconds, _ := strconv.Atoi(a.Header.Get("Retry-After"))
	return seconds
}

// Spend counts an amount in the current window of a copy's budget.
func (s Stage) Spend(budget Object, nanos int64) {
	s.T.Helper()
	start, err := time.Parse(time.RFC3339Nano, budget["last_reset"].(string))
	s.Must(err)
	s.Exec(`INSERT INTO limit_windows (line_id, kind, reset_duration, window_start, used) VALUES (?, 'spend', ?, ?, ?)
ON CONFLICT (line_id, kind, reset_duration, window_start) DO UPDATE SET used = excluded.used`, budget["id"], budget["reset_duration"], start, nanos)
}
