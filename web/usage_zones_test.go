package web_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"tollgate/web/webtest"
)

// A report in the days of a time zone, with any offset, equals the events of those days with what was taken back of them,
// on every route and in every grouping; and so does the counter of a daily budget of that zone.
func TestReportsInTheDaysOfAZone(t *testing.T) {
	g := webtest.NewGateway(t)
	zones := []string{
		"Asia/Kolkata", "Asia/Kathmandu", "Pacific/Chatham", "America/St_Johns", "Pacific/Kiritimati", "Pacific/Niue", "Etc/GMT-12", "Etc/GMT+12", "Europe/Berlin",
	}
	day := time.Now().UTC().AddDate(0, 0, -12).Truncate(24 * time.Hour)
	g.Around(zones, day)
	var refunded []struct{ Name, Amount string }
	g.Scan(&refunded, "SELECT event_id AS name, (-cost / 2e9)::numeric(20, 9)::text AS amount FROM counted_events ORDER BY md5(event_id::text) LIMIT 60")
	for _, e := range refunded {
		g.Admin.API("POST", "/api/usage/adjustments", `{"event_id": "`+e.Name+`", "amount": `+e.Amount+`, "reason": "r"}`).Is(201)
	}
	reader := g.APIKey("Usage:View")
	since, until := day.AddDate(0, 0, -2).Format(time.DateOnly), day.AddDate(0, 0, 4).Format(time.DateOnly)
	for _, zone := range append(zones, "UTC") {
		t.Run(zone, func(t *testing.T) {
			c := g
			c.T = t
			var want []struct {
				Day    string
				Cost   int64
				Tokens float64
			}
			c.Scan(&want, `
SELECT (occurred_at AT TIME ZONE ?)::date::text AS day, sum(cost)::bigint AS cost, sum(tokens)::float AS tokens
FROM (SELECT occurred_at, cost, tokens FROM counted_events
    UNION ALL SELECT occurred_at, amount, 0 FROM usage_adjustments JOIN counted_events USING (week, event_id)) AS e GROUP BY 1 ORDER BY 1`, zone)
			query := "?time_zone=" + url.QueryEscape(zone) + "&since=" + since + "&until=" + until
			answer := reader.Get("/api/usage" + query + "&group_by=day").Is(200).JSON()
			webtest.Same(t, "time zone", answer["time_zone"], any(zone))
			got := map[string]string{}
			for _, row := range webtest.Objects(answer["usage"]) {
				if row["tokens"] != 0.0 {
					got[row["key"].(string)] = fmt.Sprintf("%.9f %.0f", row["cost"], row["tokens"])
				}
			}
			all, total := map[string]string{}, int64(0)
			for _, row := range want {
				all[row.Day] = fmt.Sprintf("%.9f %.0f", float64(row.Cost)/1e9, row.Tokens)
				total += row.Cost
			}
			webtest.Same(t, "days", got, all)
			for _, by := range []string{"model", "user", "profile", "provider"} {
				sum := int64(0)
				for _, row := range webtest.Table(t, reader.Get("/api/usage/export"+query+"&group_by="+by).Is(200).Body) {
					sum += webtest.Dollars(t, row["cost_usd"])
				}
				webtest.Same(t, "by "+by, sum, total)
			}
			at, err := time.LoadLocation(zone)
			c.Must(err)
			focus := map[string]int64{}
			for _, row := range webtest.Table(t, c.Session.Get("/usage/export"+query+"&format=focus").Is(200).Body) {
				begins, err := time.Parse(time.RFC3339, row["ChargePeriodStart"])
				c.Must(err)
				webtest.Same(t, "the day begins", begins.In(at).Format("15:04"), "00:00")
				focus[begins.In(at).Format(time.DateOnly)] += webtest.Dollars(t, row["BilledCost"])
			}
			for _, row := range want {
				webtest.Same(t, "FOCUS on "+row.Day, focus[row.Day], row.Cost)
			}
			page := c.Session.Get("/usage" + query).Is(200)
			if words := webtest.Text(page.All("dl", "class", "facts")[0]); !strings.HasSuffix(words, ", "+zone) {
				t.Errorf("facts %q", words)
			}
		})
	}
}

// The counter of a daily budget of a zone equals the report of that day.
func TestReportOfAZoneIsItsDailyBudget(t *testing.T) {
	g := webtest.NewGateway(t)
	for _, zone := range []string{"Asia/Kathmandu", "America/St_Johns", "Pacific/Auckland"} {
		profile := g.ProfileNaming(zone, `"provider_configs":[{"provider_name":"openai","all_models_allowed":true}],"calendar_aligned":true,"time_zone":"`+zone+`","budgets":[{"max_limit":900,"reset_duration":"1d"}]`)
		user := g.Member(strings.ToLower(strings.ReplaceAll(zone, "/", "."))+"@example.com", "Viewer")
		_, key := g.Give(user, profile)
		at, err := time.LoadLocation(zone)
		g.Must(err)
		now := time.Now().In(at)
		midnight := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, at)
		for n, when := range []time.Time{midnight.Add(-time.Second), midnight, now} {
			g.Admin.Counted(webtest.Event(key, "occurred_at", when.UTC().Format(time.RFC3339Nano), "cost", 1<<n))
		}
		var budget []int64
		g.Scan(&budget, `SELECT w.used FROM limit_windows AS w JOIN limit_lines AS b ON b.id = w.line_id AND b.kind = w.kind JOIN user_access_profiles AS c USING (policy_id)
WHERE c.user_id = ? AND w.kind = 'spend' ORDER BY w.window_start`, user)
		webtest.Same(t, zone+": counted", budget, []int64{1_000_000_000, 6_000_000_000})
		query := fmt.Sprint("/api/usage?group_by=day&time_zone=", url.QueryEscape(zone), "&user_id=", user)
		days := webtest.Objects(g.Admin.Get(query).Is(200).JSON()["usage"])
		webtest.Same(t, zone+": reported", []any{days[28]["cost"], days[29]["cost"]}, []any{1.0, 6.0})
		webtest.Same(t, zone+": today", days[29]["key"], any(now.Format(time.DateOnly)))
	}
}

