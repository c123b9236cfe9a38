package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"tollgate/handlers"
	"tollgate/web/webtest"
)

func TestLoginJourney(t *testing.T) {
	c := webtest.NewConsole(t)
	anonymous := c.Anonymous()
	anonymous.Get("/settings?x=1").Redirects("/login?next=%2Fsettings%3Fx%3D1")
	anonymous.Get("/login?next=%2Fsettings").Is(200).One("input", "name", "next", "value", "/settings")

	form := webtest.Credentials(" Admin@Example.com", webtest.Password)
	form.Set("next", "/settings")
	answer := anonymous.Post("/login", form).Redirects("/settings")
	cookie, _ := answer.Cookie("session")
	if cookie == nil || !cookie.HttpOnly || cookie.Path != "/" || cookie.SameSite != http.SameSiteLaxMode || cookie.Secure || cookie.Domain != "" {
		t.Fatalf("cookie: %v", cookie)
	}
	signedIn := anonymous.With("Cookie", "session="+cookie.Value)
	if who := webtest.Text(signedIn.Get("/settings").Is(200).One("span", "class", "user-name")); who != "Admin" {
		t.Errorf("signed in as %q", who)
	}
	signedIn.Get("/login").Redirects("/")

	again := signedIn.SignIn(webtest.Admin, webtest.Password)
	signedIn.Get("/settings").Is(http.StatusSeeOther)
	again.Get("/settings").Is(200)

	again.Post("/logout", nil).Redirects("/login")
	again.Get("/settings").Is(http.StatusSeeOther)
	again.API("GET", "/api/api-keys", nil).Refuses(401, "unauthenticated", "")
}

func TestCookieOverHTTPS(t *testing.T) {
	c := webtest.NewConsole(t, func(h *handlers.Handlers) { h.Secure = true })
	answer := c.Anonymous().Post("/login", webtest.Credentials(webtest.Admin, webtest.Password)).Redirects("/")
	cookie, set := answer.Cookie("__Host-session")
	if !set || !cookie.Secure || !cookie.HttpOnly || cookie.Path != "/" || cookie.Domain != "" {
		t.Fatalf("cookie: %v", cookie)
	}
	c.Anonymous().With("Cookie", "session="+cookie.Value).Get("/settings").Is(http.StatusSeeOther)
	signedIn := c.Anonymous().With("Cookie", "__Host-session="+cookie.Value).Get("/settings").Is(200)
	if got := signedIn.Header.Get("Strict-Transport-Security"); got != "max-age=31536000" {
		t.Errorf("Strict-Transport-Security: %q", got)
	}
}

func TestLoginRefusalsAreIndistinguishable(t *testing.T) {
	c := webtest.NewConsole(t)
	page := func(email, password string) string {
		before := c.H.Passwords.Hashed()
		a := c.Anonymous().With("X-Request-ID", "the-same-request").Post("/login", webtest.Credentials(email, password)).Refuses(401, "invalid_credentials", "")
		if work := c.H.Passwords.Hashed() - before; work != 1 {
			t.Errorf("%q: %d hashes, want 1", email, work)
		}
		if strings.Contains(string(a.Body), password) {
			t.Errorf("%q: the password came back", email)
		}
		return strings.ReplaceAll(string(a.Body), email, "")
	}
	wrong := page(webtest.Admin, "wrong password")
	for email, attempt := range map[string]string{
		"nobody@example.com":        "wrong password",
		webtest.Viewer:              "nul \x00 inside",
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
	c := webtest.NewConsole(t)
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
			a := c.Anonymous().Send("POST", "/login", "application/x-www-form-urlencoded", strings.NewReader(test.body))
			a.T = t
			a.Refuses(test.status, test.code, test.param)
			a.One("input", "name", "next", "value", "/settings")
			if webtest.Attribute(a.One("input", "name", "password"), "value") != "" {
				t.Error("the password came back")
			}
		})
	}
	c.Anonymous().API("POST", "/login", `{"email":"admin@example.com","password":"x"}`).Refuses(415, "unsupported_media_type", "")
}

