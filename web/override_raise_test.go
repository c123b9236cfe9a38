package web_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"tollgate/web/webtest"
)

// raising has a user whose daily budget of openai is used up, with another budget that is, and requests too.
func raising(t *testing.T) (s webtest.Stage, held, openai, monthly webtest.Object) {
	t.Helper()
	s = webtest.NewStage(t)
	s.AddProvider("anthropic", "claude-opus-4-1")
	profile := s.ProfileNaming("Tight", `"budgets":[{"max_limit":100,"reset_duration":"1M"}],
"rate_limit":{"request_max_limit":2,"request_reset_duration":"1h"},
"provider_configs":[{"provider_name":"openai","all_models_allowed":true,"budgets":[{"max_limit":10,"reset_duration":"1d"}]},
{"provider_name":"anthropic","all_models_allowed":true,"budgets":[{"max_limit":0,"reset_duration":"1d"}]}]`)
	held, _ = s.Assign(s.Ada, profile)
	lines := webtest.Lines(held)
	return s, held, lines["provider:openai 1d"], lines["total 1M"]
}

// The least that helps is what is used and asked above the limit, in whole cents; other limits of the same calls are
// named.
func TestNeededRaise(t *testing.T) {
	s, held, openai, monthly := raising(t)
	path := webtest.OverridePath(s.Ada, held, openai)
	needed := func(query string) webtest.Object { return s.Admin.API("GET", path+query, nil).Is(200).JSON() }
	free := needed("")
	if free["least_amount"] != 0.0 || len(webtest.Objects(free["also_blocked_by"])) != 0 || free["copy_paused"] != false {
		t.Errorf("with room: %v", free)
	}
	webtest.Same(t, "a call above what is left", needed("?estimated_cost=10.001")["least_amount"], 0.01)
	s.Spend(openai, 10_000_000_000)
	webtest.Same(t, "exactly at the limit", needed("")["least_amount"], 0.01)
	s.Spend(openai, 199_904_000_000)
	webtest.Same(t, "used up", needed("")["least_amount"], 189.91)
	webtest.Same(t, "with an estimate", needed("?estimated_cost=0.5")["least_amount"], 190.41)
	s.Spend(monthly, 100_000_000_000)
	s.Exec("INSERT INTO limit_windows (line_id, kind, reset_duration, window_start, used, cleared) "+
		"SELECT id, kind, '1h', window_start('1h', NULL, NULL, created_at, NULL, NULL, now()), 2, 0 FROM limit_lines WHERE id = ? AND kind = 'requests'",
		held["rate_limit"].(webtest.Object)["id"])
	also := []string{}
	for _, l := range webtest.Objects(needed("")["also_blocked_by"]) {
		also = append(also, fmt.Sprint(l["scope"], " ", l["kind"], " ", l["reason"]))
	}
	webtest.Same(t, "also", also, []string{"total spend used_up", "total requests used_up"})

	page := s.Session.Get(strings.TrimPrefix(path, "/api") + "?estimated_cost=0.5&next=%2Frefusals").Is(200)
	text := webtest.Text(page.One("main"))
	for _, words := range []string{
		"At least $190.41 to allow the next call", "the refused call was estimated at $0.50",
		"A raise of this budget alone does not help", "Overall, $100.00 / month: used up", "Only budgets can be raised for one user",
	} {
		if !strings.Contains(text, words) {
			t.Errorf("the page lacks %q: %s", words, text)
		}
	}
	other := strings.TrimPrefix(webtest.OverridePath(s.Ada, held, monthly), "/api") + "?estimated_cost=0.5&next=%2Frefusals"
	page.One("a", "href", other)
	posted := s.Session.Post(strings.TrimPrefix(path, "/api"), url.Values{"amount": {"5"}, "mode": {"window"}})
	flashed := s.Session.With("Cookie", s.Session.Header.Get("Cookie")+"; "+webtest.CookieOf(posted, "flash"))
	said := webtest.Text(flashed.Get("/users/" + s.Ada).Is(200).One("body"))
	if !strings.Contains(said, "raised by at least $189.91") || !strings.Contains(said, "2 other limits block them too") {
		t.Errorf("after too small a raise: %s", said)
	}
	s.Admin.API("PUT", "/api"+webtest.CopyPath(s.Ada, held), `{"is_active":false}`).Is(200)
	webtest.Same(t, "paused", needed("")["copy_paused"], true)
	if text := webtest.Text(s.Session.Get(strings.TrimPrefix(path, "/api")).Is(200).One("main")); !strings.Contains(text, "The copy is paused, so no raise helps") {
		t.Errorf("a paused copy: %s", text)
	}
	s.Admin.API("GET", path+"?estimated_cost=much", nil).Refuses(400, "number_out_of_range", "estimated_cost")
	s.Admin.API("GET", path+"?next=/", nil).Refuses(400, "unknown_parameter", "next")
	rate := webtest.OverridePath(s.Ada, held, held["rate_limit"].(webtest.Object))
	s.Admin.API("GET", rate, nil).Refuses(404, "not_found", "")
}

