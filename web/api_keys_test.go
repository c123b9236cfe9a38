package web_test

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"tollgate/models/permission"
)

// object is a body for the API.
type object = map[string]any

func (a answer) object(name string) object {
	a.t.Helper()
	o, ok := a.json()[name].(object)
	if !ok {
		a.t.Fatalf("no %s in %s", name, a.body)
	}
	return o
}

func pathOf(key object) string {
	return "/api/api-keys/" + strconv.FormatFloat(key["id"].(float64), 'f', 0, 64)
}

var secretForm = regexp.MustCompile(`^tg_[0-9A-Za-z]{49}$`)

func TestAPIKeyLife(t *testing.T) {
	c := newConsole(t)
	browser := c.login(admin)
	a := browser.api("POST", "/api/governance/api-keys", object{
		"name": "  Nightly  job ", "scopes": []string{"APIKeys:View", "AccessProfiles:View", "APIKeys:View"}, "expires_at": "2099-01-02T03:04:05.5+01:00",
	}).is(201)
	key, secret := a.object("api_key"), a.json()["key"].(string)
	if !secretForm.MatchString(secret) || a.Header.Get("Cache-Control") != "no-store" || a.Header.Get("Location") != pathOf(key) {
		t.Errorf("key %q, headers %v", secret, a.Header)
	}
	if key["name"] != "Nightly  job" || key["key_prefix"] != secret[:8] || key["expires_at"] != "2099-01-02T02:04:05.5Z" || key["last_used_at"] != nil ||
		!slices.Equal(key["scopes"].([]any), []any{"AccessProfiles:View", "APIKeys:View"}) {
		t.Errorf("created: %v", key)
	}

	program := c.anonymous().with("Authorization", "Bearer "+secret)
	program.api("GET", pathOf(key), nil).is(200)
	listed := program.api("GET", "/api/api-keys?search=NIGHTLY&limit=1", nil).is(200).json()
	if listed["count"] != 1.0 || listed["total_count"] != 1.0 || listed["limit"] != 1.0 || listed["offset"] != 0.0 {
		t.Errorf("list: %v", listed)
	}
	c.within(func() bool {
		listed := program.api("GET", "/api/api-keys?search=NIGHTLY&limit=1", nil).is(200).json()
		return listed["api_keys"].([]any)[0].(object)["last_used_at"] != nil
	}, "use was not noted")
	program.api("DELETE", pathOf(key), nil).refuses(403, "forbidden", "")

	// The body of an answer can be sent back.
	stored := browser.api("GET", pathOf(key), nil).object("api_key")
	browser.api("PUT", pathOf(key), stored).is(200)
	renamed := browser.api("PUT", pathOf(key), object{"name": "Nightly", "expires_at": nil}).is(200).object("api_key")
	if renamed["name"] != "Nightly" || renamed["expires_at"] != nil || len(renamed["scopes"].([]any)) != 2 {
		t.Errorf("changed: %v", renamed)
	}
	program.api("GET", pathOf(key), nil).is(200)

	c.exec("UPDATE api_keys SET expires_at = now() - interval '1 second'")
	program.api("GET", pathOf(key), nil).refuses(401, "unauthenticated", "")
	browser.api("PUT", pathOf(key), browser.api("GET", pathOf(key), nil).object("api_key")).is(200)
	c.exec("UPDATE api_keys SET expires_at = NULL")
	program.api("GET", pathOf(key), nil).is(200)

	browser.api("DELETE", pathOf(key), nil).is(200)
	program.api("GET", pathOf(key), nil).refuses(401, "unauthenticated", "")
	browser.api("GET", pathOf(key), nil).refuses(404, "not_found", "")
	browser.api("DELETE", pathOf(key), nil).refuses(404, "not_found", "")

	var actions []string
	c.scan(&actions, "SELECT action || ' ' || actor FROM audit_logs ORDER BY id")
	if want := []string{"create " + admin, "update " + admin, "delete " + admin}; !slices.Equal(actions, want) {
		t.Errorf("audit: %q", actions)
	}
}

