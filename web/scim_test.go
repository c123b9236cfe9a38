package web_test

import (
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"tollgate/models/permission"
	"tollgate/models/purge"
	"tollgate/web/webtest"
)

// A token works for its own connection, within its scopes, below /scim/v2 alone, and no other credential works there.
func TestSCIMCredentials(t *testing.T) {
	c := webtest.NewConsole(t)
	a, b := c.Directory("Okta", "Viewer"), c.Directory("Entra", "Viewer")
	admin := c.Login(webtest.Admin)
	ofB := b.Provision("b@example.com")
	a.SCIM("GET", "/Users/"+ofB, nil).RefusesSCIM(404, "")
	a.Patch("/Users/"+ofB, `{"op":"replace","path":"active","value":false}`).RefusesSCIM(404, "")
	a.SCIM("DELETE", "/Users/"+ofB, nil).RefusesSCIM(404, "")
	a.SCIM("PUT", "/Users/"+ofB, webtest.Object{"userName": "b@example.com"}).RefusesSCIM(404, "")
	webtest.Same(t, "users that a sees", a.SCIM("GET", "/Users", nil).JSON()["totalResults"], 0.0)

	a.API("GET", "/api/users", nil).Refuses(401, "unauthenticated", "")
	a.API("POST", "/api/decisions", webtest.Object{"user_id": ofB, "model": "openai/gpt-5"}).Refuses(401, "unauthenticated", "")
	admin.Get("/scim/v2/Users").RefusesSCIM(401, "")
	if got := c.APIKey().Get("/scim/v2/Users").RefusesSCIM(401, "").Header.Values("WWW-Authenticate"); len(got) != 1 {
		t.Errorf("WWW-Authenticate: %q", got)
	}
	c.Anonymous().With("Authorization", webtest.Basic(webtest.Admin, webtest.Password)).Get("/scim/v2/Users").RefusesSCIM(401, "")

	tokens := fmt.Sprintf("/api/scim-connections/%d/tokens", a.Connection)
	made := admin.API("POST", tokens, webtest.Object{"scopes": []string{"users:read"}}).Is(201)
	reader := webtest.Directory{Client: c.Anonymous().With("Authorization", "Bearer "+made.JSON()["token"].(string)), Connection: a.Connection}
	user := a.Provision("a@example.com")
	func() { // whose use cannot be noted now
		locked, err := c.Owner().BeginTx(t.Context(), nil)
		c.Must(err)
		defer locked.Rollback()
		_, err = locked.Exec("SELECT FROM scim_tokens FOR UPDATE")
		c.Must(err)
		reader.SCIM("GET", "/Users/"+user, nil).Is(200)
	}()
	c.Eventually("its use", func() bool {
		reader.SCIM("GET", "/Users/"+user, nil).Is(200)
		return c.Count("scim_tokens WHERE last_used_at IS NULL AND token_prefix = ?", made.Object("scim_token")["token_prefix"]) == 0
	})
	reader.Patch("/Users/"+user, `{"op":"replace","path":"active","value":false}`).RefusesSCIM(403, "")
	reader.SCIM("POST", "/Users", webtest.Object{"userName": "x@example.com"}).RefusesSCIM(403, "")
	admin.API("POST", tokens, webtest.Object{}).Refuses(409, "too_many_tokens", "")
	admin.API("DELETE", fmt.Sprint(tokens, "/", made.Object("scim_token")["id"]), nil).Is(200)
	reader.SCIM("GET", "/Users", nil).RefusesSCIM(401, "")
	c.Exec("UPDATE scim_tokens SET expires_at = now() - interval '1 second' WHERE connection_id = ?", a.Connection)
	a.SCIM("GET", "/Users", nil).RefusesSCIM(401, "")
	admin.API("POST", tokens, webtest.Object{}).Is(201)

	admin.API("PUT", fmt.Sprint("/api/scim-connections/", b.Connection), webtest.Object{"is_enabled": false}).Is(200)
	b.SCIM("GET", "/Users", nil).RefusesSCIM(403, "")
	path := "/api/scim-connections/" + fmt.Sprint(b.Connection)
	c.APIKey(permission.ViewSettings, permission.UpdateSettings).API("POST", path+"/tokens", webtest.Object{}).Refuses(403, "forbidden", "")
}

