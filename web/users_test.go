package web_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"tollgate/web/webtest"
)

func TestCreateUser(t *testing.T) {
	c := webtest.NewConsole(t)
	developer := fmt.Sprint(c.RoleID("Developer"))
	for _, door := range webtest.DoorsTo(c, "/users", "POST", "/api/users") {
		email := "Ada." + door.Name + "@Example.com"
		got := door.Send(
			url.Values{"name": {" Ada Lovelace "}, "email": {email}, "role_id": {developer}, "password": {"  twelve bytes  "}},
			`{"name":" Ada Lovelace ","email":"`+email+`","role_id":`+developer+`,"password":"  twelve bytes  ","id":7,"role":null,"created_at":true}`,
		)
		path := "/users/" + c.UserID(email)
		if door.Name == "form" {
			got.Redirects(path)
		} else if got.Is(http.StatusCreated); got.Header.Get("Location") != "/api"+path {
			t.Errorf("location %q", got.Header.Get("Location"))
		}
		user := c.APIKey().Get("/api/governance" + path).Is(200).Object("user")
		if want := "created_at email id name role role_id updated_at"; webtest.KeysOf(user) != want {
			t.Errorf("fields %s", webtest.KeysOf(user))
		}
		if user["name"] != "Ada Lovelace" || user["email"] != email || user["role"] != "Developer" || fmt.Sprint(user["role_id"]) != developer {
			t.Errorf("got %v", user)
		}
		// The password is stored as it was typed, including spaces; the address ignores case.
		c.Anonymous().SignIn(strings.ToUpper(email), "  twelve bytes  ").Get("/settings").Is(200)
		door.Send(url.Values{"name": {"x"}, "email": {strings.ToUpper(email)}, "role_id": {developer}},
			`{"name":"x","email":"`+strings.ToUpper(email)+`","role_id":`+developer+`}`).Refuses(409, "email_taken", "email")
	}
	// A user without a password cannot sign in.
	for _, door := range webtest.DoorsTo(c, "/users", "POST", "/api/users") {
		email := door.Name + "@example.com"
		door.Send(url.Values{"name": {"x"}, "email": {email}, "role_id": {developer}, "password": {""}}, `{"name":"x","email":"`+email+`","role_id":`+developer+`}`)
		for _, tried := range []string{"", webtest.Password} {
			c.Exec("DELETE FROM login_throttles")
			c.Anonymous().With("Authorization", webtest.Basic(email, tried)).API("GET", "/api/users", nil).Refuses(401, "invalid_credentials", "")
		}
		c.Login(webtest.Admin).Get("/users/"+c.UserID(email)).Is(200).One("span", "class", "badge badge-quiet")
	}
}

