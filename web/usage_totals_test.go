package web_test

import (
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"tollgate/models/totals"
	"tollgate/web/webtest"
)

// Reports of sums that were added up before equal usage_days at all times: with events that come late, adjustments,
// replaced estimates, time zones, and users who are deleted.
func TestReportsOfSumsEqualUsage(t *testing.T) {
	t.Parallel()
	g := webtest.NewGateway(t)
	held, bobKey := g.Give(g.Bob, webtest.Research)
	_ = held
	today := time.Now().UTC().Truncate(24 * time.Hour)
	at := func(daysAgo int, hours float64) string {
		return today.AddDate(0, 0, -daysAgo).Add(time.Duration(hours * float64(time.Hour))).Format(time.RFC3339Nano)
	}
	spread := func(key any, tokens int) {
		for _, daysAgo := range []int{1, 2, 9, 34} {
			for _, hour := range []float64{0.1, 4, 18.4, 23.9} {
				g.Admin.Counted(webtest.Event(key, "occurred_at", at(daysAgo, hour), "cost", 0.25, "tokens", tokens))
				g.Admin.Counted(webtest.With(webtest.Event(key, "occurred_at", at(daysAgo, hour), "cost", nil, "tokens", 1), "provider", nil, "model", nil, "mcp_client_id", "github", "tool_name", "create_issue"))
			}
		}
		g.Admin.Counted(webtest.Event(key, "cost", 2))
	}
	spread(g.Key, 100)
	g.Exact("before the first time", g.Bob)
	g.AddUp()
	g.Exact("added up", g.Bob)
	spread(bobKey, 7)
	g.Exact("after late events", g.Bob)
	g.AddUp()
	g.Exact("late events added up", g.Bob)

	g.Admin.Counted(webtest.Event(g.Key, "event_id", "refunded", "occurred_at", at(20, 5), "cost", 3))
	g.Admin.Counted(webtest.Event(g.Key, "event_id", "guess", "occurred_at", at(21, 5), "cost", 3, "estimated", true))
	g.AddUp()
	g.Admin.API("POST", "/api/usage/adjustments", `{"event_id":"refunded","amount":-1.5,"reason":"r"}`).Is(201)
	g.Exact("after an adjustment", g.Bob)
	g.Admin.Counted(webtest.Event(g.Key, "event_id", "guess", "occurred_at", at(21, 5), "cost", 1))
	g.Exact("after an estimate was replaced", g.Bob)
	g.AddUp()
	g.Admin.API("DELETE", "/api/users/"+g.Bob, nil).Is(200)
	g.Exact("after a user was deleted", g.Bob)
	webtest.Same(t, "no day is left to add up", g.Count("usage_revised_days WHERE day <= (SELECT through FROM usage_totals_state)"), 0)

	// Just after midnight, what comes late for the day before revises a day that is not added up yet.
	g.Exec("INSERT INTO usage_revised_days VALUES (?)", today.Format(time.DateOnly))
	g.AddUp()
	g.Exact("with a revised day that is not over", g.Bob)
	g.Exec("DELETE FROM usage_revised_days")

	// Sums that are wrong all the same, as by a console of an older release, are mended within the hour.
	g.Exec("UPDATE usage_totals SET cost = cost + 1000000000")
	g.Exec("DELETE FROM usage_people")
	g.Exec("UPDATE usage_groups SET cost = cost + 1000000000")
	g.Exec("DELETE FROM usage_months")
	g.AddUp()
	got := g.Admin.Get("/api/usage?group_by=model").Is(200).JSON()["total"]
	g.Exec("UPDATE usage_totals_state SET checked_at = checked_at - interval '61 minutes'")
	g.AddUp()
	if after := g.Admin.Get("/api/usage?group_by=model").Is(200).JSON()["total"]; fmt.Sprint(after) == fmt.Sprint(got) {
		t.Error("the report does not read the sums")
	}
	g.Exact("mended", g.Bob)

	// A console of an older release adds up without the coarser sums: they are not read until they are made anew.
	g.Exec("UPDATE usage_groups SET cost = cost + 1000000000")
	g.Exec("UPDATE usage_months SET cost = cost + 1000000000")
	g.Exec("UPDATE usage_totals_state SET computed_at = computed_at + interval '1 second'")
	g.Exact("after an older console", g.Bob)
	g.AddUp()
	g.Exact("made anew", g.Bob)
	webtest.Same(t, "up to date again", g.Count("usage_totals_state WHERE rolled_up_at = computed_at"), 1)

	// One of the release before does not note that sums changed: what is kept of them is read anew all the same.
	var before []struct{ RevisedAt, NotedAt time.Time }
	g.Scan(&before, "SELECT revised_at, noted_at FROM usage_totals_state")
	spread(g.Key, 11)
	g.AddUp()
	g.Exec("UPDATE usage_totals_state SET revised_at = ?, noted_at = ?", before[0].RevisedAt, before[0].NotedAt)
	g.Exact("after the release before", g.Bob)
	g.AddUp()
	g.Exact("after this release", g.Bob)
}

// One console at a time adds usage up, and a report says until when that was done.
func TestUsageIsAddedUpByOneConsole(t *testing.T) {
	g := webtest.NewGateway(t)
	g.Admin.Counted(webtest.Event(g.Key, "occurred_at", time.Now().UTC().AddDate(0, 0, -3).Format(time.RFC3339), "cost", 1))
	webtest.Same(t, "before", g.Admin.Get("/api/usage").Is(200).JSON()["as_of"], nil)
	g.AddUp()
	var computed time.Time
	g.Scan(&computed, "SELECT computed_at FROM usage_totals_state")
	webtest.Same(t, "as of", g.Admin.Get("/api/usage").Is(200).JSON()["as_of"], any(computed.UTC().Truncate(time.Second).Format(time.RFC3339)))
	g.Must(totals.NewWorker(g.DB, slog.New(slog.NewTextHandler(io.Discard, nil))).Refresh(t.Context()))
	var again time.Time
	g.Scan(&again, "SELECT computed_at FROM usage_totals_state")
	webtest.Same(t, "within five minutes", again, computed)
	today := "since=" + time.Now().UTC().Format(time.DateOnly)
	webtest.Same(t, "of today alone", g.Admin.Get("/api/usage?" + today).Is(200).JSON()["as_of"], nil)
	fourDays := "since=" + time.Now().UTC().AddDate(0, 0, -3).Format(time.DateOnly)
	if page := string(g.Session.Get("/usage?group_by=day&" + fourDays).Is(200).Body); !strings.Contains(page, "Earlier days are as of ") {
		t.Error("the page does not say until when usage was added up")
	}
}
