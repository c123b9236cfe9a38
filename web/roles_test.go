package web_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"tollgate/models/permission"
)

func TestCreateRole(t *testing.T) {
	c := newConsole(t)
	for _, door := range doorsTo(c, "/roles", "POST", "/api/roles") {
		name := "Support " + door.name
		got := door.send(
			url.Values{"name": {" " + name}, "description": {"One\r\ntwo"}, "permission_ids": {"", "Users:View", "AccessProfiles:View"}},
			map[string]any{"name": " " + name, "description": "One\r\ntwo", "id": 7, "is_system_role": true},
		)
		path := fmt.Sprintf("/roles/%d", c.roleID(name))
		if door.name == "form" {
			got.redirects(path)
		} else if got.is(http.StatusCreated); got.Header.Get("Location") != "/api"+path {
			t.Errorf("location %q", got.Header.Get("Location"))
		}
		role := c.apiKey().get("/api/governance" + path).is(200).object("role")
		if want := "created_at description id is_system_role name updated_at"; keysOf(role) != want {
			t.Errorf("fields %s", keysOf(role))
		}
		if role["name"] != name || role["description"] != "One\ntwo" || role["is_system_role"] != false {
			t.Errorf("got %v", role)
		}
		want := map[string]string{"form": "[AccessProfiles:View Users:View]", "json": "[]"}[door.name]
		if got := c.apiKey().get("/api" + path + "/permissions").is(200).json()["permission_ids"]; fmt.Sprint(got) != want {
			t.Errorf("%s: permissions %v", door.name, got)
		}
		door.send(url.Values{"name": {strings.ToUpper(name)}}, `{"name":"`+strings.ToUpper(name)+`"}`).refuses(409, "name_taken", "name")
		door.send(url.Values{"name": {"ADMIN"}}, `{"name":"ADMIN"}`).refuses(409, "name_taken", "name")
	}
}

func TestRoleInputsRefused(t *testing.T) {
	c := newConsole(t)
	form := func(name string, permissions ...string) url.Values {
		return url.Values{"name": {name}, "permission_ids": permissions}
	}
	before := c.count("roles")
	c.refusesAll(t, []badRow{
		{"no name", url.Values{"name": {""}}, `{}`, "required", "name"},
		{"null name", nil, `{"name":null}`, "null_not_allowed", "name"},
		{"number as name", nil, `{"name":7}`, "wrong_type", "name"},
		{"long name", form(strings.Repeat("é", 256)), `{"name":"` + strings.Repeat("é", 256) + `"}`, "too_long", "name"},
		{"invisible name", form("a\u200db"), `{"name":"a\u200db"}`, "invalid_characters", "name"},
		{"long description", url.Values{"name": {"x"}, "description": {strings.Repeat("x", 2001)}}, `{"name":"x","description":"` + strings.Repeat("x", 2001) + `"}`, "too_long", "description"},
		{"number as description", nil, `{"name":"x","description":7}`, "wrong_type", "description"},
	}, "/roles", "POST", "/api/roles")
	browser, key := c.login(admin), c.apiKey()
	browser.post("/roles", form("x", "Users:View", "Users:Fly")).refuses(422, "unknown_permission", "permission_ids[1]").one("a", "href", "#permission_ids")
	browser.post("/roles", form("x", "users:view")).refuses(422, "unknown_permission", "permission_ids[0]")
	browser.post("/roles", url.Values{"name": {"x"}, "is_system_role": {"true"}}).refuses(400, "unknown_field", "is_system_role")
	for _, field := range []string{"permission_ids", "permissions", "Name", "members"} {
		key.api("POST", "/api/roles", `{"name":"x","`+field+`":[]}`).refuses(400, "unknown_field", field)
	}
	if n := c.count("roles"); n != before {
		t.Errorf("%d roles were stored", n-before)
	}
	for _, id := range []string{"0x1", "-1", "abc", "1.0", "99999999999999999999", c.userID(admin)} {
		key.get("/api/roles/"+id).refuses(400, "invalid_id", "")
		key.get("/api/roles/"+id+"/permissions").refuses(400, "invalid_id", "")
		key.api("PUT", "/api/roles/"+id+"/permissions", `{"permission_ids":[]}`).refuses(400, "invalid_id", "")
		browser.get("/roles/"+id).refuses(400, "invalid_id", "")
	}
	for _, a := range []answer{
		key.get("/api/roles/999"), key.api("PUT", "/api/roles/999", `{}`), key.api("DELETE", "/api/roles/999", nil), key.get("/api/roles/999/permissions"),
		key.api("PUT", "/api/roles/999/permissions", `{}`), browser.get("/roles/999"), browser.get("/roles/999/edit"), browser.get("/roles/999/delete"),
		browser.post("/roles/999", form("x")), browser.post("/roles/999/delete", nil),
	} {
		a.refuses(404, "not_found", "")
	}
}