// A connection may ask often, and then has to wait; another one need not.
func TestSCIMPace(t *testing.T) {
	c := webtest.NewConsole(t)
	a, b := c.Directory("Okta", "Viewer"), c.Directory("Entra", "Viewer")
	asks := func(n int) map[int]int {
		return webtest.Parallel(n, func() int { return a.Get("/scim/v2/ResourceTypes").StatusCode })
	}
	if answers := asks(100); answers[200]+answers[503] != 100 {
		t.Errorf("answers to 100: %v", answers)
	}
	c.Eventually("a connection has to wait", func() bool { return asks(200)[429] > 0 })
	b.Get("/scim/v2/ResourceTypes").Is(200)
	a.Patient("GET", "/ResourceTypes", "", "").Is(200)
}

// What is refused changes nothing, and says why in the form of the protocol.
func TestSCIMRefusals(t *testing.T) {
	c := webtest.NewConsole(t)
	d := c.Directory("Okta", "Viewer", webtest.Object{"email_domains": []string{"example.com"}})
	user := d.Provision("kim@example.com", webtest.Object{"externalId": "k"})
	d.Provision("max@example.com")
	many := make([]string, 1001)
	for i := range many {
		many[i] = `{"op":"replace","path":"displayName","value":"x"}`
	}
	patch := func(operations ...string) func() webtest.Answer {
		return func() webtest.Answer { return d.Patch("/Users/"+user, operations...) }
	}
	post := func(body string) func() webtest.Answer {
		return func() webtest.Answer { return d.SCIM("POST", "/Users", body) }
	}
	for name, test := range map[string]struct {
		ask    func() webtest.Answer
		status int
		kind   string
	}{
		"address of a local user":       {post(`{"userName":"` + webtest.Viewer + `"}`), 409, "uniqueness"},
		"address of another":            {patch(`{"op":"add","path":"emails[type eq \"work\"].value","value":"MAX@example.com"}`), 409, "uniqueness"},
		"userName of another":           {patch(`{"op":"replace","path":"userName","value":"MAX@example.com"}`), 409, "uniqueness"},
		"no address":                    {post(`{"userName":"kim"}`), 400, "invalidValue"},
		"address of another domain":     {post(`{"userName":"kim@example.com.evil.example"}`), 400, "invalidValue"},
		"domain after two signs":        {post(`{"userName":"kim@evil.example@example.com"}`), 400, "invalidValue"},
		"full-width address":            {post(`{"userName":"ｋim@example.com"}`), 400, "invalidValue"},
		"invisible name":                {post(`{"userName":"n@example.com","displayName":"a\u200bb"}`), 400, "invalidValue"},
		"roles":                         {post(`{"userName":"n@example.com","roles":[{"value":"Admin"}]}`), 400, "invalidValue"},
		"name twice, deep":              {post(`{"userName":"n@example.com","name":{"givenName":"a","GIVENNAME":"b"}}`), 400, "invalidSyntax"},
		"half a surrogate":              {post(`{"userName":"n@example.com","displayName":"\ud800"}`), 400, "invalidSyntax"},
		"1,001 operations":              {patch(many...), 413, ""},
		"more than 16 KiB":              {patch(`{"op":"add","path":"emails","value":[` + strings.Repeat(`{"value":"a@example.com","type":"`+strings.Repeat("x", 200)+`"},`, 1) + `{"value":"` + strings.Repeat("a", 300) + `@example.com"}]}`), 400, "invalidValue"},
		"filter by what is not kept":    {func() webtest.Answer { return d.SCIM("GET", `/Users?filter=title eq "x"`, nil) }, 400, "invalidFilter"},
		"filter of a part that is none": {func() webtest.Answer { return d.SCIM("GET", `/Users?filter=emails[display eq "x"]`, nil) }, 400, "invalidFilter"},
		"time that is none":             {func() webtest.Answer { return d.SCIM("GET", `/Users?filter=meta.created gt "soon"`, nil) }, 400, "invalidFilter"},
		"sorted":                        {func() webtest.Answer { return d.SCIM("GET", "/Users?sortBy=userName", nil) }, 501, ""},
		"bulk":                          {func() webtest.Answer { return d.SCIM("POST", "/Bulk", `{}`) }, 501, ""},
		"me":                            {func() webtest.Answer { return d.SCIM("GET", "/Me", nil) }, 501, ""},
		"no such path":                  {func() webtest.Answer { return d.SCIM("GET", "/Nothing", nil) }, 404, ""},
		"wrong method":                  {func() webtest.Answer { return d.SCIM("PUT", "/Users", `{}`) }, 405, ""},
	} {
		t.Run(name, func(t *testing.T) {
			c.T, d.T = t, t
			before := c.ProvisionedState()
			test.ask().RefusesSCIM(test.status, test.kind)
			if c.ProvisionedState() != before {
				t.Error("a refused request has changed something")
			}
		})
	}
}