func TestUserInputsRefused(t *testing.T) {
	c := webtest.NewConsole(t)
	role := fmt.Sprint(c.RoleID("Viewer"))
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
	cases := []webtest.BadRow{
		{Name: "no name", Form: form("name", ""), Body: body("name", ""), Code: "required", Param: "name"},
		{Name: "blank name", Form: form("name", " \t"), Body: body("name", `" \t"`), Code: "required", Param: "name"},
		{Name: "null name", Form: nil, Body: body("name", "null"), Code: "null_not_allowed", Param: "name"},
		{Name: "number as name", Form: nil, Body: body("name", "7"), Code: "wrong_type", Param: "name"},
		{Name: "list as name", Form: nil, Body: body("name", `["x"]`), Code: "wrong_type", Param: "name"},
		{Name: "long name", Form: form("name", long), Body: body("name", `"`+long+`"`), Code: "too_long", Param: "name"},
		{Name: "zero width name", Form: form("name", "a\u200bb"), Body: body("name", `"a\u200bb"`), Code: "invalid_characters", Param: "name"},
		{Name: "name turned round", Form: form("name", "a\u202eb"), Body: body("name", `"a\u202eb"`), Code: "invalid_characters", Param: "name"},
		{Name: "control character in name", Form: form("name", "a\x07b"), Body: body("name", `"a\u0007b"`), Code: "invalid_characters", Param: "name"},
		{Name: "no email", Form: form("email", ""), Body: body("email", ""), Code: "required", Param: "email"},
		{Name: "null email", Form: nil, Body: body("email", "null"), Code: "null_not_allowed", Param: "email"},
		{Name: "truth as email", Form: nil, Body: body("email", "true"), Code: "wrong_type", Param: "email"},
		{Name: "no address", Form: form("email", "ada"), Body: body("email", `"ada"`), Code: "invalid_email", Param: "email"},
		{Name: "two at", Form: form("email", "a@b@c"), Body: body("email", `"a@b@c"`), Code: "invalid_email", Param: "email"},
		{Name: "space in email", Form: form("email", "a b@c"), Body: body("email", `"a b@c"`), Code: "invalid_email", Param: "email"},
		{Name: "invisible in email", Form: form("email", "a\u00ad@c"), Body: body("email", `"a\u00ad@c"`), Code: "invalid_characters", Param: "email"},
		{Name: "long email", Form: form("email", long+"@c"), Body: body("email", `"`+long+`@c"`), Code: "too_long", Param: "email"},
		{Name: "null role", Form: nil, Body: body("role_id", "null"), Code: "null_not_allowed", Param: "role_id"},
		{Name: "role as text", Form: form("role_id", "Admin"), Body: body("role_id", `"1"`), Code: "wrong_type", Param: "role_id"},
		{Name: "fraction of a role", Form: form("role_id", "1.5"), Body: body("role_id", "1.5"), Code: "not_an_integer", Param: "role_id"},
		{Name: "role 0", Form: form("role_id", "0"), Body: body("role_id", "0"), Code: "number_out_of_range", Param: "role_id"},
		{Name: "role below 0", Form: form("role_id", "-1"), Body: body("role_id", "-1"), Code: "number_out_of_range", Param: "role_id"},
		{Name: "role beyond numbers", Form: form("role_id", "9223372036854775808"), Body: body("role_id", "9223372036854775808"), Code: "number_out_of_range", Param: "role_id"},
		{Name: "unknown role", Form: form("role_id", "999"), Body: body("role_id", "999"), Code: "unknown_role", Param: "role_id"},
		{Name: "short password", Form: form("password", "elevenbytes"), Body: body("password", `"elevenbytes"`), Code: "too_short", Param: "password"},
		{Name: "long password", Form: form("password", strings.Repeat("x", 1025)), Body: body("password", `"`+strings.Repeat("x", 1025)+`"`), Code: "too_long", Param: "password"},
		{Name: "null password", Form: nil, Body: body("password", "null"), Code: "null_not_allowed", Param: "password"},
		{Name: "number as password", Form: nil, Body: body("password", "123456789012"), Code: "wrong_type", Param: "password"},
	}
	before := c.Count("users")
	c.RefusesAll(t, cases, "/users", "POST", "/api/users")
	if n := c.Count("users"); n != before {
		t.Errorf("%d users were stored", n-before)
	}
	browser := c.Login(webtest.Admin)
	for _, field := range []string{"password_hash", "is_admin", "permissions", "Role"} {
		c.APIKey().API("POST", "/api/users", body(field, `"x"`)).Refuses(400, "unknown_field", field)
		browser.Post("/users", form(field, "x")).Refuses(400, "unknown_field", field)
	}
	browser.Post("/users", form("id", "x")).Refuses(400, "unknown_field", "id")
	browser.Post("/users", url.Values{"name": {"x", "y"}}).Refuses(400, "duplicate_field", "name")
	c.APIKey().API("POST", "/api/users", `{"name":"x","name":"y"}`).Is(400)
	c.APIKey().API("POST", "/api/users", `[]`).Is(400)
	// All problems are reported at once, in the order of the fields.
	var params []string
	for _, problem := range c.APIKey().API("POST", "/api/users", `{"password":"x"}`).Is(400).JSON()["errors"].([]any) {
		params = append(params, problem.(map[string]any)["param"].(string))
	}
	if strings.Join(params, " ") != "name email password" {
		t.Errorf("problems at %v", params)
	}
}

