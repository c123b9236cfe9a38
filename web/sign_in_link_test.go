package web_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"tollgate/web/webtest"
)

func linkOf(s webtest.Stage, user string) string {
	s.T.Helper()
	link := s.Admin.API("POST", "/api/users/"+user+"/sign-in-link", nil).Is(201).Object("sign_in_link")["url"].(string)
	return link[strings.IndexByte(link, '#')+1:]
}

// A link signs its user in once, to their own access only, and stands in no log and no audit row.
func TestSignInLink(t *testing.T) {
	s := webtest.NewStage(t)
	shown := s.Session.Post("/users/"+s.Ada+"/sign-in-link", nil).Is(200)
	webtest.Same(t, "cache", shown.Header.Get("Cache-Control"), "no-store")
	link := webtest.Text(shown.One("code", "id", "secret"))
	token := link[strings.IndexByte(link, '#')+1:]
	if !strings.HasPrefix(link, s.Base+"/sign-in-link#") {
		t.Errorf("link %s", link)
	}
	// Looking at the link does not use it up.
	for range 3 {
		s.Anonymous().Get("/sign-in-link").Is(200)
	}
	signedIn := s.Anonymous().Post("/sign-in-link", url.Values{"code": {token}})
	signedIn.Redirects("/me")
	browser := s.Anonymous().With("Cookie", webtest.CookieOf(signedIn, "session"))
	browser.Get("/me").Is(200)
	s.Anonymous().Post("/sign-in-link", url.Values{"code": {token}}).Refuses(422, "invalid_link", "code")
	// The session opens nothing else, even if the user's role permits more.
	browser.Get("/access-profiles").Refuses(403, "forbidden", "")
	browser.Get("/find").Refuses(403, "forbidden", "")
	browser.API("GET", "/api/users", nil).Refuses(403, "forbidden", "")
	if text := s.Log.String() + s.Dump(); strings.Contains(text, token) {
		t.Error("the token is in the log or the database")
	}
	audits := webtest.Objects(s.Admin.Get("/api/access-profiles/audit-logs?user_id=" + s.Ada).Is(200).JSON()["audit_logs"])
	webtest.Same(t, "audited", []any{audits[0]["action"], audits[0]["actor"], audits[1]["action"], audits[1]["actor"]}, []any{"delete", webtest.Ada, "create", webtest.Admin})
}

// A link ends: by a later one, after 24 hours, with the user, with another password, and when the user may do more than
// when it was made.
func TestSignInLinkEnds(t *testing.T) {
	s := webtest.NewStage(t)
	for name, end := range map[string]func(user string){
		"a later link":     func(user string) { linkOf(s, user) },
		"24 hours":         func(user string) { s.Exec("UPDATE sign_in_links SET expires_at = now() WHERE user_id = ?", user) },
		"the user deleted": func(user string) { s.Admin.API("DELETE", "/api/users/"+user, nil).Is(200) },
		"another password": func(user string) {
			s.Admin.API("PUT", "/api/users/"+user, webtest.Object{"password": "another password"}).Is(200)
		},
		"more permissions": func(user string) { s.SetRole(user, "Developer") },
	} {
		t.Run(name, func(t *testing.T) {
			s.T = t
			user := s.Member(strings.ReplaceAll(name, " ", "-")+"@example.com", "Member")
			token := linkOf(s, user)
			end(user)
			s.Anonymous().Post("/sign-in-link", url.Values{"code": {token}}).Refuses(422, "invalid_link", "code")
		})
	}
	s.T = t
	var expires bool
	linkOf(s, s.Ada)
	s.Scan(&expires, "SELECT expires_at BETWEEN now() + interval '23 hours 59 minutes' AND now() + interval '24 hours' FROM sign_in_links WHERE user_id = ?", s.Ada)
	webtest.Same(t, "expires in 24 hours", expires, true)
}

func TestSignInLinkIsRefused(t *testing.T) {
	s := webtest.NewStage(t)
	strong := s.UserID(webtest.Admin)
	s.Lesser().API("POST", "/api/users/"+strong+"/sign-in-link", nil).Refuses(403, "forbidden", "")
	s.Login("lesser@example.com").Post("/users/"+strong+"/sign-in-link", nil).Refuses(403, "forbidden", "")
	s.Login(webtest.Viewer).Post("/users/"+s.Ada+"/sign-in-link", nil).Refuses(403, "forbidden", "")
	s.Admin.API("POST", "/api/users/999/sign-in-link", nil).Refuses(404, "not_found", "")
	s.Admin.API("POST", "/api/users/"+s.Ada+"/sign-in-link", `{"hours":9}`).Refuses(400, "unknown_field", "hours")
	for code, wanted := range map[string]string{"": "required", "x": "invalid_link", strings.Repeat("x", 4000): "invalid_link"} {
		s.Anonymous().Post("/sign-in-link", url.Values{"code": {code}}).Refuses(422, wanted, "code")
	}
	// A page of another site cannot sign a browser in.
	s.Anonymous().With("Sec-Fetch-Site", "cross-site").Post("/sign-in-link", url.Values{"code": {linkOf(s, s.Ada)}}).Refuses(403, "cross_origin_request", "")
	// Of two who use a link at once, one is signed in.
	token := linkOf(s, s.Ada)
	got := webtest.Parallel(8, func() int { return s.Anonymous().Post("/sign-in-link", url.Values{"code": {token}}).StatusCode })
	webtest.Same(t, "signed in", got[303], 1)
}