// The last admin is out of a directory's reach.
func TestSCIMKeepsTheLastAdmin(t *testing.T) {
	c := webtest.NewConsole(t)
	d := c.Directory("Okta", "Viewer")
	user := d.Provision("boss@example.com")
	c.Exec("UPDATE users SET role_id = ? WHERE id = ?", c.RoleID("Admin"), user)
	c.Exec("UPDATE users SET deactivated_at = now() WHERE email = ?", webtest.Admin)
	before := c.ProvisionedState()
	for _, operation := range []string{
		`{"op":"replace","path":"active","value":false}`, `{"op":"replace","path":"userName","value":"x@example.com"}`,
		`{"op":"replace","path":"displayName","value":"Somebody"}`,
	} {
		d.Patch("/Users/"+user, operation).RefusesSCIM(409, "mutability")
	}
	d.SCIM("DELETE", "/Users/"+user, nil).RefusesSCIM(409, "mutability")
	d.SCIM("PUT", "/Users/"+user, webtest.Object{"userName": "boss@example.com", "active": false}).RefusesSCIM(409, "mutability")
	if c.ProvisionedState() != before {
		t.Error("the last admin was changed")
	}
	d.Patch("/Users/"+user, `{"op":"add","path":"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department","value":"R&D"}`).Is(200)
	c.Exec("UPDATE users SET deactivated_at = NULL WHERE email = ?", webtest.Admin)
	d.SCIM("DELETE", "/Users/"+user, nil).Is(204)
}

// Of requests for one userName at the same time one makes the user.
func TestSCIMUserIsMadeOnce(t *testing.T) {
	c := webtest.NewConsole(t)
	d := c.Directory("Okta", "Viewer")
	answers := webtest.Parallel(32, func() int {
		return d.SCIM("POST", "/Users", webtest.Object{"userName": "kim@example.com"}).StatusCode
	})
	made := func(answers map[int]int, of int) {
		t.Helper()
		// Of one that was put off when it was made, the user is there when it comes again.
		if answers[201] > 1 || answers[201]+answers[409] != of || c.Count("users WHERE email = 'kim@example.com' AND deactivated_at IS NULL") != 1 {
			t.Errorf("answers: %v", answers)
		}
	}
	made(answers, 32)
	d.SCIM("DELETE", "/Users/"+c.UserID("kim@example.com"), nil).Is(204)
	answers = webtest.Parallel(16, func() int {
		return d.SCIM("POST", "/Users", webtest.Object{"userName": "kim@example.com"}).StatusCode
	})
	made(answers, 16)
}