func TestRolePermissions(t *testing.T) {
	c := newConsole(t)
	id := c.addRole("Support", "Users:View")
	path := fmt.Sprintf("/api/roles/%d/permissions", id)
	c.addUser("member@example.com", "Support")
	member := c.login("member@example.com")
	key := c.apiKey()
	member.api("GET", "/api/providers", nil).refuses(403, "forbidden", "")
	got := key.api("PUT", path, `{"permission_ids":["Providers:View","AccessProfiles:View","Providers:View"]}`).is(200).json()
	if fmt.Sprint(got) != "map[permission_ids:[AccessProfiles:View Providers:View]]" {
		t.Errorf("got %v", got)
	}
	member.api("GET", "/api/providers", nil).is(200)
	member.api("GET", "/api/users", nil).refuses(403, "forbidden", "")
	rows := c.count("audit_logs")
	if key.api("PUT", path, `{"permission_ids":["AccessProfiles:View","Providers:View"]}`).is(200); c.count("audit_logs") != rows {
		t.Error("the same set again wrote something")
	}
	for body, want := range map[string][2]string{
		`{}`:                                   {"required", "permission_ids"},
		`{"permission_ids":null}`:              {"null_not_allowed", "permission_ids"},
		`{"permission_ids":"Users:View"}`:      {"wrong_type", "permission_ids"},
		`{"permission_ids":{}}`:                {"wrong_type", "permission_ids"},
		`{"permission_ids":[null]}`:            {"null_not_allowed", "permission_ids[0]"},
		`{"permission_ids":[1]}`:               {"wrong_type", "permission_ids[0]"},
		`{"permission_ids":["*"]}`:             {"unknown_permission", "permission_ids[0]"},
		`{"permission_ids":["Users:*"]}`:       {"unknown_permission", "permission_ids[0]"},
		`{"permission_ids":["users:view"]}`:    {"unknown_permission", "permission_ids[0]"},
		`{"permission_ids":["Users:View "]}`:   {"unknown_permission", "permission_ids[0]"},
		`{"permission_ids":["Users:View",""]}`: {"unknown_permission", "permission_ids[1]"},
		`{"permission_ids":[],"name":"x"}`:     {"unknown_field", "name"},
		`{"permission_ids":[` + strings.Repeat(`"Users:View",`, 200) + `"Users:View"]}`: {"too_many_items", "permission_ids"},
	} {
		key.api("PUT", path, body).refuses(400, want[0], want[1])
	}
	if c.count("audit_logs") != rows {
		t.Error("a refused change was written")
	}
	key.api("PUT", path, `{"permission_ids":[]}`).is(200)
	member.api("GET", "/api/providers", nil).refuses(403, "forbidden", "")
	// One audit row for each change lists the permissions before and after.
	if n := c.count("audit_logs WHERE action = 'update' AND new_values LIKE ?", `%"permission_ids":[]%`); n != 1 {
		t.Errorf("%d audit rows", n)
	}
	for _, name := range []string{"Admin", "Developer", "Viewer"} {
		system := fmt.Sprintf("/api/roles/%d", c.roleID(name))
		key.api("PUT", system+"/permissions", `{"permission_ids":[]}`).refuses(403, "system_role", "")
		if got := key.get(system + "/permissions").is(200).json()["permission_ids"].([]any); len(got) == 0 {
			t.Errorf("%s may do nothing", name)
		}
	}
}

