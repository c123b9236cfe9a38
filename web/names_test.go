package web_test

import (
	"fmt"
	"net/url"
	"testing"
)

// uniquelyNamed is a resource with a unique name, and how to create one by form and by JSON.
type uniquelyNamed struct {
	what, page, api string
	form            url.Values
	body            object
}

func namedThings(s stage) []uniquelyNamed {
	return []uniquelyNamed{
		{"profiles", "/access-profiles", "/api/access-profiles", url.Values{}, object{}},
		{"roles", "/roles", "/api/roles", url.Values{}, object{}},
		{"API keys", "/settings/api-keys", "/api/api-keys", url.Values{"scopes": {"Usage:View"}}, object{"scopes": []string{"Usage:View"}}},
		{"tool groups", "/mcp/tool-groups", "/api/mcp/tool-groups", url.Values{}, object{}},
		{"MCP servers", "/mcp/clients", "/api/mcp/clients", url.Values{"client_id": {""}}, object{}},
		{"virtual keys", "/users/" + s.ada + "/virtual-keys", "/api/users/" + s.ada + "/virtual-keys", url.Values{}, object{}},
	}
}

// Names that differ only by a compatible character or by case are the same name on every route.
func TestNamesAreUniqueAfterNormalization(t *testing.T) {
	s := newStage(t)
	s.assign(s.ada, research)
	for i, thing := range namedThings(s) {
		send := func(door, name string) answer {
			if door == "form" {
				form := url.Values{"name": {name}}
				for field, values := range thing.form {
					form[field] = values
				}
				return s.session.post(thing.page, form)
			}
			body := object{"name": name}
			for field, value := range thing.body {
				body[field] = value
			}
			return s.admin.api("POST", thing.api, body)
		}
		first := fmt.Sprintf("Straße № %d", i)
		if got := send("json", first); got.StatusCode >= 300 {
			t.Fatalf("%s: status %d: %.300s", thing.what, got.StatusCode, got.body)
		}
		for _, door := range []string{"form", "json"} {
			for _, same := range []string{
				first, fmt.Sprintf("STRASSE NO %d", i), fmt.Sprintf("Ｓｔｒａßｅ　No %c", '０'+i), fmt.Sprintf("ﬅraße № %d", i), fmt.Sprintf("ſtrasse №\u00a0%d", i),
			} {
				send(door, same).refuses(409, "name_taken", "name")
			}
			if got := send(door, fmt.Sprintf("Straße № %d of the %s", i, door)); got.StatusCode >= 400 {
				t.Errorf("%s: another name by %s: status %d", thing.what, door, got.StatusCode)
			}
		}
	}
	// A search finds either spelling.
	for _, search := range []string{"No 0", "№ 0", "ＮＯ　０"} {
		for _, path := range []string{"/api/access-profiles", "/api/api-keys"} {
			if n := s.admin.get(path + "?search=" + url.QueryEscape(search)).is(200).json()["total_count"]; path == "/api/access-profiles" && n != 3.0 {
				t.Errorf("%s: %v found for %q", path, n, search)
			}
		}
	}
	// Renaming follows the same rule.
	s.admin.api("PUT", "/api/access-profiles/1", `{"name":"strasse no 0"}`).refuses(409, "name_taken", "name")
	s.admin.api("PUT", "/api/access-profiles/1", `{"name":"Ｅｎｇｉｎｅｅｒｉｎｇ"}`).is(200)
	// Characters that expand do not make a name of 255 too long for an index.
	long := ""
	for range 255 {
		long += "\ufdfa"
	}
	for i, thing := range namedThings(s) {
		body := object{"name": long}
		for field, value := range thing.body {
			body[field] = value
		}
		if got := s.admin.api("POST", thing.api, body); got.StatusCode >= 300 {
			t.Errorf("%d: a name of 255 characters: status %d: %.200s", i, got.StatusCode, got.body)
		}
	}
}

// An existing name keeps working, even if today's rule would refuse it.
func TestExistingNamesStayUsable(t *testing.T) {
	s := newStage(t)
	s.exec("UPDATE access_profiles SET name = '②nd', name_key = '②nd' WHERE id = 1")
	s.exec(`UPDATE access_profile_versions SET snapshot = replace(snapshot, '"name":"Engineering"', '"name":"②nd"') WHERE access_profile_id = 1`)
	s.admin.api("POST", "/api/access-profiles", `{"name":"2nd"}`).is(201)
	profile := s.admin.get("/api/access-profiles/1").is(200).object("access_profile")
	profile["description"] = "changed"
	s.admin.api("PUT", "/api/access-profiles/1", profile).is(200)
	s.admin.api("PUT", "/api/access-profiles/1", `{"name":"②ND"}`).refuses(409, "name_taken", "name")

	// One of two roles is selected by its own name, not by that of the other.
	s.exec("INSERT INTO roles (name, name_key) VALUES ('②nd', '②nd'), ('2nd', '2nd')")
	id := s.roleID("②nd")
	if user := s.admin.api("POST", "/api/users", object{"name": "x", "email": "x@example.com", "role_id": id}).is(201).object("user"); user["role"] != "②nd" {
		t.Errorf("the user has the role %v", user["role"])
	}
	s.admin.api("PUT", fmt.Sprintf("/api/roles/%d", id), `{"name":"②nd","description":"changed"}`).is(200)

	// Addresses that look like others can no longer be created; an existing one stays, and signs in as itself.
	for _, door := range doorsTo(s.console, "/users/"+s.bob, "PUT", "/api/users/"+s.bob) {
		for _, odd := range []string{"ａdmin@example.com", "admin@example．com", "x²@example.com"} {
			door.send(url.Values{"email": {odd}}, object{"email": odd}).refuses(door.refused, "invalid_email", "email")
		}
	}
	s.exec("UPDATE users SET email = 'ａdmin@example.com', email_key = 'ａdmin@example.com' WHERE id = ?", s.bob)
	s.admin.api("PUT", "/api/users/"+s.bob, object{"email": "ａdmin@example.com", "name": "Bob"}).is(200)
	own := s.anonymous().with("Authorization", basic("ａdmin@example.com", password)).api("GET", "/api/users/me/permissions", nil).is(200)
	if own.object("permissions")["Users"].(map[string]any)["Create"] != false {
		t.Error("the address signs in as an admin")
	}
}
