package web_test

import (
	"fmt"
	"strings"
	"testing"

	"tollgate/web/webtest"
)

// The last admin who can sign in keeps the identity provider by which they do.
func TestLastAdminKeepsTheirProvider(t *testing.T) {
	g := webtest.NewGateway(t)
	c := companyAt(g)
	boss := c.UserID(webtest.Admin)
	c.Identified(c.Path, "boss", boss)
	admin := c.Login(webtest.Admin)
	c.Exec("UPDATE users SET password_hash = NULL WHERE id = ?", boss)
	page := strings.Replace(c.Path, "/api/identity-providers", "/settings/sign-in", 1)
	document := webtest.Object{
		"kind": "identity_provider", "slug": "company", "name": "company", "issuer": c.OP.URL, "client_id": "console", "is_enabled": false,
	}
	apply := func(set string, documents ...any) webtest.Answer {
		return g.Admin.API("POST", "/api/config/apply", webtest.Object{"set": set, "prune": true, "documents": documents})
	}
	refused := func() {
		t.Helper()
		c.Unchanged(func() {
			g.Admin.API("DELETE", "/api/users/"+boss+"/identities", nil).Refuses(409, "last_admin", "")
			admin.Post("/users/"+boss+"/identities/delete", nil).Refuses(409, "last_admin", "")
			g.Admin.API("PUT", c.Path, `{"is_enabled":false}`).Refuses(409, "last_admin", "is_enabled")
			form := admin.Get(page + "/edit").Is(200).Fields("provider-form")
			form.Del("is_enabled")
			admin.Post(page, form).Refuses(409, "last_admin", "is_enabled")
			g.Admin.API("DELETE", c.Path, nil).Refuses(409, "last_admin", "")
			said := webtest.Text(admin.Post(page+"/delete", nil).Refuses(409, "last_admin", "").One("main"))
			if !strings.Contains(said, "without this one no admin can sign in") {
				t.Errorf("the page says %q", said)
			}
			apply("sign-in", document).Refuses(400, "last_admin", "documents[0].is_enabled")
		})
	}
	refused()
	// Neither a provider that is disabled nor a user who is no admin is another way.
	second := c.Vouches(webtest.NewOP(t), "second")
	c.Identified(second, "boss", boss)
	g.Admin.API("PUT", second, `{"is_enabled":false}`).Is(200)
	c.Exec("UPDATE users SET password_hash = ? WHERE id = ?", webtest.FixtureHash(), g.Ada)
	refused()
	admin.Post("/settings/methods/company/disconnect", nil).Refuses(409, "last_method", "")

	g.Admin.API("PUT", second, `{"is_enabled":true}`).Is(200)
	g.Admin.API("PUT", c.Path, `{"is_enabled":false}`).Is(200)
	g.Admin.API("DELETE", c.Path, nil).Is(200)
	g.Admin.API("DELETE", second, nil).Refuses(409, "last_admin", "")
	c.AddUser("second@example.com", "Admin")
	g.Admin.API("DELETE", "/api/users/"+boss+"/identities", nil).Is(200)
	g.Admin.API("DELETE", second, nil).Is(200)
}

// A password that is refused is no way in for the last admin.
func TestLastAdminWhosePasswordIsRefused(t *testing.T) {
	c := webtest.NewCompany(t)
	boss := c.UserID(webtest.Admin)
	c.Identified(c.Path, "boss", boss)
	admin := c.APIKey()
	c.Exec("INSERT INTO settings (name, value, updated_at) VALUES ('enforce_sso', 'true', now())")
	c.Unchanged(func() {
		admin.API("DELETE", c.Path, nil).Refuses(409, "last_admin", "")
		admin.API("PUT", c.Path, `{"is_enabled":false}`).Refuses(409, "last_admin", "is_enabled")
		admin.API("DELETE", "/api/users/"+boss+"/identities", nil).Refuses(409, "last_admin", "")
	})
	c.AddUser("glass@example.com", "Admin")
	c.Exec("UPDATE users SET break_glass = true WHERE email = 'glass@example.com'")
	admin.API("PUT", c.Path, `{"is_enabled":false}`).Is(200)
	admin.API("PUT", c.Path, `{"is_enabled":true}`).Is(200)
	c.Exec("UPDATE users SET break_glass = false")
	admin.API("DELETE", c.Path, nil).Refuses(409, "last_admin", "")
	c.Exec("DELETE FROM settings WHERE name = 'enforce_sso'")
	admin.API("DELETE", c.Path, nil).Is(200)
}

