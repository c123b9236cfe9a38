package web_test

import (
	"net/url"
	"strings"
	"testing"

	"tollgate/models/identity"
	"tollgate/models/permission"
	"tollgate/models/problem"
	"tollgate/web/webtest"
)

// H-19, H-18: passwords are refused only once it is known that there is another way in, and an emergency exit; then
// right and wrong ones alike, but those of break-glass admins.
func TestEnforcedSignIn(t *testing.T) {
	c := webtest.NewCompany(t)
	c.APIKey().API("PUT", c.Path+"/rules", webtest.Object{"rules": []webtest.Object{{"value": "admins", "role_id": c.RoleID("Admin"), "administrative": true}}}).Is(200)
	c.AddUser("glass@example.com", "Admin")
	byPassword := c.Login(webtest.Admin)
	bySSO := sessionOf(c, c.Returns(webtest.Person("boss", "boss@example.com", "admins")))
	enforce := func(v webtest.Client) webtest.Answer {
		return v.API("PUT", "/api/settings/sign-in", `{"enforce_sso":true}`)
	}
	c.Unchanged(func() {
		enforce(byPassword).Refuses(409, "sso_session_needed", "enforce_sso")
		byPassword.Post("/settings/sign-in/enforce", url.Values{"enforce_sso": {"true"}}).Refuses(409, "sso_session_needed", "enforce_sso")
		enforce(bySSO).Refuses(409, "break_glass_needed", "enforce_sso")
	})
	_, err := identity.SetBreakGlass(t.Context(), c.DB, permission.CLI, "Glass@example.com", true)
	c.Must(err)
	enforce(c.APIKey()).Refuses(409, "sso_session_needed", "enforce_sso")
	glass := c.Login("glass@example.com")
	link := c.APIKey().API("POST", "/api/users/"+c.UserID(webtest.Viewer)+"/sign-in-link", nil).Is(201).Object("sign_in_link")["url"].(string)
	enforce(bySSO).Is(200)

	byPassword.Get("/users").Redirects("/login?next=%2Fusers")
	bySSO.Get("/users").Is(200)
	glass.Get("/users").Is(200)
	for _, password := range []string{webtest.Password, "not the password"} {
		for _, email := range []string{webtest.Admin, "nobody@example.com"} {
			c.Exec("DELETE FROM login_throttles")
			c.Anonymous().Post("/login", webtest.Credentials(email, password)).Refuses(403, "sso_required", "")
			c.Anonymous().With("Authorization", webtest.Basic(email, password)).Get("/api/users").Refuses(403, "sso_required", "")
		}
	}
	c.Anonymous().Post("/sign-in-link", url.Values{"code": {link}}).Refuses(403, "sso_required", "")
	viewer := "/api/users/" + c.UserID(webtest.Viewer)
	c.Unchanged(func() {
		bySSO.API("PUT", viewer, `{"password":"another password"}`).Refuses(403, "sso_required", "")
		bySSO.API("POST", viewer+"/sign-in-link", nil).Refuses(403, "sso_required", "")
		bySSO.API("POST", "/api/users", `{"name":"x","email":"x@example.com","password":"another password"}`).Refuses(403, "sso_required", "")
		bySSO.Post("/settings/password", url.Values{"current_password": {webtest.Password}, "new_password": {"another password"}}).Is(403)
	})
	// The form is folded away, and the buttons stay.
	page := c.Anonymous().Get("/login").Is(200)
	if len(page.All("details")) != 1 || !strings.Contains(string(page.Body), "/login/company") {
		t.Errorf("the sign-in page is %s", page.Body)
	}
	// A break-glass admin is let in, and others see that.
	c.Exec("DELETE FROM login_throttles")
	c.Audits(func() { c.Anonymous().SignIn("glass@example.com", webtest.Password).Get("/users").Is(200) },
		"break_glass - "+c.UserID("glass@example.com")+" glass@example.com")
	if page := string(bySSO.Get("/users").Is(200).Body); !strings.Contains(page, "A break-glass admin signed in at") {
		t.Error("nobody is told")
	}
	// They are out of reach.
	path := "/api/users/" + c.UserID("glass@example.com")
	c.Unchanged(func() {
		bySSO.API("PUT", path+"/deactivate", nil).Refuses(409, "break_glass", "")
		bySSO.API("DELETE", path, nil).Refuses(409, "break_glass", "")
		bySSO.API("PUT", path+"/role", webtest.Object{"role_id": c.RoleID("Viewer")}).Refuses(409, "break_glass", "role_id")
	})
	off := func() error {
		_, err := identity.SetBreakGlass(t.Context(), c.DB, permission.CLI, "glass@example.com", false)
		return err
	}
	if refusal, ok := problem.AsRefusal(off()); !ok || refusal.Problems[0].Code != "break_glass_needed" {
		t.Error("the last break-glass admin is one no more")
	}
	c.APIKey().API("PUT", c.Path, `{"link_by_email":true}`).Is(200)
	c.Returns(webtest.Person("glass", "glass@example.com")).Refuses(403, "link_first", "")
	// The way out.
	bySSO.Post("/settings/sign-in/enforce", url.Values{"enforce_sso": {"false"}}).Redirects("/settings/sign-in")
	c.Exec("DELETE FROM login_throttles")
	c.Anonymous().SignIn(webtest.Admin, webtest.Password).Get("/users").Is(200)
	c.Must(off())
}
