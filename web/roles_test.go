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
	"tollgate/web/webtest"
)

func TestCreateRole(t *testing.T) {
	c := webtest.NewConsole(t)
	for _, door := range webtest.DoorsTo(c, "/roles", "POST", "/api/roles") {
		name := "Support " + door.Name
		got := door.Send(
			url.Values{"name": {" " + name}, "description": {"One\r\ntwo"}, "permission_ids": {"", "Users:View", "AccessProfiles:View"}},
			map[string]any{"name": " " + name, "description": "One\r\ntwo", "id": 7, "is_system_role": true},
		)
		path := fmt.Sprintf("/roles/%d", c.RoleID(name))
		if door.Name == "form" {
			got.Redirects(path)
		} else if got.Is(http.StatusCreated); got.Header.Get("Location") != "/api"+path {
			t.Errorf("location %q", got.Header.Get("Location"))
		}
		role := c.APIKey().Get("/api/governance" + path).Is(200).Object("role")
		if want := "created_at description id is_system_role name updated_at"; webtest.KeysOf(role) != want {
			t.Errorf("fields %s", webtest.KeysOf(role))
		}
		if role["name"] != name || role["description"] != "One\ntwo" || role["is_system_role"] != false {
			t.Errorf("got %v", role)
		}
		want := map[string]string{"form": "[AccessProfiles:View Users:View]", "json": "[]"}[door.Name]
		if got := c.APIKey().Get("/api" + path + "/permissions").Is(200).JSON()["permission_ids"]; fmt.Sprint(got) != want {
			t.Errorf("%s: permissions %v", door.Name, got)
		}
		door.Send(url.Values{"name": {strings.ToUpper(name)}}, `{"name":"`+strings.ToUpper(name)+`"}`).Refuses(409, "name_taken", "name")
		door.Send(url.Values{"name": {"ADMIN"}}, `{"name":"ADMIN"}`).Refuses(409, "name_taken", "name")
	}
}

func TestRoleInputsRefused(t *testing.T) {
	c := webtest.NewConsole(t)
	form := func(name string, permissions ...string) url.Values {
		return url.Values{"name": {name}, "permission_ids": permissions}
	}
	before := c.Count("roles")
	c.RefusesAll(t, []webtest.BadRow{
		{Name: "no name", Form: url.Values{"name": {""}}, Body: `{}`, Code: "required", Param: "name"},
		{Name: "null name", Form: nil, Body: `{"name":null}`, Code: "null_not_allowed", Param: "name"},
		{Name: "number as name", Form: nil, Body: `{"name":7}`, Code: "wrong_type", Param: "name"},
		{Name: "long name", Form: form(strings.Repeat("é", 256)), Body: `{"name":"` + strings.Repeat("é", 256) + `"}`, Code: "too_long", Param: "name"},
		{Name: "invisible name", Form: form("a\u200db"), Body: `{"name":"a\u200db"}`, Code: "invalid_characters", Param: "name"},
		{Name: "long description", Form: url.Values{"name": {"x"}, "description": {strings.Repeat("x", 2001)}}, Body: `{"name":"x","description":"` + strings.Repeat("x", 2001) + `"}`, Code: "too_long", Param: "description"},
		{Name: "number as description", Form: nil, Body: `{"name":"x","description":7}`, Code: "wrong_type", Param: "description"},
	}, "/roles", "POST", "/api/roles")
	browser, key := c.Login(webtest.Admin), c.APIKey()
	browser.Post("/roles", form("x", "Users:View", "Users:Fly")).Refuses(422, "unknown_permission", "permission_ids[1]").One("a", "href", "#permission_ids")
	browser.Post("/roles", form("x", "users:view")).Refuses(422, "unknown_permission", "permission_ids[0]")
	browser.Post("/roles", url.Values{"name": {"x"}, "is_system_role": {"true"}}).Refuses(400, "unknown_field", "is_system_role")
	for _, field := range []string{"permission_ids", "permissions", "Name", "members"} {
		key.API("POST", "/api/roles", `{"name":"x","`+field+`":[]}`).Refuses(400, "unknown_field", field)
	}
	if n := c.Count("roles"); n != before {
		t.Errorf("%d roles were stored", n-before)
	}
	for _, id := range []string{"0x1", "-1", "abc", "1.0", "99999999999999999999", c.UserID(webtest.Admin)} {
		key.Get("/api/roles/"+id).Refuses(400, "invalid_id", "")
		key.Get("/api/roles/"+id+"/permissions").Refuses(400, "invalid_id", "")
		key.API("PUT", "/api/roles/"+id+"/permissions", `{"permission_ids":[]}`).Refuses(400, "invalid_id", "")
		browser.Get("/roles/"+id).Refuses(400, "invalid_id", "")
	}
	for _, a := range []webtest.Answer{
		key.Get("/api/roles/999"), key.API("PUT", "/api/roles/999", `{}`), key.API("DELETE", "/api/roles/999", nil), key.Get("/api/roles/999/permissions"),
		key.API("PUT", "/api/roles/999/permissions", `{}`), browser.Get("/roles/999"), browser.Get("/roles/999/edit"), browser.Get("/roles/999/delete"),
		browser.Post("/roles/999", form("x")), browser.Post("/roles/999/delete", nil),
	} {
		a.Refuses(404, "not_found", "")
	}
}

