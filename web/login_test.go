package web_test

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"tollgate/handlers"
)

func credentials(email, password string) url.Values {
	return url.Values{"email": {email}, "password": {password}}
}

// signIn submits the form and returns the client with its new session.
func (v client) signIn(email, password string) client {
	v.t.Helper()
	cookie, set := v.post("/login", credentials(email, password)).is(http.StatusSeeOther).cookie("session")
	if !set {
		v.t.Fatal("no session cookie")
	}
	return v.with("Cookie", "session="+cookie.Value)
}

func TestLoginJourney(t *testing.T) {
	c := newConsole(t)
	anonymous := c.anonymous()
	anonymous.get("/settings?x=1").redirects("/login?next=%2Fsettings%3Fx%3D1")
	anonymous.get("/login?next=%2Fsettings").is(200).one("input", "name", "next", "value", "/settings")

	form := credentials(" Admin@Example.com", password)
	form.Set("next", "/settings")
	answer := anonymous.post("/login", form).redirects("/settings")
	cookie, _ := answer.cookie("session")
	if cookie == nil || !cookie.HttpOnly || cookie.Path != "/" || cookie.SameSite != http.SameSiteLaxMode || cookie.Secure || cookie.Domain != "" {
		t.Fatalf("cookie: %v", cookie)
	}
	signedIn := anonymous.with("Cookie", "session="+cookie.Value)
	if who := text(signedIn.get("/settings").is(200).one("span", "class", "user-name")); who != "Admin" {
		t.Errorf("signed in as %q", who)
	}
	signedIn.get("/login").redirects("/")

	again := signedIn.signIn(admin, password)
	signedIn.get("/settings").is(http.StatusSeeOther)
	again.get("/settings").is(200)

	again.post("/logout", nil).redirects("/login")
	again.get("/settings").is(http.StatusSeeOther)
	again.api("GET", "/api/api-keys", nil).refuses(401, "unauthenticated", "")
}

func TestCookieOverHTTPS(t *testing.T) {
	c := newConsole(t, func(h *handlers.Handlers) { h.Secure = true })
	answer := c.anonymous().post("/login", credentials(admin, password)).redirects("/")
	cookie, set := answer.cookie("__Host-session")
	if !set || !cookie.Secure || !cookie.HttpOnly || cookie.Path != "/" || cookie.Domain != "" {
		t.Fatalf("cookie: %v", cookie)
	}
	c.anonymous().with("Cookie", "session="+cookie.Value).get("/settings").is(http.StatusSeeOther)
	signedIn := c.anonymous().with("Cookie", "__Host-session="+cookie.Value).get("/settings").is(200)
	if got := signedIn.Header.Get("Strict-Transport-Security"); got != "max-age=31536000" {
		t.Errorf("Strict-Transport-Security: %q", got)
	}
}

func TestLoginRefusalsAreIndistinguishable(t *testing.T) {
	c := newConsole(t)
	page := func(email, password string) string {
		before := c.h.Passwords.Hashed()
		a := c.anonymous().with("X-Request-ID", "the-same-request").post("/login", credentials(email, password)).refuses(401, "invalid_credentials", "")
		if work := c.h.Passwords.Hashed() - before; work != 1 {
			t.Errorf("%q: %d hashes, want 1", email, work)
		}
		if strings.Contains(string(a.body), password) {
			t.Errorf("%q: the password came back", email)
		}
		return strings.ReplaceAll(string(a.body), email, "")
	}
	wrong := page(admin, "wrong password")
	for email, attempt := range map[string]string{
		"nobody@example.com":        "wrong password",
		viewer:                      "nul \x00 inside",
		"other@example.com":         strings.Repeat("long ", 300),
		strings.Repeat("long", 100): "wrong password",
		"ADMIN@EXAMPLE.COM":         "\xff\xfe no text",
	} {
		if page(email, attempt) != wrong {
			t.Errorf("%q is answered differently", email)
		}
	}
}

func TestLoginKeepsTheForm(t *testing.T) {
	c := newConsole(t)
	for _, test := range []struct {
		name, body  string
		status      int
		code, param string
	}{
		{"no password", "email=admin%40example.com&next=/settings", 422, "required", "password"},
		{"empty password", "email=admin%40example.com&password=&next=/settings", 422, "required", "password"},
		{"no email", "password=x&next=/settings", 422, "required", "email"},
		{"NUL in email", "email=a%00b&password=x&next=/settings", 400, "nul_character", "email"},
		{"twice", "email=admin%40example.com&password=x&password=y&next=/settings", 400, "duplicate_field", "password"},
		{"more", "email=admin%40example.com&password=x&role=Admin&next=/settings", 400, "unknown_field", "role"},
		{"nested", "email[a1]=x&password=x&next=/settings", 400, "unknown_field", "email[a1]"},
		{"semicolon", "email=a;password=x&next=/settings", 400, "invalid_form", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			a := c.anonymous().send("POST", "/login", "application/x-www-form-urlencoded", strings.NewReader(test.body))
			a.t = t
			a.refuses(test.status, test.code, test.param)
			a.one("input", "name", "next", "value", "/settings")
			if attribute(a.one("input", "name", "password"), "value") != "" {
				t.Error("the password came back")
			}
		})
	}
	c.anonymous().api("POST", "/login", `{"email":"admin@example.com","password":"x"}`).refuses(415, "unsupported_media_type", "")
}

