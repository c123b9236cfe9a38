package web_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"testing"
)

// nested is a profile that uses every part of the schema, as JSON and as the form sends it.
const nested = `{
  "name": " Research  ", "description": "Line one\nline two", "tags": ["emea", "R&D"],
  "provider_configs": [
    {"provider_name": "openai", "allowed_models": ["gpt-4o", "ft:custom"],
     "budgets": [{"max_limit": 20.5, "reset_duration": "1d"}, {"max_limit": 0, "reset_duration": "1Q", "reset_config": {"quarter_start_month": 2}}],
     "rate_limit": {"request_max_limit": 60, "request_reset_duration": "1h"}}],
  "budgets": [{"max_limit": 0.000000001, "reset_duration": "1M"}],
  "rate_limit": {"token_max_limit": 100000, "token_reset_duration": "1h"},
  "calendar_aligned": true,
  "mcp_tool_groups": [{"tool_group_id": 1}],
  "mcp_servers": [{"mcp_server_id": "github"}],
  "mcp_tool_overrides": [{"mcp_client_id": "jira", "tool_name": "t", "action": "include"}]
}`

func nestedForm() url.Values {
	return url.Values{
		"name": {" Research  "}, "description": {"Line one\r\nline two"}, "tags": {"emea, R&D"},
		"provider_configs[p7].provider_name":                                {"openai"},
		"provider_configs[p7].all_models_allowed":                           {"false"},
		"provider_configs[p7].allowed_models":                               {"gpt-4o", "ft:custom\r\n"},
		"provider_configs[p7].budgets[b1].max_limit":                        {"20.5"},
		"provider_configs[p7].budgets[b1].reset_duration":                   {"1d"},
		"provider_configs[p7].budgets[b1].reset_config.quarter_start_month": {""},
		"provider_configs[p7].budgets[b2].max_limit":                        {"0"},
		"provider_configs[p7].budgets[b2].reset_duration":                   {"1Q"},
		"provider_configs[p7].budgets[b2].reset_config.quarter_start_month": {"2"},
		"provider_configs[p7].rate_limit.request_max_limit":                 {"60"},
		"provider_configs[p7].rate_limit.request_reset_duration":            {"1h"},
		"provider_configs[p7].rate_limit.token_max_limit":                   {""},
		"provider_configs[p7].rate_limit.token_reset_duration":              {""},
		"budgets[b1].max_limit":                                             {"0.000000001"}, "budgets[b1].reset_duration": {"1M"},
		"rate_limit.token_max_limit": {"100000"}, "rate_limit.token_reset_duration": {"1h"},
		"calendar_aligned": {"true"}, "mcp_tool_groups": {"1"}, "mcp_servers": {"github"},
		"mcp_tool_overrides[o1].mcp_client_id": {"jira"}, "mcp_tool_overrides[o1].tool_name": {"t"}, "mcp_tool_overrides[o1].action": {"include"},
		"op": {"save"},
	}
}

// ignoring removes what differs between two equal profiles: ids and times.
func ignoring(value any) any {
	switch v := value.(type) {
	case map[string]any:
		kept := map[string]any{}
		for key, inner := range v {
			if key != "id" && key != "last_reset" && key != "created_at" && key != "updated_at" {
				kept[key] = ignoring(inner)
			}
		}
		return kept
	case []any:
		kept := make([]any, len(v))
		for i, inner := range v {
			kept[i] = ignoring(inner)
		}
		return kept
	}
	return value
}

func (v client) profile(id int64) map[string]any {
	v.t.Helper()
	return v.api("GET", "/api/access-profiles/"+strconv.FormatInt(id, 10), nil).is(http.StatusOK).json()["access_profile"].(map[string]any)
}

