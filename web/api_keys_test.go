package web_test

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"tollgate/models/permission"
	"tollgate/web/webtest"
)

var secretForm = regexp.MustCompile(`^tg_[0-9A-Za-z]{49}$`)

func TestAPIKeyLife(t *testing.T) {
	c := webtest.NewConsole(t)
	browser := c.Login(webtest.Admin)
	a := browser.API("POST", "/api/governance/api-keys", webtest.Object{
		"name": "  Nightly  job ", "scopes": []string{"APIKeys:View", "AccessProfiles:View", "APIKeys:View"}, "expires_at": "2099-01-02T03:04:05.5+01:00",
	}).Is(201)
	key, secret := a.Object("api_key"), a.JSON()["key"].(string)
	if !secretForm.MatchString(secret) || a.Header.Get("Cache-Control") != "no-store" || a.Header.Get("Location") != webtest.PathOf(key) {
		t.Errorf("key %q, headers %v", secret, a.Header)
	}
	if key["name"] != "Nightly  job" || key["key_prefix"] != secret[:8] || key["expires_at"] != "2099-01-02T02:04:05.5Z" || key["last_used_at"] != nil ||
		!slices.Equal(key["scopes"].([]any), []any{"AccessProfiles:View", "APIKeys:View"}) {
		t.Errorf("created: %v", key)
	}

	program := c.Anonymous().With("Authorization", "Bearer "+secret)
	program.API("GET", webtest.PathOf(key), nil).Is(200)
	listed := program.API("GET", "/api/api-keys?search=NIGHTLY&limit=1", nil).Is(200).JSON()
	if listed["count"] != 1.0 || listed["total_count"] != 1.0 || listed["limit"] != 1.0 || listed["offset"] != 0.0 {
		t.Errorf("list: %v", listed)
	}
	c.Eventually("its use", func() bool {
		listed := program.API("GET", "/api/api-keys?search=NIGHTLY&limit=1", nil).Is(200).JSON()
		return listed["api_keys"].([]any)[0].(webtest.Object)["last_used_at"] != nil
	})
	program.API("DELETE", webtest.PathOf(key), nil).Refuses(403, "forbidden", "")

	// The body of an answer can be sent back.
	stored := browser.API("GET", webtest.PathOf(key), nil).Object("api_key")
	browser.API("PUT", webtest.PathOf(key), stored).Is(200)
	renamed := browser.API("PUT", webtest.PathOf(key), webtest.Object{"name": "Nightly", "expires_at": nil}).Is(200).Object("api_key")
	if renamed["name"] != "Nightly" || renamed["expires_at"] != nil || len(renamed["scopes"].([]any)) != 2 {
		t.Errorf("changed: %v", renamed)
	}
	program.API("GET", webtest.PathOf(key), nil).Is(200)

	c.Exec("UPDATE api_keys SET expires_at = now() - interval '1 second'")
	program.API("GET", webtest.PathOf(key), nil).Refuses(401, "unauthenticated", "")
	browser.API("PUT", webtest.PathOf(key), browser.API("GET", webtest.PathOf(key), nil).Object("api_key")).Is(200)
	c.Exec("UPDATE api_keys SET expires_at = NULL")
	program.API("GET", webtest.PathOf(key), nil).Is(200)

	browser.API("DELETE", webtest.PathOf(key), nil).Is(200)
	program.API("GET", webtest.PathOf(key), nil).Refuses(401, "unauthenticated", "")
	browser.API("GET", webtest.PathOf(key), nil).Refuses(404, "not_found", "")
	browser.API("DELETE", webtest.PathOf(key), nil).Refuses(404, "not_found", "")

	var actions []string
	c.Scan(&actions, "SELECT action || ' ' || actor FROM audit_logs ORDER BY id")
	if want := []string{"create " + webtest.Admin, "update " + webtest.Admin, "delete " + webtest.Admin}; !slices.Equal(actions, want) {
		t.Errorf("audit: %q", actions)
	}
}