func TestUserIDsRefused(t *testing.T) {
	c := webtest.NewConsole(t)
	id := c.UserID(webtest.Viewer)
	browser, key := c.Login(webtest.Admin), c.APIKey()
	for _, bad := range []string{
		"1", "999", "0x1", "-1", "abc", "%00", "%FF", strings.ToUpper(id), "{" + id + "}", "urn:uuid:" + id, strings.ReplaceAll(id, "-", ""), id + "%20", id + "0",
		"00000000-0000-0000-0000-000000000000", "'; DROP TABLE users; --", strings.Repeat("a", 3000),
	} {
		bad = strings.ReplaceAll(bad, " ", "%20")
		for _, a := range []webtest.Answer{
			key.Get("/api/users/" + bad), key.Get("/api/governance/users/" + bad), key.API("PUT", "/api/users/"+bad, `{"name":"x"}`),
			key.API("PUT", "/api/users/"+bad+"/role", `{"role_id":1}`), key.API("DELETE", "/api/users/"+bad, nil),
			browser.Get("/users/" + bad), browser.Get("/users/" + bad + "/edit"), browser.Save("/users/"+bad, url.Values{"name": {"x"}}),
			browser.Post("/users/"+bad+"/role", url.Values{"role_id": {"1"}}), browser.Post("/users/"+bad+"/password", url.Values{"password": {webtest.Password}}),
			browser.Get("/users/" + bad + "/delete"), browser.Post("/users/"+bad+"/delete", nil),
		} {
			a.Refuses(404, "not_found", "")
		}
	}
	key.Get("/api/users/" + id).Is(200)
}

func TestUserFormKeepsWhatWasTyped(t *testing.T) {
	c := webtest.NewConsole(t)
	role := fmt.Sprint(c.RoleID("Developer"))
	got := c.Login(webtest.Admin).Post("/users", url.Values{"name": {"<b>Ada</b>"}, "email": {"no address"}, "role_id": {role}, "password": {"long enough, but gone"}}).
		Refuses(422, "invalid_email", "email")
	for name, want := range map[string]string{"name": "<b>Ada</b>", "email": "no address", "password": ""} {
		if value := webtest.Attribute(got.One("input", "id", name), "value"); value != want {
			t.Errorf("%s: %q", name, value)
		}
	}
	if !webtest.Present(got.One("option", "value", role), "selected") {
		t.Error("the role is not chosen any more")
	}
	got.One("a", "href", "#email")
	if strings.Contains(string(got.Body), "long enough") || !strings.HasPrefix(webtest.Text(got.One("title")), "Error: ") {
		t.Errorf("got %s", got.Body)
	}
	page := "/users/" + c.UserID(webtest.Viewer)
	got = c.Login(webtest.Admin).Save(page, url.Values{"name": {""}, "email": {"kept@example.com"}}).Refuses(422, "required", "name")
	if value := webtest.Attribute(got.One("input", "id", "email"), "value"); value != "kept@example.com" {
		t.Errorf("email %q", value)
	}
	got = c.Login(webtest.Admin).Post(page+"/password", url.Values{"password": {"short"}}).Refuses(422, "too_short", "password")
	if value := webtest.Attribute(got.One("input", "id", "password"), "value"); value != "" {
		t.Errorf("password %q", value)
	}
	c.Login(webtest.Admin).Post(page+"/password", url.Values{}).Refuses(422, "too_short", "password")
	c.Login(webtest.Admin).Post(page+"/password", url.Values{"password": {webtest.Password}, "name": {"x"}}).Refuses(400, "unknown_field", "name")
	got = c.Login(webtest.Admin).Post(page+"/role", url.Values{"role_id": {"999"}}).Refuses(422, "unknown_role", "role_id")
	got.One("a", "href", "#role_id")
}

