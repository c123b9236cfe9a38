package web_test

import (
	"bufio"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os/exec"
	"strings"
	"testing"

	"tollgate/web/webtest"
)

// secondProvider starts zitadel/oidc with the console as its client, and returns its issuer.
func secondProvider(t *testing.T, callback string) string {
	t.Helper()
	program := t.TempDir() + "/op"
	if output, err := exec.Command("go", "build", "-C", "../.ci/op", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("build the provider: %v\n%s", err, output)
	}
	command := exec.CommandContext(t.Context(), program, callback)
	output, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { command.Process.Kill(); command.Wait() })
	issuer, err := bufio.NewReader(output).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(issuer)
}

// A provider of another make, whose issuer ends in a slash and which says addresses in UserInfo alone, signs users in.
// The secret is sent in the header and in the form.
func TestSecondProvider(t *testing.T) {
	c := webtest.Company{Console: webtest.NewConsole(t)}
	issuer := secondProvider(t, c.H.SignIns.Callback("zitadel"))
	provider := webtest.Object{
		"slug": "zitadel", "name": "Zitadel", "issuer": issuer, "client_id": "console", "client_secret": "a client secret",
		"email_domains": []string{"zitadel.ch"}, "create_users": true, "default_role_id": c.RoleID("Viewer"),
	}
	admin := c.APIKey()
	admin.API("POST", "/api/identity-providers", webtest.With(provider, "issuer", strings.TrimSuffix(issuer, "/"))).
		Refuses(400, "issuer_mismatch", "issuer")
	made := admin.API("POST", "/api/identity-providers", provider).Is(201).Object("identity_provider")
	path := "/api/identity-providers/" + fmt.Sprint(webtest.Int64ID(made))
	for _, style := range []string{"basic", "post"} {
		admin.API("PUT", path, webtest.Object{"auth_style": style}).Is(200)
		browser, location := c.Leads(c.Anonymous(), "/login/zitadel")
		back := agreesAtZitadel(t, location)
		session := sessionOf(c, browser.Get(back).Redirects("/"))
		session.Get("/access-profiles").Is(200)
		browser.Get(back).Refuses(403, "state_used", "")
	}
	webtest.Same(t, "users", c.Count("users WHERE email = 'test-user@zitadel.ch' AND name = 'Test User'"), 1)
	webtest.Same(t, "subjects", c.Count("user_identities WHERE subject = 'id1'"), 1)
}

// agreesAtZitadel signs the user of the example in, and is the path to which the browser is led back.
func agreesAtZitadel(t *testing.T, location string) string {
	t.Helper()
	jar, _ := cookiejar.New(nil) // never fails
	browser := http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	led := func(response *http.Response, err error) *url.URL {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		next, err := response.Location()
		if err != nil {
			t.Fatalf("%s: %s", response.Request.URL, response.Status)
		}
		return next
	}
	form := led(browser.Get(location))
	back := led(browser.PostForm(form.Scheme+"://"+form.Host+form.Path, url.Values{
		"id": {form.Query().Get("authRequestID")}, "username": {"test-user@localhost"}, "password": {"verysecure"},
	}))
	return led(browser.Get(back.String())).RequestURI()
}
