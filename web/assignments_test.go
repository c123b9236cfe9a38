package web_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"tollgate/web/webtest"
)

func TestAssign(t *testing.T) {
	s := webtest.NewStage(t)
	profile := s.Admin.Profile(webtest.Research)
	for i, prefix := range []string{"/api", "/api/governance"} {
		email := fmt.Sprintf("user%d@example.com", i)
		user := s.Member(email, "Viewer")
		path := prefix + "/users/" + user + "/access-profiles"
		webtest.Same(t, "before", s.Admin.Get(path).Is(200).JSON(), webtest.Object{"access_profiles": []any{}})
		var got webtest.Answer
		s.Audits(func() { got = s.Admin.API("POST", path, `{"access_profile_id":4}`).Is(http.StatusCreated) }, "assign 4 "+user+" cli")
		if cache := got.Header.Get("Cache-Control"); cache != "no-store" || webtest.KeysOf(got.JSON()) != "access_profile virtual_key" {
			t.Errorf("%s, cache %q", webtest.KeysOf(got.JSON()), cache)
		}
		held, key := got.Object("access_profile"), got.Object("virtual_key")
		value := key["value"].(string)
		if key["name"] != email+" - Research" || !webtest.VirtualKeyForm.MatchString(value) {
			t.Errorf("key %v", key)
		}
		if want := "assigned_at budgets calendar_aligned expires_at id is_active mcp_servers mcp_tool_groups mcp_tool_overrides name parent_profile_id " +
			"provider_configs rate_limit source template_version user_id virtual_key_ids virtual_key_values"; webtest.KeysOf(held) != want {
			t.Errorf("fields %s", webtest.KeysOf(held))
		}
		for field, want := range map[string]any{
			"user_id": user, "parent_profile_id": 4.0, "name": "Research", "is_active": true, "expires_at": nil, "template_version": 1.0, "source": "direct",
			"virtual_key_ids": []any{key["id"]}, "virtual_key_values": webtest.Object{key["id"].(string): "sk-bf-****" + value[len(value)-4:]},
		} {
			webtest.Same(t, field, held[field], want)
		}
		for _, part := range []string{"provider_configs", "budgets", "rate_limit", "calendar_aligned", "mcp_tool_groups", "mcp_servers", "mcp_tool_overrides"} {
			webtest.Same(t, part, webtest.Ignoring(held[part]), webtest.Ignoring(profile[part]))
		}
		own, theirs := policyIDs(held), policyIDs(profile)
		if len(own) != 6 || len(theirs) != 6 || slices.ContainsFunc(own, func(id string) bool { return slices.Contains(theirs, id) }) {
			t.Errorf("ids %v beside the profile's %v", own, theirs)
		}
		for _, prefix := range []string{"/api", "/api/governance"} {
			webtest.Same(t, "read", s.Admin.Get(prefix + "/users/" + user + "/access-profiles").Is(200).JSON()["access_profiles"], []any{held})
		}
		// The second assignment comes without a key, and a user cannot get the same profile twice.
		s.Audits(func() { got = s.Admin.API("POST", path, `{"access_profile_id":1}`).Is(http.StatusCreated) }, "assign 1 "+user+" cli")
		if second, sent := got.JSON()["virtual_key"]; second != nil || !sent {
			t.Errorf("a second key %v", second)
		}
		webtest.Same(t, "keys of the second", got.Object("access_profile")["virtual_key_ids"], []any{key["id"]})
		s.Unchanged(func() {
			s.Admin.API("POST", path, `{"access_profile_id":4}`).Refuses(409, "already_held", "access_profile_id")
			s.Session.Post("/users/"+user+"/access-profiles", url.Values{"access_profile_id": {"4"}}).Refuses(409, "already_held", "access_profile_id")
		})
		webtest.Same(t, "held", s.Held(user), "Engineering direct, Research direct")
	}
}

// policyIDs are the ids of a policy's own rows: of limits and of provider rows.
func policyIDs(policy webtest.Object) []string {
	ids := []string{}
	add := func(scope webtest.Object) {
		for _, budget := range webtest.Objects(scope["budgets"]) {
			ids = append(ids, budget["id"].(string))
		}
		if limit, ok := scope["rate_limit"].(webtest.Object); ok {
			ids = append(ids, limit["id"].(string))
		}
	}
	add(policy)
	for _, config := range webtest.Objects(policy["provider_configs"]) {
		ids = append(ids, fmt.Sprint("provider ", config["id"]))
		add(config)
	}
	return ids
}