func TestUpdateUser(t *testing.T) {
	c := webtest.NewConsole(t)
	id := c.UserID(webtest.Viewer)
	page, api := "/users/"+id, "/api/users/"+id
	for _, door := range webtest.DoorsTo(c, page, "PUT", api) {
		email := "new." + door.Name + "@example.com"
		form, body := url.Values{"name": {door.Name}, "email": {email}}, map[string]any{"name": door.Name, "email": email, "id": 7, "role": "Admin"}
		if got := door.Send(form, body); door.Name == "form" {
			got.Redirects(page)
		} else if user := got.Is(200).Object("user"); user["name"] != "json" || user["email"] != email || user["role"] != "Viewer" {
			t.Errorf("got %v", user)
		}
		rows := c.Count("audit_logs")
		if door.Send(form, body); c.Count("audit_logs") != rows {
			t.Errorf("%s: saving the same again wrote something", door.Name)
		}
		door.Send(url.Values{"email": {webtest.Admin}}, `{"email":"`+strings.ToUpper(webtest.Admin)+`"}`).Refuses(409, "email_taken", "email")
		door.Send(url.Values{"name": {""}}, `{"name":""}`).Refuses(door.Refused, "required", "name")
		door.Send(url.Values{"email": {""}}, `{"email":""}`).Refuses(door.Refused, "required", "email")
		door.Send(url.Values{"password": {"short"}}, `{"password":"short"}`).Refuses(door.Refused, "too_short", "password")
		door.Send(url.Values{"role_id": {"1"}}, `{"role_id":1}`).Refuses(door.Refused, "read_only", "role_id")
	}
	// The body of an answer can be sent back.
	key := c.APIKey()
	user := key.Get(api).Object("user")
	rows := c.Count("audit_logs")
	if got := key.API("PUT", api, user).Is(200).Object("user"); fmt.Sprint(got) != fmt.Sprint(user) || c.Count("audit_logs") != rows {
		t.Errorf("got %v, want %v", got, user)
	}
	key.API("PUT", api, `{"role_id":"1"}`).Refuses(400, "read_only", "role_id")
	key.API("PUT", api, `{"name":"Only the name"}`).Is(200)
	if got := key.Get(api).Object("user"); got["name"] != "Only the name" || got["email"] != user["email"] {
		t.Errorf("got %v", got)
	}
	// The audit row names the user.
	if n := c.Count("audit_logs WHERE user_id = ? AND action = 'update'", id); n != 3 {
		t.Errorf("%d rows of the user", n)
	}
}

func TestPasswordOfUser(t *testing.T) {
	c := webtest.NewConsole(t)
	id := c.UserID(webtest.Viewer)
	for i, send := range []func(word string) webtest.Answer{
		func(word string) webtest.Answer {
			return c.Login(webtest.Admin).Post("/users/"+id+"/password", url.Values{"password": {word}}).Redirects("/users/" + id)
		},
		func(word string) webtest.Answer {
			return c.APIKey().API("PUT", "/api/users/"+id, `{"password":"`+word+`"}`).Is(200)
		},
	} {
		before := []webtest.Client{c.Login(webtest.Viewer), c.Login(webtest.Viewer)}
		word := fmt.Sprintf("zebra crossing %d", i)
		got := send(word)
		for _, v := range before {
			v.API("GET", "/api/users", nil).Refuses(401, "unauthenticated", "")
		}
		c.Anonymous().SignIn(webtest.Viewer, word).Get("/settings").Is(200)
		if everything := c.Dump() + c.Log.String() + string(got.Body); strings.Contains(everything, "zebra") {
			t.Error("the password is stored or answered somewhere")
		}
	}
	var rows []string
	c.Scan(&rows, "SELECT concat(previous_values, new_values, metadata) FROM audit_logs WHERE user_id = ?", id)
	if all := strings.Join(rows, "\n"); len(rows) != 2 || strings.Contains(all, "argon2") || !strings.Contains(all, `"password":"changed"`) {
		t.Errorf("audit rows %s", all)
	}
	// A user who changes their own password stays signed in here, with another cookie, and is signed out elsewhere.
	self, other := c.Login(webtest.Admin), c.Login(webtest.Admin)
	got := self.API("PUT", "/api/users/"+c.UserID(webtest.Admin), `{"password":"another long one"}`).Is(200)
	cookie, set := got.Cookie("session")
	if !set {
		t.Fatal("no new session")
	}
	for _, v := range []webtest.Client{self, other} {
		v.API("GET", "/api/users", nil).Refuses(401, "unauthenticated", "")
	}
	c.Anonymous().With("Cookie", "session="+cookie.Value).API("GET", "/api/users", nil).Is(200)
}

