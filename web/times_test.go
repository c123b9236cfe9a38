package web_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"tollgate/web/webtest"
)

// A time is shown by the clocks of the zone that decides it, with UTC in the title.
func TestTimesOfTheProfilesZone(t *testing.T) {
	for _, name := range []string{"UTC", "Asia/Kolkata", "America/New_York"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := webtest.NewGateway(t)
			profile := g.ProfileNaming("Zoned", webtest.Work+`,"calendar_aligned":true,"time_zone":"`+name+`"`)
			held, key := g.Give(g.Bob, profile)
			g.Admin.Counted(webtest.Event(key, "cost", 7.9))
			copied := "/users/" + g.Bob + "/access-profiles/" + fmt.Sprint(webtest.Int64ID(held))
			budget := copied + "/budgets/" + fmt.Sprint(webtest.Objects(held["budgets"])[0]["id"]) + "/override"
			raised := g.Session.Post(budget, url.Values{"amount": {"1"}, "mode": {"cycles"}, "cycles": {"1"}})
			says(t, g.Session.Follow(raised), " 00:00 "+name) // and so does the message
			path := fmt.Sprint("/access-profiles/", profile)
			for what, page := range map[string]webtest.Answer{
				"user": g.Session.Get("/users/" + g.Bob), "override": g.Session.Get(budget), "me": g.Login("bob@example.com").Get("/me"), "profile": g.Session.Get(path),
				"editor": g.Session.Get(path + "/edit"), "try": g.Session.Get("/users/" + g.Bob + "/try?model=openai/gpt-4o"), "usage": g.Session.Get("/usage"),
			} {
				showsMidnight(t, what, page.Is(200), name)
			}
			g.Admin.Counted(webtest.Event(key, "cost", 3))
			g.Admin.WithinASecond(webtest.Model(key), "budget_exceeded")
			showsMidnight(t, "what is blocked", g.Session.Get("/usage").Is(200), name)
			showsOffset(t, g.Admin.Decides(webtest.Model(key), "budget_exceeded", 402)["message"], name)
			g.RefusedRows("?user_id=" + g.Bob)
			for _, page := range []string{"/refusals", "/users/" + g.Bob} {
				showsSpan(t, g.Session.Get(page).Is(200), name)
			}
		})
	}
}

// showsMidnight checks that each time by the clocks of a zone has its moment in UTC as title, and that one is a
// midnight: there a window ends that follows the calendar.
func showsMidnight(t *testing.T, what string, page webtest.Answer, name string) {
	t.Helper()
	zone, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	midnights := 0
	for _, shown := range page.All("time") {
		if webtest.Text(shown) == "" {
			continue // filled in by the draft
		}
		clock, _ := strings.CutSuffix(webtest.Text(shown), " "+name)
		title := webtest.Attribute(shown, "title")
		at, err := time.Parse(time.RFC3339, title)
		if err != nil || !strings.HasSuffix(title, "Z") || webtest.Attribute(shown, "datetime") != title {
			t.Errorf("%s: the title of %q is %q", what, webtest.Text(shown), title)
		}
		if clock != webtest.Text(shown) && !strings.HasSuffix(clock, at.In(zone).Format("15:04")) {
			t.Errorf("%s: %q is %s", what, webtest.Text(shown), at.In(zone))
		}
		if strings.HasSuffix(clock, "00:00") {
			midnights++
		}
	}
	if midnights == 0 {
		t.Errorf("%s has no time of %s: %q", what, name, webtest.Text(page.One("main")))
	}
}

// showsSpan checks the times of refused calls.
func showsSpan(t *testing.T, page webtest.Answer, name string) {
	t.Helper()
	zone, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	spans := 0
	for _, shown := range page.All("time") {
		title := webtest.Attribute(shown, "title")
		first, last, found := strings.Cut(title, " – ")
		if !found {
			continue
		}
		from, err1 := time.Parse(time.RFC3339, first)
		until, err2 := time.Parse(time.RFC3339, last)
		words := webtest.Text(shown)
		if err1 != nil || err2 != nil || !strings.HasPrefix(words, from.In(zone).Format("2 Jan 15:04")) || !strings.HasSuffix(words, until.In(zone).Format("15:04 ")+name) {
			t.Errorf("%q is titled %q", words, title)
		}
		spans++
	}
	if spans == 0 {
		t.Error("no refused call is shown")
	}
}

// showsOffset checks that a message for programs has the time of a reset by the clocks of a zone.
func showsOffset(t *testing.T, message any, name string) {
	t.Helper()
	zone, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(fmt.Sprint(message), "resets at ")
	at, err := time.Parse(time.RFC3339, strings.TrimSuffix(after, "."))
	if err != nil || at.In(zone).Format(time.RFC3339) != strings.TrimSuffix(after, ".") || at.In(zone).Format("15:04") != "00:00" {
		t.Errorf("message %q", message)
	}
}

// An end that is edited stays the same when the server's clocks show another zone than UTC.
func TestEndOfACopyStaysInItsForm(t *testing.T) {
	s := webtest.NewStage(t)
	held, _ := s.Assign(s.Ada, webtest.Research)
	s.Admin.API("PUT", "/api"+webtest.CopyPath(s.Ada, held), `{"expires_at":"2099-01-01T12:30:00Z"}`).Is(200)
	path := webtest.CopyPath(s.Ada, held)
	webtest.Same(t, "end", webtest.Attribute(s.Session.Get(path+"/edit").Is(200).One("input", "name", "expires_at"), "value"), "2099-01-01T12:30:00")
}