func TestRolePermissions(t *testing.T) {
	c := webtest.NewConsole(t)
	id := c.AddRole("Support", "Users:View")
	path := fmt.Sprintf("/api/roles/%d/permissions", id)
	c.AddUser("member@example.com", "Support")
	member := c.Login("member@example.com")
	key := c.APIKey()
	member.API("GET", "/api/providers", nil).Refuses(403, "forbidden", "")
	got := key.API("PUT", path, `{"permission_ids":["Providers:View","AccessProfiles:View","Providers:View"]}`).Is(200).JSON()
	if fmt.Sprint(got) != "map[permission_ids:[AccessProfiles:View Providers:View]]" {
		t.Errorf("got %v", got)
	}
	member.API("GET", "/api/providers", nil).Is(200)
	member.API("GET", "/api/users", nil).Refuses(403, "forbidden", "")
	rows := c.Count("audit_logs")
	if key.API("PUT", path, `{"permission_ids":["AccessProfiles:View","Providers:View"]}`).Is(200); c.Count("audit_logs") != rows {
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
		key.API("PUT", path, body).Refuses(400, want[0], want[1])
	}
	if c.Count("audit_logs") != rows {
		t.Error("a refused change was written")
	}
	key.API("PUT", path, `{"permission_ids":[]}`).Is(200)
	member.API("GET", "/api/providers", nil).Refuses(403, "forbidden", "")
	// One audit row for each change lists the permissions before and after.
	if n := c.Count("audit_logs WHERE action = 'update' AND new_values LIKE ?", `%"permission_ids":[]%`); n != 1 {
		t.Errorf("%d audit rows", n)
	}
	for _, name := range []string{"Admin", "Developer", "Viewer"} {
		system := fmt.Sprintf("/api/roles/%d", c.RoleID(name))
		key.API("PUT", system+"/permissions", `{"permission_ids":[]}`).Refuses(403, "system_role", "")
		if got := key.Get(system + "/permissions").Is(200).JSON()["permission_ids"].([]any); len(got) == 0 {
			t.Errorf("%s may do nothing", name)
		}
	}
}

