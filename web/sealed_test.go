package web_test

import (
	"net/url"
	"strings"
	"testing"

	"tollgate/web/webtest"
)

// A form sent after the session is over comes along through the sign-in, for the same user alone.
func TestFormSentAfterTheSessionIsKept(t *testing.T) {
	c := webtest.NewConsole(t)
	c.AddUser("other@example.com", "Admin")
	form := url.Values{"name": {"Kept <&> \"over\""}, "description": {"Two\r\nlines"}, "op": {"save"}}
	page := c.Overdue(webtest.Admin).With("Referer", c.Base+"/access-profiles/new").Post("/access-profiles", form)
	page.Refuses(401, "unauthenticated", "")
	kept := page.KeptFields("/login")
	if kept.Get("next") != "/access-profiles/new" || kept.Get("sealed") == "" || strings.Contains(string(page.Body), "over") && strings.Contains(string(page.Body), "Two") {
		t.Fatalf("the page keeps %v", kept)
	}
	signIn := func(email, word string) webtest.Answer {
		kept.Set("email", email)
		kept.Set("password", word)
		return c.Anonymous().Post("/login", kept)
	}
	if again := signIn(webtest.Admin, "wrong").Is(401).KeptFields("/login"); again.Get("sealed") != kept.Get("sealed") {
		t.Error("a wrong password loses what was typed")
	}
	signIn("other@example.com", webtest.Password).Redirects("/access-profiles/new")
	on := signIn(webtest.Admin, webtest.Password).Is(200)
	cookie, ok := on.Cookie("session")
	if !ok || on.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("signing in answers the cookie %v, cache %s", cookie, on.Header.Get("Cache-Control"))
	}
	sent := on.KeptFields("/access-profiles")
	if sent.Get("name") != form.Get("name") || sent.Get("description") != "Two\nlines" || sent.Get("op") != "save" {
		t.Errorf("what is sent on is %v", sent)
	}
	if a := c.Anonymous().With("Cookie", "session="+cookie.Value).Post("/access-profiles", sent); a.StatusCode != 303 {
		t.Errorf("carrying on is answered %d", a.StatusCode)
	}
}

// Secrets are not kept, nor forms that are too long, sealed by others or for a session that is not known.
func TestFormsThatAreNotKept(t *testing.T) {
	c := webtest.NewConsole(t)
	page := c.Overdue(webtest.Admin).Post("/settings/password", url.Values{"current_password": {webtest.Password}, "new_password": {"another secret"}})
	kept := page.Refuses(401, "unauthenticated", "").KeptFields("/login")
	kept.Set("email", webtest.Admin)
	kept.Set("password", webtest.Password)
	on := c.Anonymous().Post("/login", kept).Is(200)
	if sent := on.KeptFields("/settings/password"); len(sent) != 0 || strings.Contains(string(on.Body), "another secret") {
		t.Errorf("secrets are kept: %v", sent)
	}
	for name, a := range map[string]webtest.Answer{
		"long":       c.Overdue(webtest.Admin).Post("/access-profiles", url.Values{"name": {strings.Repeat("x", 257<<10)}}),
		"unknown":    c.Anonymous().With("Cookie", "session="+strings.Repeat("x", 43)).Post("/access-profiles", url.Values{"name": {"x"}}),
		"signed out": c.Anonymous().Post("/access-profiles", url.Values{"name": {"x"}}),
	} {
		if got := a.Refuses(401, "unauthenticated", "").KeptFields("/login"); got.Has("sealed") {
			t.Errorf("%s: the form is kept", name)
		}
	}
	for _, sealed := range []string{"x", kept.Get("sealed")[1:], strings.Repeat("A", 100)} {
		kept.Set("sealed", sealed)
		c.Anonymous().Post("/login", kept).Redirects("/")
	}
}

// Every way to the sign-in leads back.
func TestSignInLeadsBack(t *testing.T) {
	c := webtest.NewConsole(t)
	c.Anonymous().Get("/users?search=a").Redirects("/login?next=%2Fusers%3Fsearch%3Da")
	at := c.Anonymous().With("HX-Request", "true").With("HX-Current-URL", c.Base+"/roles?offset=25")
	if got := at.Post("/find", url.Values{"q": {"a"}}).Is(401).Header.Get("HX-Redirect"); got != "/login?next=%2Froles%3Foffset%3D25" {
		t.Errorf("leads to %s", got)
	}
	for _, from := range []string{"https://elsewhere.example/x", c.Base + "//elsewhere.example", "nothing"} {
		if got := c.Anonymous().With("HX-Request", "true").With("HX-Current-URL", from).Post("/find", nil).Header.Get("HX-Redirect"); got != "/login" {
			t.Errorf("from %s it leads to %s", from, got)
		}
	}
	c.Login(webtest.Admin).Post("/session", nil).Is(204)
	c.Overdue(webtest.Admin).Post("/session", nil).Is(401)
}