// An unknown zone is refused on every route, and stays in the form.
func TestReportsInNoZone(t *testing.T) {
	c := webtest.NewCast(t)
	for _, zone := range []string{"Mars/Olympus", "Local", "../etc/passwd", "europe/berlin", "+05:30"} {
		query := "?time_zone=" + url.QueryEscape(zone)
		c.Admin.Get("/api/usage"+query).Refuses(400, "invalid_time_zone", "time_zone")
		c.Admin.Get("/api/usage/export"+query).Refuses(400, "invalid_time_zone", "time_zone")
		page := c.Session.Get("/usage"+query).Refuses(400, "invalid_time_zone", "time_zone")
		webtest.Same(t, "kept", webtest.Attribute(page.One("input", "name", "time_zone"), "value"), zone)
	}
	page := c.Session.Get("/usage?time_zone=Europe%2FBerlin").Is(200)
	webtest.Same(t, "kept", webtest.Attribute(page.One("input", "name", "time_zone"), "value"), "Europe/Berlin")
	for _, link := range page.All("a", "aria-current", "true") {
		if !strings.Contains(webtest.Attribute(link, "href"), "time_zone=Europe%2FBerlin") {
			t.Error("the links of the page lose the time zone")
		}
	}
	webtest.Same(t, "default", c.Admin.Get("/api/usage").Is(200).JSON()["time_zone"], any("UTC"))
}

// The same where a zone's clocks change: by an hour, by half an hour, at midnight, and on the days between.
func TestReportsInAZoneWhoseClocksChange(t *testing.T) {
	g := webtest.NewGateway(t)
	for _, row := range []struct{ zone, day string }{
		{"Europe/Berlin", "2025-10-26"},
		{"Europe/Berlin", "2025-03-30"},
		{"Australia/Lord_Howe", "2025-10-05"},
		{"America/Havana", "2025-11-02"},
		{"America/Santiago", "2025-09-07"},
		{"Pacific/Auckland", "2025-09-28"},
		{"Asia/Beirut", "2025-03-30"},
	} {
		g.Exec("DELETE FROM weekly_events")
		g.Exec("DELETE FROM usage_days")
		g.Exec(`INSERT INTO weekly_events (week, user_id, event_id, occurred_at, received_at, provider, model, mcp_client_id, tool_name, cost, cost_computed, estimated, tokens, requests)
SELECT week, ?::uuid, gen_random_uuid(), ?::timestamptz + n * interval '15 minutes', now(), 'openai', 'm', '', '', 1000 + n, false, false, 1, 1
FROM usage_weeks, generate_series(-200, 300) AS n WHERE closed_at IS NULL`, g.Ada, row.day)
		g.Exec(`INSERT INTO usage_days (day, user_id, access_profile_id, provider, model, cost, tokens, requests, unpriced)
SELECT (occurred_at AT TIME ZONE 'UTC')::date, user_id, 0, provider, model, sum(cost), sum(tokens), sum(requests), 0 FROM counted_events GROUP BY 1, 2, 3, 4, 5`)
		var want []string
		g.Scan(&want, "SELECT (occurred_at AT TIME ZONE ?)::date || ' ' || count(*) FROM counted_events GROUP BY (occurred_at AT TIME ZONE ?)::date ORDER BY 1", row.zone, row.zone)
		var got []string
		for _, day := range webtest.Objects(g.Admin.Get("/api/usage?group_by=day&since=2025-03-20&until=2025-11-10&time_zone=" + url.QueryEscape(row.zone)).Is(200).JSON()["usage"]) {
			if day["requests"] != 0.0 {
				got = append(got, fmt.Sprintf("%v %v", day["key"], day["requests"]))
			}
		}
		webtest.Same(t, row.zone+" around "+row.day, got, want)
	}
}

// Days of a time zone need events: where they are dropped already, a report says since when it can tell, and those of UTC
// go on.
func TestReportsInAZoneAfterEventsWereDropped(t *testing.T) {
	g := webtest.NewGateway(t)
	g.Exec("INSERT INTO usage_weeks (week, opened_at, closed_at, dropped_at) VALUES ('2020-01-06', now() - interval '50 days', now() - interval '40 days', now())")
	daysAgo := func(n int) string { return time.Now().UTC().AddDate(0, 0, -n).Format(time.DateOnly) }
	for _, path := range []string{"/api/usage?", "/api/usage?group_by=day&", "/api/usage/export?", "/api/usage/export?format=focus&"} {
		g.Admin.Get(path+"time_zone=Asia%2FKolkata&since="+daysAgo(40)).Refuses(400, "events_dropped", "since")
		g.Admin.Get(path + "time_zone=Asia%2FKolkata&since=" + daysAgo(37)).Is(200)
		g.Admin.Get(path + "since=" + daysAgo(60)).Is(200)
	}
	page := g.Session.Get("/usage?time_zone=Asia%2FKolkata&since=" + daysAgo(60)).Is(400)
	if text := webtest.Text(page.One("main")); !strings.Contains(text, "Days of Asia/Kolkata are known from "+daysAgo(38)) && !strings.Contains(text, "Days of Asia/Kolkata are known from "+daysAgo(37)) {
		t.Errorf("the page does not say since when: %s", text)
	}
}