func TestAssignByForm(t *testing.T) {
	s := webtest.NewStage(t)
	page := "/users/" + s.Ada
	var made webtest.Answer
	s.Audits(func() {
		made = s.Session.Post(page+"/access-profiles", url.Values{"access_profile_id": {"4"}, "expires_at": {"2099-01-02T03:04"}}).Is(http.StatusSeeOther)
	}, "assign 4 "+s.Ada+" "+webtest.Admin)
	made = s.Session.Follow(made)
	value := webtest.Text(made.One("code", "id", "secret"))
	if !webtest.VirtualKeyForm.MatchString(value) || made.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("key %q, headers %v", value, made.Header)
	}
	s.Bearer(value).Get("/api/virtual-keys/quota").Is(200)
	s.Session.Post(page+"/access-profiles", url.Values{"access_profile_id": {"1"}, "expires_at": {""}}).Redirects(page)
	var ends []any
	for _, held := range s.Copies(s.Ada) {
		ends = append(ends, held["expires_at"])
	}
	webtest.Same(t, "ends", ends, []any{"2099-01-02T03:04:00Z", nil})
	// The picker offers the profiles that can be assigned: not inactive ones, and not those that the user has.
	s.Admin.API("PUT", "/api/access-profiles/2/deactivate", nil).Is(200)
	var offered []string
	for _, option := range s.Session.Get(page + "/access-profiles/new").Is(200).All("option") {
		offered = append(offered, webtest.Attribute(option, "value"))
	}
	webtest.Same(t, "offered", offered, []string{"", "3"})
}

func TestAssignmentsThatExpire(t *testing.T) {
	s := webtest.NewStage(t)
	path := "/api/users/" + s.Ada + "/access-profiles"
	for body, want := range map[string]any{
		`{"access_profile_id":4,"expires_at":"2099-01-02T03:04:05.5+01:00"}`: "2099-01-02T02:04:05.5Z",
		`{"access_profile_id":1,"expires_at":null}`:                          nil,
	} {
		webtest.Same(t, body, s.Admin.API("POST", path, body).Is(201).Object("access_profile")["expires_at"], want)
	}
	// An expired copy stays until it is detached, and grants nothing.
	s.Exec("UPDATE user_access_profiles SET expires_at = now() - interval '1 second' WHERE access_profile_id = 4")
	value := s.Admin.API("POST", "/api/users/"+s.Ada+"/virtual-keys", nil).Is(200).Object("virtual_key")["value"]
	active := webtest.Object{}
	for _, held := range webtest.Objects(s.Bearer(value).Get("/api/virtual-keys/quota").Is(200).JSON()["access_profiles"]) {
		active[held["name"].(string)] = held["is_active"]
	}
	webtest.Same(t, "active", active, webtest.Object{"Research": false, "Engineering": true})
	s.Admin.API("POST", path, `{"access_profile_id":4}`).Refuses(409, "already_held", "access_profile_id")
}