// Within the retention a user comes back as the same one, with what was used; after it they begin anew, and who was
// deleted is deleted here.
func TestSCIMLeaversComeBack(t *testing.T) {
	g := webtest.NewGateway(t)
	d := g.Directory("Okta", "Viewer")
	user := d.Provision("kim@example.com", webtest.Object{"externalId": "k-1"})
	_, key := g.Give(user, g.Work)
	g.Admin.Counted(webtest.Event(key, "cost", 8))
	g.Admin.Decides(webtest.Model(key), "budget_exceeded", 402)
	d.SCIM("DELETE", "/Users/"+user, nil).Is(204)
	d.SCIM("GET", "/Users/"+user, nil).Is(404)
	g.Admin.Decides(webtest.Model(key), "access_blocked", 403)
	webtest.Same(t, "the same user", d.Provision("kim.lee@example.com", webtest.Object{"externalId": "k-1"}), user)
	g.Admin.Decides(webtest.Model(key), "budget_exceeded", 402)
	webtest.Same(t, "address", g.Account(user)["email"], any("kim.lee@example.com"))

	d.Patch("/Users/"+user, `{"op":"replace","path":"active","value":false}`).Is(200)
	g.Exec("UPDATE users SET deactivated_at = now() - interval '31 days' WHERE id = ?", user)
	d.Patch("/Users/"+user, `{"op":"replace","path":"active","value":true}`).Is(200)
	g.Admin.Decides(webtest.Model(key), "access_not_found", 401)
	webtest.Same(t, "copies", len(g.Copies(user)), 0)

	sweep := func() {
		g.Exec("UPDATE scim_purging SET purged_at = NULL, lease_until = to_timestamp(0)")
		g.Must(purge.NewWorker(g.DB, slog.New(slog.DiscardHandler)).Purge(t.Context()))
	}
	d.SCIM("DELETE", "/Users/"+user, nil).Is(204)
	g.Exec("UPDATE users SET left_at = now() - interval '29 days' WHERE id = ?", user)
	sweep()
	g.Admin.Get("/api/users/" + user).Is(200)
	g.Exec("UPDATE users SET left_at = now() - interval '31 days' WHERE id = ?", user)
	g.Must(purge.NewWorker(g.DB, slog.New(slog.DiscardHandler)).Purge(t.Context()))
	g.Admin.Get("/api/users/" + user).Is(200) // it was done within the hour
	sweep()
	g.Admin.Get("/api/users/" + user).Is(404)
	webtest.Same(t, "audit rows", g.Admin.Get("/api/access-profiles/audit-logs?action=purge").Is(200).JSON()["total_count"], any(1.0))
	if d.Provision("kim.lee@example.com") == user {
		t.Error("the purged user came back")
	}
}

