package web_test

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"tollgate/models/input"
	"tollgate/models/permission"
)

func (c *console) userID(email string) (id string) {
	c.t.Helper()
	c.scan(&id, "SELECT id FROM users WHERE email = ?", email)
	return id
}

func (c *console) roleID(name string) (id int64) {
	c.t.Helper()
	c.scan(&id, "SELECT id FROM roles WHERE name = ?", name)
	return id
}

// addRole adds a role directly in the database.
func (c *console) addRole(name string, permissions ...permission.Permission) int64 {
	c.t.Helper()
	c.exec("INSERT INTO roles (name, name_key) VALUES (?, ?)", name, input.Fold(name))
	id := c.roleID(name)
	for _, p := range permissions {
		c.exec("INSERT INTO role_permissions (role_id, permission) VALUES (?, ?)", id, string(p))
	}
	return id
}

// roleOf is the current role of a user.
func (c *console) roleOf(email string) (name string) {
	c.t.Helper()
	c.scan(&name, "SELECT r.name FROM users AS u JOIN roles AS r ON r.id = u.role_id WHERE u.email = ?", email)
	return name
}

func keysOf(object map[string]any) string {
	return strings.Join(slices.Sorted(maps.Keys(object)), " ")
}

func TestCreateUser(t *testing.T) {
	c := newConsole(t)
	developer := fmt.Sprint(c.roleID("Developer"))
	for _, door := range doorsTo(c, "/users", "POST", "/api/users") {
		email := "Ada." + door.name + "@Example.com"
		got := door.send(
			url.Values{"name": {" Ada Lovelace "}, "email": {email}, "role_id": {developer}, "password": {"  twelve bytes  "}},
			`{"name":" Ada Lovelace ","email":"`+email+`","role_id":`+developer+`,"password":"  twelve bytes  ","id":7,"role":null,"created_at":true}`,
		)
		path := "/users/" + c.userID(email)
		if door.name == "form" {
			got.redirects(path)
		} else if got.is(http.StatusCreated); got.Header.Get("Location") != "/api"+path {
			t.Errorf("location %q", got.Header.Get("Location"))
		}
		user := c.apiKey().get("/api/governance" + path).is(200).object("user")
		if want := "created_at email id name role role_id updated_at"; keysOf(user) != want {
			t.Errorf("fields %s", keysOf(user))
		}
		if user["name"] != "Ada Lovelace" || user["email"] != email || user["role"] != "Developer" || fmt.Sprint(user["role_id"]) != developer {
			t.Errorf("got %v", user)
		}
		// The password is stored as it was typed, including spaces; the address ignores case.
		c.anonymous().signIn(strings.ToUpper(email), "  twelve bytes  ").get("/settings").is(200)
		door.send(url.Values{"name": {"x"}, "email": {strings.ToUpper(email)}, "role_id": {developer}},
			`{"name":"x","email":"`+strings.ToUpper(email)+`","role_id":`+developer+`}`).refuses(409, "email_taken", "email")
	}
	// A user without a password cannot sign in.
	for _, door := range doorsTo(c, "/users", "POST", "/api/users") {
		email := door.name + "@example.com"
		door.send(url.Values{"name": {"x"}, "email": {email}, "role_id": {developer}, "password": {""}}, `{"name":"x","email":"`+email+`","role_id":`+developer+`}`)
		for _, tried := range []string{"", password} {
			c.exec("DELETE FROM login_throttles")
			c.anonymous().with("Authorization", basic(email, tried)).api("GET", "/api/users", nil).refuses(401, "invalid_credentials", "")
		}
		c.login(admin).get("/users/"+c.userID(email)).is(200).one("span", "class", "badge badge-quiet")
	}
}

