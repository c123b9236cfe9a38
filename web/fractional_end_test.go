package web_test

import (
	"net/url"
	"strings"
	"testing"

	"tollgate/web/webtest"
)

// Forms show whole seconds: one that is sent as it was shown moves no end, also of a copy that has expired.
func TestFormsKeepEndsWithinASecond(t *testing.T) {
	s, held, openai, _ := raising(t)
	page := webtest.CopyPath(s.Ada, held)
	end := func(of string) (at string) {
		s.Scan(&at, "SELECT to_char("+of+" AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.MS')")
		return at
	}
	for _, stands := range []string{"2099-01-02 03:04:05.500", "2020-01-02 03:04:05.500"} {
		s.Exec("UPDATE user_access_profiles SET is_active = true, expires_at = ?::timestamp AT TIME ZONE 'UTC'", stands)
		form := s.Session.Get(page + "/edit").Is(200)
		s.Session.Post(page, url.Values{
			"version":    {webtest.Attribute(form.One("input", "name", "version"), "value")},
			"expires_at": {webtest.Attribute(form.One("input", "name", "expires_at"), "value")},
		}).Is(303)
		webtest.Same(t, "the end", end("(SELECT expires_at FROM user_access_profiles)"), stands)
		webtest.Same(t, "active", s.Copies(s.Ada)[0]["is_active"], any(false))
	}
	s.Exec("UPDATE user_access_profiles SET is_active = true, expires_at = NULL")

	path := webtest.OverridePath(s.Ada, held, openai)
	s.Admin.API("PUT", path, `{"amount":5,"mode":"until","expires_at":"2099-01-02T03:04:05.5Z"}`).Is(200)
	raise := strings.TrimPrefix(path, "/api")
	shown := webtest.Attribute(s.Session.Get(raise).Is(200).One("input", "name", "expires_at"), "value")
	s.Session.Post(raise, url.Values{"amount": {"6"}, "mode": {"until"}, "expires_at": {shown}}).Is(303)
	webtest.Same(t, "the end of a raise", end("(SELECT until FROM budget_overrides)"), "2099-01-02 03:04:05.500")
	s.Session.Post(raise, url.Values{"amount": {"6"}, "mode": {"until"}, "expires_at": {"2099-01-02T03:04:06"}}).Is(303)
	webtest.Same(t, "another end", end("(SELECT until FROM budget_overrides)"), "2099-01-02 03:04:06.000")
}