// A raise can end on a date, or with the current window.
func TestOverrideUntil(t *testing.T) {
	s, held, openai, _ := raising(t)
	path := webtest.OverridePath(s.Ada, held, openai)
	at := s.Clock().Add(90 * time.Minute).UTC().Truncate(time.Second)
	until := at.Format(time.RFC3339)
	got := s.Admin.API("PUT", path, `{"amount":5,"mode":"until","expires_at":"`+until+`"}`).Is(200).Object("budget")
	webtest.Same(t, "until", webtest.Raised(got), []any{5.0, "until", nil, 15.0})
	webtest.Same(t, "until when", got["override_expires_at"], until)
	webtest.Same(t, "shown", webtest.Lines(s.Copies(s.Ada)[0])["provider:openai 1d"], got)
	page := strings.TrimPrefix(path, "/api")
	form := s.Session.Get(page).Is(200)
	if !webtest.Present(form.One("input", "name", "mode", "value", "until"), "checked") ||
		webtest.Attribute(form.One("input", "name", "expires_at"), "value") != at.Format("2006-01-02T15:04:05") {
		t.Error("the form does not show the date")
	}
	// Another calendar moves the ends of windows, and leaves a date alone.
	profile := fmt.Sprint("/api/access-profiles/", int64(held["parent_profile_id"].(float64)))
	s.Admin.API("PUT", profile, `{"calendar_aligned":true}`).Is(200)
	s.Admin.API("POST", profile+"/propagate", `{"fields":["budgets"]}`).Is(200)
	webtest.Same(t, "aligned", webtest.Lines(s.Copies(s.Ada)[0])["provider:openai 1d"]["override_expires_at"], until)
	s.Exec("UPDATE budget_overrides SET ends_at = clock_timestamp(), until = clock_timestamp()")
	webtest.Same(t, "over", webtest.Raised(webtest.Lines(s.Copies(s.Ada)[0])["provider:openai 1d"]), notRaised)

	got = s.Admin.API("PUT", path, `{"amount":5,"mode":"window"}`).Is(200).Object("budget")
	webtest.Same(t, "window", webtest.Raised(got), []any{5.0, "cycles", 1.0, 15.0})
	s.Session.Post(page, url.Values{"amount": {"6"}, "mode": {"until"}, "expires_at": {at.Format("2006-01-02T15:04")}}).Redirects("/users/" + s.Ada)
	webtest.Same(t, "by form", webtest.Raised(webtest.Lines(s.Copies(s.Ada)[0])["provider:openai 1d"]), []any{6.0, "until", nil, 16.0})
	s.Unchanged(func() {
		for _, bad := range []struct{ mode, cycles, expires, code, param string }{
			{"until", "", "", "required", "expires_at"},
			{"until", "", "2020-01-01T00:00", "timestamp_in_past", "expires_at"},
			{"until", "", "soon", "invalid_timestamp", "expires_at"},
			{"until", "2", "2090-01-01T00:00", "cycles_not_allowed", "cycles"},
			{"window", "1", "", "cycles_not_allowed", "cycles"},
			{"window", "", "2090-01-01T00:00", "expires_at_not_allowed", "expires_at"},
			{"forever", "", "2090-01-01T00:00", "expires_at_not_allowed", "expires_at"},
			{"cycles", "1", "2090-01-01T00:00", "expires_at_not_allowed", "expires_at"},
		} {
			s.Session.Post(page, url.Values{"amount": {"1"}, "mode": {bad.mode}, "cycles": {bad.cycles}, "expires_at": {bad.expires}}).
				Refuses(422, bad.code, bad.param)
		}
		for _, bad := range []struct{ members, code, param string }{
			{`"mode":"until"`, "required", "expires_at"},
			{`"mode":"until","expires_at":null`, "required", "expires_at"},
			{`"mode":"until","expires_at":"2020-01-01T00:00:00Z"`, "timestamp_in_past", "expires_at"},
			{`"mode":"until","expires_at":7`, "wrong_type", "expires_at"},
			{`"mode":"window","cycles":1`, "cycles_not_allowed", "cycles"},
			{`"mode":"forever","expires_at":"2090-01-01T00:00:00Z"`, "expires_at_not_allowed", "expires_at"},
		} {
			s.Admin.API("PUT", path, `{"amount":1,`+bad.members+`}`).Refuses(400, bad.code, bad.param)
		}
	})
}