func TestUserInputsRefused(t *testing.T) {
	c := newConsole(t)
	role := fmt.Sprint(c.roleID("Viewer"))
	form := func(changes ...string) url.Values {
		f := url.Values{"name": {"x"}, "email": {"x@example.com"}, "role_id": {role}}
		for i := 0; i < len(changes); i += 2 {
			f.Set(changes[i], changes[i+1])
		}
		return f
	}
	body := func(field, value string) string {
		fields := map[string]string{"name": `"x"`, "email": `"x@example.com"`, "role_id": role}
		fields[field] = value
		var members []string
		for name, value := range fields {
			if value != "" {
				members = append(members, `"`+name+`":`+value)
			}
		}
		return "{" + strings.Join(members, ",") + "}"
	}
	long := strings.Repeat("x", 256)
	cases := []badRow{
		{"no name", form("name", ""), body("name", ""), "required", "name"},
		{"blank name", form("name", " \t"), body("name", `" \t"`), "required", "name"},
		{"null name", nil, body("name", "null"), "null_not_allowed", "name"},
		{"number as name", nil, body("name", "7"), "wrong_type", "name"},
		{"list as name", nil, body("name", `["x"]`), "wrong_type", "name"},
		{"long name", form("name", long), body("name", `"`+long+`"`), "too_long", "name"},
		{"zero width name", form("name", "a\u200bb"), body("name", `"a\u200bb"`), "invalid_characters", "name"},
		{"name turned round", form("name", "a\u202eb"), body("name", `"a\u202eb"`), "invalid_characters", "name"},
		{"control character in name", form("name", "a\x07b"), body("name", `"a\u0007b"`), "invalid_characters", "name"},
		{"no email", form("email", ""), body("email", ""), "required", "email"},
		{"null email", nil, body("email", "null"), "null_not_allowed", "email"},
		{"truth as email", nil, body("email", "true"), "wrong_type", "email"},
		{"no address", form("email", "ada"), body("email", `"ada"`), "invalid_email", "email"},
		{"two at", form("email", "a@b@c"), body("email", `"a@b@c"`), "invalid_email", "email"},
		{"space in email", form("email", "a b@c"), body("email", `"a b@c"`), "invalid_email", "email"},
		{"invisible in email", form("email", "a\u00ad@c"), body("email", `"a\u00ad@c"`), "invalid_characters", "email"},
		{"long email", form("email", long+"@c"), body("email", `"`+long+`@c"`), "too_long", "email"},
		{"no role", form("role_id", ""), body("role_id", ""), "required", "role_id"},
		{"null role", nil, body("role_id", "null"), "null_not_allowed", "role_id"},
		{"role as text", form("role_id", "Admin"), body("role_id", `"1"`), "wrong_type", "role_id"},
		{"fraction of a role", form("role_id", "1.5"), body("role_id", "1.5"), "not_an_integer", "role_id"},
		{"role 0", form("role_id", "0"), body("role_id", "0"), "number_out_of_range", "role_id"},
		{"role below 0", form("role_id", "-1"), body("role_id", "-1"), "number_out_of_range", "role_id"},
		{"role beyond numbers", form("role_id", "9223372036854775808"), body("role_id", "9223372036854775808"), "number_out_of_range", "role_id"},
		{"unknown role", form("role_id", "999"), body("role_id", "999"), "unknown_role", "role_id"},
		{"short password", form("password", "elevenbytes"), body("password", `"elevenbytes"`), "too_short", "password"},
		{"long password", form("password", strings.Repeat("x", 1025)), body("password", `"`+strings.Repeat("x", 1025)+`"`), "too_long", "password"},
		{"null password", nil, body("password", "null"), "null_not_allowed", "password"},
		{"number as password", nil, body("password", "123456789012"), "wrong_type", "password"},
	}
	before := c.count("users")
	c.refusesAll(t, cases, "/users", "POST", "/api/users")
	if n := c.count("users"); n != before {
		t.Errorf("%d users were stored", n-before)
	}
	browser := c.login(admin)
	for _, field := range []string{"password_hash", "is_admin", "permissions", "Role"} {
		c.apiKey().api("POST", "/api/users", body(field, `"x"`)).refuses(400, "unknown_field", field)
		browser.post("/users", form(field, "x")).refuses(400, "unknown_field", field)
	}
	browser.post("/users", form("id", "x")).refuses(400, "unknown_field", "id")
	browser.post("/users", url.Values{"name": {"x", "y"}}).refuses(400, "duplicate_field", "name")
	c.apiKey().api("POST", "/api/users", `{"name":"x","name":"y"}`).is(400)
	c.apiKey().api("POST", "/api/users", `[]`).is(400)
	// All problems are reported at once, in the order of the fields.
	var params []string
	for _, problem := range c.apiKey().api("POST", "/api/users", `{"password":"x"}`).is(400).json()["errors"].([]any) {
		params = append(params, problem.(map[string]any)["param"].(string))
	}
	if strings.Join(params, " ") != "name email role_id password" {
		t.Errorf("problems at %v", params)
	}
}