func TestAPIKeyProblems(t *testing.T) {
	c := webtest.NewConsole(t)
	browser := c.Login(webtest.Admin)
	browser.API("POST", "/api/api-keys", webtest.Object{"name": "Straße", "scopes": []string{"Usage:View"}}).Is(201)
	good := func(changes webtest.Object) webtest.Object {
		body := webtest.Object{"name": "x", "scopes": []string{"Usage:View"}}
		for name, value := range changes {
			body[name] = value
		}
		return body
	}
	for name, test := range map[string]struct {
		body        any
		status      int
		code, param string
	}{
		"nothing":             {`{}`, 400, "required", "name"},
		"no scopes":           {`{"name":"x"}`, 400, "required", "scopes"},
		"null scopes":         {good(webtest.Object{"scopes": nil}), 400, "null_not_allowed", "scopes"},
		"empty scopes":        {good(webtest.Object{"scopes": []string{}}), 400, "required", "scopes"},
		"scopes as text":      {good(webtest.Object{"scopes": "Usage:View"}), 400, "wrong_type", "scopes"},
		"scope as number":     {good(webtest.Object{"scopes": []any{"Usage:View", 1}}), 400, "wrong_type", "scopes[1]"},
		"null scope":          {good(webtest.Object{"scopes": []any{nil}}), 400, "null_not_allowed", "scopes[0]"},
		"unknown scope":       {good(webtest.Object{"scopes": []string{"Usage:Everything"}}), 400, "unknown_scope", "scopes[0]"},
		"star":                {good(webtest.Object{"scopes": []string{"*"}}), 400, "unknown_scope", "scopes[0]"},
		"other case":          {good(webtest.Object{"scopes": []string{"usage:view"}}), 400, "unknown_scope", "scopes[0]"},
		"too many":            {good(webtest.Object{"scopes": make([]string, 1000)}), 400, "too_many_items", "scopes"},
		"long name":           {good(webtest.Object{"name": strings.Repeat("ü", 256)}), 400, "too_long", "name"},
		"blank name":          {good(webtest.Object{"name": " \u00a0 "}), 400, "required", "name"},
		"invisible name":      {good(webtest.Object{"name": "a\u200bb"}), 400, "invalid_characters", "name"},
		"name taken, folded":  {good(webtest.Object{"name": "STRASSE"}), 409, "name_taken", "name"},
		"past":                {good(webtest.Object{"expires_at": "2020-01-01T00:00:00Z"}), 400, "timestamp_in_past", "expires_at"},
		"no zone":             {good(webtest.Object{"expires_at": "2099-01-01T00:00"}), 400, "invalid_timestamp", "expires_at"},
		"no such day":         {good(webtest.Object{"expires_at": "2099-02-30T00:00:00Z"}), 400, "invalid_timestamp", "expires_at"},
		"number as time":      {good(webtest.Object{"expires_at": 4070908800}), 400, "wrong_type", "expires_at"},
		"empty time":          {good(webtest.Object{"expires_at": ""}), 400, "invalid_timestamp", "expires_at"},
		"endless year":        {good(webtest.Object{"expires_at": "9999-12-31T23:59:59-12:00"}), 400, "invalid_timestamp", "expires_at"},
		"unknown field":       {good(webtest.Object{"role": "Admin"}), 400, "unknown_field", "role"},
		"other case of field": {`{"Name":"x","scopes":["Usage:View"]}`, 400, "unknown_field", "Name"},
		"duplicate key":       {`{"name":"x","name":"y","scopes":["Usage:View"]}`, 400, "duplicate_key", "name"},
		"no object":           {`[]`, 400, "expected_object", ""},
	} {
		t.Run(name, func(t *testing.T) {
			c.T = t
			before := c.State()
			for _, path := range []string{"/api/api-keys", "/api/governance/api-keys"} {
				browser.API("POST", path, test.body).Refuses(test.status, test.code, test.param)
			}
			if c.State() != before {
				t.Error("a refused request has changed the database")
			}
		})
	}
	c.T = t
	for path, want := range map[string]string{
		"/api/api-keys?limit=0": "number_out_of_range", "/api/api-keys?limit=101": "number_out_of_range", "/api/api-keys?offset=-1": "number_out_of_range",
		"/api/api-keys?limit=1&limit=1": "duplicate_parameter", "/api/api-keys?page=1": "unknown_parameter", "/api/api-keys?search=%zz": "invalid_query",
		"/api/api-keys?search=%00": "nul_character", "/api/api-keys?search=%ff": "invalid_utf8",
		"/api/api-keys?search=" + strings.Repeat("x", 256): "too_long", "/api/api-keys/x": "invalid_id", "/api/api-keys/-1": "invalid_id",
	} {
		a := browser.API("GET", path, nil).Is(400)
		if code := a.Object("error")["code"]; code != want {
			t.Errorf("%s: %v, want %s", path, code, want)
		}
	}
	every := browser.API("GET", "/api/api-keys?limit=0&offset=x&search="+strings.Repeat("x", 256)+"&page=1", nil).Is(400)
	if n := len(every.JSON()["errors"].([]any)); n != 4 {
		t.Errorf("%d problems reported at once, want 4", n)
	}
	for search, want := range map[string]float64{"": 1, "%25": 0, "_": 0, "%5C": 0, "stra%C3%9Fe": 1, "RASS": 1, "'": 0} {
		if got := browser.API("GET", "/api/api-keys?search="+search, nil).Is(200).JSON()["total_count"]; got != want {
			t.Errorf("search %q: %v, want %v", search, got, want)
		}
	}
}

