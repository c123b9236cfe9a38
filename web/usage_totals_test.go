package web_test

import (
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"strings"
	"testing"
	"time"

	"tollgate/models/usage"
)

// addUp lets a console add usage up now.
func (g gateway) addUp() {
	g.t.Helper()
	g.exec("UPDATE usage_totals_state SET lease_until = to_timestamp(0)")
	g.must(usage.NewTotals(g.db, slog.New(slog.NewTextHandler(io.Discard, nil))).Refresh(g.t.Context()))
}

// reports are the answers of reports of every grouping, with filters and in zones, by their query.
func (g gateway) reports(bob string) map[string]string {
	g.t.Helper()
	reader, all := g.apiKey("Usage:View"), map[string]string{}
	now := time.Now().UTC()
	for _, since := range []int{12, 60} {
		for _, filter := range []string{
			"", "&provider=openai", "&provider=mcp", "&model=gpt-4o", "&user_id=" + g.ada, "&user_id=" + bob, fmt.Sprint("&access_profile_id=", research),
			fmt.Sprint("&provider=openai&access_profile_id=", research), "&time_zone=Asia%2FKolkata", "&time_zone=America%2FSt_Johns&provider=openai",
		} {
			for _, by := range []string{"provider", "model", "user", "profile", "day"} {
				query := "?group_by=" + by + "&since=" + now.AddDate(0, 0, -since).Format(time.DateOnly) + "&until=" + now.Format(time.DateOnly) + filter
				answer := reader.get("/api/usage" + query).is(200).json()
				delete(answer, "as_of")
				all[query] = fmt.Sprint(answer)
			}
		}
	}
	return all
}

// exact compares every report with what usage_days adds up to.
func (g gateway) exact(what, bob string) {
	g.t.Helper()
	got := g.reports(bob)
	var state []struct{ Through *string }
	g.scan(&state, "SELECT through::text FROM usage_totals_state")
	g.exec("UPDATE usage_totals_state SET through = NULL")
	want := g.reports(bob)
	g.exec("UPDATE usage_totals_state SET through = ?", state[0].Through)
	for query, answer := range want {
		if got[query] != answer {
			g.t.Errorf("%s: %s\n got %s\nwant %s", what, query, got[query], answer)
		}
	}
	var days, reported []string
	g.scan(&days, `SELECT day || ' ' || (sum(cost) / 1000000000)::float || ' ' || sum(tokens) || ' ' || sum(requests) || ' ' || sum(unpriced)
FROM usage_days GROUP BY day ORDER BY day`)
	since := time.Now().UTC().AddDate(0, 0, -60).Format(time.DateOnly)
	for _, day := range objects(g.apiKey("Usage:View").get("/api/usage?group_by=day&since=" + since).is(200).json()["usage"]) {
		if day["requests"] != 0.0 {
			reported = append(reported, fmt.Sprint(day["key"], " ", day["cost"], " ", day["tokens"], " ", day["requests"], " ", day["unpriced_events"]))
		}
	}
	same(g.t, what+": days", strings.Join(reported, "\n"), strings.Join(days, "\n"))
}

// Reports of sums that were added up before equal usage_days at all times: with events that come late, adjustments,
// replaced estimates, time zones, and users who are deleted.
func TestReportsOfSumsEqualUsage(t *testing.T) {
	g := newGateway(t)
	held, bobKey := g.give(g.bob, research)
	_ = held
	today := time.Now().UTC().Truncate(24 * time.Hour)
	at := func(daysAgo int, hours float64) string {
		return today.AddDate(0, 0, -daysAgo).Add(time.Duration(hours * float64(time.Hour))).Format(time.RFC3339Nano)
	}
	spread := func(key any, tokens int) {
		for _, daysAgo := range []int{1, 2, 9, 34} {
			for _, hour := range []float64{0.1, 4, 18.4, 23.9} {
				g.admin.counted(event(key, "occurred_at", at(daysAgo, hour), "cost", 0.25, "tokens", tokens))
				g.admin.counted(with(event(key, "occurred_at", at(daysAgo, hour), "cost", nil, "tokens", 1), "provider", nil, "model", nil, "mcp_client_id", "github", "tool_name", "create_issue"))
			}
		}
		g.admin.counted(event(key, "cost", 2))
	}
	spread(g.key, 100)
	g.exact("before the first time", g.bob)
	g.addUp()
	g.exact("added up", g.bob)
	spread(bobKey, 7)
	g.exact("after late events", g.bob)
	g.addUp()
	g.exact("late events added up", g.bob)

	g.admin.counted(event(g.key, "event_id", "refunded", "occurred_at", at(20, 5), "cost", 3))
	g.admin.counted(event(g.key, "event_id", "guess", "occurred_at", at(21, 5), "cost", 3, "estimated", true))
	g.addUp()
	g.admin.api("POST", "/api/usage/adjustments", `{"event_id":"refunded","amount":-1.5,"reason":"r"}`).is(201)
	g.exact("after an adjustment", g.bob)
	g.admin.counted(event(g.key, "event_id", "guess", "occurred_at", at(21, 5), "cost", 1))
	g.exact("after an estimate was replaced", g.bob)
	g.addUp()
	g.admin.api("DELETE", "/api/users/"+g.bob, nil).is(200)
	g.exact("after a user was deleted", g.bob)
	same(t, "no day is left to add up", g.count("usage_revised_days"), 0)

	// Sums that are wrong all the same, as by a console of an older release, are mended within the hour.
	g.exec("UPDATE usage_totals SET cost = cost + 1000000000")
	g.exec("DELETE FROM usage_people")
	g.addUp()
	got := g.admin.get("/api/usage?group_by=model").is(200).json()["total"]
	g.exec("UPDATE usage_totals_state SET checked_at = checked_at - interval '61 minutes'")
	g.addUp()
	if after := g.admin.get("/api/usage?group_by=model").is(200).json()["total"]; fmt.Sprint(after) == fmt.Sprint(got) {
		t.Error("the report does not read the sums")
	}
	g.exact("mended", g.bob)
}

// One console at a time adds usage up, and a report says until when that was done.
func TestUsageIsAddedUpByOneConsole(t *testing.T) {
	g := newGateway(t)
	g.admin.counted(event(g.key, "occurred_at", time.Now().UTC().AddDate(0, 0, -3).Format(time.RFC3339), "cost", 1))
	same(t, "before", g.admin.get("/api/usage").is(200).json()["as_of"], nil)
	g.addUp()
	var computed time.Time
	g.scan(&computed, "SELECT computed_at FROM usage_totals_state")
	same(t, "as of", g.admin.get("/api/usage").is(200).json()["as_of"], any(computed.UTC().Truncate(time.Second).Format(time.RFC3339)))
	g.must(usage.NewTotals(g.db, slog.New(slog.NewTextHandler(io.Discard, nil))).Refresh(t.Context()))
	var again time.Time
	g.scan(&again, "SELECT computed_at FROM usage_totals_state")
	same(t, "within five minutes", again, computed)
	today := "since=" + time.Now().UTC().Format(time.DateOnly)
	same(t, "of today alone", g.admin.get("/api/usage?" + today).is(200).json()["as_of"], nil)
	if page := string(g.session.get("/usage?" + url.PathEscape("group_by") + "=day").is(200).body); !strings.Contains(page, "Days before today as of ") {
		t.Error("the page does not say until when usage was added up")
	}
}