func TestAssignRefused(t *testing.T) {
	s := webtest.NewStage(t)
	path := "/users/" + s.Ada + "/access-profiles"
	profile := func(value string) url.Values { return url.Values{"access_profile_id": {value}} }
	until := func(value string) url.Values { return url.Values{"access_profile_id": {"4"}, "expires_at": {value}} }
	s.RefuseAll(t, path, []webtest.BadRow{
		{Name: "nothing", Form: url.Values{}, Body: `{}`, Code: "required", Param: "access_profile_id"},
		{Name: "null", Form: nil, Body: `{"access_profile_id":null}`, Code: "null_not_allowed", Param: "access_profile_id"},
		{Name: "text", Form: profile("Research"), Body: `{"access_profile_id":"4"}`, Code: "wrong_type", Param: "access_profile_id"},
		{Name: "truth", Form: nil, Body: `{"access_profile_id":true}`, Code: "wrong_type", Param: "access_profile_id"},
		{Name: "list", Form: nil, Body: `{"access_profile_id":[4]}`, Code: "wrong_type", Param: "access_profile_id"},
		{Name: "object", Form: nil, Body: `{"access_profile_id":{"id":4}}`, Code: "wrong_type", Param: "access_profile_id"},
		{Name: "zero", Form: profile("0"), Body: `{"access_profile_id":0}`, Code: "number_out_of_range", Param: "access_profile_id"},
		{Name: "below zero", Form: profile("-4"), Body: `{"access_profile_id":-4}`, Code: "number_out_of_range", Param: "access_profile_id"},
		{Name: "beyond 2^53", Form: profile("9007199254740992"), Body: `{"access_profile_id":9007199254740992}`, Code: "number_out_of_range", Param: "access_profile_id"},
		{Name: "beyond numbers", Form: profile("99999999999999999999"), Body: `{"access_profile_id":99999999999999999999}`, Code: "number_out_of_range", Param: "access_profile_id"},
		{Name: "decimals", Form: profile("4.0"), Body: `{"access_profile_id":4.0}`, Code: "not_an_integer", Param: "access_profile_id"},
		{Name: "exponent", Form: profile("4e0"), Body: `{"access_profile_id":4e0}`, Code: "not_an_integer", Param: "access_profile_id"},
		{Name: "past", Form: until("2020-01-01T00:00"), Body: `{"access_profile_id":4,"expires_at":"2020-01-01T00:00:00Z"}`, Code: "timestamp_in_past", Param: "expires_at"},
		{Name: "no moment", Form: until("tomorrow"), Body: `{"access_profile_id":4,"expires_at":"tomorrow"}`, Code: "invalid_timestamp", Param: "expires_at"},
		{Name: "no such day", Form: until("2099-02-30T00:00"), Body: `{"access_profile_id":4,"expires_at":"2099-02-30T00:00:00Z"}`, Code: "invalid_timestamp", Param: "expires_at"},
		{Name: "no zone", Form: nil, Body: `{"access_profile_id":4,"expires_at":"2099-01-01T00:00:00"}`, Code: "invalid_timestamp", Param: "expires_at"},
		{Name: "empty end", Form: nil, Body: `{"access_profile_id":4,"expires_at":""}`, Code: "invalid_timestamp", Param: "expires_at"},
		{Name: "number as end", Form: nil, Body: `{"access_profile_id":4,"expires_at":4070908800}`, Code: "wrong_type", Param: "expires_at"},
		{Name: "list as end", Form: nil, Body: `{"access_profile_id":4,"expires_at":["2099-01-01T00:00:00Z"]}`, Code: "wrong_type", Param: "expires_at"},
		{Name: "unknown field", Form: url.Values{"access_profile_id": {"4"}, "source": {"role"}}, Body: `{"access_profile_id":4,"source":"role"}`, Code: "unknown_field", Param: "source"},
		{Name: "field in other case", Form: nil, Body: `{"Access_Profile_ID":4}`, Code: "unknown_field", Param: "Access_Profile_ID"},
	})
	s.T = t
	key := s.Admin
	s.Unchanged(func() {
		key.API("POST", "/api"+path, `{"access_profile_id":4,"access_profile_id":4}`).Refuses(400, "duplicate_key", "access_profile_id")
		s.Session.Post(path, url.Values{"access_profile_id": {"4", "4"}}).Refuses(400, "duplicate_field", "access_profile_id")
		key.API("POST", "/api"+path, `[4]`).Refuses(400, "expected_object", "")
		key.API("POST", "/api"+path, nil).Refuses(400, "empty_body", "")
		key.API("POST", "/api"+path, `{"access_profile_id":999}`).Refuses(404, "not_found", "")
		s.Session.Post(path, profile("999")).Refuses(404, "not_found", "")
		for _, user := range []string{"00000000-0000-0000-0000-000000000000", "999", strings.ToUpper(s.Ada), "x'%20OR%20'1'='1"} {
			// A missing user is reported before other problems, but after a body that cannot be read.
			key.API("POST", "/api/users/"+user+"/access-profiles", `{"access_profile_id":0}`).Refuses(404, "not_found", "")
			key.API("POST", "/api/users/"+user+"/access-profiles", `{"x":0}`).Refuses(400, "unknown_field", "x")
			key.Get("/api/users/"+user+"/access-profiles").Refuses(404, "not_found", "")
			s.Session.Post("/users/"+user+"/access-profiles", profile("4")).Refuses(404, "not_found", "")
			s.Session.Get("/users/"+user+"/access-profiles/new").Refuses(404, "not_found", "")
		}
	})
	several := key.API("POST", "/api"+path, `{"expires_at":"2020-01-01T00:00:00Z"}`).Refuses(400, "required", "access_profile_id")
	if problems := webtest.Objects(several.JSON()["errors"]); len(problems) != 2 || problems[1]["param"] != "expires_at" {
		t.Errorf("problems %v", problems)
	}
	key.API("PUT", "/api/access-profiles/4/deactivate", nil).Is(200)
	s.Unchanged(func() {
		key.API("POST", "/api"+path, `{"access_profile_id":4}`).Refuses(409, "profile_inactive", "access_profile_id")
		s.Session.Post(path, profile("4")).Refuses(409, "profile_inactive", "access_profile_id")
	})
}

