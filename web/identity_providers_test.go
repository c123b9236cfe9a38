package web_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"tollgate/models/permission"
	"tollgate/web/webtest"
)

// An identity provider is added, changed and deleted by both doors; its secret is never shown.
func TestIdentityProviders(t *testing.T) {
	c := webtest.NewConsole(t)
	op := webtest.NewOP(t)
	for _, door := range webtest.DoorsTo(c, "/settings/sign-in", "POST", "/api/identity-providers") {
		viewer := fmt.Sprint(c.RoleID("Viewer"))
		a := door.Send(url.Values{
			"slug": {door.Name}, "name": {"Company " + door.Name}, "issuer": {op.URL}, "client_id": {door.Name}, "client_secret": {"hush hush"}, "auth_style": {"post"},
			"scopes": {"openid email\r\ngroups"}, "groups_claim": {"groups"}, "trust_email": {"all"}, "email_domains": {"example.com\r\nexample.org"}, "link_by_email": {"true"},
			"create_users": {"true"}, "default_role_id": {viewer}, "max_session": {"8"}, "is_enabled": {"true"},
			"token_audience": {"https://llm.example.com/" + door.Name}, "token_scope": {"llm.call"}, "token_clients": {"chat\r\nide"},
		}, webtest.Object{
			"slug": door.Name, "name": "Company " + door.Name, "issuer": op.URL, "client_id": door.Name, "client_secret": "hush hush", "auth_style": "post",
			"scopes": []string{"openid", "email", "groups"}, "groups_claim": "groups", "trust_email": "all", "email_domains": []string{"example.com", "example.org"}, "link_by_email": true,
			"create_users": true, "default_role_id": c.RoleID("Viewer"), "max_session": 8, "sign_out_there": false, "is_enabled": true,
			"token_audience": "https://llm.example.com/" + door.Name, "token_scope": "llm.call", "token_clients": []string{"chat", "ide"},
		})
		if a.StatusCode != 303 && a.StatusCode != 201 {
			t.Fatalf("%s: %d %s", door.Name, a.StatusCode, a.Body)
		}
	}
	listed := webtest.Objects(c.APIKey().Get("/api/identity-providers").Is(200).JSON()["identity_providers"])
	byForm, byJSON := listed[0], listed[1]
	for _, field := range []string{"id", "slug", "name", "client_id", "token_audience", "created_at", "updated_at"} {
		delete(byForm, field)
		delete(byJSON, field)
	}
	webtest.Same(t, "by form and by JSON", fmt.Sprint(byForm), fmt.Sprint(byJSON))
	webtest.Same(t, "has a secret", byForm["has_client_secret"], any(true))
	if strings.Contains(c.Dump()+c.Log.String(), "hush hush") {
		t.Error("the secret is in the clear")
	}
	var id int64
	c.Scan(&id, "SELECT id FROM identity_providers WHERE slug = 'json'")
	path, page, browser := fmt.Sprint("/api/identity-providers/", id), fmt.Sprint("/settings/sign-in/", id), c.Login(webtest.Admin)
	program := c.APIKey()
	c.Unchanged(func() { program.API("PUT", path, `{"name":"Company json","max_session":8}`).Is(200) })
	for _, bad := range []struct{ body, code, param string }{
		{`{"slug":"other"}`, "read_only", "slug"},
		{`{"issuer":"http://login.example.com"}`, "invalid_url", "issuer"},
		{`{"issuer":"https://login.microsoftonline.com/common/v2.0"}`, "invalid_url", "issuer"},
		{`{"issuer":"https://login.microsoftonline.com/{tenantid}/v2.0"}`, "invalid_url", "issuer"},
		{`{"issuer":"` + op.URL + `/"}`, "issuer_mismatch", "issuer"},
		{`{"issuer":"http://127.0.0.1:1"}`, "discovery_failed", "issuer"},
		{`{"scopes":["email"]}`, "required", "scopes"},
		{`{"scopes":["openid","a b"]}`, "invalid_format", "scopes[1]"},
		{`{"email_domains":["@example.com"]}`, "invalid_format", "email_domains[0]"},
		{`{"email_domains":[]}`, "required", "email_domains"},
		{`{"auth_style":"none"}`, "invalid_field", "auth_style"},
		{`{"connection_id":999}`, "unknown_connection", "connection_id"},
		{`{"connection_id":"x"}`, "wrong_type", "connection_id"},
		{`{"match_claim":""}`, "required", "match_claim"},
		{`{"max_session":13}`, "number_out_of_range", "max_session"},
		{`{"create_users":"yes"}`, "wrong_type", "create_users"},
		{`{"default_role_id":999}`, "unknown_role", "default_role_id"},
		{fmt.Sprintf(`{"default_role_id":%d}`, c.RoleID("Admin")), "administrative_role", "default_role_id"},
		{`{"token_audience":"json"}`, "invalid_field", "token_audience"},
		{`{"token_audience":""}`, "required", "token_audience"},
		{`{"token_audience":null}`, "null_not_allowed", "token_audience"},
		{`{"token_scope":"a b"}`, "invalid_format", "token_scope"},
		{`{"token_clients":["a b"]}`, "invalid_format", "token_clients[0]"},
		{`{"token_clients":"chat"}`, "wrong_type", "token_clients"},
		{`{"Name":"x"}`, "unknown_field", "Name"},
	} {
		c.Unchanged(func() { program.API("PUT", path, bad.body).Refuses(400, bad.code, bad.param) })
	}
	program.API("PUT", path, `{"name":"x","version":7}`).Refuses(412, "version_mismatch", "version")
	program.API("PUT", path, `{"name":"Company form"}`).Refuses(409, "name_taken", "name")
	program.API("PUT", path, `{"token_audience":"https://llm.example.com/form"}`).Refuses(409, "name_taken", "token_audience")
	shown := string(browser.Get(page).Is(200).Body)
	if !strings.Contains(shown, "accepted for https://llm.example.com/json, with the scope llm.call, issued to chat and ide") {
		t.Error("the page does not say which access tokens are accepted")
	}
	program.API("PUT", path, `{"client_secret":null,"version":1}`).Is(200)
	webtest.Same(t, "has a secret", program.Get(path).Object("identity_provider")["has_client_secret"], any(false))
	// A form that is sent as it was shown changes nothing.
	form := browser.Get(page + "/edit").Is(200).Fields("provider-form")
	c.Unchanged(func() { browser.Post(page, form).Redirects(page) })
	browser.Get(page).Is(200)
	program.API("PUT", path, `{"is_enabled":false}`).Is(200)
	c.Exec("INSERT INTO user_identities (provider_id, subject, user_id) VALUES (?, 's', ?)", id, c.UserID(webtest.Viewer))
	program.API("PUT", path, webtest.Object{"issuer": webtest.NewOP(t).URL}).Refuses(409, "in_use", "issuer")
	program.API("DELETE", fmt.Sprint("/api/roles/", c.AddRole("Given")), nil).Is(200)
	browser.Get(page + "/delete").Is(200)
	browser.Post(page+"/delete", nil).Redirects("/settings/sign-in")
	program.Get(path).Refuses(404, "not_found", "")
}