// Name, address and role of a user of a directory are changed there; the console gives users to it and takes them back.
func TestManagedUsers(t *testing.T) {
	c := webtest.NewConsole(t)
	d := c.Directory("Okta", "Developer", webtest.Object{"email_domains": []string{"example.com"}})
	admin := c.Login(webtest.Admin)
	viewer := c.UserID(webtest.Viewer)
	managed := "/api/users/" + viewer
	admin.API("PUT", managed+"/release", nil).Refuses(409, "not_managed", "")
	got := admin.API("PUT", managed+"/hand-over", webtest.Object{"connection_id": d.Connection}).Is(200).Object("user")
	if got["role"] != "Developer" || got["connection_id"] != float64(d.Connection) {
		t.Errorf("handed over: %v", got)
	}
	c.Enters(t, webtest.Viewer, webtest.Password, false)
	admin.API("PUT", managed, webtest.Object{"name": "Other"}).Refuses(409, "managed", "")
	admin.API("PUT", managed, webtest.Object{"email": "o@example.com"}).Refuses(409, "managed", "")
	admin.API("PUT", managed+"/role", webtest.Object{"role_id": c.RoleID("Viewer")}).Refuses(409, "managed", "role_id")
	admin.API("DELETE", managed, nil).Refuses(409, "managed", "")
	admin.API("PUT", managed+"/hand-over", webtest.Object{"connection_id": d.Connection}).Refuses(409, "managed", "")
	page := admin.Get("/users/" + viewer).Is(200)
	if len(page.All("form", "action", "/users/"+viewer+"/role")) != 0 || len(page.All("form", "action", "/users/"+viewer+"/release")) != 1 {
		t.Error("the page lets the role be changed, or the user not be released")
	}
	found := d.SCIM("GET", `/Users?filter=userName eq "`+strings.ToUpper(webtest.Viewer)+`"`, nil).Is(200).JSON()
	webtest.Same(t, "found by the directory", found["totalResults"], any(1.0))
	d.Patch("/Users/"+viewer, `{"op":"replace","path":"displayName","value":"Vera Viewer"}`).Is(200)
	webtest.Same(t, "name", c.Account(viewer)["name"], any("Vera Viewer"))
	admin.API("PUT", managed, c.Account(viewer)).Is(200) // nothing differs
	known := d.With("If-None-Match", d.SCIM("GET", "/Users/"+viewer, nil).Header.Get("ETag"))
	known.Get("/scim/v2/Users/" + viewer).Is(304)
	admin.API("PUT", managed+"/deactivate", nil).Is(200)
	webtest.Same(t, "active", known.Get("/scim/v2/Users/" + viewer).Is(200).JSON()["active"], any(false))
	admin.API("PUT", managed+"/activate", nil).Is(200)
	released := admin.API("PUT", managed+"/release", nil).Is(200).Object("user")
	if released["role"] != "Developer" || released["connection_id"] != nil {
		t.Errorf("released: %v", released)
	}
	d.SCIM("GET", "/Users/"+viewer, nil).Is(404)
	admin.API("PUT", managed, webtest.Object{"name": "Viewer"}).Is(200)

	admin.API("PUT", "/api/users/"+c.UserID(webtest.Admin)+"/hand-over", webtest.Object{"connection_id": d.Connection}).Refuses(409, "own_account", "")
	c.AddUser("far@other.example", "Viewer")
	admin.API("PUT", "/api/users/"+c.UserID("far@other.example")+"/hand-over", webtest.Object{"connection_id": d.Connection}).
		Refuses(400, "foreign_domain", "connection_id")
	admin.API("PUT", managed+"/hand-over", webtest.Object{"connection_id": 999}).Refuses(400, "unknown_connection", "connection_id")
	c.AddUser("other@example.com", "Admin")
	done := admin.API("POST", fmt.Sprintf("/api/scim-connections/%d/hand-over", d.Connection), webtest.Object{"email_domain": "EXAMPLE.com"}).Is(200).JSON()
	if !slices.Equal(done["user_ids"].([]any), []any{viewer}) || done["skipped_users"] != 2.0 {
		t.Errorf("handed over by domain: %v", done)
	}
	admin.API("DELETE", fmt.Sprint("/api/scim-connections/", d.Connection), nil).Is(200)
	if left := c.Account(viewer); left["connection_id"] != nil || left["role"] != "Developer" {
		t.Errorf("after the connection: %v", left)
	}
	d.SCIM("GET", "/Users", nil).RefusesSCIM(401, "")
}

