package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"tollgate/web/webtest"
)

// newcomer is a user without a password, and a browser that a link signed in for them.
func newcomer(s webtest.Stage, name, role string) (id string, browser webtest.Client) {
	s.T.Helper()
	user := webtest.Object{"name": name, "email": name + "@example.com", "role_id": s.RoleID(role)}
	id = s.Admin.API("POST", "/api/users", user).Is(201).Object("user")["id"].(string)
	return id, byLink(s, id)
}

func byLink(s webtest.Stage, user string) webtest.Client {
	s.T.Helper()
	signedIn := s.Anonymous().Post("/sign-in-link", url.Values{"code": {linkOf(s, user)}})
	signedIn.Redirects("/me")
	return s.Anonymous().With("Cookie", webtest.CookieOf(signedIn, "session"))
}

var firstPassword = url.Values{"new_password": {"a password of one's own"}}

// A user who came by a link sets a password on their page, and signs in with it from then on. Their other sessions end;
// this one still shows their own access only.
func TestSetFirstPassword(t *testing.T) {
	s := webtest.NewStage(t)
	id, other := newcomer(s, "nora", "Viewer")
	browser := byLink(s, id)
	page := browser.Get("/me").Is(200)
	if form := webtest.Text(page.One("section", "aria-labelledby", "password")); !strings.Contains(form, "Set password") || strings.Contains(form, "Current password") {
		t.Errorf("the form is %q", form)
	}
	set := browser.Post("/me/password", firstPassword)
	set.Redirects("/me")
	browser.Get("/me").Redirects("/login?next=%2Fme")
	other.Get("/me").Redirects("/login?next=%2Fme")
	browser = s.Anonymous().With("Cookie", webtest.CookieOf(set, "session"))
	if form := webtest.Text(browser.Get("/me").Is(200).One("section", "aria-labelledby", "password")); !strings.Contains(form, "Current password") {
		t.Errorf("then the form is %q", form)
	}
	browser.Get("/access-profiles").Refuses(http.StatusForbidden, "forbidden", "")

	signedIn := s.Anonymous().Post("/login", webtest.Credentials("nora@example.com", "a password of one's own"))
	signedIn.Is(303)
	s.Anonymous().With("Cookie", webtest.CookieOf(signedIn, "session")).Get("/access-profiles").Is(200)
	var audited string
	s.Scan(&audited, "SELECT actor || ' ' || action || ' ' || new_values FROM audit_logs ORDER BY id DESC LIMIT 1")
	webtest.Same(t, "audited", audited, `nora@example.com update {"password":"set"}`)
	if text := s.Log.String() + s.Dump(); strings.Contains(text, "a password of one's own") {
		t.Error("the password is in the log or the database")
	}
}

// A first password is refused that is too short, and to a user who has one already; both come back with the form.
func TestFirstPasswordIsRefused(t *testing.T) {
	s := webtest.NewStage(t)
	id, browser := newcomer(s, "omar", "Member")
	browser.Post("/me/password", url.Values{"new_password": {"short"}}).Refuses(422, "too_short", "new_password")
	browser.Post("/me/password", nil).Refuses(422, "required", "new_password")
	browser.Post("/me/password", url.Values{"new_password": {strings.Repeat("🔑", 10_000)}}).Refuses(422, "too_long", "new_password")
	browser.Post("/me/password", url.Values{"new_password": {"x"}, "password": {"y"}}).Refuses(400, "unknown_field", "password")
	browser.API("POST", "/me/password", nil).Refuses(422, "required", "new_password")

	set := browser.Post("/me/password", firstPassword)
	set.Redirects("/me")
	again := s.Anonymous().With("Cookie", webtest.CookieOf(set, "session"))
	again.Post("/me/password", url.Values{"new_password": {"another password of theirs"}}).Refuses(422, "required", "current_password")
	byLink(s, id).Post("/me/password", url.Values{"current_password": {"a password of one's own"}, "new_password": {"another password of theirs"}}).Redirects("/me")
	s.Anonymous().Post("/login", webtest.Credentials("omar@example.com", "another password of theirs")).Is(303)
	s.Anonymous().Post("/login", webtest.Credentials("omar@example.com", "a password of one's own")).Is(http.StatusUnauthorized)
}

// The admin who made a link might still use its session. A user who may do more by now gets no password there.
func TestFirstPasswordGivesNoFurtherRights(t *testing.T) {
	s := webtest.NewStage(t)
	id, browser := newcomer(s, "pia", "Member")
	s.SetRole(id, "Admin")
	browser.Get("/me").Is(200)
	browser.Post("/me/password", firstPassword).Refuses(422, "link_outdated", "new_password")
	s.Anonymous().Post("/login", webtest.Credentials("pia@example.com", "a password of one's own")).Is(http.StatusUnauthorized)
	byLink(s, id).Post("/me/password", firstPassword).Redirects("/me")

	// The release before kept nothing of the link in the session.
	old, session := newcomer(s, "quinn", "Viewer")
	s.Exec("UPDATE sessions SET permitted = NULL WHERE user_id = ?", old)
	session.Post("/me/password", firstPassword).Refuses(422, "link_outdated", "new_password")
}

// Of several passwords set at once, one is.
func TestFirstPasswordOnce(t *testing.T) {
	s := webtest.NewStage(t)
	id, browser := newcomer(s, "rosa", "Member")
	words := []string{"the first of the passwords", "the second of the passwords"}
	answers := s.Queued("users", id, func() webtest.Answer {
		return browser.Post("/me/password", url.Values{"new_password": {words[0]}})
	}, func() webtest.Answer {
		return browser.Post("/me/password", url.Values{"new_password": {words[1]}})
	})
	valid := 0
	for _, word := range words {
		if s.Anonymous().Post("/login", webtest.Credentials("rosa@example.com", word)).StatusCode == http.StatusSeeOther {
			valid++
		}
	}
	statuses := answers[0].StatusCode + answers[1].StatusCode
	webtest.Same(t, "passwords set, and answers", []int{valid, statuses}, []int{1, 303 + 422})
}