func TestRoleOfUser(t *testing.T) {
	c := webtest.NewConsole(t)
	id := c.UserID(webtest.Viewer)
	session := c.Login(webtest.Viewer)
	developer, plain := fmt.Sprint(c.RoleID("Developer")), fmt.Sprint(c.RoleID("Viewer"))
	for _, door := range webtest.DoorsTo(c, "/users/"+id+"/role", "PUT", "/api/users/"+id+"/role") {
		session.API("POST", "/api/providers", `{}`).Refuses(403, "forbidden", "")
		if got := door.Send(url.Values{"role_id": {developer}}, `{"role_id":`+developer+`}`); door.Name == "form" {
			got.Redirects("/users/" + id)
		} else if user := got.Is(200).Object("user"); user["role"] != "Developer" || fmt.Sprint(user["role_id"]) != developer {
			t.Errorf("got %v", user)
		}
		// The same session gains permissions with the next request, and loses them after the next change.
		session.API("POST", "/api/providers", `{}`).Refuses(400, "required", "name")
		rows := c.Count("audit_logs")
		if door.Send(url.Values{"role_id": {developer}}, `{"role_id":`+developer+`}`); c.Count("audit_logs") != rows {
			t.Error("the same role again wrote something")
		}
		door.Send(url.Values{"role_id": {plain}}, `{"role_id":`+plain+`}`)
		for _, bad := range []webtest.BadRow{
			{Name: "none", Form: url.Values{}, Body: `{}`, Code: "required", Param: "role_id"},
			{Name: "unknown", Form: url.Values{"role_id": {"999"}}, Body: `{"role_id":999}`, Code: "unknown_role", Param: "role_id"},
			{Name: "text", Form: url.Values{"role_id": {"Admin"}}, Body: `{"role_id":"1"}`, Code: "wrong_type", Param: "role_id"},
		} {
			door.Send(bad.Form, bad.Body).Refuses(door.Refused, bad.Code, bad.Param)
		}
		door.Send(url.Values{"role_id": {plain}, "role": {"x"}}, `{"role_id":1,"role":"x"}`).Refuses(400, "unknown_field", "role")
	}
	c.APIKey().API("PUT", "/api/users/"+id+"/role", `{"role_id":null}`).Refuses(400, "null_not_allowed", "role_id")
}

func TestDeleteUser(t *testing.T) {
	c := webtest.NewConsole(t)
	for _, name := range []string{"form", "json"} {
		email := name + "@example.com"
		c.AddUser(email, "Developer")
		session, id := c.Login(email), c.UserID(email)
		c.Exec("INSERT INTO api_keys (name, name_key, key_prefix, key_hash, scopes, created_by) VALUES (?0, ?0, 'tg', ?1, '{}', ?2)", "key of "+name, []byte(name), id)
		if words := webtest.Text(c.Login(webtest.Admin).Get("/users/"+id+"/delete").Is(200).One("ul", "class", "effects")); !strings.Contains(words, "1 API key that they made: key of "+name) {
			t.Errorf("the page says %q", words)
		}
		for _, door := range webtest.DoorsTo(c, "/users/"+id+"/delete", "DELETE", "/api/users/"+id) {
			if door.Name == name {
				if got := door.Send(nil, nil); name == "form" {
					got.Redirects("/users")
				} else if got.Is(200).JSON()["message"] != "Developer was deleted." {
					t.Errorf("got %s", got.Body)
				}
			}
			defer func() { c.T = t; door.Send(nil, nil).Refuses(404, "not_found", "") }()
		}
		session.API("GET", "/api/providers", nil).Refuses(401, "unauthenticated", "")
		if n := c.Count("sessions WHERE user_id = ?", id) + c.Count("api_keys WHERE created_by = ?", id); n != 0 {
			t.Errorf("%d rows are left", n)
		}
		if n := c.Count("audit_logs WHERE user_id = ? AND action = 'delete' AND previous_values LIKE ?", id, `%"api_keys":["key of `+name+`"]%`); n != 1 {
			t.Errorf("%d audit rows", n)
		}
	}
}

