package web_test

import (
	"net/url"
	"strings"
	"testing"

	"tollgate/models/identity"
	"tollgate/models/permission"
	"tollgate/web/webtest"
)

// connects begins to connect the company in the browser of a user, and is the browser with the address that it comes
// back to.
func connects(c webtest.Company, v webtest.Client, subject string) (browser webtest.Client, back string) {
	c.T.Helper()
	c.Exec("DELETE FROM login_throttles")
	page := v.Post("/settings/methods/company/connect", nil).Is(200)
	location := strings.TrimPrefix(webtest.Attribute(page.One("meta", "http-equiv", "refresh"), "content"), "0;url=")
	for _, cookie := range page.Cookies() {
		v = v.With("Cookie", v.Header.Get("Cookie")+"; "+cookie.Name+"="+cookie.Value)
	}
	return v, c.OP.Agrees(c.T, location, webtest.Person(subject, subject+"@example.org"))
}

// The admin who made a link might still use its session. Once the user may do more, it changes no sign-in method.
func TestLinksConnectNothingForFurtherRights(t *testing.T) {
	s := webtest.NewGateway(t)
	c := companyAt(s)
	id, browser := newcomer(s.Stage, "nora", "Member")
	begun, back := connects(c, browser, "evil")
	s.SetRole(id, "Admin")
	c.Exec("DELETE FROM login_throttles")
	begun.Get(back).Refuses(403, "link_outdated", "")
	s.Identified(c.Path, "nora", id)
	c.Unchanged(func() {
		browser.Post("/settings/methods/company/connect", nil).Refuses(403, "link_outdated", "")
		browser.Post("/settings/methods/company/disconnect", nil).Refuses(403, "link_outdated", "")
	})
	c.Exec("DELETE FROM user_identities")

	// With what it permitted then, or by a link of now, a user connects it.
	begun, back = connects(c, byLink(s.Stage, id), "nora")
	begun.Get(back).Redirects("/settings/methods")
	c.Exec("DELETE FROM user_identities")
	s.SetRole(id, "Member")
	begun, back = connects(c, browser, "nora")
	begun.Get(back).Redirects("/settings/methods")
	webtest.Same(t, "subjects", c.Count("user_identities WHERE subject = 'nora' AND user_id = ?", id), 1)
}

// While passwords are refused, none is asked for, and none counts as a way to sign in.
func TestSignInMethodsUnderEnforcement(t *testing.T) {
	c := webtest.NewCompany(t, "create_users", false)
	c.AddUser("ada@example.com", "Member")
	c.AddUser("glass@example.com", "Admin")
	c.Identified(c.Path, "ada", c.UserID("ada@example.com"))
	c.Identified(c.Path, "boss", c.UserID(webtest.Admin))
	_, err := identity.SetBreakGlass(t.Context(), c.DB, permission.CLI, "glass@example.com", true)
	c.Must(err)
	glass := c.Login("glass@example.com")
	boss := sessionOf(c, c.Returns(webtest.Person("boss", "boss@example.org")))
	boss.API("PUT", "/api/settings/sign-in", `{"enforce_sso":true}`).Is(200)

	ada := sessionOf(c, c.Returns(webtest.Person("ada", "ada@example.org")))
	asked := func(v webtest.Client) int {
		return len(v.Get("/settings/methods/company").Is(200).All("input", "name", "current_password"))
	}
	webtest.Same(t, "asked for a password", asked(ada), 0)
	disconnect := func() webtest.Answer { return ada.Post("/settings/methods/company/disconnect", nil) }
	disconnect().Refuses(409, "last_method", "")
	second := c.Vouches(webtest.NewOP(t), "second")
	c.Identified(second, "ada", c.UserID("ada@example.com"))
	c.APIKey().API("PUT", second, `{"is_enabled":false}`).Is(200)
	disconnect().Refuses(409, "last_method", "") // the other provider lets no user in
	c.APIKey().API("PUT", second, `{"is_enabled":true}`).Is(200)
	disconnect().Redirects("/settings/methods")
	c.Identified(c.Path, "other", c.UserID("ada@example.com"))
	ada = sessionOf(c, c.Returns(webtest.Person("other", "ada@example.org")))
	begun, back := connects(c, ada, "more")
	begun.Get(back).Redirects("/settings/methods")

	// A break-glass admin has their password, and nothing else.
	webtest.Same(t, "asked for a password", asked(glass), 1)
	glass.Post("/settings/methods/company/connect", nil).Refuses(422, "required", "current_password")
	ada.Post("/settings/password", url.Values{"current_password": {webtest.Password}, "new_password": {"another password"}}).
		Refuses(403, "sso_required", "")
}