func TestUpdateRole(t *testing.T) {
	c := webtest.NewConsole(t)
	id := c.AddRole("Support", "Users:View")
	page := fmt.Sprintf("/roles/%d", id)
	for _, door := range webtest.DoorsTo(c, page, "PUT", "/api"+page) {
		form := url.Values{"name": {door.Name}, "description": {"d"}, "permission_ids": {"", "Users:View", "Roles:View"}}
		body := map[string]any{"name": door.Name, "description": "d", "is_system_role": "ignored"}
		if got := door.Send(form, body); door.Name == "form" {
			got.Redirects(page)
		} else if role := got.Is(200).Object("role"); role["name"] != "json" || role["description"] != "d" {
			t.Errorf("got %v", role)
		}
		rows := c.Count("audit_logs")
		if door.Send(form, body); c.Count("audit_logs") != rows {
			t.Errorf("%s: saving the same again wrote something", door.Name)
		}
		door.Send(url.Values{"name": {""}}, `{"name":""}`).Refuses(door.Refused, "required", "name")
		door.Send(url.Values{"name": {"viewer"}}, `{"name":"viewer"}`).Refuses(409, "name_taken", "name")
	}
	permissions := func() string {
		return fmt.Sprint(c.APIKey().Get("/api" + page + "/permissions").JSON()["permission_ids"])
	}
	if permissions() != "[Users:View Roles:View]" {
		t.Errorf("permissions %s", permissions())
	}
	// A form without boxes keeps the permissions; one with no box ticked removes them.
	c.Login(webtest.Admin).Save(page, url.Values{"description": {""}}).Redirects(page)
	if role := c.APIKey().Get("/api" + page).Object("role"); permissions() != "[Users:View Roles:View]" || role["description"] != nil || role["name"] != "json" {
		t.Errorf("permissions %s of %v", permissions(), role)
	}
	c.Login(webtest.Admin).Save(page, url.Values{"permission_ids": {""}}).Redirects(page)
	if permissions() != "[]" {
		t.Errorf("permissions %s", permissions())
	}
	c.APIKey().API("PUT", "/api"+page, `{"description":"back"}`).Is(200)
	c.APIKey().API("PUT", "/api"+page, `{"description":null}`).Is(200)
	for _, name := range []string{"Admin", "Developer", "Viewer"} {
		system := fmt.Sprintf("/roles/%d", c.RoleID(name))
		for _, door := range webtest.DoorsTo(c, system, "PUT", "/api"+system) {
			door.Send(url.Values{"name": {"x"}}, `{"name":"x"}`).Refuses(403, "system_role", "")
		}
		for _, door := range webtest.DoorsTo(c, system+"/delete", "DELETE", "/api"+system) {
			door.Send(nil, nil).Refuses(403, "system_role", "")
		}
		c.Login(webtest.Admin).Get(system+"/edit").Refuses(403, "system_role", "")
		c.Login(webtest.Admin).Get(system+"/delete").Refuses(403, "system_role", "")
	}
}

func TestDeleteRole(t *testing.T) {
	c := webtest.NewConsole(t)
	for _, name := range []string{"form", "json"} {
		id := c.AddRole(name, "Users:View")
		page := fmt.Sprintf("/roles/%d", id)
		for i := range 12 {
			c.AddUser(fmt.Sprintf("%s%02d@example.com", name, i), name)
		}
		for _, door := range webtest.DoorsTo(c, page+"/delete", "DELETE", "/api"+page) {
			got := door.Send(nil, nil).Refuses(409, "in_use", "")
			want := []string{name + "00@example.com", name + "09@example.com", "2 more"}
			for _, words := range want {
				if !strings.Contains(string(got.Body), words) {
					t.Errorf("%s: %q is not in %s", door.Name, words, got.Body)
				}
			}
			if strings.Contains(string(got.Body), name+"10@example.com") {
				t.Error("more than ten are named")
			}
		}
		blocked := c.Login(webtest.Admin).Get(page + "/delete").Is(200)
		if len(blocked.All("button", "class", "button danger")) != 0 {
			t.Error("the page offers to delete a role with members")
		}
		blocked.One("a", "href", "/users/"+c.UserID(name+"00@example.com"))
		c.Exec("DELETE FROM users WHERE role_id = ?", id)
		c.Login(webtest.Admin).Get(page+"/delete").Is(200).One("button", "class", "button danger")
		for _, door := range webtest.DoorsTo(c, page+"/delete", "DELETE", "/api"+page) {
			if door.Name != name {
				continue
			}
			if got := door.Send(nil, nil); name == "form" {
				got.Redirects("/roles")
			} else if got.Is(200).JSON()["message"] != "json was deleted." {
				t.Errorf("got %s", got.Body)
			}
			door.Send(nil, nil).Refuses(404, "not_found", "")
		}
		if n := c.Count("role_permissions WHERE role_id = ?", id); n != 0 {
			t.Errorf("%d permissions are left", n)
		}
	}
}

// A role is deleted while it is granted to a user: one of the two comes too late.
func TestDeleteRoleWhileItIsGranted(t *testing.T) {
	c := webtest.NewConsole(t)
	key := c.APIKey()
	for round := range 20 {
		id := c.AddRole(fmt.Sprintf("role %d", round))
		deleted, created := webtest.Race(
			func() webtest.Answer { return key.API("DELETE", fmt.Sprintf("/api/roles/%d", id), nil) },
			func() webtest.Answer {
				if round%2 == 0 {
					return key.API("PUT", "/api/users/"+c.UserID(webtest.Viewer)+"/role", fmt.Sprintf(`{"role_id":%d}`, id))
				}
				return key.API("POST", "/api/users", fmt.Sprintf(`{"name":"x","email":"x%d@example.com","role_id":%d}`, id, id))
			},
		)
		switch [2]int{deleted.StatusCode, created.StatusCode} {
		case [2]int{200, 400}, [2]int{409, 200}, [2]int{409, 201}:
		default:
			t.Fatalf("deleted %d %s, created %d %s", deleted.StatusCode, deleted.Body, created.StatusCode, created.Body)
		}
	}
}