func TestAPIKeyProblems(t *testing.T) {
	c := newConsole(t)
	browser := c.login(admin)
	browser.api("POST", "/api/api-keys", object{"name": "Straße", "scopes": []string{"Usage:View"}}).is(201)
	good := func(changes object) object {
		body := object{"name": "x", "scopes": []string{"Usage:View"}}
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
		"null scopes":         {good(object{"scopes": nil}), 400, "null_not_allowed", "scopes"},
		"empty scopes":        {good(object{"scopes": []string{}}), 400, "required", "scopes"},
		"scopes as text":      {good(object{"scopes": "Usage:View"}), 400, "wrong_type", "scopes"},
		"scope as number":     {good(object{"scopes": []any{"Usage:View", 1}}), 400, "wrong_type", "scopes[1]"},
		"null scope":          {good(object{"scopes": []any{nil}}), 400, "null_not_allowed", "scopes[0]"},
		"unknown scope":       {good(object{"scopes": []string{"Usage:Everything"}}), 400, "unknown_scope", "scopes[0]"},
		"star":                {good(object{"scopes": []string{"*"}}), 400, "unknown_scope", "scopes[0]"},
		"other case":          {good(object{"scopes": []string{"usage:view"}}), 400, "unknown_scope", "scopes[0]"},
		"too many":            {good(object{"scopes": make([]string, 1000)}), 400, "too_many_items", "scopes"},
		"long name":           {good(object{"name": strings.Repeat("ü", 256)}), 400, "too_long", "name"},
		"blank name":          {good(object{"name": " \u00a0 "}), 400, "required", "name"},
		"invisible name":      {good(object{"name": "a\u200bb"}), 400, "invalid_characters", "name"},
		"name taken, folded":  {good(object{"name": "STRASSE"}), 409, "name_taken", "name"},
		"past":                {good(object{"expires_at": "2020-01-01T00:00:00Z"}), 400, "timestamp_in_past", "expires_at"},
		"no zone":             {good(object{"expires_at": "2099-01-01T00:00"}), 400, "invalid_timestamp", "expires_at"},
		"no such day":         {good(object{"expires_at": "2099-02-30T00:00:00Z"}), 400, "invalid_timestamp", "expires_at"},
		"number as time":      {good(object{"expires_at": 4070908800}), 400, "wrong_type", "expires_at"},
		"empty time":          {good(object{"expires_at": ""}), 400, "invalid_timestamp", "expires_at"},
		"endless year":        {good(object{"expires_at": "9999-12-31T23:59:59-12:00"}), 400, "invalid_timestamp", "expires_at"},
		"unknown field":       {good(object{"role": "Admin"}), 400, "unknown_field", "role"},
		"other case of field": {`{"Name":"x","scopes":["Usage:View"]}`, 400, "unknown_field", "Name"},
		"duplicate key":       {`{"name":"x","name":"y","scopes":["Usage:View"]}`, 400, "duplicate_key", "name"},
		"no object":           {`[]`, 400, "expected_object", ""},
	} {
		t.Run(name, func(t *testing.T) {
			c.t = t
			before := c.dump()
			for _, path := range []string{"/api/api-keys", "/api/governance/api-keys"} {
				browser.api("POST", path, test.body).refuses(test.status, test.code, test.param)
			}
			if c.dump() != before {
				t.Error("a refused request has changed the database")
			}
		})
	}
	c.t = t
	for path, want := range map[string]string{
		"/api/api-keys?limit=0": "number_out_of_range", "/api/api-keys?limit=101": "number_out_of_range", "/api/api-keys?offset=-1": "number_out_of_range",
		"/api/api-keys?limit=1&limit=1": "duplicate_parameter", "/api/api-keys?page=1": "unknown_parameter", "/api/api-keys?search=%zz": "invalid_query",
		"/api/api-keys?search=%00": "nul_character", "/api/api-keys?search=%ff": "invalid_utf8",
		"/api/api-keys?search=" + strings.Repeat("x", 256): "too_long", "/api/api-keys/x": "invalid_id", "/api/api-keys/-1": "invalid_id",
	} {
		a := browser.api("GET", path, nil).is(400)
		if code := a.object("error")["code"]; code != want {
			t.Errorf("%s: %v, want %s", path, code, want)
		}
	}
	every := browser.api("GET", "/api/api-keys?limit=0&offset=x&search="+strings.Repeat("x", 256)+"&page=1", nil).is(400)
	if n := len(every.json()["errors"].([]any)); n != 4 {
		t.Errorf("%d problems reported at once, want 4", n)
	}
	for search, want := range map[string]float64{"": 1, "%25": 0, "_": 0, "%5C": 0, "stra%C3%9Fe": 1, "RASS": 1, "'": 0} {
		if got := browser.api("GET", "/api/api-keys?search="+search, nil).is(200).json()["total_count"]; got != want {
			t.Errorf("search %q: %v, want %v", search, got, want)
		}
	}
}

