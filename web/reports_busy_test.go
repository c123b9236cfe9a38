package web_test

import (
	"strings"
	"testing"
)

// lock locks a table until the function returned is called.
func (g gateway) lock(table string) (end func()) {
	g.t.Helper()
	tx, err := g.owner().Begin()
	g.must(err)
	_, err = tx.Exec("LOCK TABLE " + table + " IN ACCESS EXCLUSIVE MODE")
	g.must(err)
	return func() { g.must(tx.Rollback()) }
}

// Two reports run at once; further ones are asked to retry, in plain words, and decisions go on.
func TestReportsAreReadTwoAtOnce(t *testing.T) {
	g := newGateway(t)
	end := g.lock("usage_days")
	waiting := make(chan answer)
	for _, read := range []func() answer{
		func() answer { return g.session.get("/usage") },
		func() answer { return g.admin.get("/api/usage/export?format=focus") },
	} {
		go func() { waiting <- read() }()
	}
	g.eventually("two reports", func() bool {
		return g.count("pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'") == 2
	})
	for _, a := range concurrently(
		func() answer { return g.admin.get("/api/usage") },
		func() answer { return g.admin.get("/api/governance/usage/export") },
		func() answer { return g.session.get("/usage?group_by=day") },
		func() answer { return g.session.get("/usage/export?format=csv") },
		func() answer { return g.session.get("/audit/export?format=csv") },
	) {
		a.refuses(429, "too_many_reports", "")
		if a.wait() < 1 || !strings.Contains(string(a.body), "Try again in a few seconds.") {
			t.Errorf("%s: %v %s", a.Request.URL.Path, a.Header, a.body)
		}
	}
	g.admin.decides(model(g.key), "allowed", 200)
	end()
	for range 2 {
		(<-waiting).is(200)
	}
	g.session.get("/usage").is(200)
}

// A report that takes too long says what to change, and the page keeps the filters; where no shorter period can be
// chosen, the database is busy.
func TestReportsThatTakeTooLong(t *testing.T) {
	g := newGateway(t)
	c, _ := g.another(g.appURL() + "&statement_timeout=300ms&lock_timeout=0")
	defer g.lock("usage_days")()
	const days = "since=2026-02-01&until=2026-02-28"
	g.admin.at(c).get("/api/usage?"+days).refuses(400, "too_much", "since")
	g.admin.at(c).get("/api/governance/usage?group_by=day").refuses(400, "too_much", "since")
	page := g.session.at(c).get("/usage?"+days).refuses(400, "too_much", "since")
	for _, part := range []string{"Ask for fewer days.", `value="2026-02-01"`, `value="2026-02-28"`} {
		if !strings.Contains(string(page.body), part) {
			t.Errorf("%s is not on the page", part)
		}
	}
	g.admin.at(c).get("/api/usage?since=2026-02-01&until=2026-02-01").refuses(503, "retry_later", "")
}