func TestAPIKeyNeverExceedsItsCreator(t *testing.T) {
	c := webtest.NewConsole(t)
	const maker = "maker@example.com"
	c.Exec("INSERT INTO roles (name, name_key) VALUES ('Maker', 'maker')")
	c.Exec(`INSERT INTO role_permissions SELECT id, p FROM roles, unnest(ARRAY['APIKeys:View', 'APIKeys:Create', 'APIKeys:Update', 'Usage:View']) p
		WHERE name = 'Maker'`)
	c.AddUser(maker, "Maker")
	browser := c.Login(maker)
	create := func(v webtest.Client, name string, scopes ...string) webtest.Answer {
		return v.API("POST", "/api/api-keys", webtest.Object{"name": name, "scopes": scopes})
	}

	for _, scope := range permission.AllPermissions() {
		held := slices.Contains([]permission.Permission{"APIKeys:View", "APIKeys:Create", "APIKeys:Update", "Usage:View"}, scope)
		if a := create(browser, string(scope), string(scope)); held {
			a.Is(201)
		} else {
			a.Refuses(403, "forbidden", "scopes[0]")
		}
	}
	several := create(browser, "several", "Usage:View", "Users:View", "Roles:View").Refuses(403, "forbidden", "scopes[1]")
	if n := len(several.JSON()["errors"].([]any)); n != 2 {
		t.Errorf("%d scopes named, want 2", n)
	}
	form := url.Values{"name": {"by form"}, "scopes": {"Users:View"}}
	browser.Post("/settings/api-keys", form).Refuses(403, "forbidden", "scopes[0]")

	// A key has only its scopes, and cannot grant more than it has.
	issued := create(browser, "narrow", "APIKeys:View", "APIKeys:Create").Is(201)
	narrow := c.Anonymous().With("Authorization", "Bearer "+issued.JSON()["key"].(string))
	create(narrow, "wider", "Usage:View").Refuses(403, "forbidden", "scopes[0]")
	create(narrow, "as narrow", "APIKeys:View").Is(201)
	narrow.API("PUT", webtest.PathOf(issued.Object("api_key")), webtest.Object{"name": "x"}).Refuses(403, "forbidden", "")

	// Its scopes cannot be widened afterwards, and the key of a user with more permissions cannot be changed.
	own := issued.Object("api_key")
	browser.API("PUT", webtest.PathOf(own), webtest.Object{"scopes": []string{"APIKeys:View", "Roles:View"}}).Refuses(403, "forbidden", "scopes[1]")
	browser.API("PUT", webtest.PathOf(own), webtest.Object{"name": "narrow still"}).Is(200)
	wide := create(c.Login(webtest.Admin), "wide", "Users:View").Is(201).Object("api_key")
	browser.API("PUT", webtest.PathOf(wide), webtest.Object{"name": "wide still"}).Refuses(403, "forbidden", "")

	// A permission that the creator loses is lost by the key with the next request; a key of the command line keeps its
	// scopes.
	narrow.API("GET", "/api/api-keys", nil).Is(200)
	cli := c.APIKey("APIKeys:View")
	c.Exec("DELETE FROM role_permissions WHERE permission = 'APIKeys:View'")
	narrow.API("GET", "/api/api-keys", nil).Refuses(403, "forbidden", "")
	cli.API("GET", "/api/api-keys", nil).Is(200)
	c.Exec("DELETE FROM users WHERE email = ?", maker)
	narrow.API("GET", "/api/api-keys", nil).Refuses(401, "unauthenticated", "")

	var actors []string
	c.Scan(&actors, "SELECT actor FROM audit_logs WHERE new_values LIKE '%as narrow%' OR new_values LIKE '%key %' ORDER BY id")
	if !slices.Equal(actors, []string{maker, "cli"}) {
		t.Errorf("audit: %q", actors)
	}
}