func TestUpdateRole(t *testing.T) {
	c := newConsole(t)
	id := c.addRole("Support", "Users:View")
	page := fmt.Sprintf("/roles/%d", id)
	for _, door := range doorsTo(c, page, "PUT", "/api"+page) {
		form := url.Values{"name": {door.name}, "description": {"d"}, "permission_ids": {"", "Users:View", "Roles:View"}}
		body := map[string]any{"name": door.name, "description": "d", "is_system_role": "ignored"}
		if got := door.send(form, body); door.name == "form" {
			got.redirects(page)
		} else if role := got.is(200).object("role"); role["name"] != "json" || role["description"] != "d" {
			t.Errorf("got %v", role)
		}
		rows := c.count("audit_logs")
		if door.send(form, body); c.count("audit_logs") != rows {
			t.Errorf("%s: saving the same again wrote something", door.name)
		}
		door.send(url.Values{"name": {""}}, `{"name":""}`).refuses(door.refused, "required", "name")
		door.send(url.Values{"name": {"viewer"}}, `{"name":"viewer"}`).refuses(409, "name_taken", "name")
	}
	permissions := func() string {
		return fmt.Sprint(c.apiKey().get("/api" + page + "/permissions").json()["permission_ids"])
	}
	if permissions() != "[Users:View Roles:View]" {
		t.Errorf("permissions %s", permissions())
	}
	// A form without boxes keeps the permissions; one with no box ticked removes them.
	c.login(admin).post(page, url.Values{"description": {""}}).redirects(page)
	if role := c.apiKey().get("/api" + page).object("role"); permissions() != "[Users:View Roles:View]" || role["description"] != nil || role["name"] != "json" {
		t.Errorf("permissions %s of %v", permissions(), role)
	}
	c.login(admin).post(page, url.Values{"permission_ids": {""}}).redirects(page)
	if permissions() != "[]" {
		t.Errorf("permissions %s", permissions())
	}
	c.apiKey().api("PUT", "/api"+page, `{"description":"back"}`).is(200)
	c.apiKey().api("PUT", "/api"+page, `{"description":null}`).is(200)
	for _, name := range []string{"Admin", "Developer", "Viewer"} {
		system := fmt.Sprintf("/roles/%d", c.roleID(name))
		for _, door := range doorsTo(c, system, "PUT", "/api"+system) {
			door.send(url.Values{"name": {"x"}}, `{"name":"x"}`).refuses(403, "system_role", "")
		}
		for _, door := range doorsTo(c, system+"/delete", "DELETE", "/api"+system) {
			door.send(nil, nil).refuses(403, "system_role", "")
		}
		c.login(admin).get(system+"/edit").refuses(403, "system_role", "")
		c.login(admin).get(system+"/delete").refuses(403, "system_role", "")
	}
}

func TestDeleteRole(t *testing.T) {
	c := newConsole(t)
	for _, name := range []string{"form", "json"} {
		id := c.addRole(name, "Users:View")
		page := fmt.Sprintf("/roles/%d", id)
		for i := range 12 {
			c.addUser(fmt.Sprintf("%s%02d@example.com", name, i), name)
		}
		for _, door := range doorsTo(c, page+"/delete", "DELETE", "/api"+page) {
			got := door.send(nil, nil).refuses(409, "in_use", "")
			want := []string{name + "00@example.com", name + "09@example.com", "2 more"}
			for _, words := range want {
				if !strings.Contains(string(got.body), words) {
					t.Errorf("%s: %q is not in %s", door.name, words, got.body)
				}
			}
			if strings.Contains(string(got.body), name+"10@example.com") {
				t.Error("more than ten are named")
			}
		}
		blocked := c.login(admin).get(page + "/delete").is(200)
		if len(blocked.all("button", "class", "button danger")) != 0 {
			t.Error("the page offers to delete a role with members")
		}
		blocked.one("a", "href", "/users/"+c.userID(name+"00@example.com"))
		c.exec("DELETE FROM users WHERE role_id = ?", id)
		c.login(admin).get(page+"/delete").is(200).one("button", "class", "button danger")
		for _, door := range doorsTo(c, page+"/delete", "DELETE", "/api"+page) {
			if door.name != name {
				continue
			}
			if got := door.send(nil, nil); name == "form" {
				got.redirects("/roles")
			} else if got.is(200).json()["message"] != "json was deleted." {
				t.Errorf("got %s", got.body)
			}
			door.send(nil, nil).refuses(404, "not_found", "")
		}
		if n := c.count("role_permissions WHERE role_id = ?", id); n != 0 {
			t.Errorf("%d permissions are left", n)
		}
	}
}