func TestUserIDsRefused(t *testing.T) {
	c := newConsole(t)
	id := c.userID(viewer)
	browser, key := c.login(admin), c.apiKey()
	for _, bad := range []string{
		"1", "999", "0x1", "-1", "abc", "%00", "%FF", strings.ToUpper(id), "{" + id + "}", "urn:uuid:" + id, strings.ReplaceAll(id, "-", ""), id + "%20", id + "0",
		"00000000-0000-0000-0000-000000000000", "'; DROP TABLE users; --", strings.Repeat("a", 3000),
	} {
		bad = strings.ReplaceAll(bad, " ", "%20")
		for _, a := range []answer{
			key.get("/api/users/" + bad), key.get("/api/governance/users/" + bad), key.api("PUT", "/api/users/"+bad, `{"name":"x"}`),
			key.api("PUT", "/api/users/"+bad+"/role", `{"role_id":1}`), key.api("DELETE", "/api/users/"+bad, nil),
			browser.get("/users/" + bad), browser.get("/users/" + bad + "/edit"), browser.post("/users/"+bad, url.Values{"name": {"x"}}),
			browser.post("/users/"+bad+"/role", url.Values{"role_id": {"1"}}), browser.post("/users/"+bad+"/password", url.Values{"password": {password}}),
			browser.get("/users/" + bad + "/delete"), browser.post("/users/"+bad+"/delete", nil),
		} {
			a.refuses(404, "not_found", "")
		}
	}
	key.get("/api/users/" + id).is(200)
}

func TestUserFormKeepsWhatWasTyped(t *testing.T) {
	c := newConsole(t)
	role := fmt.Sprint(c.roleID("Developer"))
	got := c.login(admin).post("/users", url.Values{"name": {"<b>Ada</b>"}, "email": {"no address"}, "role_id": {role}, "password": {"long enough, but gone"}}).
		refuses(422, "invalid_email", "email")
	for name, want := range map[string]string{"name": "<b>Ada</b>", "email": "no address", "password": ""} {
		if value := attribute(got.one("input", "id", name), "value"); value != want {
			t.Errorf("%s: %q", name, value)
		}
	}
	if !present(got.one("option", "value", role), "selected") {
		t.Error("the role is not chosen any more")
	}
	got.one("a", "href", "#email")
	if strings.Contains(string(got.body), "long enough") || !strings.HasPrefix(text(got.one("title")), "Error: ") {
		t.Errorf("got %s", got.body)
	}
	page := "/users/" + c.userID(viewer)
	got = c.login(admin).post(page, url.Values{"name": {""}, "email": {"kept@example.com"}}).refuses(422, "required", "name")
	if value := attribute(got.one("input", "id", "email"), "value"); value != "kept@example.com" {
		t.Errorf("email %q", value)
	}
	got = c.login(admin).post(page+"/password", url.Values{"password": {"short"}}).refuses(422, "too_short", "password")
	if value := attribute(got.one("input", "id", "password"), "value"); value != "" {
		t.Errorf("password %q", value)
	}
	c.login(admin).post(page+"/password", url.Values{}).refuses(422, "too_short", "password")
	c.login(admin).post(page+"/password", url.Values{"password": {password}, "name": {"x"}}).refuses(400, "unknown_field", "name")
	got = c.login(admin).post(page+"/role", url.Values{"role_id": {"999"}}).refuses(422, "unknown_role", "role_id")
	got.one("a", "href", "#role_id")
}

func TestUpdateUser(t *testing.T) {
	c := newConsole(t)
	id := c.userID(viewer)
	page, api := "/users/"+id, "/api/users/"+id
	for _, door := range doorsTo(c, page, "PUT", api) {
		email := "new." + door.name + "@example.com"
		form, body := url.Values{"name": {door.name}, "email": {email}}, map[string]any{"name": door.name, "email": email, "id": 7, "role": "Admin"}
		if got := door.send(form, body); door.name == "form" {
			got.redirects(page)
		} else if user := got.is(200).object("user"); user["name"] != "json" || user["email"] != email || user["role"] != "Viewer" {
			t.Errorf("got %v", user)
		}
		rows := c.count("audit_logs")
		if door.send(form, body); c.count("audit_logs") != rows {
			t.Errorf("%s: saving the same again wrote something", door.name)
		}
		door.send(url.Values{"email": {admin}}, `{"email":"`+strings.ToUpper(admin)+`"}`).refuses(409, "email_taken", "email")
		door.send(url.Values{"name": {""}}, `{"name":""}`).refuses(door.refused, "required", "name")
		door.send(url.Values{"email": {""}}, `{"email":""}`).refuses(door.refused, "required", "email")
		door.send(url.Values{"password": {"short"}}, `{"password":"short"}`).refuses(door.refused, "too_short", "password")
		door.send(url.Values{"role_id": {"1"}}, `{"role_id":1}`).refuses(door.refused, "read_only", "role_id")
	}
	// The body of an answer can be sent back.
	key := c.apiKey()
	user := key.get(api).object("user")
	rows := c.count("audit_logs")
	if got := key.api("PUT", api, user).is(200).object("user"); fmt.Sprint(got) != fmt.Sprint(user) || c.count("audit_logs") != rows {
		t.Errorf("got %v, want %v", got, user)
	}
	key.api("PUT", api, `{"role_id":"1"}`).refuses(400, "read_only", "role_id")
	key.api("PUT", api, `{"name":"Only the name"}`).is(200)
	if got := key.get(api).object("user"); got["name"] != "Only the name" || got["email"] != user["email"] {
		t.Errorf("got %v", got)
	}
	// The audit row names the user.
	if n := c.count("audit_logs WHERE user_id = ? AND action = 'update'", id); n != 3 {
		t.Errorf("%d rows of the user", n)
	}
}