// While no admin can sign in yet, as on a console that is set up by files, providers are disabled and deleted.
func TestProvidersBeforeAnAdminCanSignIn(t *testing.T) {
	g := webtest.NewGateway(t)
	c := companyAt(g)
	boss := c.UserID(webtest.Admin)
	c.Exec("UPDATE users SET password_hash = NULL WHERE id = ?", boss)
	set := func(enabled bool) webtest.Answer {
		return g.Admin.API("PUT", c.Path, webtest.Object{"is_enabled": enabled})
	}
	set(false).Is(200)
	c.Identified(c.Path, "boss", boss)
	g.Admin.API("DELETE", "/api/users/"+boss+"/identities", nil).Is(200)
	set(true).Is(200)
	document := webtest.Object{
		"kind": "identity_provider", "slug": "company", "name": "company", "issuer": c.OP.URL, "client_id": "console", "is_enabled": false,
	}
	g.Admin.API("POST", "/api/config/apply", webtest.Object{"set": "sign-in", "documents": []any{document}}).Is(200)
	set(true).Is(200)
	g.Admin.API("DELETE", c.Path, nil).Is(200)
}

// Of two changes at once that would each leave the other's admin, one is refused.
func TestLastAdminsAreCutOffOneByOne(t *testing.T) {
	s := webtest.NewGateway(t)
	one := s.UserID(webtest.Admin)
	s.AddUser("second@example.com", "Admin")
	two := s.UserID("second@example.com")
	op := webtest.NewOP(t)
	first, second := s.Vouches(op, "first", "token_audience", ""), s.Vouches(op, "second", "token_audience", "")
	s.Exec("UPDATE users SET password_hash = NULL WHERE id IN (?, ?)", one, two)
	for round := range webtest.Rounds() {
		s.Identified(first, fmt.Sprint("one", round), one)
		s.Identified(second, fmt.Sprint("two", round), two)
		apart := func() webtest.Answer { return s.Admin.API("DELETE", "/api/users/"+two+"/identities", nil) }
		off := func() webtest.Answer { return s.Admin.API("PUT", first, `{"is_enabled":false}`) }
		a, b := s.Contend(round, "roles", s.RoleID("Admin"), off, apart)
		got := webtest.Statuses(t, a, b)
		if got[0]+got[1] != 200+409 {
			t.Fatalf("round %d: %v", round, got)
		}
		s.Exec("DELETE FROM user_identities")
		s.Exec("UPDATE identity_providers SET is_enabled = true")
	}
}

// Rules keep users out to whom they give no role, but not the last admin.
func TestRulesLetTheLastAdminIn(t *testing.T) {
	c := webtest.NewCompany(t, "default_role_id", nil)
	boss := c.UserID(webtest.Admin)
	c.Identified(c.Path, "boss", boss)
	c.Exec("UPDATE users SET password_hash = NULL WHERE id = ?", boss)
	c.APIKey().API("PUT", c.Path+"/rules", webtest.Object{"rules": []webtest.Object{
		{"value": "engineering", "role_id": c.RoleID("Developer")},
	}}).Is(200)
	back := func() webtest.Answer { return c.Returns(webtest.Person("boss", webtest.Admin, "sales")) }
	session := sessionOf(c, back())
	session.Get("/users").Is(200)
	webtest.Same(t, "listed", strings.HasPrefix(refusedLast(c), "last_admin "), true)
	sessionOf(c, back()).Get("/users").Is(200)

	c.AddUser("second@example.com", "Admin")
	back().Refuses(403, "no_role", "")
	session.Get("/users").Redirects("/login?next=%2Fusers")
	c.Exec("UPDATE users SET deactivated_at = now() WHERE email = 'second@example.com'")
	sessionOf(c, back()).Get("/users").Is(200)
	webtest.Same(t, "role", c.RoleOf(webtest.Admin), "Admin")

	// Another admin who is known to be kept out as well does not count.
	c.Exec("UPDATE users SET deactivated_at = NULL, password_hash = NULL WHERE email = 'second@example.com'")
	c.Identified(c.Path, "second", c.UserID("second@example.com"))
	back().Refuses(403, "no_role", "")
	c.Returns(webtest.Person("second", "second@example.com", "sales")).Is(303)
	back().Is(303)
}