// Filters find what they describe.
func TestSCIMFilters(t *testing.T) {
	c := webtest.NewConsole(t)
	d := c.Directory("Okta", "Viewer")
	d.Provision("ada@example.com", webtest.Object{
		"externalId": "A1", "displayName": "Ada Straße", "name": webtest.Object{"familyName": "Lovelace"},
		"emails": []webtest.Object{{"value": "ada@example.com", "type": "work", "primary": true}, {"value": "a@home.example", "type": "home"}},
		"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": webtest.Object{"department": "R%D"},
	})
	d.Provision("bob_b@example.com", webtest.Object{"active": false})
	for filter, want := range map[string]float64{
		`userName eq "ADA@EXAMPLE.com"`: 1, `userName sw "ada"`: 1, `userName co "_"`: 1, `userName ew ".com"`: 2, `userName ne "ada@example.com"`: 1,
		`externalId eq "a1"`: 0, `externalId eq "A1"`: 1, `externalId pr`: 1, `not (externalId pr)`: 1, `displayName co "STRASSE" or displayName co "straße"`: 1,
		`active eq "False"`: 1, `active ne false`: 1, `name.familyName gt "a" and name.familyName lt "z"`: 1,
		`emails[type eq "home"].value eq "A@HOME.example"`: 1, `emails[type eq "home"].value eq "ada@example.com"`: 0, `emails[type eq "home" and primary eq true]`: 0,
		`emails[primary eq "True"]`: 1, `emails co "home"`: 1, `urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department sw "R%"`: 1,
		`urn:ietf:params:scim:schemas:core:2.0:User:userName eq "ada@example.com"`: 1, `displayName eq null`: 1, `displayName ne null`: 1,
		`meta.created gt "2020-01-01T00:00:00Z" and (active eq true or userName sw "bob")`: 2, `id eq "` + c.UserID("ada@example.com") + `"`: 1, `id eq "nobody"`: 0,
	} {
		if got := d.SCIM("GET", "/Users?filter="+strings.ReplaceAll(filter, "&", "%26"), nil).Is(200).JSON()["totalResults"]; got != want {
			t.Errorf("%s: %v, want %v", filter, got, want)
		}
	}
}

// The schemas declare exactly what an answer can have.
func TestSCIMSchemas(t *testing.T) {
	c := webtest.NewConsole(t)
	d := c.Directory("Okta", "Viewer")
	extension := "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
	parts := func(names ...string) webtest.Object {
		o := webtest.Object{}
		for _, name := range names {
			o[name] = "x"
		}
		return o
	}
	user := d.Provision("ada@example.com", webtest.Object{
		"externalId": "1", "displayName": "Ada", "title": "Boss",
		"name":    parts("formatted", "familyName", "givenName", "middleName", "honorificPrefix", "honorificSuffix", "nickName"),
		"emails":  []webtest.Object{{"value": "ada@example.com", "type": "work", "primary": true, "display": "x"}},
		extension: parts("department", "costCenter", "employeeNumber", "division"),
	})
	answered := d.SCIM("GET", "/Users/"+user, nil).Is(200).JSON()
	for id, got := range map[string]any{"urn:ietf:params:scim:schemas:core:2.0:User": answered, extension: answered[extension]} {
		declared := []string{}
		for _, attribute := range d.SCIM("GET", "/Schemas/"+id, nil).Is(200).JSON()["attributes"].([]any) {
			declared = append(declared, attribute.(map[string]any)["name"].(string))
		}
		kept := slices.DeleteFunc(slices.Sorted(maps.Keys(got.(map[string]any))), func(name string) bool {
			return slices.Contains([]string{"schemas", "id", "meta", "externalId", extension}, name)
		})
		slices.Sort(declared)
		webtest.Same(t, id, fmt.Sprint(declared), fmt.Sprint(kept))
	}
	d.SCIM("GET", "/Schemas/urn:x", nil).RefusesSCIM(404, "")
	only := d.SCIM("GET", "/Users/"+user+"?attributes=emails.value", nil).Is(200).JSON()
	webtest.Same(t, "attributes asked for", fmt.Sprint(slices.Sorted(maps.Keys(only))), "[emails id schemas]")
	without := d.SCIM("GET", "/Users/"+user+"?excludedAttributes=name,emails", nil).Is(200).JSON()
	if without["name"] != nil || without["emails"] != nil || without["userName"] == nil {
		t.Errorf("without some attributes: %v", without)
	}
}

