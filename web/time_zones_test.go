package web_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"tollgate/models/window"
)

// A profile's windows, and those of its copies, follow the calendar of its time zone, or UTC without one.
func TestTimeZone(t *testing.T) {
	s := newStage(t)
	created := s.admin.api("POST", "/api/access-profiles",
		`{"name":"Berlin","calendar_aligned":true,"time_zone":"Europe/Berlin","budgets":[{"max_limit":1,"reset_duration":"1M"}]}`).is(http.StatusCreated)
	profile := created.json()["access_profile"].(object)
	id, path := id64(profile), created.Header.Get("Location")
	if profile["time_zone"] != "Europe/Berlin" {
		t.Errorf("created %v", profile)
	}
	var now time.Time
	start := func(calendar window.Calendar) string {
		s.scan(&now, "SELECT clock_timestamp()")
		from, _ := window.Window("1M", 0, calendar, now, now)
		return from.Format(time.RFC3339)
	}
	held, _ := s.assign(s.ada, id)
	reset := func() any { return objects(s.copies(s.ada)[0]["budgets"])[0]["last_reset"] }
	same(t, "time zone of the copy", held["time_zone"], any("Europe/Berlin"))
	same(t, "start of the window", reset(), any(start(window.Calendar{CalendarAligned: true, TimeZone: "Europe/Berlin"})))

	// Sent back it changes nothing; null and UTC mean none.
	s.admin.api("PUT", path, s.admin.profile(id)).is(http.StatusOK)
	same(t, "version", s.admin.profile(id)["version"], any(1.0))
	s.admin.api("PUT", path, `{"time_zone":null}`).is(http.StatusOK)
	s.admin.api("PUT", path, `{"time_zone":"UTC"}`).is(http.StatusOK)
	if p := s.admin.profile(id); p["version"] != 2.0 || p["time_zone"] != nil {
		t.Errorf("cleared: %v", p)
	}

	// Propagated with the limits, the current window goes on: usage is kept, and no limit opens again.
	s.spend(objects(s.copies(s.ada)[0]["budgets"])[0], 5)
	preview := s.admin.api("POST", path+"/propagate", `{"fields":["budgets"],"dry_run":true}`).is(http.StatusOK)
	if !strings.Contains(string(preview.body), `{"field":"time_zone","before":"Europe/Berlin","after":"UTC"}`) {
		t.Errorf("the preview says %s", preview.body)
	}
	before := reset()
	s.admin.api("POST", path+"/propagate", `{"fields":["budgets"]}`).is(http.StatusOK)
	after := s.copies(s.ada)[0]
	if budget := objects(after["budgets"])[0]; after["time_zone"] != nil || budget["last_reset"] != before || budget["current_usage"] != 5e-9 {
		t.Errorf("propagated: %v", after)
	}
	compared := s.session.get(strings.TrimPrefix(path, "/api") + "/versions/compare?from=1&to=2").is(http.StatusOK)
	same(t, "differs in", text(compared.one("th", "scope", "row")), "Windows")
}

func TestTimeZonesThatAreRefused(t *testing.T) {
	c := newCast(t)
	for _, zone := range []string{
		`""`, `"Local"`, `"local"`, `"Berlin"`, `"europe/berlin"`, `"Europe/Atlantis"`, `"posix/Europe/Berlin"`, `"../../etc/passwd"`, `"Europe/Berlin "`,
		`"Europe/../Europe/Berlin"`, `"+02:00"`, `"UTC-2"`, `"EST5EDT4"`, `"Factory/"`, `"` + strings.Repeat("E", 300) + `"`,
	} {
		c.admin.api("POST", "/api/access-profiles", `{"name":"Zone","time_zone":`+zone+`}`).refuses(http.StatusBadRequest, "invalid_time_zone", "time_zone")
	}
	for _, zone := range []string{"1", "true", "[]", "{}"} {
		c.admin.api("POST", "/api/access-profiles", `{"name":"Zone","time_zone":`+zone+`}`).refuses(http.StatusBadRequest, "wrong_type", "time_zone")
	}
	form := c.session.get("/access-profiles/1/edit").is(http.StatusOK).fields("profile-form")
	form.Set("op", "save")
	form.Set("time_zone", "Mars/Olympus")
	page := c.session.post("/access-profiles/1", form).refuses(http.StatusUnprocessableEntity, "invalid_time_zone", "time_zone")
	same(t, "typed", page.fields("profile-form").Get("time_zone"), "Mars/Olympus")
	form.Set("time_zone", " Asia/Kathmandu ")
	form.Set("calendar_aligned", "true")
	c.session.post("/access-profiles/1", form).redirects("/access-profiles/1")
	same(t, "time zone", c.admin.profile(1)["time_zone"], any("Asia/Kathmandu"))
	if page := c.session.get("/access-profiles/1").is(http.StatusOK); !strings.Contains(string(page.body), "Aligned to the calendar in Asia/Kathmandu.") {
		t.Error("the page does not say whose calendar it is")
	}
}