func TestGrantingMoreThanOneHasIsRefused(t *testing.T) {
	c := webtest.NewConsole(t)
	help, own := c.Helper()
	small, strong := c.AddRole("Small", "Providers:View"), c.AddRole("Strong", "Providers:Delete")
	c.AddUser("small@example.com", "Small")
	c.AddUser("strong@example.com", "Strong")
	self, little, big := c.UserID("help@example.com"), c.UserID("small@example.com"), c.UserID("strong@example.com")
	before := c.State()
	for _, role := range []int64{c.RoleID("Admin"), c.RoleID("Developer"), c.RoleID("Viewer"), strong} {
		id := fmt.Sprint(role)
		help.API("POST", "/api/users", `{"name":"x","email":"x@example.com","role_id":`+id+`}`).Refuses(403, "forbidden", "role_id")
		help.Post("/users", url.Values{"name": {"x"}, "email": {"x@example.com"}, "role_id": {id}}).Refuses(403, "forbidden", "role_id")
		for _, user := range []string{self, little} {
			help.API("PUT", "/api/users/"+user+"/role", `{"role_id":`+id+`}`).Refuses(403, "forbidden", "role_id")
			help.API("PUT", "/api/governance/users/"+user+"/role", `{"role_id":`+id+`}`).Refuses(403, "forbidden", "role_id")
			help.Post("/users/"+user+"/role", url.Values{"role_id": {id}}).Refuses(403, "forbidden", "role_id")
		}
	}
	for _, user := range []string{c.UserID(webtest.Admin), c.UserID(webtest.Viewer), big} {
		help.API("PUT", "/api/users/"+user, `{"password":"let me in, please"}`).Refuses(403, "forbidden", "")
		help.Post("/users/"+user+"/password", url.Values{"password": {"let me in, please"}}).Refuses(403, "forbidden", "")
		help.Post("/users/"+user, url.Values{"password": {"let me in, please"}}).Refuses(403, "forbidden", "")
		help.API("PUT", "/api/users/"+user, `{"email":"mine@example.com"}`).Refuses(403, "forbidden", "")
		help.Post("/users/"+user, url.Values{"email": {"mine@example.com"}}).Refuses(403, "forbidden", "")
	}
	for _, role := range []int64{own, small} {
		path := fmt.Sprintf("/roles/%d", role)
		help.API("PUT", "/api"+path+"/permissions", `{"permission_ids":["Users:View","Users:Delete"]}`).Refuses(403, "forbidden", "permission_ids[1]")
		help.Save(path, url.Values{"name": {"x"}, "permission_ids": {"Users:View", "AuditLogs:View"}}).Refuses(403, "forbidden", "permission_ids[1]")
	}
	help.Post("/roles", url.Values{"name": {"x"}, "permission_ids": {"APIKeys:Create"}}).Refuses(403, "forbidden", "permission_ids[0]")
	help.API("DELETE", "/api/users/"+little, nil).Refuses(403, "forbidden", "")
	if c.State() != before {
		t.Error("something was changed")
	}
	// The helper may grant their own permissions, but cannot change a role with more.
	help.API("POST", "/api/users", fmt.Sprintf(`{"name":"x","email":"x@example.com","role_id":%d}`, small)).Is(201)
	help.API("PUT", "/api/users/"+little+"/role", fmt.Sprintf(`{"role_id":%d}`, own)).Is(200)
	help.API("PUT", "/api/users/"+little, `{"name":"A new one"}`).Is(200)
	help.API("PUT", fmt.Sprintf("/api/roles/%d/permissions", strong), `{"permission_ids":["Providers:Delete","Users:View"]}`).Refuses(403, "forbidden", "")
	help.Get(fmt.Sprintf("/roles/%d/edit", strong)).Refuses(403, "forbidden", "")
	edit := help.Get(fmt.Sprintf("/roles/%d/edit", small)).Is(200)
	if boxes := edit.All("input", "type", "checkbox", "name", "permission_ids"); len(boxes) != 7 {
		t.Errorf("%d boxes can be ticked", len(boxes))
	}
	for _, option := range help.Get("/users/new").Is(200).All("option") {
		if id := webtest.Attribute(option, "value"); id != "" && webtest.Present(option, "disabled") != !slices.Contains([]string{fmt.Sprint(own), fmt.Sprint(small), fmt.Sprint(c.RoleID("Member"))}, id) {
			t.Errorf("role %q: disabled %v", webtest.Text(option), webtest.Present(option, "disabled"))
		}
	}
}