// A role is deleted while it is granted to a user: one of the two comes too late.
func TestDeleteRoleWhileItIsGranted(t *testing.T) {
	c := newConsole(t)
	key := c.apiKey()
	for round := range 20 {
		id := c.addRole(fmt.Sprintf("role %d", round))
		deleted, created := race(
			func() answer { return key.api("DELETE", fmt.Sprintf("/api/roles/%d", id), nil) },
			func() answer {
				if round%2 == 0 {
					return key.api("PUT", "/api/users/"+c.userID(viewer)+"/role", fmt.Sprintf(`{"role_id":%d}`, id))
				}
				return key.api("POST", "/api/users", fmt.Sprintf(`{"name":"x","email":"x%d@example.com","role_id":%d}`, id, id))
			},
		)
		switch [2]int{deleted.StatusCode, created.StatusCode} {
		case [2]int{200, 400}, [2]int{409, 200}, [2]int{409, 201}:
		default:
			t.Fatalf("deleted %d %s, created %d %s", deleted.StatusCode, deleted.body, created.StatusCode, created.body)
		}
	}
}

// helper is a user who manages users and roles, and has few other permissions.
func (c *console) helper() (client, int64) {
	c.t.Helper()
	id := c.addRole("Helpdesk", "Users:View", "Users:Create", "Users:Update", "Roles:View", "Roles:Create", "Roles:Update", "Providers:View")
	c.addUser("help@example.com", "Helpdesk")
	return c.login("help@example.com"), id
}

func TestGrantingMoreThanOneHasIsRefused(t *testing.T) {
	c := newConsole(t)
	help, own := c.helper()
	small, strong := c.addRole("Small", "Providers:View"), c.addRole("Strong", "Providers:Delete")
	c.addUser("small@example.com", "Small")
	c.addUser("strong@example.com", "Strong")
	self, little, big := c.userID("help@example.com"), c.userID("small@example.com"), c.userID("strong@example.com")
	before := c.dump()
	for _, role := range []int64{c.roleID("Admin"), c.roleID("Developer"), c.roleID("Viewer"), strong} {
		id := fmt.Sprint(role)
		help.api("POST", "/api/users", `{"name":"x","email":"x@example.com","role_id":`+id+`}`).refuses(403, "forbidden", "role_id")
		help.post("/users", url.Values{"name": {"x"}, "email": {"x@example.com"}, "role_id": {id}}).refuses(403, "forbidden", "role_id")
		for _, user := range []string{self, little} {
			help.api("PUT", "/api/users/"+user+"/role", `{"role_id":`+id+`}`).refuses(403, "forbidden", "role_id")
			help.api("PUT", "/api/governance/users/"+user+"/role", `{"role_id":`+id+`}`).refuses(403, "forbidden", "role_id")
			help.post("/users/"+user+"/role", url.Values{"role_id": {id}}).refuses(403, "forbidden", "role_id")
		}
	}
	for _, user := range []string{c.userID(admin), c.userID(viewer), big} {
		help.api("PUT", "/api/users/"+user, `{"password":"let me in, please"}`).refuses(403, "forbidden", "")
		help.post("/users/"+user+"/password", url.Values{"password": {"let me in, please"}}).refuses(403, "forbidden", "")
		help.post("/users/"+user, url.Values{"password": {"let me in, please"}}).refuses(403, "forbidden", "")
		help.api("PUT", "/api/users/"+user, `{"email":"mine@example.com"}`).refuses(403, "forbidden", "")
		help.post("/users/"+user, url.Values{"email": {"mine@example.com"}}).refuses(403, "forbidden", "")
	}
	for _, role := range []int64{own, small} {
		path := fmt.Sprintf("/roles/%d", role)
		help.api("PUT", "/api"+path+"/permissions", `{"permission_ids":["Users:View","Users:Delete"]}`).refuses(403, "forbidden", "permission_ids[1]")
		help.post(path, url.Values{"name": {"x"}, "permission_ids": {"Users:View", "AuditLogs:View"}}).refuses(403, "forbidden", "permission_ids[1]")
	}
	help.post("/roles", url.Values{"name": {"x"}, "permission_ids": {"APIKeys:Create"}}).refuses(403, "forbidden", "permission_ids[0]")
	help.api("DELETE", "/api/users/"+little, nil).refuses(403, "forbidden", "")
	if c.dump() != before {
		t.Error("something was changed")
	}
	// The helper may grant their own permissions, but cannot change a role with more.
	help.api("POST", "/api/users", fmt.Sprintf(`{"name":"x","email":"x@example.com","role_id":%d}`, small)).is(201)
	help.api("PUT", "/api/users/"+little+"/role", fmt.Sprintf(`{"role_id":%d}`, own)).is(200)
	help.api("PUT", "/api/users/"+little, `{"password":"a new one for them"}`).is(200)
	help.api("PUT", fmt.Sprintf("/api/roles/%d/permissions", strong), `{"permission_ids":["Providers:Delete","Users:View"]}`).refuses(403, "forbidden", "")
	help.get(fmt.Sprintf("/roles/%d/edit", strong)).refuses(403, "forbidden", "")
	edit := help.get(fmt.Sprintf("/roles/%d/edit", small)).is(200)
	if boxes := edit.all("input", "type", "checkbox", "name", "permission_ids"); len(boxes) != 7 {
		t.Errorf("%d boxes can be ticked", len(boxes))
	}
	for _, option := range help.get("/users/new").is(200).all("option") {
		if id := attribute(option, "value"); id != "" && present(option, "disabled") != !slices.Contains([]string{fmt.Sprint(own), fmt.Sprint(small)}, id) {
			t.Errorf("role %q: disabled %v", text(option), present(option, "disabled"))
		}
	}
}

