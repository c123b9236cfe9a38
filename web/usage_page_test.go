package web_test

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// Refused days stay in the form, beside their problem, and so do the filters.
func TestUsageFormKeepsRefusedDays(t *testing.T) {
	c := newConsole(t)
	page := string(c.login(viewer).get("/usage?since=2026-02-04&until=2026-02-03&provider=openai&group_by=day").is(400).body)
	for _, part := range []string{
		`value="2026-02-04"`, `value="2026-02-03"`, `name="provider" value="openai"`, "Start date must be before end date.", `href="#since"`, `aria-invalid="true"`,
	} {
		if !strings.Contains(page, part) {
			t.Errorf("%s is not on the page", part)
		}
	}
	c.apiKey("Usage:View").get("/api/usage?since=2026-02-04&until=2026-02-03").refuses(400, "invalid_range", "since")
}

// Rows beyond those listed are summed in a row of their own, so that the rows always add up to the total; each row
// links to its details.
func TestUsageAddsUpWhatItDoesNotList(t *testing.T) {
	s := newStage(t)
	s.exec(`INSERT INTO usage_days (day, user_id, access_profile_id, provider, model, cost, tokens, requests, unpriced)
SELECT current_date - n % 3, ?, ?, CASE WHEN n % 2 = 0 THEN 'openai' ELSE 'mistral' END, 'm' || n, n * 1000000000.0, 10, 1, 0 FROM generate_series(1, 103) AS n`, s.ada, research)
	since := time.Now().UTC().AddDate(0, 0, -29).Format(time.DateOnly)
	answer := s.admin.get("/api/usage?group_by=model").is(200).json()
	same(t, "rows", len(answer["usage"].([]any)), 100)
	same(t, "others", answer["others"], any(object{"cost": 6.0, "tokens": 30.0, "requests": 3.0, "unpriced_events": 0.0}))
	same(t, "total", answer["total"].(object)["cost"], any(float64(103*104/2)))
	page := s.session.get("/usage?group_by=model&since=" + since).is(200)
	same(t, "rows of a page", len(page.all("a", "class", "row-name")), 25)
	same(t, "pager", text(page.one("nav", "aria-label", "Pages").FirstChild), "1–25 of 103 models")
	var series []string
	for item := range page.one("ul", "class", "legend").ChildNodes() {
		series = append(series, text(item))
	}
	same(t, "series", fmt.Sprint(series), "[mistral/m103 openai/m102 mistral/m101 openai/m100 mistral/m99 openai/m98 mistral/m97 openai/m96 All others]")
	last := s.session.get("/usage?group_by=model&sort=name&offset=100&since=" + since).is(200)
	same(t, "last page by name", text(last.all("tbody")[0]), "openai/m94 $94.00 2 % 10 1 new openai/m96 $96.00 2 % 10 1 new openai/m98 $98.00 2 % 10 1 new")

	by := s.session.get(fmt.Sprint("/usage?group_by=profile&access_profile_id=", research)).is(200)
	same(t, "chip", text(by.one("a", "class", "chip")), "Research")
	one := s.session.get("/usage?group_by=model&provider=openai&model=m102").is(200)
	same(t, "rows of one model", len(one.all("th", "scope", "row")), 1)
	same(t, "days", len(s.session.get("/usage?group_by=day&since="+since).is(200).all("th", "scope", "row")), 30)
}