func TestFormAndAPIStoreTheSameProfile(t *testing.T) {
	c := newCast(t)
	created := c.admin.api("POST", "/api/access-profiles", nested).is(http.StatusCreated)
	fromJSON := created.json()["access_profile"].(map[string]any)
	if created.Header.Get("Location") != "/api/access-profiles/4" || created.Header.Get("ETag") != `"1"` {
		t.Errorf("headers are %v", created.Header)
	}
	want := `{"name":"Research","description":"Line one\nline two","is_active":true,"version":1,"tags":["emea","R&D"],
"provider_configs":[{"provider_name":"openai","all_models_allowed":false,"allowed_models":["gpt-4o","ft:custom"],
 "budgets":[{"max_limit":20.5,"reset_duration":"1d","scope":"provider:openai","current_usage":0},
  {"max_limit":0,"reset_duration":"1Q","reset_config":{"quarter_start_month":2},"scope":"provider:openai","current_usage":0}],
 "rate_limit":{"request_max_limit":60,"request_reset_duration":"1h","token_current_usage":0,"request_current_usage":0}}],
"budgets":[{"max_limit":1e-9,"reset_duration":"1M","scope":"total","current_usage":0}],
"rate_limit":{"token_max_limit":100000,"token_reset_duration":"1h","token_current_usage":0,"request_current_usage":0},
"calendar_aligned":true,"mcp_tool_groups":[{"tool_group_id":1}],"mcp_servers":[{"mcp_server_id":"github"}],
"mcp_tool_overrides":[{"mcp_client_id":"jira","tool_name":"t","action":"include"}]}`
	var expected any
	c.must(json.Unmarshal([]byte(want), &expected))
	if got := ignoring(fromJSON); !reflect.DeepEqual(got, expected) {
		t.Errorf("stored %v\nwant %v", got, expected)
	}
	c.admin.api("PUT", "/api/access-profiles/4", `{"name":"Elsewhere"}`).is(http.StatusOK)
	c.session.post("/access-profiles", nestedForm()).redirects("/access-profiles/5")
	fromForm := c.admin.profile(5)
	if got := ignoring(fromForm); !reflect.DeepEqual(got, expected) {
		t.Errorf("the form stored %v\nwant %v", got, expected)
	}
}

// The body of an answer can be sent back as a form or as JSON, and changes nothing.
func TestRoundTripChangesNothing(t *testing.T) {
	c := newCast(t)
	c.admin.api("POST", "/api/access-profiles", nested).is(http.StatusCreated)
	before := c.admin.profile(4)
	again := c.admin.api("PUT", "/api/access-profiles/4", before).is(http.StatusOK)
	if again.Header.Get("ETag") != `"1"` {
		t.Errorf("an empty change made version %s", again.Header.Get("ETag"))
	}
	form := c.session.get("/access-profiles/4/edit").is(http.StatusOK).fields("profile-form")
	form.Set("op", "save")
	c.session.post("/access-profiles/4", form).redirects("/access-profiles/4")
	if after := c.admin.profile(4); !reflect.DeepEqual(before, after) {
		t.Errorf("was %v\nis  %v", before, after)
	}
}

// fields are those that a browser would send of a form, without its buttons.
func (a answer) fields(id string) url.Values {
	a.t.Helper()
	form := a.one("form", "id", id)
	sent := url.Values{}
	for node := range form.Descendants() {
		name := attribute(node, "name")
		if name == "" {
			continue
		}
		switch node.Data {
		case "input":
			kind := attribute(node, "type")
			if kind == "submit" || (kind == "checkbox" || kind == "radio") && !present(node, "checked") {
				continue
			}
			sent.Add(name, attribute(node, "value"))
		case "textarea":
			content := ""
			if node.FirstChild != nil {
				content = strings.TrimPrefix(node.FirstChild.Data, "\n")
			}
			sent.Add(name, content)
		case "select":
			sent.Add(name, chosenOption(node))
		}
	}
	return sent
}

