package web_test

import (
	"net/url"
	"strings"
	"testing"

	"tollgate/models/identity"
	"tollgate/models/permission"
	"tollgate/web/webtest"
)

// enforcing is a company with a break-glass admin, and an admin who signed in by the provider.
func enforcing(t *testing.T) (c webtest.Company, boss webtest.Client) {
	t.Helper()
	c = webtest.NewCompany(t)
	c.AddUser("glass@example.com", "Admin")
	c.Identified(c.Path, "boss", c.UserID(webtest.Admin))
	_, err := identity.SetBreakGlass(t.Context(), c.DB, permission.CLI, "glass@example.com", true)
	c.Must(err)
	return c, sessionOf(c, c.Returns(webtest.Person("boss", "boss@example.org")))
}

// Before passwords are refused, the console says what ends; the list alone refuses none.
func TestRefusingPasswordsIsConfirmed(t *testing.T) {
	c, boss := enforcing(t)
	const page = "/settings/sign-in/enforce"
	c.Overdue(webtest.Viewer) // it counts no more
	c.Login(webtest.Viewer)
	viewer := c.Login(webtest.Viewer)
	c.Login("glass@example.com")
	c.APIKey().API("POST", "/api/users/"+c.UserID(webtest.Viewer)+"/sign-in-link", nil).Is(201)
	list := boss.Get("/settings/sign-in").Is(200)
	if len(list.All("form", "action", page)) > 0 || len(list.All("a", "href", page)) != 1 {
		t.Error("the list itself refuses passwords, or does not lead to the page that asks")
	}
	c.Unchanged(func() {
		said := webtest.Text(boss.Get(page).Is(200).One("main"))
		for _, want := range []string{
			"2 sessions that began with a password or a sign-in link end.", "1 sign-in link that no user has used yet ends.",
			"1 user has not connected an identity provider", "Only break-glass admins",
		} {
			if !strings.Contains(said, want) {
				t.Errorf("no %q in %q", want, said)
			}
		}
		viewer.Get(page).Refuses(403, "forbidden", "")
	})
	// It says first why it cannot be done.
	byPassword := c.Login(webtest.Admin)
	blocked := byPassword.Get(page).Is(200)
	if said := webtest.Text(blocked.One("main")); !strings.Contains(said, "Sign in with an identity provider first") || len(blocked.All("form", "action", page)) > 0 {
		t.Errorf("the page says %q", said)
	}
	boss.Post(page, boss.Get(page).Is(200).KeptFields(page)).Redirects("/settings/sign-in")
	webtest.Same(t, "enforced", boss.Get("/api/settings/sign-in").Is(200).Object("sign_in")["enforce_sso"], any(true))
	again := boss.Get(page).Is(200)
	webtest.Same(t, "sent next", again.KeptFields(page), url.Values{"enforce_sso": {"false"}})
	boss.Post(page, again.KeptFields(page)).Redirects("/settings/sign-in")
}

// The switch is on the page also when the list is empty, and the page that deletes the last provider names the effect.
func TestEnforcementWithoutAProvider(t *testing.T) {
	c, boss := enforcing(t)
	switches := func(path string) int {
		return len(boss.Get(path).Is(200).All("a", "href", "/settings/sign-in/enforce"))
	}
	webtest.Same(t, "without a hit", switches("/settings/sign-in?search=zzz"), 1)
	remove := strings.Replace(c.Path, "/api/identity-providers", "/settings/sign-in", 1) + "/delete"
	const only = "only break-glass admins can sign in"
	deletion := func() string { return webtest.Text(boss.Get(remove).Is(200).One("main")) }
	if said := deletion(); strings.Contains(said, only) || !strings.Contains(said, "Without a password") {
		t.Errorf("the page says %q", said)
	}
	boss.API("PUT", "/api/settings/sign-in", `{"enforce_sso":true}`).Is(200)
	if said := deletion(); !strings.Contains(said, only) || !strings.Contains(said, "Without another provider") {
		t.Errorf("the page says %q", said)
	}
	second := c.Vouches(webtest.NewOP(t), "second")
	if said := deletion(); strings.Contains(said, only) {
		t.Errorf("with another provider the page says %q", said)
	}
	glass := c.Login("glass@example.com")
	c.APIKey().API("DELETE", second, nil).Is(200)
	boss.Post(remove, nil).Redirects("/settings/sign-in")
	empty := glass.Get("/settings/sign-in").Is(200)
	said := webtest.Text(empty.One("main"))
	if !strings.Contains(said, "Passwords are refused, so only break-glass admins can sign in.") || strings.Contains(said, "Users sign in with a password") {
		t.Errorf("the list says %q", said)
	}
	webtest.Same(t, "switches", len(empty.All("a", "href", "/settings/sign-in/enforce")), 1)
}

// A session that began at a provider ends when its user becomes a break-glass admin.
func TestBreakGlassEndsSessionsOfProviders(t *testing.T) {
	c := webtest.NewCompany(t)
	c.Identified(c.Path, "boss", c.UserID(webtest.Admin))
	boss, byPassword := sessionOf(c, c.Returns(webtest.Person("boss", "boss@example.org"))), c.Login(webtest.Admin)
	boss.Get("/users").Is(200)
	_, err := identity.SetBreakGlass(t.Context(), c.DB, permission.CLI, webtest.Admin, true)
	c.Must(err)
	boss.Get("/users").Redirects("/login?next=%2Fusers")
	byPassword.Get("/users").Is(200)
}

// A form with a problem keeps that the client secret is to be removed.
func TestRemovalOfTheSecretIsKept(t *testing.T) {
	c := webtest.NewCompany(t)
	admin, page := c.Login(webtest.Admin), strings.Replace(c.Path, "/api/identity-providers", "/settings/sign-in", 1)
	form := admin.Get(page + "/edit").Is(200).Fields("provider-form")
	form.Set("remove_client_secret", "true")
	form.Set("name", "")
	kept := admin.Post(page, form).Refuses(422, "required", "name").Fields("provider-form")
	webtest.Same(t, "ticked", kept.Get("remove_client_secret"), "true")
	kept.Set("name", "Company")
	admin.Post(page, kept).Redirects(page)
	webtest.Same(t, "has a secret", admin.Get(c.Path).Object("identity_provider")["has_client_secret"], any(false))
}