// H-32, H-17: a role is given only by an actor who may do as much, an administrative one only where the rule says so, and it
// stays as long as a rule gives it.
func TestRulesOfProviders(t *testing.T) {
	c := webtest.NewCompany(t)
	permissions := slices.DeleteFunc(permission.AllPermissions(), func(p permission.Permission) bool { return p == "Users:Delete" })
	c.AddRole("Lesser", permissions...)
	c.AddUser("lesser@example.com", "Lesser")
	lesser, admin := c.Login("lesser@example.com"), c.Login(webtest.Admin)
	page := strings.Replace(c.Path, "/api/identity-providers", "/settings/sign-in", 1) + "/rules"
	rule := func(role int64, administrative bool) webtest.Object {
		return webtest.Object{"rules": []webtest.Object{{"value": "admins", "role_id": role, "administrative": administrative}}}
	}
	boss, power := c.RoleID("Admin"), c.AddRole("Power", "Users:View", "Users:Update")
	version := admin.Get(page).Is(200).Fields("rules-form").Get("version")
	c.Unchanged(func() {
		lesser.API("PUT", c.Path+"/rules", rule(boss, true)).Refuses(403, "forbidden", "rules[0].role_id")
		lesser.API("POST", c.Path+"/rules/preview", rule(boss, true)).Refuses(403, "forbidden", "rules[0].role_id")
		lesser.API("PUT", c.Path, webtest.Object{"default_role_id": boss}).Refuses(403, "forbidden", "default_role_id")
		lesser.Post(page, url.Values{"version": {version}, "rules[r1].value": {"admins"}, "rules[r1].role_id": {fmt.Sprint(boss)}, "rules[r1].administrative": {"true"}}).Is(403)
		admin.API("PUT", c.Path+"/rules", rule(boss, false)).Refuses(400, "administrative_role", "rules[0].role_id")
		admin.API("POST", c.Path+"/rules/preview", rule(power, false)).Refuses(400, "administrative_role", "rules[0].role_id")
		admin.API("PUT", c.Path+"/rules", rule(power, false)).Refuses(400, "administrative_role", "rules[0].role_id")
		admin.Post(page, url.Values{"version": {version}, "rules[r1].value": {"admins"}, "rules[r1].role_id": {fmt.Sprint(power)}}).Refuses(422, "administrative_role", "rules[0].role_id")
		admin.API("PUT", c.Path+"/rules", `{"rules":[{"value":"a","role_id":1},{"value":"a","role_id":2}]}`).Refuses(400, "duplicate_value", "rules[1].value")
		admin.API("PUT", c.Path+"/rules", `{"rules":[{"role_id":1}]}`).Refuses(400, "required", "rules[0].value")
		admin.API("PUT", c.Path+"/rules", `{"rules":[null]}`).Is(400)
		admin.API("PUT", c.Path+"/rules", `{}`).Refuses(400, "required", "rules")
	})
	admin.API("PUT", c.Path+"/rules", rule(power, true)).Is(200)
	admin.API("DELETE", fmt.Sprint("/api/roles/", power), nil).Refuses(409, "in_use", "")
	// The buttons of the form add, move and remove rows, and keep what was typed.
	form := admin.Get(page).Is(200).Fields("rules-form")
	form.Set("op", "add")
	added := admin.Post(page, form).Is(200).Fields("rules-form")
	added.Set("rules[r2].value", "first")
	added.Set("rules[r2].role_id", fmt.Sprint(c.RoleID("Viewer")))
	added.Set("op", "up r2")
	var moved webtest.Answer
	c.Unchanged(func() { moved = admin.Post(page, added).Is(200) })
	if text := string(moved.Body); strings.Index(text, "rules[r2].value") > strings.Index(text, "rules[r1].value") {
		t.Error("the rule did not move up")
	}
	sent := moved.Fields("rules-form")
	sent.Set("op", "preview")
	admin.Post(page, admin.Post(page, sent).Is(200).KeptFields(page)).Is(303)
	webtest.Same(t, "rules", len(admin.Get(c.Path).Object("identity_provider")["rules"].([]any)), 2)
	late := admin.Post(page, sent).Refuses(412, "version_mismatch", "")
	sent.Set("version", late.KeptFields(page).Get("version"))
	asked := admin.Post(page, sent).Is(200).KeptFields(page)
	asked.Set("op", "back")
	webtest.Same(t, "rules after going back", len(admin.Post(page, asked).Is(200).All("input", "value", "first")), 1)
	sent.Del("version")
	admin.Post(page, sent).Refuses(400, "required", "version")
}