func TestAPIKeyNeverExceedsItsCreator(t *testing.T) {
	c := newConsole(t)
	const maker = "maker@example.com"
	c.exec("INSERT INTO roles (name, name_key) VALUES ('Maker', 'maker')")
	c.exec(`INSERT INTO role_permissions SELECT id, p FROM roles, unnest(ARRAY['APIKeys:View', 'APIKeys:Create', 'APIKeys:Update', 'Usage:View']) p
		WHERE name = 'Maker'`)
	c.addUser(maker, "Maker")
	browser := c.login(maker)
	create := func(v client, name string, scopes ...string) answer {
		return v.api("POST", "/api/api-keys", object{"name": name, "scopes": scopes})
	}

	for _, scope := range permission.AllPermissions() {
		held := slices.Contains([]permission.Permission{"APIKeys:View", "APIKeys:Create", "APIKeys:Update", "Usage:View"}, scope)
		if a := create(browser, string(scope), string(scope)); held {
			a.is(201)
		} else {
			a.refuses(403, "forbidden", "scopes[0]")
		}
	}
	several := create(browser, "several", "Usage:View", "Users:View", "Roles:View").refuses(403, "forbidden", "scopes[1]")
	if n := len(several.json()["errors"].([]any)); n != 2 {
		t.Errorf("%d scopes named, want 2", n)
	}
	form := url.Values{"name": {"by form"}, "scopes": {"Users:View"}}
	browser.post("/settings/api-keys", form).refuses(403, "forbidden", "scopes[0]")

	// A key has only its scopes, and cannot grant more than it has.
	issued := create(browser, "narrow", "APIKeys:View", "APIKeys:Create").is(201)
	narrow := c.anonymous().with("Authorization", "Bearer "+issued.json()["key"].(string))
	create(narrow, "wider", "Usage:View").refuses(403, "forbidden", "scopes[0]")
	create(narrow, "as narrow", "APIKeys:View").is(201)
	narrow.api("PUT", pathOf(issued.object("api_key")), object{"name": "x"}).refuses(403, "forbidden", "")

	// Its scopes cannot be widened afterwards, and the key of a user with more permissions cannot be changed.
	own := issued.object("api_key")
	browser.api("PUT", pathOf(own), object{"scopes": []string{"APIKeys:View", "Roles:View"}}).refuses(403, "forbidden", "scopes[1]")
	browser.api("PUT", pathOf(own), object{"name": "narrow still"}).is(200)
	wide := create(c.login(admin), "wide", "Users:View").is(201).object("api_key")
	browser.api("PUT", pathOf(wide), object{"name": "wide still"}).refuses(403, "forbidden", "")

	// A permission that the creator loses is lost by the key with the next request; a key of the command line keeps its
	// scopes.
	narrow.api("GET", "/api/api-keys", nil).is(200)
	cli := c.apiKey("APIKeys:View")
	c.exec("DELETE FROM role_permissions WHERE permission = 'APIKeys:View'")
	narrow.api("GET", "/api/api-keys", nil).refuses(403, "forbidden", "")
	cli.api("GET", "/api/api-keys", nil).is(200)
	c.exec("DELETE FROM users WHERE email = ?", maker)
	narrow.api("GET", "/api/api-keys", nil).refuses(401, "unauthenticated", "")

	var actors []string
	c.scan(&actors, "SELECT actor FROM audit_logs WHERE new_values LIKE '%as narrow%' OR new_values LIKE '%key %' ORDER BY id")
	if !slices.Equal(actors, []string{maker, "cli"}) {
		t.Errorf("audit: %q", actors)
	}
}

