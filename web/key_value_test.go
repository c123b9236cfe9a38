package web_test

import (
	"fmt"
	"net/http"
	"net/url"
	"testing"

	"tollgate/web/webtest"
)

// The page of a new key survives a reload, for the session that made the key and for ten minutes.
func TestKeyPageSurvivesAReload(t *testing.T) {
	s := webtest.NewStage(t)
	s.Assign(s.Ada, webtest.Research)
	for _, of := range []struct{ table, path, afterwards string }{
		{"virtual_keys", "/users/" + s.Ada + "/virtual-keys", "/users/" + s.Ada},
		{"api_keys", "/settings/api-keys", "/settings/api-keys"},
	} {
		create := func(name string) webtest.Answer {
			form := url.Values{"name": {name}}
			if of.table == "api_keys" {
				form.Set("scopes", "Usage:View")
			}
			return s.Session.Post(of.path, form).Is(http.StatusSeeOther)
		}
		rows := s.Count(of.table)
		page := create("Notebook").Header.Get("Location")
		value := webtest.Text(s.Session.Get(page).Is(200).One("code", "id", "secret"))
		for range 2 {
			again := s.Session.Get(page).Is(200)
			webtest.Same(t, "again", webtest.Text(again.One("code", "id", "secret")), value)
			webtest.Same(t, "cache", again.Header.Get("Cache-Control"), "no-store")
		}
		webtest.Same(t, "keys made", s.Count(of.table), rows+1)
		// Another session of the same user is not shown it, and a sealed row moved to it cannot be opened there.
		other := s.Login(webtest.Admin)
		other.Get(page).Redirects(of.afterwards)
		s.Exec("UPDATE shown_secrets SET token_hash = (SELECT token_hash FROM sessions ORDER BY created_at DESC LIMIT 1)")
		other.Get(page).Redirects(of.afterwards)
		s.Login(webtest.Viewer).Get(page).Is(http.StatusForbidden)
		// After ten minutes it is gone, and with the session.
		made := create("Desktop")
		s.Session.Follow(made)
		s.Exec("UPDATE shown_secrets SET expires_at = now()")
		s.Session.Get(made.Header.Get("Location")).Redirects(of.afterwards)
		create("Third")
		s.Session.Post("/logout", nil)
		webtest.Same(t, "kept", s.Count(fmt.Sprintf("shown_secrets WHERE subject LIKE '%%' || (SELECT id FROM %s WHERE name = 'Third')", of.table)), 0)
		s.Session = s.Login(webtest.Admin)
	}
}

// The page of a value that was replaced since shows it no more.
func TestKeyPageOfAReplacedValue(t *testing.T) {
	s := webtest.NewStage(t)
	s.Assign(s.Ada, webtest.Research)
	page := s.Session.Post("/users/"+s.Ada+"/virtual-keys", url.Values{"name": {"Laptop"}}).Is(303).Header.Get("Location")
	s.Session.Get(page).Is(200)
	s.Admin.API("POST", webtest.RotatePath(s.Keys(s.Ada)[1]), nil).Is(200)
	s.Session.Get(page).Redirects("/users/" + s.Ada)
}
