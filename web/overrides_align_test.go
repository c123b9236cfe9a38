package web_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"tollgate/models/window"
)

// An override for two windows stays one for two when the windows follow another calendar: the current one and one more.
func TestAnOverrideKeepsItsWindowsWhenTheCalendarChanges(t *testing.T) {
	g := newGateway(t)
	durations := []string{"1h", "1d", "1w", "1M", "1Q", "1Y"}
	var budgets []string
	for _, duration := range durations {
		budgets = append(budgets, fmt.Sprintf(`{"max_limit":10,"reset_duration":%q}`, duration))
	}
	profile := g.profileNaming("Rolling", `"provider_configs":[{"provider_name":"openai","all_models_allowed":true}],"budgets":[`+strings.Join(budgets, ",")+`]`)
	_, key := g.give(g.bob, profile)
	g.anchored(g.bob, g.clock().Add(-time.Second)) // so that nearly all time of the windows is left
	held := g.copies(g.bob)[0]
	for _, duration := range durations {
		g.admin.api("PUT", overridePath(g.bob, held, lines(held)["total "+duration]), `{"amount":5,"mode":"cycles","cycles":2}`).is(200)
	}
	g.admin.counted(event(key, "cost", 12))
	g.admin.decides(model(key), "allowed", 200)
	path := fmt.Sprint("/api/access-profiles/", profile)
	for i, calendar := range []window.Calendar{
		{CalendarAligned: true}, {CalendarAligned: true, TimeZone: "Asia/Kathmandu"}, {}, {CalendarAligned: true, TimeZone: "Pacific/Auckland"},
	} {
		g.admin.api("PUT", path, object{"calendar_aligned": calendar.CalendarAligned, "time_zone": calendar.Zone()}).is(200)
		if i%2 == 0 {
			g.admin.api("POST", path+"/propagate", `{"fields":["budgets"]}`).is(200)
		} else {
			page := strings.TrimPrefix(path, "/api") + "/propagate"
			preview := g.session.get(page + "/preview?" + url.Values{"fields": {"rate_limit"}}.Encode()).is(200)
			g.session.post(page, preview.hidden(page)).is(303)
		}
		now := g.clock()
		for _, duration := range durations {
			line := lines(g.copies(g.bob)[0])["total "+duration]
			same(t, fmt.Sprintf("%s after %v", duration, calendar), raised(line), []any{5.0, "cycles", 2.0, 15.0})
			var anchor, ends time.Time
			g.scan(&anchor, "SELECT created_at FROM limit_lines WHERE id = ?", line["id"])
			g.scan(&ends, "SELECT ends_at FROM budget_overrides WHERE budget_id = ?", line["id"])
			_, end := window.Window(duration, 1, calendar, anchor, now)
			if _, second := window.Window(duration, 1, calendar, anchor, end); !ends.Equal(second) {
				t.Errorf("%s after %v: it ends at %s, want %s, the end of the second window", duration, calendar, ends, second)
			}
		}
		g.admin.decides(model(key), "allowed", 200)
	}
}