func TestPasswordOfUser(t *testing.T) {
	c := newConsole(t)
	id := c.userID(viewer)
	for i, send := range []func(word string) answer{
		func(word string) answer {
			return c.login(admin).post("/users/"+id+"/password", url.Values{"password": {word}}).redirects("/users/" + id)
		},
		func(word string) answer {
			return c.apiKey().api("PUT", "/api/users/"+id, `{"password":"`+word+`"}`).is(200)
		},
	} {
		before := []client{c.login(viewer), c.login(viewer)}
		word := fmt.Sprintf("zebra crossing %d", i)
		got := send(word)
		for _, v := range before {
			v.api("GET", "/api/users", nil).refuses(401, "unauthenticated", "")
		}
		c.anonymous().signIn(viewer, word).get("/settings").is(200)
		if everything := c.dump() + c.log.String() + string(got.body); strings.Contains(everything, "zebra") {
			t.Error("the password is stored or answered somewhere")
		}
	}
	var rows []string
	c.scan(&rows, "SELECT concat(previous_values, new_values, metadata) FROM audit_logs WHERE user_id = ?", id)
	if all := strings.Join(rows, "\n"); len(rows) != 2 || strings.Contains(all, "argon2") || !strings.Contains(all, `"password":"changed"`) {
		t.Errorf("audit rows %s", all)
	}
	// A user who changes their own password stays signed in here, with another cookie, and is signed out elsewhere.
	self, other := c.login(admin), c.login(admin)
	got := self.api("PUT", "/api/users/"+c.userID(admin), `{"password":"another long one"}`).is(200)
	cookie, set := got.cookie("session")
	if !set {
		t.Fatal("no new session")
	}
	for _, v := range []client{self, other} {
		v.api("GET", "/api/users", nil).refuses(401, "unauthenticated", "")
	}
	c.anonymous().with("Cookie", "session="+cookie.Value).api("GET", "/api/users", nil).is(200)
}

func TestRoleOfUser(t *testing.T) {
	c := newConsole(t)
	id := c.userID(viewer)
	session := c.login(viewer)
	developer, plain := fmt.Sprint(c.roleID("Developer")), fmt.Sprint(c.roleID("Viewer"))
	for _, door := range doorsTo(c, "/users/"+id+"/role", "PUT", "/api/users/"+id+"/role") {
		session.api("POST", "/api/providers", `{}`).refuses(403, "forbidden", "")
		if got := door.send(url.Values{"role_id": {developer}}, `{"role_id":`+developer+`}`); door.name == "form" {
			got.redirects("/users/" + id)
		} else if user := got.is(200).object("user"); user["role"] != "Developer" || fmt.Sprint(user["role_id"]) != developer {
			t.Errorf("got %v", user)
		}
		// The same session gains permissions with the next request, and loses them after the next change.
		session.api("POST", "/api/providers", `{}`).refuses(400, "required", "name")
		rows := c.count("audit_logs")
		if door.send(url.Values{"role_id": {developer}}, `{"role_id":`+developer+`}`); c.count("audit_logs") != rows {
			t.Error("the same role again wrote something")
		}
		door.send(url.Values{"role_id": {plain}}, `{"role_id":`+plain+`}`)
		for _, bad := range []badRow{
			{"none", url.Values{}, `{}`, "required", "role_id"},
			{"unknown", url.Values{"role_id": {"999"}}, `{"role_id":999}`, "unknown_role", "role_id"},
			{"text", url.Values{"role_id": {"Admin"}}, `{"role_id":"1"}`, "wrong_type", "role_id"},
		} {
			door.send(bad.form, bad.body).refuses(door.refused, bad.code, bad.param)
		}
		door.send(url.Values{"role_id": {plain}, "role": {"x"}}, `{"role_id":1,"role":"x"}`).refuses(400, "unknown_field", "role")
	}
	c.apiKey().api("PUT", "/api/users/"+id+"/role", `{"role_id":null}`).refuses(400, "null_not_allowed", "role_id")
}

