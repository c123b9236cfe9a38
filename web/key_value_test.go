package web_test

import (
	"net/http"
	"net/url"
	"testing"
)

// The page of a new key survives a reload, for the session that made the key and for ten minutes.
func TestKeyPageSurvivesAReload(t *testing.T) {
	s := newStage(t)
	s.assign(s.ada, research)
	rows := s.count("virtual_keys")
	made := s.session.post("/users/"+s.ada+"/virtual-keys", url.Values{"name": {"Laptop"}}).is(http.StatusSeeOther)
	page := made.Header.Get("Location")
	value := text(s.session.get(page).is(200).one("code", "id", "secret"))
	for range 2 {
		again := s.session.get(page).is(200)
		same(t, "again", text(again.one("code", "id", "secret")), value)
		same(t, "cache", again.Header.Get("Cache-Control"), "no-store")
	}
	same(t, "keys made", s.count("virtual_keys"), rows+1)
	// Another session of the same user is not shown it, and a sealed row moved to it cannot be opened there.
	other := s.login(admin)
	other.get(page).redirects("/users/" + s.ada)
	s.exec("UPDATE shown_secrets SET token_hash = (SELECT token_hash FROM sessions ORDER BY created_at DESC LIMIT 1)")
	other.get(page).redirects("/users/" + s.ada)
	s.login(viewer).get(page).is(http.StatusForbidden)
	// After ten minutes it is gone, and with the session.
	made = s.session.post("/users/"+s.ada+"/virtual-keys", url.Values{"name": {"Desktop"}}).is(http.StatusSeeOther)
	s.session.follow(made)
	s.exec("UPDATE shown_secrets SET expires_at = now()")
	s.session.get(made.Header.Get("Location")).redirects("/users/" + s.ada)
	s.session.post("/logout", nil)
	same(t, "kept", s.count("shown_secrets WHERE subject LIKE '%' || (SELECT id FROM virtual_keys WHERE name = 'Desktop')"), 0)
}