func TestLastAdmin(t *testing.T) {
	c := webtest.NewConsole(t)
	id, plain := c.UserID(webtest.Admin), fmt.Sprint(c.RoleID("Viewer"))
	for _, door := range webtest.DoorsTo(c, "/users/"+id+"/role", "PUT", "/api/users/"+id+"/role") {
		door.Send(url.Values{"role_id": {plain}}, `{"role_id":`+plain+`}`).Refuses(409, "last_admin", "role_id")
	}
	for _, door := range webtest.DoorsTo(c, "/users/"+id+"/delete", "DELETE", "/api/users/"+id) {
		door.Send(nil, nil).Refuses(409, "last_admin", "")
	}
	if buttons := c.Login(webtest.Admin).Get("/users/"+id+"/delete").Is(200).All("button", "class", "button danger"); len(buttons) != 0 {
		t.Error("the page offers to delete the last admin")
	}
	if got := c.RoleOf(webtest.Admin); got != "Admin" {
		t.Errorf("the admin is %s", got)
	}
	// One of two can be deleted.
	c.AddUser("second@example.com", "Admin")
	c.APIKey().API("PUT", "/api/users/"+id+"/role", `{"role_id":`+plain+`}`).Is(200)
	c.APIKey().API("DELETE", "/api/users/"+id, nil).Is(200)
}

// Two admins are deleted at once, by different actors: one of them stays.
func TestTwoLastAdminsAtOnce(t *testing.T) {
	c := webtest.NewConsole(t)
	keys := []webtest.Client{c.APIKey(), c.APIKey()}
	plain := fmt.Sprint(c.RoleID("Viewer"))
	leave := []func(v webtest.Client, id string) webtest.Answer{
		func(v webtest.Client, id string) webtest.Answer { return v.API("DELETE", "/api/users/"+id, nil) },
		func(v webtest.Client, id string) webtest.Answer {
			return v.API("PUT", "/api/users/"+id+"/role", `{"role_id":`+plain+`}`)
		},
	}
	for round := range 20 {
		c.Exec("DELETE FROM users")
		ids := make([]string, 2)
		for i := range ids {
			email := fmt.Sprintf("admin%d@example.com", i)
			c.AddUser(email, "Admin")
			ids[i] = c.UserID(email)
		}
		if round%4 == 3 { // each by the other
			keys = []webtest.Client{c.Login("admin1@example.com"), c.Login("admin0@example.com")}
		}
		one, other := webtest.Race(
			func() webtest.Answer { return leave[round%2](keys[0], ids[0]) },
			func() webtest.Answer { return leave[round/2%2](keys[1], ids[1]) },
		)
		statuses := []int{one.StatusCode, other.StatusCode}
		slices.Sort(statuses)
		if left := c.Count("users AS u JOIN roles AS r ON r.id = u.role_id WHERE r.name = 'Admin'"); left != 1 || statuses[0] != 200 || !slices.Contains([]int{401, 403, 409}, statuses[1]) {
			t.Fatalf("round %d: %d admins left, answers %v\n%s\n%s", round, left, statuses, one.Body, other.Body)
		}
		if round%4 == 3 {
			keys = []webtest.Client{c.APIKey(), c.APIKey()}
		}
	}
}