func TestUpdateIsPartialAndKeepsIDs(t *testing.T) {
	c := newCast(t)
	c.admin.api("POST", "/api/access-profiles", nested).is(http.StatusCreated)
	before := c.admin.profile(4)
	body := `{"budgets":[{"max_limit":7,"reset_duration":"1w"},{"max_limit":3,"reset_duration":"1M"}],"rate_limit":null,"description":null,
		"provider_configs":[{"provider_name":"openai","budgets":[{"max_limit":1,"reset_duration":"1Q","reset_config":{"quarter_start_month":5}}]}]}`
	c.admin.with("If-Match", `"1"`).api("PUT", "/api/governance/access-profiles/4", body).is(http.StatusOK)
	after := c.admin.profile(4)
	provider := func(p map[string]any) map[string]any { return p["provider_configs"].([]any)[0].(map[string]any) }
	line := func(list any, i int) map[string]any { return list.([]any)[i].(map[string]any) }
	switch {
	case after["name"] != "Research", after["description"] != nil, after["rate_limit"] != nil, after["version"] != 2.0:
		t.Errorf("is %v", after)
	case line(after["budgets"], 1)["id"] != line(before["budgets"], 0)["id"], line(after["budgets"], 1)["last_reset"] != line(before["budgets"], 0)["last_reset"]:
		t.Error("the month's budget lost its id")
	case provider(after)["id"] != provider(before)["id"]:
		t.Error("the provider lost its id")
	case line(provider(after)["budgets"], 0)["id"] != line(provider(before)["budgets"], 1)["id"]:
		t.Error("February and May quarters are the same limit, and it lost its id")
	case len(provider(after)["allowed_models"].([]any)) != 0, provider(after)["rate_limit"] != nil:
		t.Error("a field left out inside a list element kept its value")
	}
	c.admin.with("If-Match", `"1"`).api("PUT", "/api/access-profiles/4", `{"name":"x"}`).refuses(http.StatusPreconditionFailed, "version_mismatch", "")
	c.admin.with("If-Match", "*").api("PUT", "/api/access-profiles/4", `{"tags":[]}`).is(http.StatusOK)
	c.admin.with("If-Match", `"2"`).api("DELETE", "/api/access-profiles/4", nil).refuses(http.StatusPreconditionFailed, "version_mismatch", "")
	c.admin.with("If-Match", `"3"`).api("PUT", "/api/access-profiles/4/deactivate", nil).is(http.StatusOK)
	c.admin.api("PUT", "/api/access-profiles/4/deactivate", nil).is(http.StatusOK)
	if p := c.admin.profile(4); p["is_active"] != false || p["version"] != 4.0 {
		t.Errorf("is %v", p)
	}
	c.admin.api("PUT", "/api/access-profiles/4", `{"is_active":true}`).refuses(http.StatusBadRequest, "read_only", "is_active")
	c.admin.api("DELETE", "/api/access-profiles/4", nil).is(http.StatusOK)
	c.admin.api("GET", "/api/access-profiles/4", nil).refuses(http.StatusNotFound, "not_found", "")
	var left, audited int
	c.scan(&left, "SELECT (SELECT count(*) FROM limit_lines) + (SELECT count(*) FROM provider_configs) + (SELECT count(*) FROM access_profile_versions WHERE access_profile_id = 4)")
	c.scan(&audited, "SELECT count(*) FROM audit_logs WHERE access_profile_id = 4")
	if left != 0 || audited != 5 {
		t.Errorf("%d rows are left, %d audit rows", left, audited)
	}
}

func TestCloneIsACopyWithItsOwnIDs(t *testing.T) {
	c := newCast(t)
	c.admin.api("POST", "/api/access-profiles", nested).is(http.StatusCreated)
	c.admin.api("PUT", "/api/access-profiles/4/deactivate", nil).is(http.StatusOK)
	c.admin.api("POST", "/api/access-profiles/4/clone", `{"name":"Twin"}`).is(http.StatusCreated)
	c.session.post("/access-profiles/4/clone", url.Values{"name": {"Triplet"}, "description": {"Line one\r\nline two"}}).redirects("/access-profiles/6")
	source := c.admin.profile(4)
	for i, name := range []string{"Twin", "Triplet"} {
		twin := c.admin.profile(int64(5 + i))
		if line := func(p map[string]any) any { return p["budgets"].([]any)[0].(map[string]any)["id"] }; line(twin) == line(source) {
			t.Error("a budget's id was copied")
		}
		want := ignoring(source).(map[string]any)
		want["name"], want["version"], want["is_active"] = name, 1.0, true
		if got := ignoring(twin); !reflect.DeepEqual(got, want) {
			t.Errorf("is %v\nwant %v", got, want)
		}
	}
	c.admin.api("POST", "/api/access-profiles/4/clone", `{}`).refuses(http.StatusBadRequest, "required", "name")
	c.admin.api("POST", "/api/access-profiles/4/clone", `{"name":"TWIN"}`).refuses(http.StatusConflict, "name_taken", "name")
	c.admin.api("POST", "/api/access-profiles/99/clone", `{"name":"Nobody"}`).refuses(http.StatusNotFound, "not_found", "")
	page := c.session.post("/access-profiles/4/clone", url.Values{"name": {"twin"}, "description": {"typed"}}).refuses(http.StatusConflict, "name_taken", "name")
	if attribute(page.one("input", "name", "name"), "value") != "twin" {
		t.Error("the name typed is lost")
	}
}