func TestAPIKeyInTheConsole(t *testing.T) {
	c := newConsole(t)
	browser := c.login(admin)
	browser.get("/settings/api-keys").is(200).one("div", "class", "empty")
	form := browser.get("/settings/api-keys/new").is(200)
	if n := len(form.all("input", "name", "scopes")); n != len(permission.AllPermissions()) {
		t.Errorf("%d scopes offered", n)
	}

	refused := browser.post("/settings/api-keys", url.Values{"name": {" "}, "scopes": {"Usage:View"}, "expires_at": {"2020-01-01T00:00"}}).
		refuses(422, "required", "name")
	refused.one("a", "href", "#name")
	refused.one("a", "href", "#expires_at")
	refused.one("input", "name", "expires_at", "value", "2020-01-01T00:00")
	refused.one("input", "name", "scopes", "value", "Usage:View", "checked", "")

	made := browser.post("/settings/api-keys", url.Values{"name": {"Job"}, "scopes": {"Usage:View", "APIKeys:View"}, "expires_at": {"2099-01-01T00:00"}}).is(201)
	secret := text(made.one("code", "id", "secret"))
	if !secretForm.MatchString(secret) || made.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("secret %q, %v", secret, made.Header)
	}
	c.anonymous().with("Authorization", "Bearer "+secret).api("GET", "/api/api-keys", nil).is(200)
	browser.post("/settings/api-keys", url.Values{"name": {"JOB"}, "scopes": {"Usage:View"}}).refuses(409, "name_taken", "name")

	var id string
	c.scan(&id, "SELECT id::text FROM api_keys")
	confirm := browser.get("/settings/api-keys/" + id + "/delete").is(200)
	if got := text(confirm.one("button", "class", "button danger")); got != "Delete Job" {
		t.Errorf("button: %q", got)
	}
	browser.post("/settings/api-keys/"+id+"/delete", nil).redirects("/settings/api-keys")
	c.anonymous().with("Authorization", "Bearer "+secret).api("GET", "/api/api-keys", nil).is(401)
	browser.post("/settings/api-keys/"+id+"/delete", nil).refuses(404, "not_found", "")
	c.login(viewer).get("/settings/api-keys/new").refuses(403, "forbidden", "")
}

func TestSecretIsKeptNowhere(t *testing.T) {
	c := newConsole(t)
	browser := c.login(admin)
	made := browser.api("POST", "/api/api-keys", object{"name": "Job", "scopes": []string{"APIKeys:View", "APIKeys:Delete"}}).is(201)
	secret := made.json()["key"].(string)
	program := c.anonymous().with("Authorization", "Bearer "+secret)
	cookie := c.anonymous().signIn(admin, password).header.Get("Cookie")
	c.anonymous().post("/login", credentials(admin, "a wrong password"))
	c.anonymous().with("Authorization", basic(admin, "a wrong password")).api("GET", "/api/api-keys?search=private", nil)
	answers := []answer{
		program.api("GET", "/api/api-keys", nil), program.api("GET", pathOf(made.object("api_key")), nil), program.api("GET", "/api/nothing", nil),
		browser.get("/settings/api-keys"), program.api("DELETE", pathOf(made.object("api_key")), nil),
	}
	places := map[string]string{"database": c.dump(), "log": c.log.String()}
	for _, a := range answers {
		places[a.Request.URL.Path] = string(a.body)
	}
	for place, content := range places {
		for _, hidden := range []string{secret, strings.TrimPrefix(cookie, "session="), password, "a wrong password"} {
			for i := 0; i+12 <= len(hidden); i++ {
				if strings.Contains(content, hidden[i:i+12]) {
					t.Fatalf("%q is in the %s", hidden[i:i+12], place)
				}
			}
		}
	}
	if strings.Contains(c.log.String(), "private") {
		t.Error("a query string is in the log")
	}
	if !strings.Contains(c.log.String(), `"actor":"`+admin+`"`) {
		t.Error("the log does not say who acted")
	}
}

