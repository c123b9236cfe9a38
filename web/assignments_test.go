package web_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

func TestAssign(t *testing.T) {
	s := newStage(t)
	profile := s.admin.profile(research)
	for i, prefix := range []string{"/api", "/api/governance"} {
		email := fmt.Sprintf("user%d@example.com", i)
		user := s.member(email, "Viewer")
		path := prefix + "/users/" + user + "/access-profiles"
		same(t, "before", s.admin.get(path).is(200).json(), object{"access_profiles": []any{}})
		var got answer
		s.audits(func() { got = s.admin.api("POST", path, `{"access_profile_id":4}`).is(http.StatusCreated) }, "assign 4 "+user+" cli")
		if cache := got.Header.Get("Cache-Control"); cache != "no-store" || keysOf(got.json()) != "access_profile virtual_key" {
			t.Errorf("%s, cache %q", keysOf(got.json()), cache)
		}
		held, key := got.object("access_profile"), got.object("virtual_key")
		value := key["value"].(string)
		if key["name"] != email+" - Research" || !virtualKeyForm.MatchString(value) {
			t.Errorf("key %v", key)
		}
		if want := "assigned_at budgets calendar_aligned expires_at id is_active mcp_servers mcp_tool_groups mcp_tool_overrides name parent_profile_id " +
			"provider_configs rate_limit source template_version user_id virtual_key_ids virtual_key_values"; keysOf(held) != want {
			t.Errorf("fields %s", keysOf(held))
		}
		for field, want := range map[string]any{
			"user_id": user, "parent_profile_id": 4.0, "name": "Research", "is_active": true, "expires_at": nil, "template_version": 1.0, "source": "direct",
			"virtual_key_ids": []any{key["id"]}, "virtual_key_values": object{key["id"].(string): "sk-bf-****" + value[len(value)-4:]},
		} {
			same(t, field, held[field], want)
		}
		for _, part := range []string{"provider_configs", "budgets", "rate_limit", "calendar_aligned", "mcp_tool_groups", "mcp_servers", "mcp_tool_overrides"} {
			same(t, part, ignoring(held[part]), ignoring(profile[part]))
		}
		own, theirs := policyIDs(held), policyIDs(profile)
		if len(own) != 6 || len(theirs) != 6 || slices.ContainsFunc(own, func(id string) bool { return slices.Contains(theirs, id) }) {
			t.Errorf("ids %v beside the profile's %v", own, theirs)
		}
		for _, prefix := range []string{"/api", "/api/governance"} {
			same(t, "read", s.admin.get(prefix + "/users/" + user + "/access-profiles").is(200).json()["access_profiles"], []any{held})
		}
		// The second assignment comes without a key, and a user cannot get the same profile twice.
		s.audits(func() { got = s.admin.api("POST", path, `{"access_profile_id":1}`).is(http.StatusCreated) }, "assign 1 "+user+" cli")
		if second, sent := got.json()["virtual_key"]; second != nil || !sent {
			t.Errorf("a second key %v", second)
		}
		same(t, "keys of the second", got.object("access_profile")["virtual_key_ids"], []any{key["id"]})
		s.unchanged(func() {
			s.admin.api("POST", path, `{"access_profile_id":4}`).refuses(409, "already_held", "access_profile_id")
			s.session.post("/users/"+user+"/access-profiles", url.Values{"access_profile_id": {"4"}}).refuses(409, "already_held", "access_profile_id")
		})
		same(t, "held", s.held(user), "Engineering direct, Research direct")
	}
}

// policyIDs are the ids of a policy's own rows: of limits and of provider rows.
func policyIDs(policy object) []string {
	ids := []string{}
	add := func(scope object) {
		for _, budget := range objects(scope["budgets"]) {
			ids = append(ids, budget["id"].(string))
		}
		if limit, ok := scope["rate_limit"].(object); ok {
			ids = append(ids, limit["id"].(string))
		}
	}
	add(policy)
	for _, config := range objects(policy["provider_configs"]) {
		ids = append(ids, fmt.Sprint("provider ", config["id"]))
		add(config)
	}
	return ids
}

func TestAssignByForm(t *testing.T) {
	s := newStage(t)
	page := "/users/" + s.ada
	var made answer
	s.audits(func() {
		made = s.session.post(page+"/access-profiles", url.Values{"access_profile_id": {"4"}, "expires_at": {"2099-01-02T03:04"}}).is(http.StatusSeeOther)
	}, "assign 4 "+s.ada+" "+admin)
	made = s.session.follow(made)
	value := text(made.one("code", "id", "secret"))
	if !virtualKeyForm.MatchString(value) || made.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("key %q, headers %v", value, made.Header)
	}
	s.bearer(value).get("/api/virtual-keys/quota").is(200)
	s.session.post(page+"/access-profiles", url.Values{"access_profile_id": {"1"}, "expires_at": {""}}).redirects(page)
	var ends []any
	for _, held := range s.copies(s.ada) {
		ends = append(ends, held["expires_at"])
	}
	same(t, "ends", ends, []any{"2099-01-02T03:04:00Z", nil})
	// The picker offers the profiles that can be assigned: not inactive ones, and not those that the user has.
	s.admin.api("PUT", "/api/access-profiles/2/deactivate", nil).is(200)
	var offered []string
	for _, option := range s.session.get(page + "/access-profiles/new").is(200).all("option") {
		offered = append(offered, attribute(option, "value"))
	}
	same(t, "offered", offered, []string{"", "3"})
}