// A key never does more than its scopes, even if its creator could.
func TestKeysGiveNoMoreThanTheirScopes(t *testing.T) {
	c := newConsole(t)
	key := c.apiKey("Users:Create", "Users:Update", "Roles:Update", "Roles:Create")
	viewers := fmt.Sprint(c.roleID("Viewer"))
	key.api("POST", "/api/users", `{"name":"x","email":"x@example.com","role_id":`+viewers+`}`).refuses(403, "forbidden", "role_id")
	key.api("PUT", "/api/users/"+c.userID(viewer), `{"password":"let me in, please"}`).refuses(403, "forbidden", "")
	key.api("PUT", "/api/users/"+c.userID(viewer), `{"name":"Another name"}`).refuses(403, "forbidden", "")
	id := c.addRole("Empty")
	key.api("PUT", fmt.Sprintf("/api/roles/%d/permissions", id), `{"permission_ids":["Users:View"]}`).refuses(403, "forbidden", "permission_ids[0]")
	key.api("PUT", fmt.Sprintf("/api/roles/%d/permissions", id), `{"permission_ids":["Users:Create"]}`).is(200)
}

// A user who loses a permission during the request can no longer grant it.
func TestPermissionsAreCheckedInTheTransaction(t *testing.T) {
	for name, send := range map[string]func(c *console, help client, small int64) answer{
		"new user": func(_ *console, help client, small int64) answer {
			return help.api("POST", "/api/users", fmt.Sprintf(`{"name":"x","email":"x@example.com","role_id":%d}`, small))
		},
		"role of a user": func(c *console, help client, small int64) answer {
			return help.api("PUT", "/api/users/"+c.userID(viewer)+"/role", fmt.Sprintf(`{"role_id":%d}`, small))
		},
		"permissions": func(c *console, help client, _ int64) answer {
			return help.api("PUT", fmt.Sprintf("/api/roles/%d/permissions", c.roleID("Empty")), `{"permission_ids":["Providers:View"]}`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := newConsole(t)
			help, own := c.helper()
			small := c.addRole("Small", "Providers:View")
			c.addRole("Empty")
			taking, err := c.db.BeginTx(t.Context(), nil)
			c.must(err)
			defer taking.Rollback()
			for _, statement := range []string{"SELECT FROM roles WHERE id = ? FOR UPDATE", "DELETE FROM role_permissions WHERE role_id = ? AND permission = 'Providers:View'"} {
				_, err = taking.NewRaw(statement, own).Exec(t.Context())
				c.must(err)
			}
			got := make(chan answer)
			go func() { got <- send(c, help, small) }()
			deadline := time.Now().Add(10 * time.Second)
			for waiting := 0; waiting < 1 && time.Now().Before(deadline); {
				c.scan(&waiting, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")
			}
			c.must(taking.Commit())
			if a := <-got; a.StatusCode != 403 {
				t.Errorf("status %d: %s", a.StatusCode, a.body)
			}
		})
	}
}

func TestPermissions(t *testing.T) {
	c := newConsole(t)
	c.addRole("Idle")
	c.addUser("idle@example.com", "Idle")
	var ids []permission.Permission
	for _, row := range c.apiKey().get("/api/permissions").is(200).json()["permissions"].([]any) {
		p := row.(map[string]any)
		if id := permission.Permission(p["id"].(string)); id == permission.Permission(fmt.Sprintf("%s:%s", p["resource"], p["operation"])) && len(p) == 3 {
			ids = append(ids, id)
		}
	}
	if !slices.Equal(ids, permission.AllPermissions()) {
		t.Errorf("got %v", ids)
	}
	c.apiKey().get("/api/permissions?limit=5").refuses(400, "unknown_parameter", "limit")
	for _, path := range []string{"/api/users/me/permissions", "/api/governance/users/me/permissions"} {
		for role, v := range map[string]client{
			"Admin": c.login(admin), "Viewer": c.anonymous().with("Authorization", basic(viewer, password)), "Idle": c.login("idle@example.com"),
		} {
			all := v.api("GET", path, nil).is(200).object("permissions")
			for _, p := range permission.AllPermissions() {
				resource, operation, _ := strings.Cut(string(p), ":")
				if got := all[resource].(map[string]any)[operation]; got != permitted(role, p) {
					t.Errorf("%s, %s: %v", role, p, got)
				}
			}
		}
		scoped := c.apiKey("Users:View").get(path).is(200).object("permissions")
		if users := scoped["Users"].(map[string]any); users["View"] != true || users["Create"] != false || len(scoped) != len(permission.Resources) {
			t.Errorf("got %v", scoped)
		}
		c.anonymous().get(path).refuses(401, "unauthenticated", "")
	}
}

func TestRolePages(t *testing.T) {
	c := newConsole(t)
	browser := c.login(admin)
	id := c.addRole("Support", "Users:View", "Users:Update")
	for i := range 30 {
		c.addUser(fmt.Sprintf("member%02d@example.com", i), "Support")
	}
	page := browser.get(fmt.Sprintf("/roles/%d", id)).is(200)
	if rows := page.all("a", "class", "row-name"); len(rows) != 25 || attribute(rows[0], "href") != "/users/"+c.userID("member00@example.com") {
		t.Errorf("%d members", len(rows))
	}
	page.one("a", "rel", "next", "href", "?offset=25")
	if rows := browser.get(fmt.Sprintf("/roles/%d?offset=25", id)).is(200).all("a", "class", "row-name"); len(rows) != 5 {
		t.Errorf("%d members on the next page", len(rows))
	}
	var ticks int
	for _, cell := range page.all("td") {
		if text(cell) == "yes" {
			ticks++
		}
	}
	if ticks != 2 {
		t.Errorf("%d ticks", ticks)
	}
	edit := browser.get(fmt.Sprintf("/roles/%d/edit", id)).is(200)
	for _, box := range edit.all("input", "type", "checkbox", "name", "permission_ids") {
		value := attribute(box, "value")
		if want := value == "Users:View" || value == "Users:Update"; present(box, "checked") != want {
			t.Errorf("%s: ticked %v", value, present(box, "checked"))
		}
	}
	// The ticked boxes come back with the problems.
	got := browser.post("/roles", url.Values{"name": {""}, "description": {"kept"}, "permission_ids": {"", "Usage:View"}}).refuses(422, "required", "name")
	if !present(got.one("input", "type", "checkbox", "value", "Usage:View"), "checked") || text(got.one("textarea", "name", "description")) != "kept" {
		t.Error("the form has not kept what was chosen")
	}
	for search, want := range map[string]float64{"SUPP": 1, "may+do": 1, "%25": 0} {
		if got := c.apiKey().get("/api/roles?search=" + search).is(200).json(); got["total_count"] != want {
			t.Errorf("%s: %v", search, got)
		}
	}
	list := c.apiKey().get("/api/governance/roles?limit=2&offset=1").is(200).json()
	if len(list["roles"].([]any)) != 2 || list["total_count"] != 4.0 || list["count"] != 2.0 || len(list) != 5 {
		t.Errorf("got %v", list)
	}
	c.apiKey().get("/api/roles?offset=x").refuses(400, "number_out_of_range", "offset")
	if rows := browser.get("/roles?search=support").is(200).all("a", "class", "row-name"); len(rows) != 1 {
		t.Errorf("%d rows", len(rows))
	}
	// Members are shown only to users who may see users.
	c.addRole("Roles only", "Roles:View")
	c.addUser("roles@example.com", "Roles only")
	if rows := c.login("roles@example.com").get(fmt.Sprintf("/roles/%d", id)).is(200).all("a", "class", "row-name"); len(rows) != 0 {
		t.Errorf("%d members are shown", len(rows))
	}
}