func TestUserList(t *testing.T) {
	c := webtest.NewConsole(t)
	role := c.RoleID("Viewer")
	for i := range 30 {
		c.Exec("INSERT INTO users (id, name, email, email_key, role_id) VALUES (?, ?, ?1, ?1, ?)", fmt.Sprintf("00000000-0000-0000-0000-%012d", i),
			fmt.Sprintf("person%02d@example.com", i), role)
	}
	c.Exec("UPDATE users SET name = '100%_sure' WHERE email = 'person07@example.com'")
	for _, path := range []string{"/api/users", "/api/governance/users"} {
		got := c.APIKey().Get(path + "?limit=5&offset=10&search=PERSON").Is(200).JSON()
		if len(got["users"].([]any)) != 5 || got["count"] != 5.0 || got["total_count"] != 30.0 || got["limit"] != 5.0 || got["offset"] != 10.0 || len(got) != 5 {
			t.Errorf("got %v", got)
		}
	}
	for search, want := range map[string]float64{"%25_s": 1, "%25%25": 0, "person_7": 0, "viewer": 1, "anonymous": 0} {
		if got := c.APIKey().Get("/api/users?search=" + search).Is(200).JSON(); got["total_count"] != want {
			t.Errorf("%s: %v", search, got["total_count"])
		}
	}
	browser := c.Login(webtest.Admin)
	page := browser.Get("/users?search=person&limit=25").Is(200)
	if rows := page.All("a", "class", "row-name"); len(rows) != 25 {
		t.Errorf("%d rows", len(rows))
	}
	if next := page.One("a", "rel", "next"); webtest.Attribute(next, "href") != "?limit=25&offset=25&search=person" {
		t.Errorf("next %q", webtest.Attribute(next, "href"))
	}
	browser.Get("/users?search=nobody-like-that").Is(200).One("a", "href", "/users", "class", "button")
	for _, query := range []string{"limit=0", "limit=101", "offset=-1", "limit=1e1", "sort=age", "search=a&search=b", "search=%FF", "search=" + strings.Repeat("x", 256)} {
		c.APIKey().Get("/api/users?" + query).Is(400)
		browser.Get("/users?" + query).Is(400)
	}
}

func TestUserPages(t *testing.T) {
	c := webtest.NewConsole(t)
	browser, id := c.Login(webtest.Admin), c.UserID(webtest.Viewer)
	page := browser.Get("/users/" + id).Is(200)
	page.One("a", "href", "/users/"+id+"/edit")
	page.One("form", "action", "/users/"+id+"/password")
	page.One("a", "href", fmt.Sprintf("/roles/%d", c.RoleID("Viewer")))
	// A user's own password is changed where the current one is required.
	own := browser.Get("/users/" + c.UserID(webtest.Admin)).Is(200)
	if forms := own.All("form", "action", "/users/"+c.UserID(webtest.Admin)+"/password"); len(forms) != 0 {
		t.Error("one's own password can be set without the current one")
	}
	// A user who may only view is offered nothing else.
	looker := c.Login(webtest.Viewer).Get("/users/" + id).Is(200)
	for _, form := range looker.All("form") {
		if action := webtest.Attribute(form, "action"); strings.HasPrefix(action, "/users") {
			t.Errorf("a form leads to %s", action)
		}
	}
	var rail []string
	for node := range page.One("nav", "id", "nav").Descendants() {
		if node.Type == html.ElementNode && node.Data == "a" {
			rail = append(rail, webtest.Attribute(node, "href")+" "+webtest.Attribute(node, "data-key"))
		}
	}
	if want := []string{"/access-profiles g p", "/users g u", "/roles g r"}; len(rail) < 3 || !slices.Equal(rail[:3], want) {
		t.Errorf("rail %v", rail)
	}
	browser.Get("/users/"+id+"/edit").Is(200).One("input", "id", "name", "value", "Viewer")
}
