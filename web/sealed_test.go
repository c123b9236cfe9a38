package web_test

import (
	"net/url"
	"strings"
	"testing"
)

// overdue is a session whose time is over, with the cookie that the browser still sends.
func (c *console) overdue(email string) client {
	c.t.Helper()
	v := c.login(email)
	c.exec("UPDATE sessions SET seen_at = now() - interval '31 minutes' WHERE user_id = (SELECT id FROM users WHERE email = ?)", email)
	return v
}

// keptFields are the hidden fields of the form on a page, by name.
func (a answer) keptFields(action string) url.Values {
	a.t.Helper()
	fields := url.Values{}
	form := a.one("form", "action", action)
	for node := range form.Descendants() {
		if node.Data == "input" && attribute(node, "type") == "hidden" {
			fields.Add(attribute(node, "name"), attribute(node, "value"))
		}
	}
	return fields
}

// A form sent after the session is over comes along through the sign-in, for the same user alone.
func TestFormSentAfterTheSessionIsKept(t *testing.T) {
	c := newConsole(t)
	c.addUser("other@example.com", "Admin")
	form := url.Values{"name": {"Kept <&> \"over\""}, "description": {"Two\r\nlines"}, "op": {"save"}}
	page := c.overdue(admin).with("Referer", c.base+"/access-profiles/new").post("/access-profiles", form)
	page.refuses(401, "unauthenticated", "")
	kept := page.keptFields("/login")
	if kept.Get("next") != "/access-profiles/new" || kept.Get("sealed") == "" || strings.Contains(string(page.body), "over") && strings.Contains(string(page.body), "Two") {
		t.Fatalf("the page keeps %v", kept)
	}
	signIn := func(email, word string) answer {
		kept.Set("email", email)
		kept.Set("password", word)
		return c.anonymous().post("/login", kept)
	}
	if again := signIn(admin, "wrong").is(401).keptFields("/login"); again.Get("sealed") != kept.Get("sealed") {
		t.Error("a wrong password loses what was typed")
	}
	signIn("other@example.com", password).redirects("/access-profiles/new")
	on := signIn(admin, password).is(200)
	cookie, ok := on.cookie("session")
	if !ok || on.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("signing in answers the cookie %v, cache %s", cookie, on.Header.Get("Cache-Control"))
	}
	sent := on.keptFields("/access-profiles")
	if sent.Get("name") != form.Get("name") || sent.Get("description") != "Two\nlines" || sent.Get("op") != "save" {
		t.Errorf("what is sent on is %v", sent)
	}
	if a := c.anonymous().with("Cookie", "session="+cookie.Value).post("/access-profiles", sent); a.StatusCode != 303 {
		t.Errorf("carrying on is answered %d", a.StatusCode)
	}
}

// Secrets are not kept, nor forms that are too long, sealed by others or for a session that is not known.
func TestFormsThatAreNotKept(t *testing.T) {
	c := newConsole(t)
	page := c.overdue(admin).post("/settings/password", url.Values{"current_password": {password}, "new_password": {"another secret"}})
	kept := page.refuses(401, "unauthenticated", "").keptFields("/login")
	kept.Set("email", admin)
	kept.Set("password", password)
	on := c.anonymous().post("/login", kept).is(200)
	if sent := on.keptFields("/settings/password"); len(sent) != 0 || strings.Contains(string(on.body), "another secret") {
		t.Errorf("secrets are kept: %v", sent)
	}
	for name, a := range map[string]answer{
		"long":       c.overdue(admin).post("/access-profiles", url.Values{"name": {strings.Repeat("x", 257<<10)}}),
		"unknown":    c.anonymous().with("Cookie", "session="+strings.Repeat("x", 43)).post("/access-profiles", url.Values{"name": {"x"}}),
		"signed out": c.anonymous().post("/access-profiles", url.Values{"name": {"x"}}),
	} {
		if got := a.refuses(401, "unauthenticated", "").keptFields("/login"); got.Has("sealed") {
			t.Errorf("%s: the form is kept", name)
		}
	}
	for _, sealed := range []string{"x", kept.Get("sealed")[1:], strings.Repeat("A", 100)} {
		kept.Set("sealed", sealed)
		c.anonymous().post("/login", kept).redirects("/")
	}
}

// Every way to the sign-in leads back.
func TestSignInLeadsBack(t *testing.T) {
	c := newConsole(t)
	c.anonymous().get("/users?search=a").redirects("/login?next=%2Fusers%3Fsearch%3Da")
	at := c.anonymous().with("HX-Request", "true").with("HX-Current-URL", c.base+"/roles?offset=25")
	if got := at.post("/find", url.Values{"q": {"a"}}).is(401).Header.Get("HX-Redirect"); got != "/login?next=%2Froles%3Foffset%3D25" {
		t.Errorf("leads to %s", got)
	}
	for _, from := range []string{"https://elsewhere.example/x", c.base + "//elsewhere.example", "nothing"} {
		if got := c.anonymous().with("HX-Request", "true").with("HX-Current-URL", from).post("/find", nil).Header.Get("HX-Redirect"); got != "/login" {
			t.Errorf("from %s it leads to %s", from, got)
		}
	}
	c.login(admin).post("/session", nil).is(204)
	c.overdue(admin).post("/session", nil).is(401)
}
