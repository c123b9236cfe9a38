package web_test

import (
	"net/url"
	"testing"
)

func TestLoginJourney(t *testing.T) {
	c := newConsole(t)
	nobody := c.nobody()
	nobody.get("/settings").redirects("/login?next=%2Fsettings")
	page := nobody.get("/login?next=%2Fsettings").is(200)
	page.one("input", "name", "next", "value", "/settings")

	signedIn := nobody.post("/login", url.Values{"email": {"Admin@Example.com "}, "password": {password}, "next": {"/settings"}}).redirects("/settings")
	cookie, _ := signedIn.cookie("session")
	if cookie == nil || !cookie.HttpOnly || cookie.Path != "/" || cookie.SameSite != 2 || cookie.Secure {
		t.Fatalf("cookie: %v", cookie)
	}
	someone := nobody.with("Cookie", "session="+cookie.Value)
	settings := someone.get("/settings").is(200)
	if got := text(settings.one("span", "class", "user-name")); got != "Admin" {
		t.Errorf("signed in as %q", got)
	}
}