// The use of a key is recorded in the background; that of a session at once, since it keeps the session alive.
func TestUseIsRecordedOnceAMinute(t *testing.T) {
	c := newConsole(t)
	program, browser := c.apiKey(), c.login(admin)
	use := func() {
		program.api("GET", "/api/api-keys", nil).is(200)
		browser.get("/settings").is(200)
	}
	seen := func() (at time.Time) {
		c.scan(&at, "SELECT seen_at FROM sessions")
		return at
	}
	used := func() (at time.Time) {
		c.scan(&at, "SELECT coalesce(max(last_used_at), 'epoch') FROM api_keys")
		return at.UTC()
	}
	use()
	c.within(func() bool { return used().Year() > 1970 }, "use was not noted")
	key, session := used(), seen()
	// Once the use of a second key is stored, that of the first is stored too.
	second := c.apiKey()
	use()
	second.api("GET", "/api/api-keys", nil).is(200)
	c.within(func() bool { return c.count("api_keys WHERE last_used_at IS NULL") == 0 }, "use was not noted")
	if n := c.count("api_keys WHERE last_used_at = ?", key); n != 1 || !seen().Equal(session) {
		t.Error("recorded twice in a minute")
	}
	c.exec("UPDATE api_keys SET last_used_at = last_used_at - interval '61 seconds'")
	c.exec("UPDATE sessions SET seen_at = seen_at - interval '61 seconds'")
	use()
	c.within(func() bool { return used().After(key) }, "later use was not noted")
	if seen().Before(session) {
		t.Error("later use of the session was not recorded")
	}
}

// No request with an API key waits for its use to be recorded, or fails when it cannot be.
func TestRecordingTheUseOfAKeyNeverFailsARequest(t *testing.T) {
	g := newGateway(t)
	tx, err := g.owner().BeginTx(t.Context(), nil)
	g.must(err)
	defer func() { _ = tx.Rollback() }() // it locks rows and changes nothing
	keys := map[string]func() client{
		"locked": func() client {
			key := g.apiKey()
			_, err := tx.ExecContext(t.Context(), "SELECT FROM api_keys FOR UPDATE")
			g.must(err)
			return key
		},
		"not to be written": func() client {
			g.must(tx.Rollback())
			_, err := g.owner().ExecContext(t.Context(), "REVOKE UPDATE ON api_keys FROM tollgate")
			g.must(err)
			return g.apiKey()
		},
	}
	for _, state := range []string{"locked", "not to be written"} {
		program := keys[state]()
		for path, body := range map[string]any{
			"/api/decisions": model(g.key), "/api/usage": event(g.key), "/access/v1/evaluation": evaluation(g.mine(), modelled), "/api/virtual-keys": nil, "/metrics": nil,
		} {
			method := "POST"
			if body == nil {
				method = "GET"
			}
			begun := time.Now()
			program.api(method, path, body).is(200)
			if took := time.Since(begun); took > time.Second {
				t.Errorf("%s with a key that is %s took %s", path, state, took)
			}
		}
	}
	g.eventually("a warning", func() bool { return strings.Contains(g.log.String(), "the use of API keys could not be noted") })
}

func TestParallelKeysOfOneName(t *testing.T) {
	c := newConsole(t)
	program := c.apiKey()
	statuses := parallel(16, func() int {
		return program.api("POST", "/api/api-keys", object{"name": "Job", "scopes": []string{"Usage:View"}}).StatusCode
	})
	if statuses[http.StatusCreated] != 1 || statuses[http.StatusConflict] != 15 {
		t.Errorf("answers: %v", statuses)
	}
}
