package web_test

import (
	"net/http"
	"net/url"
	"testing"

	"tollgate/web/webtest"
)

// The page of a new key survives a reload, for the session that made the key and for ten minutes.
func TestKeyPageSurvivesAReload(t *testing.T) {
	s := webtest.NewStage(t)
	s.Assign(s.Ada, webtest.Research)
	rows := s.Count("virtual_keys")
	made := s.Session.Post("/users/"+s.Ada+"/virtual-keys", url.Values{"name": {"Laptop"}}).Is(http.StatusSeeOther)
	page := made.Header.Get("Location")
	value := webtest.Text(s.Session.Get(page).Is(200).One("code", "id", "secret"))
	for range 2 {
		again := s.Session.Get(page).Is(200)
		webtest.Same(t, "again", webtest.Text(again.One("code", "id", "secret")), value)
		webtest.Same(t, "cache", again.Header.Get("Cache-Control"), "no-store")
	}
	webtest.Same(t, "keys made", s.Count("virtual_keys"), rows+1)
	// Another session of the same user is not shown it, and a sealed row moved to it cannot be opened there.
	other := s.Login(webtest.Admin)
	other.Get(page).Redirects("/users/" + s.Ada)
	s.Exec("UPDATE shown_secrets SET token_hash = (SELECT token_hash FROM sessions ORDER BY created_at DESC LIMIT 1)")
	other.Get(page).Redirects("/users/" + s.Ada)
	s.Login(webtest.Viewer).Get(page).Is(http.StatusForbidden)
	// After ten minutes it is gone, and with the session.
	made = s.Session.Post("/users/"+s.Ada+"/virtual-keys", url.Values{"name": {"Desktop"}}).Is(http.StatusSeeOther)
	s.Session.Follow(made)
	s.Exec("UPDATE shown_secrets SET expires_at = now()")
	s.Session.Get(made.Header.Get("Location")).Redirects("/users/" + s.Ada)
	s.Session.Post("/logout", nil)
	webtest.Same(t, "kept", s.Count("shown_secrets WHERE subject LIKE '%' || (SELECT id FROM virtual_keys WHERE name = 'Desktop')"), 0)
}