func TestAssignmentsThatExpire(t *testing.T) {
	s := newStage(t)
	path := "/api/users/" + s.ada + "/access-profiles"
	for body, want := range map[string]any{
		`{"access_profile_id":4,"expires_at":"2099-01-02T03:04:05.5+01:00"}`: "2099-01-02T02:04:05.5Z",
		`{"access_profile_id":1,"expires_at":null}`:                          nil,
	} {
		same(t, body, s.admin.api("POST", path, body).is(201).object("access_profile")["expires_at"], want)
	}
	// An expired copy stays until it is detached, and grants nothing.
	s.exec("UPDATE user_access_profiles SET expires_at = now() - interval '1 second' WHERE access_profile_id = 4")
	value := s.admin.api("POST", "/api/users/"+s.ada+"/virtual-keys", nil).is(200).object("virtual_key")["value"]
	active := object{}
	for _, held := range objects(s.bearer(value).get("/api/virtual-keys/quota").is(200).json()["access_profiles"]) {
		active[held["name"].(string)] = held["is_active"]
	}
	same(t, "active", active, object{"Research": false, "Engineering": true})
	s.admin.api("POST", path, `{"access_profile_id":4}`).refuses(409, "already_held", "access_profile_id")
}

func TestAssignRefused(t *testing.T) {
	s := newStage(t)
	path := "/users/" + s.ada + "/access-profiles"
	profile := func(value string) url.Values { return url.Values{"access_profile_id": {value}} }
	until := func(value string) url.Values { return url.Values{"access_profile_id": {"4"}, "expires_at": {value}} }
	s.refuseAll(t, path, []badRow{
		{"nothing", url.Values{}, `{}`, "required", "access_profile_id"},
		{"null", nil, `{"access_profile_id":null}`, "null_not_allowed", "access_profile_id"},
		{"text", profile("Research"), `{"access_profile_id":"4"}`, "wrong_type", "access_profile_id"},
		{"truth", nil, `{"access_profile_id":true}`, "wrong_type", "access_profile_id"},
		{"list", nil, `{"access_profile_id":[4]}`, "wrong_type", "access_profile_id"},
		{"object", nil, `{"access_profile_id":{"id":4}}`, "wrong_type", "access_profile_id"},
		{"zero", profile("0"), `{"access_profile_id":0}`, "number_out_of_range", "access_profile_id"},
		{"below zero", profile("-4"), `{"access_profile_id":-4}`, "number_out_of_range", "access_profile_id"},
		{"beyond 2^53", profile("9007199254740992"), `{"access_profile_id":9007199254740992}`, "number_out_of_range", "access_profile_id"},
		{"beyond numbers", profile("99999999999999999999"), `{"access_profile_id":99999999999999999999}`, "number_out_of_range", "access_profile_id"},
		{"decimals", profile("4.0"), `{"access_profile_id":4.0}`, "not_an_integer", "access_profile_id"},
		{"exponent", profile("4e0"), `{"access_profile_id":4e0}`, "not_an_integer", "access_profile_id"},
		{"past", until("2020-01-01T00:00"), `{"access_profile_id":4,"expires_at":"2020-01-01T00:00:00Z"}`, "timestamp_in_past", "expires_at"},
		{"no moment", until("tomorrow"), `{"access_profile_id":4,"expires_at":"tomorrow"}`, "invalid_timestamp", "expires_at"},
		{"no such day", until("2099-02-30T00:00"), `{"access_profile_id":4,"expires_at":"2099-02-30T00:00:00Z"}`, "invalid_timestamp", "expires_at"},
		{"no zone", nil, `{"access_profile_id":4,"expires_at":"2099-01-01T00:00:00"}`, "invalid_timestamp", "expires_at"},
		{"empty end", nil, `{"access_profile_id":4,"expires_at":""}`, "invalid_timestamp", "expires_at"},
		{"number as end", nil, `{"access_profile_id":4,"expires_at":4070908800}`, "wrong_type", "expires_at"},
		{"list as end", nil, `{"access_profile_id":4,"expires_at":["2099-01-01T00:00:00Z"]}`, "wrong_type", "expires_at"},
		{"unknown field", url.Values{"access_profile_id": {"4"}, "source": {"role"}}, `{"access_profile_id":4,"source":"role"}`, "unknown_field", "source"},
		{"field in other case", nil, `{"Access_Profile_ID":4}`, "unknown_field", "Access_Profile_ID"},
	})
	s.t = t
	key := s.admin
	s.unchanged(func() {
		key.api("POST", "/api"+path, `{"access_profile_id":4,"access_profile_id":4}`).refuses(400, "duplicate_key", "access_profile_id")
		s.session.post(path, url.Values{"access_profile_id": {"4", "4"}}).refuses(400, "duplicate_field", "access_profile_id")
		key.api("POST", "/api"+path, `[4]`).refuses(400, "expected_object", "")
		key.api("POST", "/api"+path, nil).refuses(400, "empty_body", "")
		key.api("POST", "/api"+path, `{"access_profile_id":999}`).refuses(404, "not_found", "")
		s.session.post(path, profile("999")).refuses(404, "not_found", "")
		for _, user := range []string{"00000000-0000-0000-0000-000000000000", "999", strings.ToUpper(s.ada), "x'%20OR%20'1'='1"} {
			// A missing user is reported before other problems, but after a body that cannot be read.
			key.api("POST", "/api/users/"+user+"/access-profiles", `{"access_profile_id":0}`).refuses(404, "not_found", "")
			key.api("POST", "/api/users/"+user+"/access-profiles", `{"x":0}`).refuses(400, "unknown_field", "x")
			key.get("/api/users/"+user+"/access-profiles").refuses(404, "not_found", "")
			s.session.post("/users/"+user+"/access-profiles", profile("4")).refuses(404, "not_found", "")
			s.session.get("/users/"+user+"/access-profiles/new").refuses(404, "not_found", "")
		}
	})
	several := key.api("POST", "/api"+path, `{"expires_at":"2020-01-01T00:00:00Z"}`).refuses(400, "required", "access_profile_id")
	if problems := objects(several.json()["errors"]); len(problems) != 2 || problems[1]["param"] != "expires_at" {
		t.Errorf("problems %v", problems)
	}
	key.api("PUT", "/api/access-profiles/4/deactivate", nil).is(200)
	s.unchanged(func() {
		key.api("POST", "/api"+path, `{"access_profile_id":4}`).refuses(409, "profile_inactive", "access_profile_id")
		s.session.post(path, profile("4")).refuses(409, "profile_inactive", "access_profile_id")
	})
}