func TestNameOfTheFirstKey(t *testing.T) {
	s := webtest.NewStage(t)
	s.Assign(s.Bob, webtest.Research)
	for _, name := range []string{"ADA@example.com - research", "ada@example.com - Research (3)"} {
		s.Admin.API("POST", "/api/users/"+s.Bob+"/virtual-keys", webtest.Object{"name": name}).Is(200)
	}
	if _, key := s.Assign(s.Ada, webtest.Research); key["name"] != "ada@example.com - Research (2)" {
		t.Errorf("second of its name: %v", key["name"])
	}
	s.Admin.API("DELETE", "/api"+webtest.CopyPath(s.Ada, s.Copies(s.Ada)[0]), nil).Is(200)
	s.Admin.API("POST", "/api/users/"+s.Bob+"/virtual-keys", webtest.Object{"name": "ada@example.com - Research (2)"}).Is(200)
	if _, key := s.Assign(s.Ada, webtest.Research); key["name"] != "ada@example.com - Research (4)" {
		t.Errorf("fourth of its name: %v", key["name"])
	}
	// Names have at most 255 characters, of any width.
	long := s.Admin.API("POST", "/api/access-profiles", webtest.Object{"name": strings.Repeat("é", 255)}).Is(201).Object("access_profile")
	cyd := s.Member("cyd@example.com", "Viewer")
	for range 2 {
		held, key := s.Assign(cyd, webtest.Int64ID(long))
		if n := len([]rune(key["name"].(string))); n > 255 || !strings.HasPrefix(key["name"].(string), "cyd@example.com - éé") {
			t.Errorf("%d characters: %v", n, key["name"])
		}
		s.Admin.API("DELETE", "/api"+webtest.CopyPath(cyd, held), nil).Is(200)
		s.Admin.API("POST", "/api/users/"+s.Bob+"/virtual-keys", webtest.Object{"name": key["name"]}).Is(200)
	}
}

// Names that are equal once they are cut off get distinct suffixes.
func TestNamesOfFirstKeysThatAreCutOff(t *testing.T) {
	s := webtest.NewStage(t)
	start := strings.Repeat("x", 248)
	one, two := s.Member(start+"1@c.d", "Viewer"), s.Member(start+"2@c.d", "Viewer")
	s.Assign(s.Bob, 1)
	s.Admin.API("POST", "/api/users/"+s.Bob+"/virtual-keys", webtest.Object{"name": start + " (2)"}).Is(200)
	_, first := s.Assign(one, webtest.Research)
	_, second := s.Assign(two, webtest.Research)
	webtest.Same(t, "names", []any{first["name"], second["name"]}, []any{start, start + " (3)"})
}

// A copy that has ended is not behind: a push would skip it.
func TestEndedCopyIsNotBehind(t *testing.T) {
	g := webtest.NewGateway(t)
	profile := g.ProfileNaming("Ending", webtest.Work)
	held, _ := g.Give(g.Bob, profile)
	path := fmt.Sprint("/access-profiles/", profile)
	g.Admin.API("PUT", "/api"+path, webtest.Object{"budgets": []webtest.Object{{"max_limit": 7, "reset_duration": "1d"}}}).Is(http.StatusOK)
	behind := func() (banner bool, holders string) {
		page := webtest.Text(g.Session.Get(path).Is(http.StatusOK).One("main"))
		return strings.Contains(page, "1 holder still has version 1"), inRows(g.Session.Get(path + "/users?behind=true").Is(http.StatusOK))
	}
	if banner, holders := behind(); !banner || holders != "bob@example.com" {
		t.Errorf("before its end: %v, %q", banner, holders)
	}
	g.Exec("UPDATE user_access_profiles SET expires_at = now() - interval '1 hour' WHERE id = ?", webtest.Int64ID(held))
	if banner, holders := behind(); banner || holders != "" {
		t.Errorf("after its end: %v, %q", banner, holders)
	}
}