func TestDeleteUser(t *testing.T) {
	c := newConsole(t)
	for _, name := range []string{"form", "json"} {
		email := name + "@example.com"
		c.addUser(email, "Developer")
		session, id := c.login(email), c.userID(email)
		c.exec("INSERT INTO api_keys (name, name_key, key_prefix, key_hash, scopes, created_by) VALUES (?0, ?0, 'tg', ?1, '{}', ?2)", "key of "+name, []byte(name), id)
		if words := text(c.login(admin).get("/users/"+id+"/delete").is(200).one("ul", "class", "effects")); !strings.Contains(words, "1 API key that they made: key of "+name) {
			t.Errorf("the page says %q", words)
		}
		for _, door := range doorsTo(c, "/users/"+id+"/delete", "DELETE", "/api/users/"+id) {
			if door.name == name {
				if got := door.send(nil, nil); name == "form" {
					got.redirects("/users")
				} else if got.is(200).json()["message"] != "Developer was deleted." {
					t.Errorf("got %s", got.body)
				}
			}
			defer func() { c.t = t; door.send(nil, nil).refuses(404, "not_found", "") }()
		}
		session.api("GET", "/api/providers", nil).refuses(401, "unauthenticated", "")
		if n := c.count("sessions WHERE user_id = ?", id) + c.count("api_keys WHERE created_by = ?", id); n != 0 {
			t.Errorf("%d rows are left", n)
		}
		if n := c.count("audit_logs WHERE user_id = ? AND action = 'delete' AND previous_values LIKE ?", id, `%"api_keys":["key of `+name+`"]%`); n != 1 {
			t.Errorf("%d audit rows", n)
		}
	}
}

func TestLastAdmin(t *testing.T) {
	c := newConsole(t)
	id, plain := c.userID(admin), fmt.Sprint(c.roleID("Viewer"))
	for _, door := range doorsTo(c, "/users/"+id+"/role", "PUT", "/api/users/"+id+"/role") {
		door.send(url.Values{"role_id": {plain}}, `{"role_id":`+plain+`}`).refuses(409, "last_admin", "role_id")
	}
	for _, door := range doorsTo(c, "/users/"+id+"/delete", "DELETE", "/api/users/"+id) {
		door.send(nil, nil).refuses(409, "last_admin", "")
	}
	if buttons := c.login(admin).get("/users/"+id+"/delete").is(200).all("button", "class", "button danger"); len(buttons) != 0 {
		t.Error("the page offers to delete the last admin")
	}
	if got := c.roleOf(admin); got != "Admin" {
		t.Errorf("the admin is %s", got)
	}
	// One of two can be deleted.
	c.addUser("second@example.com", "Admin")
	c.apiKey().api("PUT", "/api/users/"+id+"/role", `{"role_id":`+plain+`}`).is(200)
	c.apiKey().api("DELETE", "/api/users/"+id, nil).is(200)
}

// Two admins are deleted at once, by different actors: one of them stays.
func TestTwoLastAdminsAtOnce(t *testing.T) {
	c := newConsole(t)
	keys := []client{c.apiKey(), c.apiKey()}
	plain := fmt.Sprint(c.roleID("Viewer"))
	leave := []func(v client, id string) answer{
		func(v client, id string) answer { return v.api("DELETE", "/api/users/"+id, nil) },
		func(v client, id string) answer {
			return v.api("PUT", "/api/users/"+id+"/role", `{"role_id":`+plain+`}`)
		},
	}
	for round := range 20 {
		c.exec("DELETE FROM users")
		ids := make([]string, 2)
		for i := range ids {
			email := fmt.Sprintf("admin%d@example.com", i)
			c.addUser(email, "Admin")
			ids[i] = c.userID(email)
		}
		if round%4 == 3 { // each by the other
			keys = []client{c.login("admin1@example.com"), c.login("admin0@example.com")}
		}
		one, other := race(
			func() answer { return leave[round%2](keys[0], ids[0]) },
			func() answer { return leave[round/2%2](keys[1], ids[1]) },
		)
		statuses := []int{one.StatusCode, other.StatusCode}
		slices.Sort(statuses)
		if left := c.count("users AS u JOIN roles AS r ON r.id = u.role_id WHERE r.name = 'Admin'"); left != 1 || statuses[0] != 200 || !slices.Contains([]int{401, 403, 409}, statuses[1]) {
			t.Fatalf("round %d: %d admins left, answers %v\n%s\n%s", round, left, statuses, one.body, other.body)
		}
		if round%4 == 3 {
			keys = []client{c.apiKey(), c.apiKey()}
		}
	}
}

