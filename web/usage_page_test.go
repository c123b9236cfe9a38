package web_test

import (
	"strings"
	"testing"
)

// Days that cannot be shown stay in the form, beside what is wrong with them, and so do the filters.
func TestUsageKeepsDaysThatItRefuses(t *testing.T) {
	c := newConsole(t)
	page := string(c.login(viewer).get("/usage?since=2026-02-04&until=2026-02-03&provider=openai&group_by=day").is(400).body)
	for _, part := range []string{
		`value="2026-02-04"`, `value="2026-02-03"`, `name="provider" value="openai"`, "Let the days begin before they end.", `href="#since"`, `aria-invalid="true"`,
	} {
		if !strings.Contains(page, part) {
			t.Errorf("%s is not on the page", part)
		}
	}
	c.apiKey("Usage:View").get("/api/usage?since=2026-02-04&until=2026-02-03").refuses(400, "invalid_range", "since")
}