// Who signs in as a user can make virtual keys of theirs, so that only those who may make keys can set a password or
// make a link, for a new user too.
func TestWhoMayEnterAsAnotherUser(t *testing.T) {
	c := webtest.NewConsole(t)
	help, role := c.Helper()
	c.AddRole("Small", "Providers:View")
	c.AddUser("small@example.com", "Small")
	self, user := c.UserID("help@example.com"), c.UserID("small@example.com")
	const word = "let me in, please"
	c.AddRole("Programmers", "Users:Update", "APIKeys:Create")
	c.AddUser("program@example.com", "Programmers")
	programmer := c.UserID("program@example.com")
	own := c.Bearer(c.Login("program@example.com").With("Sec-Fetch-Site", "same-origin").API("POST", "/api/api-keys",
		webtest.Object{"name": "own", "scopes": []string{"Users:Update", "APIKeys:Create"}}).Is(201).JSON()["key"])
	key := c.APIKey("Users:Create", "Users:Update", "Providers:View")
	newUser := func(email string) webtest.Object {
		return webtest.Object{"name": "x", "email": email, "role_id": c.RoleID("Small"), "password": word}
	}
	c.Unchanged(func() {
		// An API key is not its maker.
		own.API("PUT", "/api/users/"+programmer, webtest.Object{"password": word}).Refuses(403, "forbidden", "password")
		own.API("POST", "/api/users/"+programmer+"/sign-in-link", nil).Refuses(403, "forbidden", "")
		for _, v := range []webtest.Client{help, key} {
			if message := v.API("PUT", "/api/users/"+user, webtest.Object{"password": word}).Refuses(403, "forbidden", "password").
				Object("error")["message"].(string); !strings.Contains(message, "VirtualKeys:Create") {
				t.Errorf("refused with %q", message)
			}
			v.API("POST", "/api/users/"+user+"/sign-in-link", nil).Refuses(403, "forbidden", "")
			v.API("POST", "/api/users", newUser("new@example.com")).Refuses(403, "forbidden", "password")
		}
		help.Save("/users/"+user, url.Values{"password": {word}}).Refuses(403, "forbidden", "password")
		help.Post("/users/"+user+"/password", url.Values{"password": {word}}).Refuses(403, "forbidden", "password")
		help.Post("/users/"+user+"/sign-in-link", nil).Refuses(403, "forbidden", "")
		help.Post("/users", url.Values{
			"name": {"x"}, "email": {"new@example.com"}, "role_id": {fmt.Sprint(c.RoleID("Small"))}, "password": {word},
		}).Refuses(403, "forbidden", "password")
	})
	offers := func(want int) {
		t.Helper()
		page := help.Get("/users/" + user).Is(200)
		webtest.Same(t, "forms for a password", len(page.All("form", "action", "/users/"+user+"/password")), want)
		webtest.Same(t, "forms for a link", len(page.All("form", "action", "/users/"+user+"/sign-in-link")), want)
		webtest.Same(t, "explained", strings.Contains(string(page.Body), "VirtualKeys:Create too"), want == 0)
		webtest.Same(t, "passwords for a new user", len(help.Get("/users/new").Is(200).All("input", "autocomplete", "new-password")), want)
	}
	offers(0)
	help.API("PUT", "/api/users/"+self, webtest.Object{"password": word}).Is(200)
	help = c.Login("help@example.com")
	help.API("PUT", "/api/users/"+user, webtest.Object{"name": "Another name"}).Is(200)

	c.Exec("INSERT INTO role_permissions (role_id, permission) VALUES (?, 'VirtualKeys:Create')", role)
	offers(1)
	help.API("POST", "/api/users", newUser("new@example.com")).Is(201)
	help.API("PUT", "/api/users/"+user, webtest.Object{"password": word}).Is(200)
	help.API("POST", "/api/users/"+user+"/sign-in-link", nil).Is(201)
}
