package web_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"tollgate/web/webtest"
)

// H-14: an issuer that leads to an address of the link is refused where it would be dialled.
func TestIssuersOfTheLink(t *testing.T) {
	c := webtest.NewCompany(t)
	program := c.APIKey()
	for _, host := range []string{"169.254.169.254", "[::ffff:169.254.169.254]", "[fe80::1]"} {
		c.Unchanged(func() {
			a := program.API("PUT", c.Path, webtest.Object{"issuer": "https://" + host}).Refuses(400, "discovery_failed", "issuer")
			if !strings.Contains(string(a.Body), "this address may not be called") {
				t.Errorf("%s: %s", host, a.Body)
			}
		})
	}
}

// H-15: a logout token ends sessions of its own provider alone, even when it names the sid and subject of another's.
func TestLogoutOfAnotherProvider(t *testing.T) {
	c, second := webtest.NewCompany(t), webtest.NewOP(t)
	c.APIKey().API("POST", "/api/identity-providers", webtest.Object{
		"slug": "second", "name": "Second", "issuer": second.URL, "client_id": "console", "client_secret": "a client secret",
	}).Is(201)
	ada := sessionOf(c, c.Returns(webtest.With(webtest.Person("ada", "ada@example.com"), "sid", "1")))
	send := func(op *webtest.OP, slug string) webtest.Answer {
		now := time.Now().Unix()
		text, err := json.Marshal(webtest.Object{
			"iss": op.URL, "aud": "console", "iat": now, "exp": now + 120, "jti": uuid.NewString(), "sid": "1", "sub": "ada",
			"events": webtest.Object{"http://schemas.openid.net/event/backchannel-logout": webtest.Object{}},
		})
		c.Must(err)
		return c.Anonymous().Post("/login/"+slug+"/backchannel", url.Values{"logout_token": {op.Sign(string(text))}})
	}
	send(second, "second").Is(200) // it has no such session
	send(second, "company").Is(400)
	ada.Get("/me").Is(200)
	send(c.OP, "company").Is(200)
	ada.Get("/me").Redirects("/login?next=%2Fme")
}

// H-20: an access token of a user who is deactivated is refused within a second on every console, as are the user's
// copies, which a propagation at the same time leaves as they were or wholly as they are to be.
func TestDeactivatedCallers(t *testing.T) {
	g, op, _ := callers(t)
	other, _ := g.Another(g.AppURL())
	call := webtest.Tokened(op.AccessToken("ada"))
	path := "/api/users/" + g.Ada
	profile := fmt.Sprint("/api/access-profiles/", g.Work)
	for round := range 3 {
		for _, c := range []*webtest.Console{g.Console, other} {
			g.Within(func() bool { return g.Admin.At(c).Ask(call)["type"] == "allowed" }, "ada is not back")
		}
		g.Admin.API("PUT", profile, fmt.Sprintf(`{"budgets":[{"max_limit":%d,"reset_duration":"1M"}]}`, 20+round)).Is(200)
		got := webtest.Concurrently(
			func() webtest.Answer { return g.Admin.API("PUT", path+"/deactivate", nil) },
			func() webtest.Answer { return g.Admin.API("POST", profile+"/propagate", `{"fields":["budgets"]}`) },
		)
		webtest.Same(t, "statuses", webtest.Statuses(t, got...), []int{200, 200})
		g.Admin.Decides(call, "access_blocked", 403)
		g.Within(func() bool { return g.Admin.At(other).Ask(call)["type"] == "access_blocked" }, "ada may still call")
		g.Sound()
		g.Admin.API("PUT", path+"/activate", nil).Is(200)
	}
}

// H-33: tokens of a provider that is disabled name no user.
func TestAccessTokensOfDisabledProviders(t *testing.T) {
	g, op, path := callers(t)
	call := webtest.Tokened(op.AccessToken("ada"))
	g.Admin.Decides(call, "allowed", 200)
	g.Admin.API("PUT", path, `{"is_enabled":false}`).Is(200)
	g.Admin.Decides(call, "access_not_found", 401)
	g.Admin.API("PUT", path, `{"is_enabled":true}`).Is(200)
	g.Admin.Decides(call, "allowed", 200)
}

// H-25: names count in any case, also in a value.
func TestDirectoriesDeactivateInAnyCase(t *testing.T) {
	c := webtest.NewConsole(t)
	d := c.Directory("Entra", "Viewer")
	user := d.Provision("ada@example.com")
	d.Patch("/Users/"+user, `{"op":"replace","value":{"Active":"fALSE"}}`).Is(200)
	if c.Account(user)["deactivated_at"] == nil {
		t.Error("the user is still active")
	}
}

// H-31: what a sign-in is made of is in no table, log and page, whether it succeeds or is refused; the secret of the
// provider and the ID token that is kept for signing out are sealed.
func TestSecretsOfSignInsAreNotKept(t *testing.T) {
	c := webtest.NewCompany(t)
	secrets := map[string]string{"the client secret": "a client secret"}
	c.OP.Token = func(payload string) string {
		token := c.OP.Sign(payload)
		secrets[fmt.Sprint("ID token ", len(secrets))] = token
		return token
	}
	signIn := func(claims webtest.Object) webtest.Answer {
		browser, location := c.Leads(c.Anonymous(), "/login/company")
		path := c.OP.Agrees(t, location, claims)
		query, err := url.ParseQuery(path[strings.Index(path, "?")+1:])
		c.Must(err)
		secrets[fmt.Sprint("code ", len(secrets))], secrets[fmt.Sprint("state ", len(secrets))] = query.Get("code"), query.Get("state")
		a := browser.Get(path)
		secrets[fmt.Sprint("verifier ", len(secrets))] = c.OP.Verifier.Load().(string)
		browser.Get(path).Refuses(403, "state_used", "")
		return a
	}
	signIn(webtest.Person("s1", "ada@example.com")).Is(303)
	signIn(webtest.With(webtest.Person("s2", "bob@example.com"), "email_verified", false)).Refuses(403, "email_not_trusted", "")
	admin, id := c.Login(webtest.Admin), strings.TrimPrefix(c.Path, "/api/identity-providers/")
	pages := string(admin.Get("/settings/sign-in/"+id).Is(200).Body) + string(admin.Get("/settings/sign-in/"+id+"/edit").Is(200).Body) +
		string(admin.Get("/audit").Is(200).Body) + string(admin.Get("/users/"+c.UserID("ada@example.com")).Is(200).Body)
	for where, text := range map[string]string{"the database": c.Dump(), "the log": c.Log.String(), "a page": pages} {
		for name, value := range secrets {
			if len(value) < 10 || strings.Contains(text, value) {
				t.Errorf("%s has the %s %q", where, name, value)
			}
		}
	}
	if len(secrets) < 9 {
		t.Errorf("only %d secrets were seen", len(secrets))
	}
}