// A key never does more than its scopes, even if its creator could.
func TestKeysGiveNoMoreThanTheirScopes(t *testing.T) {
	c := webtest.NewConsole(t)
	key := c.APIKey("Users:Create", "Users:Update", "Roles:Update", "Roles:Create")
	viewers := fmt.Sprint(c.RoleID("Viewer"))
	key.API("POST", "/api/users", `{"name":"x","email":"x@example.com","role_id":`+viewers+`}`).Refuses(403, "forbidden", "role_id")
	key.API("PUT", "/api/users/"+c.UserID(webtest.Viewer), `{"password":"let me in, please"}`).Refuses(403, "forbidden", "")
	key.API("PUT", "/api/users/"+c.UserID(webtest.Viewer), `{"name":"Another name"}`).Refuses(403, "forbidden", "")
	id := c.AddRole("Empty")
	key.API("PUT", fmt.Sprintf("/api/roles/%d/permissions", id), `{"permission_ids":["Users:View"]}`).Refuses(403, "forbidden", "permission_ids[0]")
	key.API("PUT", fmt.Sprintf("/api/roles/%d/permissions", id), `{"permission_ids":["Users:Create"]}`).Is(200)
}

// A user who loses a permission during the request can no longer grant it.
func TestPermissionsAreCheckedInTheTransaction(t *testing.T) {
	for name, send := range map[string]func(c *webtest.Console, help webtest.Client, small int64) webtest.Answer{
		"new user": func(_ *webtest.Console, help webtest.Client, small int64) webtest.Answer {
			return help.API("POST", "/api/users", fmt.Sprintf(`{"name":"x","email":"x@example.com","role_id":%d}`, small))
		},
		"role of a user": func(c *webtest.Console, help webtest.Client, small int64) webtest.Answer {
			return help.API("PUT", "/api/users/"+c.UserID(webtest.Viewer)+"/role", fmt.Sprintf(`{"role_id":%d}`, small))
		},
		"permissions": func(c *webtest.Console, help webtest.Client, _ int64) webtest.Answer {
			return help.API("PUT", fmt.Sprintf("/api/roles/%d/permissions", c.RoleID("Empty")), `{"permission_ids":["Providers:View"]}`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := webtest.NewConsole(t)
			help, own := c.Helper()
			small := c.AddRole("Small", "Providers:View")
			c.AddRole("Empty")
			taking, err := c.Owner().BeginTx(t.Context(), nil)
			c.Must(err)
			defer taking.Rollback()
			for _, statement := range []string{"SELECT FROM roles WHERE id = ? FOR UPDATE", "DELETE FROM role_permissions WHERE role_id = ? AND permission = 'Providers:View'"} {
				_, err = taking.NewRaw(statement, own).Exec(t.Context())
				c.Must(err)
			}
			got := make(chan webtest.Answer)
			go func() { got <- send(c, help, small) }()
			deadline := time.Now().Add(10 * time.Second)
			for waiting := 0; waiting < 1 && time.Now().Before(deadline); {
				c.Scan(&waiting, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")
			}
			c.Must(taking.Commit())
			if a := <-got; a.StatusCode != 403 {
				t.Errorf("status %d: %s", a.StatusCode, a.Body)
			}
		})
	}
}

func TestPermissions(t *testing.T) {
	c := webtest.NewConsole(t)
	c.AddRole("Idle")
	c.AddUser("idle@example.com", "Idle")
	var ids []permission.Permission
	for _, row := range c.APIKey().Get("/api/permissions").Is(200).JSON()["permissions"].([]any) {
		p := row.(map[string]any)
		if id := permission.Permission(p["id"].(string)); id == permission.Permission(fmt.Sprintf("%s:%s", p["resource"], p["operation"])) && len(p) == 3 {
			ids = append(ids, id)
		}
	}
	if !slices.Equal(ids, permission.AllPermissions()) {
		t.Errorf("got %v", ids)
	}
	c.APIKey().Get("/api/permissions?limit=5").Refuses(400, "unknown_parameter", "limit")
	for _, path := range []string{"/api/users/me/permissions", "/api/governance/users/me/permissions"} {
		for role, v := range map[string]webtest.Client{
			"Admin": c.Login(webtest.Admin), "Viewer": c.Anonymous().With("Authorization", webtest.Basic(webtest.Viewer, webtest.Password)), "Idle": c.Login("idle@example.com"),
		} {
			all := v.API("GET", path, nil).Is(200).Object("permissions")
			for _, p := range permission.AllPermissions() {
				resource, operation, _ := strings.Cut(string(p), ":")
				if got := all[resource].(map[string]any)[operation]; got != webtest.Permitted(role, p) {
					t.Errorf("%s, %s: %v", role, p, got)
				}
			}
		}
		scoped := c.APIKey("Users:View").Get(path).Is(200).Object("permissions")
		if users := scoped["Users"].(map[string]any); users["View"] != true || users["Create"] != false || len(scoped) != len(permission.Resources) {
			t.Errorf("got %v", scoped)
		}
		c.Anonymous().Get(path).Refuses(401, "unauthenticated", "")
	}
}

func TestRolePages(t *testing.T) {
	c := webtest.NewConsole(t)
	browser := c.Login(webtest.Admin)
	id := c.AddRole("Support", "Users:View", "Users:Update")
	for i := range 30 {
		c.AddUser(fmt.Sprintf("member%02d@example.com", i), "Support")
	}
	page := browser.Get(fmt.Sprintf("/roles/%d", id)).Is(200)
	if rows := page.All("a", "class", "row-name"); len(rows) != 25 || webtest.Attribute(rows[0], "href") != "/users/"+c.UserID("member00@example.com") {
		t.Errorf("%d members", len(rows))
	}
	page.One("a", "rel", "next", "href", "?offset=25")
	if rows := browser.Get(fmt.Sprintf("/roles/%d?offset=25", id)).Is(200).All("a", "class", "row-name"); len(rows) != 5 {
		t.Errorf("%d members on the next page", len(rows))
	}
	var ticks int
	for _, cell := range page.All("td") {
		if webtest.Text(cell) == "yes" {
			ticks++
		}
	}
	if ticks != 2 {
		t.Errorf("%d ticks", ticks)
	}
	edit := browser.Get(fmt.Sprintf("/roles/%d/edit", id)).Is(200)
	for _, box := range edit.All("input", "type", "checkbox", "name", "permission_ids") {
		value := webtest.Attribute(box, "value")
		if want := value == "Users:View" || value == "Users:Update"; webtest.Present(box, "checked") != want {
			t.Errorf("%s: ticked %v", value, webtest.Present(box, "checked"))
		}
	}
	// The ticked boxes come back with the problems.
	got := browser.Post("/roles", url.Values{"name": {""}, "description": {"kept"}, "permission_ids": {"", "Usage:View"}}).Refuses(422, "required", "name")
	if !webtest.Present(got.One("input", "type", "checkbox", "value", "Usage:View"), "checked") || webtest.Text(got.One("textarea", "name", "description")) != "kept" {
		t.Error("the form has not kept what was chosen")
	}
	for search, want := range map[string]float64{"SUPP": 1, "may+do": 1, "%25": 0} {
		if got := c.APIKey().Get("/api/roles?search=" + search).Is(200).JSON(); got["total_count"] != want {
			t.Errorf("%s: %v", search, got)
		}
	}
	list := c.APIKey().Get("/api/governance/roles?limit=2&offset=1").Is(200).JSON()
	if len(list["roles"].([]any)) != 2 || list["total_count"] != 5.0 || list["count"] != 2.0 || len(list) != 5 {
		t.Errorf("got %v", list)
	}
	c.APIKey().Get("/api/roles?offset=x").Refuses(400, "number_out_of_range", "offset")
	if rows := browser.Get("/roles?search=support").Is(200).All("a", "class", "row-name"); len(rows) != 1 {
		t.Errorf("%d rows", len(rows))
	}
	// Members are shown only to users who may see users.
	c.AddRole("Roles only", "Roles:View")
	c.AddUser("roles@example.com", "Roles only")
	if rows := c.Login("roles@example.com").Get(fmt.Sprintf("/roles/%d", id)).Is(200).All("a", "class", "row-name"); len(rows) != 0 {
		t.Errorf("%d members are shown", len(rows))
	}
}
