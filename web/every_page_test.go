package web_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"tollgate/web"
	"tollgate/web/webtest"
)

// readable is every route that is read, with the address of rows that exist.
func readable(t *testing.T, g webtest.Gateway) map[string]web.Route {
	t.Helper()
	g.Exec("INSERT INTO providers (name, models) VALUES ('groq', '{m}')")
	g.Exec(`INSERT INTO identity_providers (id, slug, name, name_key, issuer, client_id) VALUES (70, 'there', 'There', 'there', 'http://127.0.0.1:1', 'x')`)
	target := g.AddTarget("target@example.com", "Viewer")
	admin := g.UserID(webtest.Admin)
	g.Give(admin, g.Work)
	own := g.Keys(admin)[0]["id"].(string)
	stray := g.Stray()["id"]
	directory := fmt.Sprint(g.Directory("Walked", "Viewer").Connection)
	asked := g.Session.API("POST", "/api/access-requests", `{"model":"groq/llama","reason":"Tests"}`).Is(201).Object("access_request")["id"]
	ids := []struct{ prefix, id string }{
		{"/access-requests/", fmt.Sprint(asked)},
		{"/api-keys/", fmt.Sprint(target.APIKey)},
		{"/users/", target.User},
		{"/scim-connections/", directory},
		{"/provisioning/", directory},
		{"/sign-in/", "70"},
		{"/identity-providers/", "70"},
		{"/roles/", fmt.Sprint(target.Role)},
		{"/tool-groups/", "1"},
		{"/quarantine/", fmt.Sprint(stray)},
		{"/access-profiles/", fmt.Sprint(target.Profile)},
	}
	found := map[string]web.Route{}
	for _, route := range web.Routes(g.H) {
		if route.Method != http.MethodGet || route.Permission == "a SCIM token" {
			continue
		}
		path := route.Path
		if strings.HasPrefix(path, "/me/") {
			path = strings.Replace(path, ":vk_id", own, 1)
		}
		for _, row := range ids {
			path = strings.Replace(path, row.prefix+":id", row.prefix+row.id, 1)
		}
		path = strings.NewReplacer(":token_id", "1", ":copy_id", fmt.Sprint(target.CopyID), ":budget_id", target.Budget, ":vk_id", target.VirtualKey, ":role_id",
			fmt.Sprint(target.Role), ":job", fmt.Sprint(target.Job), ":version", "1", ":handout", "0", ":slug", "nowhere", ":client_id", "github", ":name", "groq").Replace(path)
		if strings.Contains(path, ":") {
			t.Errorf("%s is not walked", route.Path)
		}
		found[path] = route
	}
	return found
}

// A page passes over what others append to its address; the API refuses it.
func TestUnknownParameters(t *testing.T) {
	g := webtest.NewGateway(t)
	g.Session.Get("/access-profiles?limit=10&limit=11").Refuses(400, "duplicate_parameter", "limit")
	for path, route := range readable(t, g) {
		const more = "utm_source=mail&fbclid=x"
		if strings.HasPrefix(path, "/api/") {
			v := g.Admin
			if route.Permission == "a virtual key" {
				v = g.Bearer(g.Key)
			} else if route.Permission == "a user, for their own" {
				v = g.Session
			}
			v.Get(path+"?"+more).Refuses(400, "unknown_parameter", "utm_source")
			continue
		}
		plain := g.Session.Get(path)
		with := g.Session.Get(path + "?" + more + "&utm_source=again")
		if with.StatusCode != plain.StatusCode || with.Header.Get("Location") != plain.Header.Get("Location") {
			t.Errorf("%s: %d %s, with parameters of others %d %s", path, plain.StatusCode, plain.Header.Get("Location"), with.StatusCode, with.Header.Get("Location"))
		}
	}
}

// Every page that asks to sign in leads back to itself with its query.
func TestEverySignInLeadsBack(t *testing.T) {
	g := webtest.NewGateway(t)
	anonymous := g.Anonymous()
	for path, route := range readable(t, g) {
		if route.Permission == "anyone" || strings.HasPrefix(path, "/api") || path == "/metrics" {
			continue
		}
		page := path + "?search=a%26b%2F%2Fc&utm_source=mail"
		asked := anonymous.Get(page).Is(http.StatusSeeOther)
		login := anonymous.Get(asked.Header.Get("Location")).Is(200)
		next := webtest.Attribute(login.One("input", "name", "next"), "value")
		webtest.Same(t, path+": next", next, page)
		form := webtest.Credentials(webtest.Admin, webtest.Password)
		form.Set("next", next)
		anonymous.Post("/login", form).Redirects(page)
		away := anonymous.Get(path + "?next=" + url.QueryEscape("https://evil.example/")).Is(http.StatusSeeOther)
		if to := away.Header.Get("Location"); !strings.HasPrefix(to, "/login?next=%2F") {
			t.Errorf("%s leads to %s", path, to)
		}
	}
}