func TestUserList(t *testing.T) {
	c := newConsole(t)
	role := c.roleID("Viewer")
	for i := range 30 {
		c.exec("INSERT INTO users (id, name, email, email_key, role_id) VALUES (?, ?, ?1, ?1, ?)", fmt.Sprintf("00000000-0000-0000-0000-%012d", i),
			fmt.Sprintf("person%02d@example.com", i), role)
	}
	c.exec("UPDATE users SET name = '100%_sure' WHERE email = 'person07@example.com'")
	for _, path := range []string{"/api/users", "/api/governance/users"} {
		got := c.apiKey().get(path + "?limit=5&offset=10&search=PERSON").is(200).json()
		if len(got["users"].([]any)) != 5 || got["count"] != 5.0 || got["total_count"] != 30.0 || got["limit"] != 5.0 || got["offset"] != 10.0 || len(got) != 5 {
			t.Errorf("got %v", got)
		}
	}
	for search, want := range map[string]float64{"%25_s": 1, "%25%25": 0, "person_7": 0, "viewer": 1, "anonymous": 0} {
		if got := c.apiKey().get("/api/users?search=" + search).is(200).json(); got["total_count"] != want {
			t.Errorf("%s: %v", search, got["total_count"])
		}
	}
	browser := c.login(admin)
	page := browser.get("/users?search=person&limit=25").is(200)
	if rows := page.all("a", "class", "row-name"); len(rows) != 25 {
		t.Errorf("%d rows", len(rows))
	}
	if next := page.one("a", "rel", "next"); attribute(next, "href") != "?limit=25&offset=25&search=person" {
		t.Errorf("next %q", attribute(next, "href"))
	}
	browser.get("/users?search=nobody-like-that").is(200).one("a", "href", "/users", "class", "button")
	for _, query := range []string{"limit=0", "limit=101", "offset=-1", "limit=1e1", "sort=age", "search=a&search=b", "search=%FF", "search=" + strings.Repeat("x", 256)} {
		c.apiKey().get("/api/users?" + query).is(400)
		browser.get("/users?" + query).is(400)
	}
}

func TestUserPages(t *testing.T) {
	c := newConsole(t)
	browser, id := c.login(admin), c.userID(viewer)
	page := browser.get("/users/" + id).is(200)
	page.one("a", "href", "/users/"+id+"/edit")
	page.one("form", "action", "/users/"+id+"/password")
	page.one("a", "href", fmt.Sprintf("/roles/%d", c.roleID("Viewer")))
	// A user's own password is changed where the current one is required.
	own := browser.get("/users/" + c.userID(admin)).is(200)
	if forms := own.all("form", "action", "/users/"+c.userID(admin)+"/password"); len(forms) != 0 {
		t.Error("one's own password can be set without the current one")
	}
	// A user who may only view is offered nothing else.
	looker := c.login(viewer).get("/users/" + id).is(200)
	for _, form := range looker.all("form") {
		if action := attribute(form, "action"); strings.HasPrefix(action, "/users") {
			t.Errorf("a form leads to %s", action)
		}
	}
	var rail []string
	for node := range page.one("nav", "id", "nav").Descendants() {
		if node.Type == html.ElementNode && node.Data == "a" {
			rail = append(rail, attribute(node, "href")+" "+attribute(node, "data-key"))
		}
	}
	if want := []string{"/access-profiles g p", "/users g u", "/roles g r"}; len(rail) < 3 || !slices.Equal(rail[:3], want) {
		t.Errorf("rail %v", rail)
	}
	browser.get("/users/"+id+"/edit").is(200).one("input", "id", "name", "value", "Viewer")
}
