package web_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"tollgate/models/window"
	"tollgate/web/webtest"
)

// A profile's windows, and those of its copies, follow the calendar of its time zone, or UTC without one.
func TestTimeZone(t *testing.T) {
	s := webtest.NewStage(t)
	created := s.Admin.API("POST", "/api/access-profiles",
		`{"name":"Berlin","calendar_aligned":true,"time_zone":"Europe/Berlin","budgets":[{"max_limit":1,"reset_duration":"1M"}]}`).Is(http.StatusCreated)
	profile := created.JSON()["access_profile"].(webtest.Object)
	id, path := webtest.Int64ID(profile), created.Header.Get("Location")
	if profile["time_zone"] != "Europe/Berlin" {
		t.Errorf("created %v", profile)
	}
	var now time.Time
	start := func(calendar window.Calendar) string {
		s.Scan(&now, "SELECT clock_timestamp()")
		from, _ := window.Window("1M", 0, calendar, now, now)
		return from.Format(time.RFC3339)
	}
	held, _ := s.Assign(s.Ada, id)
	reset := func() any { return webtest.Objects(s.Copies(s.Ada)[0]["budgets"])[0]["last_reset"] }
	webtest.Same(t, "time zone of the copy", held["time_zone"], any("Europe/Berlin"))
	webtest.Same(t, "start of the window", reset(), any(start(window.Calendar{CalendarAligned: true, TimeZone: "Europe/Berlin"})))

	// Sent back it changes nothing; null and UTC mean none.
	s.Admin.API("PUT", path, s.Admin.Profile(id)).Is(http.StatusOK)
	webtest.Same(t, "version", s.Admin.Profile(id)["version"], any(1.0))
	s.Admin.API("PUT", path, `{"time_zone":null}`).Is(http.StatusOK)
	s.Admin.API("PUT", path, `{"time_zone":"UTC"}`).Is(http.StatusOK)
	if p := s.Admin.Profile(id); p["version"] != 2.0 || p["time_zone"] != nil {
		t.Errorf("cleared: %v", p)
	}

	// Propagated with the limits, the current window goes on: usage is kept, and no limit opens again.
	s.Spend(webtest.Objects(s.Copies(s.Ada)[0]["budgets"])[0], 5)
	preview := s.Admin.API("POST", path+"/propagate", `{"fields":["budgets"],"dry_run":true}`).Is(http.StatusOK)
	if !strings.Contains(string(preview.Body), `{"field":"time_zone","before":"Europe/Berlin","after":"UTC"}`) {
		t.Errorf("the preview says %s", preview.Body)
	}
	before := reset()
	s.Admin.API("POST", path+"/propagate", `{"fields":["budgets"]}`).Is(http.StatusOK)
	after := s.Copies(s.Ada)[0]
	if budget := webtest.Objects(after["budgets"])[0]; after["time_zone"] != nil || budget["last_reset"] != before || budget["current_usage"] != 5e-9 {
		t.Errorf("propagated: %v", after)
	}
	compared := s.Session.Get(strings.TrimPrefix(path, "/api") + "/versions/compare?from=1&to=2").Is(http.StatusOK)
	webtest.Same(t, "differs in", webtest.Text(compared.One("th", "scope", "row")), "Windows")
}

func TestTimeZonesThatAreRefused(t *testing.T) {
	c := webtest.NewCast(t)
	for _, zone := range []string{
		`""`, `"Local"`, `"local"`, `"Berlin"`, `"europe/berlin"`, `"Europe/Atlantis"`, `"posix/Europe/Berlin"`, `"../../etc/passwd"`, `"Europe/Berlin "`,
		`"Europe/../Europe/Berlin"`, `"+02:00"`, `"UTC-2"`, `"EST5EDT4"`, `"Factory/"`, `"` + strings.Repeat("E", 300) + `"`,
	} {
		c.Admin.API("POST", "/api/access-profiles", `{"name":"Zone","time_zone":`+zone+`}`).Refuses(http.StatusBadRequest, "invalid_time_zone", "time_zone")
	}
	for _, zone := range []string{"1", "true", "[]", "{}"} {
		c.Admin.API("POST", "/api/access-profiles", `{"name":"Zone","time_zone":`+zone+`}`).Refuses(http.StatusBadRequest, "wrong_type", "time_zone")
	}
	form := c.Session.Get("/access-profiles/1/edit").Is(http.StatusOK).Fields("profile-form")
	form.Set("op", "save")
	form.Set("time_zone", "Mars/Olympus")
	page := c.Session.Post("/access-profiles/1", form).Refuses(http.StatusUnprocessableEntity, "invalid_time_zone", "time_zone")
	webtest.Same(t, "typed", page.Fields("profile-form").Get("time_zone"), "Mars/Olympus")
	form.Set("time_zone", " Asia/Kathmandu ")
	form.Set("calendar_aligned", "true")
	c.Session.Post("/access-profiles/1", form).Redirects("/access-profiles/1")
	webtest.Same(t, "time zone", c.Admin.Profile(1)["time_zone"], any("Asia/Kathmandu"))
	if page := c.Session.Get("/access-profiles/1").Is(http.StatusOK); !strings.Contains(string(page.Body), "Aligned to the calendar in Asia/Kathmandu.") {
		t.Error("the page does not say whose calendar it is")
	}
}