func TestAPIKeyInTheConsole(t *testing.T) {
	c := webtest.NewConsole(t)
	browser := c.Login(webtest.Admin)
	browser.Get("/settings/api-keys").Is(200).One("div", "class", "empty")
	form := browser.Get("/settings/api-keys/new").Is(200)
	if n := len(form.All("input", "name", "scopes")); n != len(permission.AllPermissions()) {
		t.Errorf("%d scopes offered", n)
	}

	refused := browser.Post("/settings/api-keys", url.Values{"name": {" "}, "scopes": {"Usage:View"}, "expires_at": {"2020-01-01T00:00"}}).
		Refuses(422, "required", "name")
	refused.One("a", "href", "#name")
	refused.One("a", "href", "#expires_at")
	refused.One("input", "name", "expires_at", "value", "2020-01-01T00:00")
	refused.One("input", "name", "scopes", "value", "Usage:View", "checked", "")

	made := browser.Follow(browser.Post("/settings/api-keys", url.Values{"name": {"Job"}, "scopes": {"Usage:View", "APIKeys:View"}, "expires_at": {"2099-01-01T00:00"}}))
	secret := webtest.Text(made.One("code", "id", "secret"))
	if !secretForm.MatchString(secret) || made.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("secret %q, %v", secret, made.Header)
	}
	c.Anonymous().With("Authorization", "Bearer "+secret).API("GET", "/api/api-keys", nil).Is(200)
	browser.Post("/settings/api-keys", url.Values{"name": {"JOB"}, "scopes": {"Usage:View"}}).Refuses(409, "name_taken", "name")

	var id string
	c.Scan(&id, "SELECT id::text FROM api_keys")
	confirm := browser.Get("/settings/api-keys/" + id + "/delete").Is(200)
	if got := webtest.Text(confirm.One("button", "class", "button danger")); got != "Delete Job" {
		t.Errorf("button: %q", got)
	}
	browser.Post("/settings/api-keys/"+id+"/delete", nil).Redirects("/settings/api-keys")
	c.Anonymous().With("Authorization", "Bearer "+secret).API("GET", "/api/api-keys", nil).Is(401)
	browser.Post("/settings/api-keys/"+id+"/delete", nil).Refuses(404, "not_found", "")
	c.Login(webtest.Viewer).Get("/settings/api-keys/new").Refuses(403, "forbidden", "")
}

func TestSecretIsKeptNowhere(t *testing.T) {
	c := webtest.NewConsole(t)
	browser := c.Login(webtest.Admin)
	made := browser.API("POST", "/api/api-keys", webtest.Object{"name": "Job", "scopes": []string{"APIKeys:View", "APIKeys:Delete"}}).Is(201)
	secret := made.JSON()["key"].(string)
	program := c.Anonymous().With("Authorization", "Bearer "+secret)
	cookie := c.Anonymous().SignIn(webtest.Admin, webtest.Password).Header.Get("Cookie")
	c.Anonymous().Post("/login", webtest.Credentials(webtest.Admin, "a wrong password"))
	c.Anonymous().With("Authorization", webtest.Basic(webtest.Admin, "a wrong password")).API("GET", "/api/api-keys?search=private", nil)
	answers := []webtest.Answer{
		program.API("GET", "/api/api-keys", nil), program.API("GET", webtest.PathOf(made.Object("api_key")), nil), program.API("GET", "/api/nothing", nil),
		browser.Get("/settings/api-keys"), program.API("DELETE", webtest.PathOf(made.Object("api_key")), nil),
	}
	places := map[string]string{"database": c.Dump(), "log": c.Log.String()}
	for _, a := range answers {
		places[a.Request.URL.Path] = string(a.Body)
	}
	for place, content := range places {
		for _, hidden := range []string{secret, strings.TrimPrefix(cookie, "session="), webtest.Password, "a wrong password"} {
			for i := 0; i+12 <= len(hidden); i++ {
				if strings.Contains(content, hidden[i:i+12]) {
					t.Fatalf("%q is in the %s", hidden[i:i+12], place)
				}
			}
		}
	}
	if strings.Contains(c.Log.String(), "private") {
		t.Error("a query string is in the log")
	}
	if !strings.Contains(c.Log.String(), `"actor":"`+webtest.Admin+`"`) {
		t.Error("the log does not say who acted")
	}
}