func TestNameOfTheFirstKey(t *testing.T) {
	s := newStage(t)
	s.assign(s.bob, research)
	for _, name := range []string{"ADA@example.com - research", "ada@example.com - Research (3)"} {
		s.admin.api("POST", "/api/users/"+s.bob+"/virtual-keys", object{"name": name}).is(200)
	}
	if _, key := s.assign(s.ada, research); key["name"] != "ada@example.com - Research (2)" {
		t.Errorf("second of its name: %v", key["name"])
	}
	s.admin.api("DELETE", "/api"+copyPath(s.ada, s.copies(s.ada)[0]), nil).is(200)
	s.admin.api("POST", "/api/users/"+s.bob+"/virtual-keys", object{"name": "ada@example.com - Research (2)"}).is(200)
	if _, key := s.assign(s.ada, research); key["name"] != "ada@example.com - Research (4)" {
		t.Errorf("fourth of its name: %v", key["name"])
	}
	// Names have at most 255 characters, of any width.
	long := s.admin.api("POST", "/api/access-profiles", object{"name": strings.Repeat("é", 255)}).is(201).object("access_profile")
	cyd := s.member("cyd@example.com", "Viewer")
	for range 2 {
		held, key := s.assign(cyd, id64(long))
		if n := len([]rune(key["name"].(string))); n > 255 || !strings.HasPrefix(key["name"].(string), "cyd@example.com - éé") {
			t.Errorf("%d characters: %v", n, key["name"])
		}
		s.admin.api("DELETE", "/api"+copyPath(cyd, held), nil).is(200)
		s.admin.api("POST", "/api/users/"+s.bob+"/virtual-keys", object{"name": key["name"]}).is(200)
	}
}

// Names that are equal once they are cut off get distinct suffixes, also when several keys are issued at once.
func TestNamesOfFirstKeysThatAreCutOff(t *testing.T) {
	s := newStage(t)
	s.addRole("Long")
	start := strings.Repeat("x", 248)
	one, two := s.member(start+"1@c.d", "Long"), s.member(start+"2@c.d", "Long")
	s.assign(s.bob, 1)
	s.admin.api("POST", "/api/users/"+s.bob+"/virtual-keys", object{"name": start + " (2)"}).is(200)
	s.attach(research, object{"role_ids": []int64{s.roleID("Long")}, "apply_to_existing": true})
	names := []string{s.keys(one)[0]["name"].(string), s.keys(two)[0]["name"].(string)}
	slices.Sort(names)
	same(t, "names", names, []string{start, start + " (3)"})
}