func TestNextStaysOnTheConsole(t *testing.T) {
	c := newConsole(t)
	for next, want := range map[string]string{
		"":                                 "/",
		"/":                                "/",
		"/access-profiles?search=a%2Fb#x":  "/access-profiles?search=a%2Fb#x",
		"/settings/api-keys":               "/settings/api-keys",
		"//evil.example":                   "/",
		"///evil.example":                  "/",
		"/..//evil.example":                "/",
		`/\evil.example`:                   "/",
		`\\evil.example`:                   "/",
		`/\/evil.example`:                  "/",
		"https://evil.example":             "/",
		"https:evil.example":               "/",
		"javascript:alert(1)":              "/",
		" //evil.example":                  "/",
		" /settings":                       "/",
		"settings":                         "/",
		"/\t/evil.example":                 "/",
		"/\r\nSet-Cookie: a=b":             "/",
		"/settings\nLocation: //evil":      "/",
		"/\u2028/evil.example":             "/",
		"/ü":                               "/",
		"/settings@evil.example":           "/settings@evil.example",
		"@evil.example":                    "/",
		".evil.example":                    "/",
		"/settings?next=//evil.example/..": "/",
	} {
		form := credentials(admin, password)
		form.Set("next", next)
		a := c.anonymous().post("/login", form)
		if a.redirects(want); a.Header.Get("A") != "" || len(a.Cookies()) != 1 {
			t.Errorf("next=%q sets headers: %v", next, a.Header)
		}
		session, _ := a.cookie("session")
		c.anonymous().with("Cookie", "session="+session.Value).get("/login?" + url.Values{"next": {next}}.Encode()).redirects(want)
	}
}

func TestSessionsEnd(t *testing.T) {
	c := newConsole(t)
	age := func(column, by string) {
		c.exec("UPDATE sessions SET ? = ? - ?::interval", ident(column), ident(column), by)
	}

	someone := c.login(admin)
	age("seen_at", "29 minutes")
	someone.get("/settings").is(200)
	age("seen_at", "29 minutes")
	someone.get("/settings").is(200)
	age("seen_at", "31 minutes")
	someone.get("/settings").is(http.StatusSeeOther)

	someone = c.login(admin)
	age("created_at", "11 hours 59 minutes")
	someone.get("/settings").is(200)
	age("created_at", "1 minute")
	someone.get("/settings").is(http.StatusSeeOther)

	someone = c.login(admin)
	c.exec("DELETE FROM users WHERE email = ?", admin)
	someone.get("/settings").is(http.StatusSeeOther)
}

func TestRoleChangesCountAtOnce(t *testing.T) {
	c := newConsole(t)
	someone := c.login(admin)
	someone.get("/settings/api-keys").is(200)
	c.exec("UPDATE users SET role_id = (SELECT id FROM roles WHERE name = 'Viewer') WHERE email = ?", admin)
	someone.get("/settings/api-keys").refuses(403, "forbidden", "")
}

func TestPasswordChange(t *testing.T) {
	c := newConsole(t)
	here, elsewhere := c.anonymous().signIn(admin, password), c.login(admin)
	change := func(current, next string) answer {
		return here.post("/settings/password", url.Values{"current_password": {current}, "new_password": {next}})
	}
	change("wrong", "another fine password").refuses(422, "wrong_password", "current_password")
	change(password, "too short").refuses(422, "too_short", "new_password")
	change(password, strings.Repeat("x", 1025)).refuses(422, "too_long", "new_password")
	change("", "").refuses(422, "required", "current_password")
	here.get("/settings").is(200)

	odd := "twelve bytes \x00\xff"
	cookie, _ := change(password, odd).redirects("/settings").cookie("session")
	here.get("/settings").is(http.StatusSeeOther)
	elsewhere.get("/settings").is(http.StatusSeeOther)
	c.anonymous().with("Cookie", "session="+cookie.Value).get("/settings").is(200)
	c.anonymous().post("/login", credentials(admin, password)).refuses(401, "invalid_credentials", "")
	c.anonymous().signIn(admin, odd)
	c.anonymous().with("Authorization", basic(admin, odd)).api("GET", "/api/api-keys", nil).is(200)

	var rows []string
	c.scan(&rows, "SELECT coalesce(new_values, '') FROM audit_logs WHERE metadata LIKE '%user%'")
	if len(rows) != 1 || rows[0] != `{"password":"changed"}` {
		t.Errorf("audit rows: %q", rows)
	}
}

func basic(email, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(email+":"+password))
}
