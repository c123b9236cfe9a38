package web_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"tollgate/models/window"
	"tollgate/web/webtest"
)

// An override for two windows stays one for two when the windows follow another calendar: the current one and one more.
func TestAnOverrideKeepsItsWindowsWhenTheCalendarChanges(t *testing.T) {
	g := webtest.NewGateway(t)
	durations := []string{"1h", "1d", "1w", "1M", "1Q", "1Y"}
	var budgets []string
	for _, duration := range durations {
		budgets = append(budgets, fmt.Sprintf(`{"max_limit":10,"reset_duration":%q}`, duration))
	}
	profile := g.ProfileNaming("Rolling", `"provider_configs":[{"provider_name":"openai","all_models_allowed":true}],"budgets":[`+strings.Join(budgets, ",")+`]`)
	_, key := g.Give(g.Bob, profile)
	g.Anchored(g.Bob, g.Clock().Add(-time.Second)) // so that nearly all time of the windows is left
	held := g.Copies(g.Bob)[0]
	for _, duration := range durations {
		g.Admin.API("PUT", webtest.OverridePath(g.Bob, held, webtest.Lines(held)["total "+duration]), `{"amount":5,"mode":"cycles","cycles":2}`).Is(200)
	}
	g.Admin.Counted(webtest.Event(key, "cost", 12))
	g.Admin.Decides(webtest.Model(key), "allowed", 200)
	path := fmt.Sprint("/api/access-profiles/", profile)
	for i, calendar := range []window.Calendar{
		{CalendarAligned: true}, {CalendarAligned: true, TimeZone: "Asia/Kathmandu"}, {}, {CalendarAligned: true, TimeZone: "Pacific/Auckland"},
	} {
		g.Admin.API("PUT", path, webtest.Object{"calendar_aligned": calendar.CalendarAligned, "time_zone": calendar.Zone()}).Is(200)
		if i%2 == 0 {
			g.Admin.API("POST", path+"/propagate", `{"fields":["budgets"]}`).Is(200)
		} else {
			page := strings.TrimPrefix(path, "/api") + "/propagate"
			preview := g.Session.Get(page + "/preview?" + url.Values{"fields": {"rate_limit"}}.Encode()).Is(200)
			g.Session.Post(page, preview.Hidden(page)).Is(303)
		}
		now := g.Clock()
		for _, duration := range durations {
			line := webtest.Lines(g.Copies(g.Bob)[0])["total "+duration]
			webtest.Same(t, fmt.Sprintf("%s after %v", duration, calendar), webtest.Raised(line), []any{5.0, "cycles", 2.0, 15.0})
			var anchor, ends time.Time
			g.Scan(&anchor, "SELECT created_at FROM limit_lines WHERE id = ?", line["id"])
			g.Scan(&ends, "SELECT ends_at FROM budget_overrides WHERE budget_id = ?", line["id"])
			_, end := window.Window(duration, 1, calendar, anchor, now)
			if _, second := window.Window(duration, 1, calendar, anchor, end); !ends.Equal(second) {
				t.Errorf("%s after %v: it ends at %s, want %s, the end of the second window", duration, calendar, ends, second)
			}
		}
		g.Admin.Decides(webtest.Model(key), "allowed", 200)
	}
}
