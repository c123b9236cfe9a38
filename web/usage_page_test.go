package web_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"tollgate/web/webtest"
)

// Refused days stay in the form, beside their problem, and so do the filters.
func TestUsageFormKeepsRefusedDays(t *testing.T) {
	c := webtest.NewConsole(t)
	page := string(c.Login(webtest.Viewer).Get("/usage?since=2026-02-04&until=2026-02-03&provider=openai&group_by=day").Is(400).Body)
	for _, part := range []string{
		`value="2026-02-04"`, `value="2026-02-03"`, `name="provider" value="openai"`, "Start date must be before end date.", `href="#since"`, `aria-invalid="true"`,
	} {
		if !strings.Contains(page, part) {
			t.Errorf("%s is not on the page", part)
		}
	}
	c.APIKey("Usage:View").Get("/api/usage?since=2026-02-04&until=2026-02-03").Refuses(400, "invalid_range", "since")
}

// Rows beyond those listed are summed in a row of their own, so that the rows always add up to the total; each row
// links to its details.
func TestUsageAddsUpWhatItDoesNotList(t *testing.T) {
	s := webtest.NewStage(t)
	s.Exec(`INSERT INTO usage_days (day, user_id, access_profile_id, provider, model, cost, tokens, requests, unpriced)
SELECT current_date - n % 3, ?, ?, CASE WHEN n % 2 = 0 THEN 'openai' ELSE 'mistral' END, 'm' || n, n * 1000000000.0, 10, 1, 0 FROM generate_series(1, 103) AS n`, s.Ada, webtest.Research)
	since := time.Now().UTC().AddDate(0, 0, -39).Format(time.DateOnly) // no month has so many days, so none is forecast
	answer := s.Admin.Get("/api/usage?group_by=model").Is(200).JSON()
	webtest.Same(t, "rows", len(answer["usage"].([]any)), 100)
	webtest.Same(t, "others", answer["others"], any(webtest.Object{"cost": 6.0, "tokens": 30.0, "requests": 3.0, "unpriced_events": 0.0}))
	webtest.Same(t, "total", answer["total"].(webtest.Object)["cost"], any(float64(103*104/2)))
	page := s.Session.Get("/usage?group_by=model&since=" + since).Is(200)
	webtest.Same(t, "rows of a page", len(page.All("a", "class", "row-name")), 25)
	webtest.Same(t, "pager", webtest.Text(page.One("nav", "aria-label", "Pages").FirstChild), "1–25 of 103 models")
	var series []string
	for item := range page.One("ul", "class", "legend").ChildNodes() {
		series = append(series, webtest.Text(item))
	}
	webtest.Same(t, "series", fmt.Sprint(series), "[mistral/m103 openai/m102 mistral/m101 openai/m100 mistral/m99 openai/m98 mistral/m97 openai/m96 All others]")
	last := s.Session.Get("/usage?group_by=model&sort=name&offset=100&since=" + since).Is(200)
	webtest.Same(t, "last page by name", webtest.Text(last.All("tbody")[0]), "openai/m94 $94.00 2 % 10 1 new openai/m96 $96.00 2 % 10 1 new openai/m98 $98.00 2 % 10 1 new")

	by := s.Session.Get(fmt.Sprint("/usage?group_by=profile&access_profile_id=", webtest.Research)).Is(200)
	webtest.Same(t, "chip", webtest.Text(by.One("a", "class", "chip")), "Research")
	one := s.Session.Get("/usage?group_by=model&provider=openai&model=m102").Is(200)
	webtest.Same(t, "rows of one model", len(one.All("th", "scope", "row")), 1)
	webtest.Same(t, "days", len(s.Session.Get("/usage?group_by=day&since="+since).Is(200).All("th", "scope", "row")), 40)
}