func TestNextStaysOnTheConsole(t *testing.T) {
	c := webtest.NewConsole(t)
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
		form := webtest.Credentials(webtest.Admin, webtest.Password)
		form.Set("next", next)
		a := c.Anonymous().Post("/login", form)
		if a.Redirects(want); a.Header.Get("A") != "" || len(a.Cookies()) != 1 {
			t.Errorf("next=%q sets headers: %v", next, a.Header)
		}
		session, _ := a.Cookie("session")
		c.Anonymous().With("Cookie", "session="+session.Value).Get("/login?" + url.Values{"next": {next}}.Encode()).Redirects(want)
	}
}

func TestSessionsEnd(t *testing.T) {
	c := webtest.NewConsole(t)
	age := func(column, by string) {
		c.Exec("UPDATE sessions SET ? = ? - ?::interval", webtest.Ident(column), webtest.Ident(column), by)
	}

	someone := c.Login(webtest.Admin)
	age("seen_at", "29 minutes")
	someone.Get("/settings").Is(200)
	age("seen_at", "29 minutes")
	someone.Get("/settings").Is(200)
	age("seen_at", "31 minutes")
	someone.Get("/settings").Is(http.StatusSeeOther)

	someone = c.Login(webtest.Admin)
	age("created_at", "11 hours 59 minutes")
	someone.Get("/settings").Is(200)
	age("created_at", "1 minute")
	someone.Get("/settings").Is(http.StatusSeeOther)

	someone = c.Login(webtest.Admin)
	c.Exec("DELETE FROM users WHERE email = ?", webtest.Admin)
	someone.Get("/settings").Is(http.StatusSeeOther)
}

func TestRoleChangesCountAtOnce(t *testing.T) {
	c := webtest.NewConsole(t)
	someone := c.Login(webtest.Admin)
	someone.Get("/settings/api-keys").Is(200)
	c.Exec("UPDATE users SET role_id = (SELECT id FROM roles WHERE name = 'Viewer') WHERE email = ?", webtest.Admin)
	someone.Get("/settings/api-keys").Refuses(403, "forbidden", "")
}

func TestPasswordChange(t *testing.T) {
	c := webtest.NewConsole(t)
	here, elsewhere := c.Anonymous().SignIn(webtest.Admin, webtest.Password), c.Login(webtest.Admin)
	change := func(current, next string) webtest.Answer {
		return here.Post("/settings/password", url.Values{"current_password": {current}, "new_password": {next}})
	}
	change("wrong", "another fine password").Refuses(422, "wrong_password", "current_password")
	change(webtest.Password, "too short").Refuses(422, "too_short", "new_password")
	change(webtest.Password, strings.Repeat("x", 1025)).Refuses(422, "too_long", "new_password")
	change("", "").Refuses(422, "required", "current_password")
	here.Get("/settings").Is(200)

	odd := "twelve bytes \x00\xff"
	cookie, _ := change(webtest.Password, odd).Redirects("/settings").Cookie("session")
	here.Get("/settings").Is(http.StatusSeeOther)
	elsewhere.Get("/settings").Is(http.StatusSeeOther)
	c.Anonymous().With("Cookie", "session="+cookie.Value).Get("/settings").Is(200)
	c.Anonymous().Post("/login", webtest.Credentials(webtest.Admin, webtest.Password)).Refuses(401, "invalid_credentials", "")
	c.Anonymous().SignIn(webtest.Admin, odd)
	c.Anonymous().With("Authorization", webtest.Basic(webtest.Admin, odd)).API("GET", "/api/api-keys", nil).Is(200)

	var rows []string
	c.Scan(&rows, "SELECT coalesce(new_values, '') FROM audit_logs WHERE metadata LIKE '%user%'")
	if len(rows) != 1 || rows[0] != `{"password":"changed"}` {
		t.Errorf("audit rows: %q", rows)
	}
}