// Neither a password that a directory sends nor its token is kept anywhere.
func TestSCIMSecretsAreNotKept(t *testing.T) {
	c := webtest.NewConsole(t)
	d := c.Directory("Okta", "Viewer")
	const sent = "Zq8-not-for-us"
	user := d.Provision("ada@example.com", webtest.Object{"password": sent})
	d.Patch("/Users/"+user, `{"op":"add","path":"password","value":"`+sent+`"}`).Is(200)
	d.SCIM("GET", `/Users?filter=password eq "`+sent+`"`, nil).Is(400)
	c.Enters(t, "ada@example.com", sent, false)
	token := strings.TrimPrefix(d.Header.Get("Authorization"), "Bearer ")
	for name, text := range map[string]string{"the database": c.Dump(), "the log": c.Log.String()} {
		if strings.Contains(text, sent) || strings.Contains(text, token) {
			t.Errorf("%s has a secret", name)
		}
	}
	if d.SCIM("GET", "/Users/"+user, nil).Header.Get("ETag") != `W/"1"` {
		t.Error("a password that is not kept made a version")
	}
}

// The page of a connection makes tokens, which are shown once, and the form comes back with what is wrong.
func TestConnectionPages(t *testing.T) {
	c := webtest.NewConsole(t)
	admin := c.Login(webtest.Admin)
	role := fmt.Sprint(c.RoleID("Viewer"))
	form := map[string][]string{"name": {"Okta"}, "default_role_id": {role}, "email_domains": {"Example.com\nother.example\n"}, "retention_days": {"14"}, "is_enabled": {"true"}}
	made := admin.Post("/settings/provisioning", form).Is(http.StatusSeeOther).Header.Get("Location")
	page := admin.Get(made).Is(200)
	if !strings.Contains(string(page.Body), c.Base+"/scim/v2") || !strings.Contains(string(page.Body), "example.com, other.example") {
		t.Errorf("%s", page.Body)
	}
	admin.Post("/settings/provisioning", form).Refuses(409, "name_taken", "name")
	form["default_role_id"] = []string{fmt.Sprint(c.RoleID("Admin"))}
	form["name"] = []string{"Entra"}
	admin.Post("/settings/provisioning", form).Refuses(422, "administrative_role", "default_role_id")
	form["email_domains"], form["retention_days"] = []string{"example.com\n@x"}, []string{"0"}
	problems := admin.Post("/settings/provisioning", form).Is(422)
	webtest.Same(t, "problems", len(problems.All("p", "class", "field-error")), 2)

	value := admin.Post(made+"/tokens", map[string][]string{"scopes": {"users:read", "users:write"}}).Is(http.StatusSeeOther).Header.Get("Location")
	secret := webtest.Text(admin.Get(value).Is(200).One("code", "id", "secret"))
	if !strings.HasPrefix(secret, "tgs_") {
		t.Errorf("the secret is %q", secret)
	}
	c.Login(webtest.Admin).Get(value).Redirects(made) // another session is not shown it
	admin.Post(made+"/tokens", map[string][]string{"scopes": {"everything"}}).Refuses(422, "unknown_scope", "scopes[0]")
	admin.Save(made, map[string][]string{"name": {"Okta"}, "default_role_id": {role}, "retention_days": {"30"}}).Redirects(made)
	webtest.Same(t, "off", len(admin.Get("/settings/provisioning").Is(200).All("tr")), 2)
	listed := c.APIKey().Get("/api/scim-connections?search=okt").Is(200).JSON()["scim_connections"].([]any)[0].(map[string]any)
	if listed["is_enabled"] != false || len(listed["email_domains"].([]any)) != 0 || listed["retention_days"] != 30.0 {
		t.Errorf("%v", listed)
	}
	held := c.AddRole("Handed out")
	admin.API("PUT", "/api"+strings.Replace(made, "settings/provisioning", "scim-connections", 1), webtest.Object{"default_role_id": held}).Is(200)
	admin.API("DELETE", fmt.Sprint("/api/roles/", held), nil).Refuses(409, "in_use", "")
	admin.Post(made+"/delete", nil).Redirects("/settings/provisioning")
	c.Login(webtest.Viewer).Get("/settings/provisioning").Is(200)
}