// Of several things that are wrong the first one is named first, each time.
func TestFirstProblemOfAProvider(t *testing.T) {
	c := webtest.NewCompany(t)
	power := c.AddRole("Power", "Users:View", "Users:Update")
	rules := []webtest.Object{}
	for _, value := range []string{"a", "b", "c", "d"} {
		rules = append(rules, webtest.Object{"value": value, "role_id": power})
	}
	flags := `{"link_by_email":"x","create_users":"x","sign_out_there":"x","is_enabled":"x"}`
	for range 8 {
		c.APIKey().API("PUT", c.Path+"/rules", webtest.Object{"rules": rules}).Refuses(400, "administrative_role", "rules[0].role_id")
		webtest.Same(t, "problems", c.APIKey().API("PUT", c.Path, flags).Is(400).Problems(),
			"wrong_type link_by_email; wrong_type create_users; wrong_type sign_out_there; wrong_type is_enabled")
	}
}

// Try it shows what a sign-in would lead to, and changes nothing. It is for the session that began it alone.
func TestTrySignIn(t *testing.T) {
	c := webtest.NewCompany(t)
	c.APIKey().API("PUT", c.Path+"/rules", webtest.Object{"rules": []webtest.Object{{"value": "engineering", "role_id": c.RoleID("Developer")}}}).Is(200)
	admin, try := c.Login(webtest.Admin), strings.Replace(c.Path, "/api/identity-providers", "/settings/sign-in", 1)+"/try"
	tried := func(claims webtest.Object) string {
		browser, location := c.Leads(admin, try)
		path := c.OP.Agrees(t, location, claims)
		c.Exec("DELETE FROM login_throttles")
		var page webtest.Answer
		changed := c.Changes(func() { page = browser.Get(path).Is(200) })
		if got := strings.Join(changed, " "); got != "used_tokens" && got != "sign_in_refusals used_tokens" {
			t.Errorf("rows changed in %s", got)
		}
		return string(page.Body)
	}
	for text, claims := range map[string]webtest.Object{
		"an account is added or linked for ada@example.com":  webtest.Person("s1", "ada@example.com", "engineering"),
		"The rule for the group engineering":                 webtest.Person("s1", "ada@example.com", "x", "engineering"),
		"No rule fits, so it is the default role":            webtest.Person("s1", "ada@example.com"),
		"Your email address at the provider is not verified": webtest.Person("s1", "ada@elsewhere.example"),
		"There is an account with your address":              webtest.Person("s1", webtest.Admin),
	} {
		if page := tried(claims); !strings.Contains(page, text) {
			t.Errorf("no %q in %s", text, page)
		}
	}
	webtest.Same(t, "users", c.Count("users"), 2)
	// The API says the same of claims that a program names.
	api := c.APIKey()
	c.Unchanged(func() {
		api.API("POST", c.Path+"/try", `{}`).Refuses(400, "required", "subject")
		api.API("POST", c.Path+"/try", `{"subject":"s1","groups":[1]}`).Refuses(400, "wrong_type", "groups[0]")
		for code, body := range map[string]string{
			"":                  `{"subject":"s1","email":"ada@example.com","email_verified":true,"groups":["x","engineering"]}`,
			"email_not_trusted": `{"subject":"s1","email":"ada@elsewhere.example","email_verified":true,"groups":["engineering"]}`,
			"link_first":        `{"subject":"s1","email":"` + webtest.Admin + `","email_verified":true,"groups":["engineering"]}`,
		} {
			got := api.API("POST", c.Path+"/try", body).Is(200).Object("try")
			if got["code"] != code || got["accepted"] != (code == "") || got["rule"] != "engineering" || got["user_id"] != nil {
				t.Errorf("%s leads to %v", body, got)
			}
		}
	})
	browser, location := c.Leads(admin, try)
	path := c.OP.Agrees(t, location, webtest.Person("s1", "ada@example.com"))
	stolen := browser.Header.Get("Cookie")
	other := c.Login("viewer@example.com")
	other.With("Cookie", other.Header.Get("Cookie")+stolen[strings.Index(stolen, ";"):]).Get(path).Refuses(403, "state_mismatch", "")
	c.Login("viewer@example.com").Get(try).Refuses(403, "forbidden", "")
}