func TestListFindsFiltersSortsAndPages(t *testing.T) {
	c := newConsole(t)
	v := c.apiKey()
	for i, name := range []string{"beta 100%", "Alpha", "gamma_x", "Straße"} {
		v.api("POST", "/api/access-profiles", map[string]any{
			"name": name, "description": "about " + strings.Repeat("x", i), "tags": []string{"all", fmt.Sprint("T", i%2)},
		}).is(http.StatusCreated)
	}
	v.api("PUT", "/api/access-profiles/2/deactivate", nil).is(http.StatusOK)
	cases := []struct {
		query string
		names []string
		total float64
	}{
		{"", []string{"Alpha", "beta 100%", "gamma_x", "Straße"}, 4},
		{"?sort=-name", []string{"Straße", "gamma_x", "beta 100%", "Alpha"}, 4},
		{"?sort=created_at&limit=2", []string{"beta 100%", "Alpha"}, 4},
		{"?sort=-created_at&limit=2&offset=3", []string{"beta 100%"}, 4},
		{"?sort=-updated_at&limit=1", []string{"Alpha"}, 4},
		{"?offset=9", nil, 4},
		{"?search=ALPHA", []string{"Alpha"}, 1},
		{"?search=strasse", []string{"Straße"}, 1},
		{"?search=ABOUT%20xx", []string{"gamma_x", "Straße"}, 2},
		{"?search=%25", []string{"beta 100%"}, 1},
		{"?search=_", []string{"gamma_x"}, 1},
		{"?search=%5C", nil, 0},
		{"?tags=t1", []string{"Alpha", "Straße"}, 2},
		{"?tags=T1,ALL&is_active=true", []string{"Straße"}, 1},
		{"?tags=t0,t1", nil, 0},
		{"?is_active=false", []string{"Alpha"}, 1},
		{"?search=&tags=&is_active=&sort=&limit=&offset=", []string{"Alpha", "beta 100%", "gamma_x", "Straße"}, 4},
	}
	for _, test := range cases {
		answer := v.api("GET", "/api/access-profiles"+test.query, nil).is(http.StatusOK).json()
		var names []string
		for _, profile := range answer["access_profiles"].([]any) {
			names = append(names, profile.(map[string]any)["name"].(string))
		}
		if !reflect.DeepEqual(names, test.names) || answer["total_count"] != test.total || answer["count"] != float64(len(names)) {
			t.Errorf("%s: %v, %v of %v", test.query, names, answer["count"], answer["total_count"])
		}
		page := c.login(viewer).get("/access-profiles" + test.query)
		if page.StatusCode == http.StatusSeeOther && len(names) == 0 && test.total != 0.0 {
			continue // a page past the end redirects to the last one
		}
		page.is(http.StatusOK)
		var shown []string
		for _, link := range page.all("a", "class", "row-name") {
			shown = append(shown, text(link))
		}
		if !reflect.DeepEqual(shown, test.names) {
			t.Errorf("%s: the page shows %v", test.query, shown)
		}
	}
	v.api("GET", "/api/access-profiles?limit=0&offset=x&sort=no&colour=red", nil).refuses(http.StatusBadRequest, "unknown_parameter", "colour")
}

// Archiving on a page says what keeps working.
func TestArchiveSaysWhatKeepsWorking(t *testing.T) {
	s := newStage(t)
	s.assign(s.ada, research)
	for path, said := range map[string]string{
		"/access-profiles/4": "is archived: it is offered to no further user. The 1 copy of it keeps working.",
		"/access-profiles/1": "is archived: it is offered to no further user. ",
	} {
		shown := s.session.get(path).is(http.StatusOK)
		same(t, "button", text(shown.one("form", "action", path+"/deactivate")), "Archive")
		answer := s.session.post(path+"/deactivate", nil).is(http.StatusSeeOther)
		with := s.session.with("Cookie", s.session.header.Get("Cookie")+"; "+cookieOf(answer, "flash"))
		body := text(with.get(answer.Header.Get("Location")).is(http.StatusOK).one("body"))
		if !strings.Contains(body, said) || !strings.Contains(body, "Archived") {
			t.Errorf("%s does not say %q", path, said)
		}
	}
}
