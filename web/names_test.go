package web_test

import (
	"fmt"
	"net/url"
	"testing"

	"tollgate/web/webtest"
)

// uniquelyNamed is a resource with a unique name, and how to create one by form and by JSON.
type uniquelyNamed struct {
	what, page, api string
	form            url.Values
	body            webtest.Object
}

func namedThings(s webtest.Stage) []uniquelyNamed {
	return []uniquelyNamed{
		{"profiles", "/access-profiles", "/api/access-profiles", url.Values{}, webtest.Object{}},
		{"roles", "/roles", "/api/roles", url.Values{}, webtest.Object{}},
		{"API keys", "/settings/api-keys", "/api/api-keys", url.Values{"scopes": {"Usage:View"}}, webtest.Object{"scopes": []string{"Usage:View"}}},
		{"tool groups", "/mcp/tool-groups", "/api/mcp/tool-groups", url.Values{}, webtest.Object{}},
		{"MCP servers", "/mcp/clients", "/api/mcp/clients", url.Values{"client_id": {""}}, webtest.Object{}},
		{"virtual keys", "/users/" + s.Ada + "/virtual-keys", "/api/users/" + s.Ada + "/virtual-keys", url.Values{}, webtest.Object{}},
	}
}

// Names that differ only by a compatible character or by case are the same name on every route.
func TestNamesAreUniqueAfterNormalization(t *testing.T) {
	s := webtest.NewStage(t)
	s.Assign(s.Ada, webtest.Research)
	for i, thing := range namedThings(s) {
		send := func(door, name string) webtest.Answer {
			if door == "form" {
				form := url.Values{"name": {name}}
				for field, values := range thing.form {
					form[field] = values
				}
				return s.Session.Post(thing.page, form)
			}
			body := webtest.Object{"name": name}
			for field, value := range thing.body {
				body[field] = value
			}
			return s.Admin.API("POST", thing.api, body)
		}
		first := fmt.Sprintf("Straße № %d", i)
		if got := send("json", first); got.StatusCode >= 300 {
			t.Fatalf("%s: status %d: %.300s", thing.what, got.StatusCode, got.Body)
		}
		for _, door := range []string{"form", "json"} {
			for _, same := range []string{
				first, fmt.Sprintf("STRASSE NO %d", i), fmt.Sprintf("Ｓｔｒａßｅ　No %c", '０'+i), fmt.Sprintf("ﬅraße № %d", i), fmt.Sprintf("ſtrasse №\u00a0%d", i),
			} {
				send(door, same).Refuses(409, "name_taken", "name")
			}
			if got := send(door, fmt.Sprintf("Straße № %d of the %s", i, door)); got.StatusCode >= 400 {
				t.Errorf("%s: another name by %s: status %d", thing.what, door, got.StatusCode)
			}
		}
	}
	// A search finds either spelling.
	for _, search := range []string{"No 0", "№ 0", "ＮＯ　０"} {
		for _, path := range []string{"/api/access-profiles", "/api/api-keys"} {
			if n := s.Admin.Get(path + "?search=" + url.QueryEscape(search)).Is(200).JSON()["total_count"]; path == "/api/access-profiles" && n != 3.0 {
				t.Errorf("%s: %v found for %q", path, n, search)
			}
		}
	}
	// Renaming follows the same rule.
	s.Admin.API("PUT", "/api/access-profiles/1", `{"name":"strasse no 0"}`).Refuses(409, "name_taken", "name")
	s.Admin.API("PUT", "/api/access-profiles/1", `{"name":"Ｅｎｇｉｎｅｅｒｉｎｇ"}`).Is(200)
	// Characters that expand do not make a name of 255 too long for an index.
	long := ""
	for range 255 {
		long += "\ufdfa"
	}
	for i, thing := range namedThings(s) {
		body := webtest.Object{"name": long}
		for field, value := range thing.body {
			body[field] = value
		}
		if got := s.Admin.API("POST", thing.api, body); got.StatusCode >= 300 {
			t.Errorf("%d: a name of 255 characters: status %d: %.200s", i, got.StatusCode, got.Body)
		}
	}
}

// An existing name keeps working, even if today's rule would refuse it.
func TestExistingNamesStayUsable(t *testing.T) {
	s := webtest.NewStage(t)
	s.Exec("UPDATE access_profiles SET name = '②nd', name_key = '②nd' WHERE id = 1")
	s.Exec(`UPDATE access_profile_versions SET snapshot = replace(snapshot, '"name":"Engineering"', '"name":"②nd"') WHERE access_profile_id = 1`)
	s.Admin.API("POST", "/api/access-profiles", `{"name":"2nd"}`).Is(201)
	profile := s.Admin.Get("/api/access-profiles/1").Is(200).Object("access_profile")
	profile["description"] = "changed"
	s.Admin.API("PUT", "/api/access-profiles/1", profile).Is(200)
	s.Admin.API("PUT", "/api/access-profiles/1", `{"name":"②ND"}`).Refuses(409, "name_taken", "name")

	// One of two roles is selected by its own name, not by that of the other.
	s.Exec("INSERT INTO roles (name, name_key) VALUES ('②nd', '②nd'), ('2nd', '2nd')")
	id := s.RoleID("②nd")
	if user := s.Admin.API("POST", "/api/users", webtest.Object{"name": "x", "email": "x@example.com", "role_id": id}).Is(201).Object("user"); user["role"] != "②nd" {
		t.Errorf("the user has the role %v", user["role"])
	}
	s.Admin.API("PUT", fmt.Sprintf("/api/roles/%d", id), `{"name":"②nd","description":"changed"}`).Is(200)

	// Addresses that look like others can no longer be created; an existing one stays, and signs in as itself.
	for _, door := range webtest.DoorsTo(s.Console, "/users/"+s.Bob, "PUT", "/api/users/"+s.Bob) {
		for _, odd := range []string{"ａdmin@example.com", "admin@example．com", "x²@example.com"} {
			door.Send(url.Values{"email": {odd}}, webtest.Object{"email": odd}).Refuses(door.Refused, "invalid_email", "email")
		}
	}
	s.Exec("UPDATE users SET email = 'ａdmin@example.com', email_key = 'ａdmin@example.com' WHERE id = ?", s.Bob)
	s.Admin.API("PUT", "/api/users/"+s.Bob, webtest.Object{"email": "ａdmin@example.com", "name": "Bob"}).Is(200)
	own := s.Anonymous().With("Authorization", webtest.Basic("ａdmin@example.com", webtest.Password)).API("GET", "/api/users/me/permissions", nil).Is(200)
	if own.Object("permissions")["Users"].(map[string]any)["Create"] != false {
		t.Error("the address signs in as an admin")
	}
}