// Who costs as much every day is forecast to cost that for the whole month, as all together are, on its last day too.
func TestForecastsAddUp(t *testing.T) {
	s := webtest.NewStage(t)
	s.Exec(`INSERT INTO usage_days (day, user_id, access_profile_id, provider, model, cost, tokens, requests, unpriced)
SELECT (now() AT TIME ZONE 'UTC')::date - n, u, 0, 'openai', 'm', 10000000000, 10, 1, 0 FROM generate_series(0, 40) AS n, unnest(ARRAY[?, ?]) AS u`, s.Ada, s.Bob)
	now := time.Now().UTC()
	month := float64(time.Date(now.Year(), now.Month()+1, 0, 0, 0, 0, 0, time.UTC).Day())
	page := s.Session.Get("/usage?group_by=user").Is(200)
	cells := page.All("td", "data-label", "Forecast")
	webtest.Same(t, "rows", len(cells), 2)
	for _, cell := range cells {
		webtest.Same(t, "forecast of a row", webtest.Text(cell), fmt.Sprintf("$%.2f", 10*month))
	}
	if words := webtest.Text(page.One("main")); !strings.Contains(words, fmt.Sprintf("$%.2f by ", 20*month)) {
		t.Errorf("the forecast of all is not $%.2f: %.600s", 20*month, words)
	}
}

// The pace of a budget is that since it was reset, and a page of one provider tells of its budgets alone.
func TestPaceAndBudgetsOfAProvider(t *testing.T) {
	g := webtest.NewGateway(t)
	profile := g.ProfileNaming("Monthly", `"provider_configs":[{"provider_name":"openai","all_models_allowed":true,"budgets":[{"max_limit":100,"reset_duration":"1M"}]}],"budgets":[{"max_limit":60,"reset_duration":"1M"}]`)
	_, key := g.Give(g.Bob, profile)
	g.Admin.Counted(webtest.Event(key, "cost", 60))
	g.Exec("UPDATE limit_lines SET created_at = created_at - interval '20 days' WHERE reset_duration = '1M'")
	g.Exec("UPDATE limit_windows SET window_start = window_start - interval '20 days' WHERE reset_duration = '1M'")
	atThisPace := func() string {
		return webtest.Text(g.Session.Get("/usage?provider=openai").Is(200).One("td", "data-label", "At this pace"))
	}
	if got := atThisPace(); strings.Contains(got, "over the limit") {
		t.Errorf("in 20 days of a month: %s", got)
	}
	g.Exec("UPDATE limit_windows SET cleared_at = now() - interval '5 days' WHERE reset_duration = '1M'")
	if got := atThisPace(); !strings.Contains(got, "over the limit") {
		t.Errorf("in 5 days since a reset: %s", got)
	}
	const usedUp = "1 budget is used up"
	if page := webtest.Text(g.Session.Get("/usage").Is(200).One("main")); !strings.Contains(page, usedUp) {
		t.Error("the page of all does not tell of the overall budget")
	}
	if page := webtest.Text(g.Session.Get("/usage?provider=openai").Is(200).One("main")); strings.Contains(page, usedUp) {
		t.Error("the page of a provider tells of the overall budget")
	}
}

// A budget of nothing blocks from the beginning: the usage page and the list of users say so alike.
func TestBudgetOfNothingBlocks(t *testing.T) {
	g := webtest.NewGateway(t)
	none := g.ProfileNaming("Nothing", `"budgets":[{"max_limit":0,"reset_duration":"1M"}]`)
	g.Give(g.Bob, none)
	webtest.Same(t, "list of users", inRows(g.Session.Get("/users?blocked=true").Is(200)), "bob@example.com")
	needs := webtest.Text(g.Session.Get("/usage").Is(200).One("section", "aria-labelledby", "needs"))
	if !strings.Contains(needs, "$0.00 a month") {
		t.Errorf("who needs you: %s", needs)
	}
}

// Where it takes too long to find who needs an administrator, the report is shown without.
func TestUsagePageWithoutNeeds(t *testing.T) {
	g := webtest.NewGateway(t)
	g.Admin.Counted(webtest.Event(g.Key, "cost", 2))
	tx, err := g.Owner().BeginTx(t.Context(), nil)
	g.Must(err)
	defer func() { _ = tx.Rollback() }()
	_, err = tx.ExecContext(t.Context(), "LOCK TABLE budget_overrides")
	g.Must(err)
	shown := webtest.Text(g.Session.Get("/usage?group_by=provider").Is(200).One("main"))
	for _, words := range []string{"There are too many budgets to look through while the page loads.", "$2.00"} {
		if !strings.Contains(shown, words) {
			t.Errorf("the page lacks %q: %s", words, shown)
		}
	}
}
