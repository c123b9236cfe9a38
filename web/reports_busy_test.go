package web_test

import (
	"strings"
	"testing"
	"time"

	"tollgate/web/webtest"
)

// Two reports run at once; further ones are asked at once to retry, in plain words, and decisions go on.
func TestReportsAreReadTwoAtOnce(t *testing.T) {
	g := webtest.NewGateway(t)
	// The two that read wait for the lock as long as the others take.
	g.H.DB = webtest.Connect(t, strings.Replace(g.OwnerURL, "tollgate_owner", "tollgate", 1)+"&lock_timeout=0&statement_timeout=60s")
	end := g.Lock("usage_days")
	waiting := make(chan webtest.Answer)
	for _, read := range []func() webtest.Answer{
		func() webtest.Answer { return g.Session.Get("/usage") },
		func() webtest.Answer { return g.Admin.Get("/api/usage/export?format=focus") },
	} {
		go func() { waiting <- read() }()
	}
	g.Eventually("two reports", func() bool {
		return g.Count("pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'") == 2
	})
	began := time.Now()
	for _, a := range webtest.Concurrently(
		func() webtest.Answer { return g.Admin.Get("/api/usage") },
		func() webtest.Answer { return g.Admin.Get("/api/governance/usage/export") },
		func() webtest.Answer { return g.Session.Get("/usage?group_by=day") },
		func() webtest.Answer { return g.Session.Get("/usage/export?format=csv") },
		func() webtest.Answer { return g.Session.Get("/audit/export?format=csv") },
	) {
		a.Refuses(503, "retry_later", "")
		if a.Wait() < 1 || !strings.Contains(string(a.Body), "Reports are busy") || strings.Contains(string(a.Body), "database is") {
			t.Errorf("%s: %v %s", a.Request.URL.Path, a.Header, a.Body)
		}
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("five answers took %s", took)
	}
	g.Admin.Decides(webtest.Model(g.Key), "allowed", 200)
	end()
	for range 2 {
		(<-waiting).Is(200)
	}
	g.Session.Get("/usage").Is(200)
}

// A report that takes too long says what to change, and the page keeps the filters; where no shorter period can be
// chosen, the database is busy.
func TestReportsThatTakeTooLong(t *testing.T) {
	g := webtest.NewGateway(t)
	c, _ := g.Another(g.AppURL() + "&statement_timeout=1s&lock_timeout=0")
	defer g.Lock("usage_days")()
	const days = "since=2026-02-01&until=2026-02-28"
	g.Admin.At(c).Get("/api/usage?"+days).Refuses(400, "too_much", "since")
	g.Admin.At(c).Get("/api/governance/usage?group_by=day").Refuses(400, "too_much", "since")
	page := g.Session.At(c).Get("/usage?"+days).Refuses(400, "too_much", "since")
	for _, part := range []string{"Ask for fewer days.", `value="2026-02-01"`, `value="2026-02-28"`} {
		if !strings.Contains(string(page.Body), part) {
			t.Errorf("%s is not on the page", part)
		}
	}
	g.Admin.At(c).Get("/api/usage?since=2026-02-01&until=2026-02-01").Refuses(503, "retry_later", "")
}