// The use of a key is recorded in the background; that of a session at once, since it keeps the session alive.
func TestUseIsRecordedOnceAMinute(t *testing.T) {
	c := webtest.NewConsole(t)
	program, browser := c.APIKey(), c.Login(webtest.Admin)
	use := func() {
		program.API("GET", "/api/api-keys", nil).Is(200)
		browser.Get("/settings").Is(200)
	}
	seen := func() (at time.Time) {
		c.Scan(&at, "SELECT seen_at FROM sessions")
		return at
	}
	used := func() (at time.Time) {
		c.Scan(&at, "SELECT coalesce(max(last_used_at), 'epoch') FROM api_keys")
		return at.UTC()
	}
	use()
	c.Eventually("the use", func() bool { use(); return used().Year() > 1970 })
	key, session := used(), seen()
	// Once the use of a second key is stored, that of the first is stored too.
	second := c.APIKey()
	use()
	second.API("GET", "/api/api-keys", nil).Is(200)
	c.Eventually("the use of the second key", func() bool { return c.Count("api_keys WHERE last_used_at IS NULL") == 0 })
	if n := c.Count("api_keys WHERE last_used_at = ?", key); n != 1 || !seen().Equal(session) {
		t.Error("recorded twice in a minute")
	}
	c.Exec("UPDATE api_keys SET last_used_at = last_used_at - interval '61 seconds'")
	c.Exec("UPDATE sessions SET seen_at = seen_at - interval '61 seconds'")
	use()
	c.Eventually("later use", func() bool { use(); return used().After(key) })
	if seen().Before(session) {
		t.Error("later use of the session was not recorded")
	}
}

// No request with an API key waits for its use to be recorded, or fails when it cannot be.
func TestRecordingTheUseOfAKeyNeverFailsARequest(t *testing.T) {
	g := webtest.NewGateway(t)
	tx, err := g.Owner().BeginTx(t.Context(), nil)
	g.Must(err)
	defer func() { _ = tx.Rollback() }() // it locks rows and changes nothing
	slow := func(key webtest.Client) (all []string) {
		for path, body := range map[string]any{
			"/api/decisions": webtest.Model(g.Key), "/api/usage": webtest.Event(g.Key), "/access/v1/evaluation": webtest.Evaluation(g.Mine(), webtest.Modelled), "/api/virtual-keys": nil, "/metrics": nil,
		} {
			method := "POST"
			if body == nil {
				method = "GET"
			}
			begun := time.Now()
			key.API(method, path, body).Is(200)
			if took := time.Since(begun); took > time.Second {
				all = append(all, fmt.Sprint(path, " took ", took))
			}
		}
		return all
	}
	// A busy machine may stand still once: another key, whose use is not recorded either, is tried then.
	answers := func(state string, fresh func() webtest.Client) {
		if first := slow(fresh()); len(first) > 0 {
			if second := slow(fresh()); len(second) > 0 {
				t.Errorf("with a key that is %s %v, with another one %v", state, first, second)
			}
		}
	}
	answers("locked", func() webtest.Client {
		key := g.APIKey()
		_, err := tx.ExecContext(t.Context(), "SELECT FROM api_keys FOR UPDATE")
		g.Must(err)
		return key
	})
	g.Must(tx.Rollback())
	_, err = g.Owner().ExecContext(t.Context(), "REVOKE UPDATE ON api_keys FROM tollgate")
	g.Must(err)
	answers("not to be written", func() webtest.Client { return g.APIKey() })
	g.Eventually("a warning", func() bool { return strings.Contains(g.Log.String(), "the use of API keys could not be noted") })
}

func TestParallelKeysOfOneName(t *testing.T) {
	c := webtest.NewConsole(t)
	program := c.APIKey()
	statuses := webtest.Parallel(16, func() int {
		return program.API("POST", "/api/api-keys", webtest.Object{"name": "Job", "scopes": []string{"Usage:View"}}).StatusCode
	})
	if statuses[http.StatusCreated] != 1 || statuses[http.StatusConflict] != 15 {
		t.Errorf("answers: %v", statuses)
	}
}

// A key that expires gives nothing that works for longer: not to itself, to another key, or to a directory.
func TestAPIKeyGivesNoLaterEndThanItsOwn(t *testing.T) {
	c := webtest.NewConsole(t)
	admin, now := c.APIKey(), time.Now().UTC()
	at := func(minutes int) string { return now.Add(time.Duration(minutes) * time.Minute).Format(time.RFC3339) }
	create := func(v webtest.Client, name string, end any, scopes ...string) webtest.Answer {
		return v.API("POST", "/api/api-keys", webtest.Object{"name": name, "scopes": scopes, "expires_at": end})
	}
	own := create(admin, "timed", at(30), "APIKeys:Create", "APIKeys:Update", "APIKeys:View", "Settings:Update", "Users:Create", "Users:Update", "Users:Delete", "VirtualKeys:Create").Is(201)
	timed, self := c.Bearer(own.JSON()["key"]), webtest.PathOf(own.Object("api_key"))
	endless := webtest.PathOf(create(admin, "endless", nil, "APIKeys:View").Is(201).Object("api_key"))
	short := webtest.PathOf(create(admin, "short", at(10), "APIKeys:View").Is(201).Object("api_key"))
	connection := admin.API("POST", "/api/scim-connections", webtest.Object{"name": "Directory", "default_role_id": c.AddRole("Plain")}).Is(201).Object("scim_connection")
	tokens := fmt.Sprintf("/api/scim-connections/%v/tokens", connection["id"])

	c.Unchanged(func() {
		for _, end := range []any{nil, at(31), "2099-01-01T00:00:00Z"} {
			message := create(timed, "child", end, "APIKeys:View").Refuses(403, "forbidden", "expires_at").Object("error")["message"].(string)
			if !strings.Contains(message, at(30)) {
				t.Errorf("refused with %q", message)
			}
			for _, path := range []string{self, short} {
				timed.API("PUT", path, webtest.Object{"expires_at": end}).Refuses(403, "forbidden", "expires_at")
			}
			timed.API("POST", tokens, webtest.Object{"expires_at": end}).Refuses(403, "forbidden", "expires_at")
		}
		timed.API("POST", "/api/api-keys", webtest.Object{"name": "child", "scopes": []string{"APIKeys:View"}}).Refuses(403, "forbidden", "expires_at")
		timed.API("POST", tokens, webtest.Object{}).Refuses(403, "forbidden", "expires_at")
		timed.API("PUT", endless, webtest.Object{"scopes": []string{"APIKeys:View", "APIKeys:Create"}}).Refuses(403, "forbidden", "expires_at")
		timed.API("PUT", endless, webtest.Object{"service": true}).Refuses(403, "forbidden", "expires_at")
	})
	create(timed, "child", at(30), "APIKeys:View").Is(201)
	timed.API("POST", tokens, webtest.Object{"expires_at": at(30)}).Is(201)
	timed.API("PUT", short, webtest.Object{"expires_at": at(30)}).Is(200)
	timed.API("PUT", endless, webtest.Object{"name": "endless still"}).Is(200)
	timed.API("PUT", endless, webtest.Object{"expires_at": at(60)}).Is(200)
	timed.API("PUT", self, webtest.Object{"name": "timed still", "expires_at": at(20)}).Is(200)
	create(timed, "another", at(30), "APIKeys:View").Refuses(403, "forbidden", "expires_at")
	admin.API("PUT", self, webtest.Object{"expires_at": nil}).Is(200)
}
