package web_test

import (
	"net/http"
	"strings"
	"testing"
)

// refusedBody is a body that must be refused as a whole, with every problem in the order of the schema: code, space,
// field.
type refusedBody struct {
	body string
	want string // problems, separated by semicolons
}

// problems are those that an error of the API lists; the first must also be the error itself.
func (a answer) problems() string {
	a.t.Helper()
	object := a.json()
	first, _ := object["error"].(map[string]any)
	listed, _ := object["errors"].([]any)
	var all []string
	for i, one := range listed {
		problem := one.(map[string]any)
		if i == 0 && (problem["code"] != first["code"] || problem["param"] != first["param"]) {
			a.t.Errorf("the error is %v, the first listed %v", first, problem)
		}
		if problem["message"] == "" {
			a.t.Errorf("no message with %v", problem)
		}
		all = append(all, strings.TrimSpace(problem["code"].(string)+" "+problem["param"].(string)))
	}
	if object["status_code"] != float64(a.StatusCode) || object["is_bifrost_error"] != true || object["event_id"] != a.Header.Get("X-Request-ID") {
		a.t.Errorf("the error is not of the one shape: %s", a.body)
	}
	return strings.Join(all, "; ")
}

// fingerprint is a checksum of all that is stored.
func (c cast) fingerprint() (now string) {
	c.scan(&now, everything)
	return now
}

// refuseAll sends each body to both prefixes, as a create and as an update, which must refuse it alike and change
// nothing.
func refuseAll(t *testing.T, rows []refusedBody) {
	t.Helper()
	c := newCast(t)
	before := c.fingerprint()
	for _, row := range rows {
		for _, path := range []string{"/api/access-profiles", "/api/governance/access-profiles"} {
			for _, a := range []answer{c.admin.api("POST", path, row.body), c.admin.api("PUT", path+"/1", row.body)} {
				if a.StatusCode != http.StatusBadRequest {
					t.Errorf("%s %s %.90s: status %d, want 400\n%.200s", a.Request.Method, path, row.body, a.StatusCode, a.body)
				} else if got := a.problems(); got != row.want {
					t.Errorf("%s %s %.90s: problems\n%q, want\n%q", a.Request.Method, path, row.body, got, row.want)
				}
			}
		}
	}
	if c.fingerprint() != before {
		t.Error("a refused request changed something")
	}
}

func TestUnreadableBodies(t *testing.T) {
	refuseAll(t, []refusedBody{
		{"", "empty_body"},
		{"\t\r\n ", "empty_body"},
		{"[]", "expected_object"},
		{`[{"name":"x"}]`, "expected_object"},
		{"true", "expected_object"},
		{"-0.0", "expected_object"},
		{`{"name":"x"`, "invalid_json"},
		{`{"name"`, "invalid_json"},
		{`{name:"x"}`, "invalid_json"},
		{`{"name":"x" "tags":[]}`, "invalid_json"},
		{`{"name":"x","tags":[1,]}`, "invalid_json"},
		{"{\"name\":\"x\"}//c", "trailing_data"},
		{`{"name":"x"}]`, "trailing_data"},
		{`{"name":"x"}` + "\x00", "trailing_data"},
		{"{\"name\":\"a\tb\"}", "invalid_json"},
		{"{\"name\":\"a\x00b\"}", "invalid_json"},
		{`{"name":"a\x41"}`, "invalid_json"},
		{`{"name":"a\u00g0"}`, "invalid_json"},
		{`{"name":"x","budgets":[{"max_limit":Infinity,"reset_duration":"1d"}]}`, "invalid_json"},
		{`{"name":"x","budgets":[{"max_limit":+1,"reset_duration":"1d"}]}`, "invalid_json"},
		{`{"name":"x","budgets":[{"max_limit":1.,"reset_duration":"1d"}]}`, "invalid_json"},
		{`{"name":"x","budgets":[{"max_limit":1_000,"reset_duration":"1d"}]}`, "invalid_json"},
		{`{"name":"x","budgets":[{"max_limit":--1,"reset_duration":"1d"}]}`, "invalid_json"},
		{"\xff\xfe{\x00}\x00", "invalid_utf8"},
		{"{\"name\":\"\xc0\x80\"}", "invalid_utf8"},
		{"{\"name\":\"\xf4\x90\x80\x80\"}", "invalid_utf8"},
		{"{\"na\xe2\x82me\":\"x\"}", "invalid_utf8"},
		{`{"name":"a\udc00b"}`, "invalid_unicode"},
		{`{"name":"\ude00\ud83d"}`, "invalid_unicode"},
		{`{"name":"\ud83d\ud83d\ude00"}`, "invalid_unicode"},
		{`{"na\ud800me":"x"}`, "invalid_unicode"},
		{`{"name":"x","description":"\u0000"}`, "nul_character description"},
		{`{"name":"x","tags":["a","b\u0000"]}`, "nul_character tags[1]"},
		{`{"name":"x","provider_configs":[{"provider_name":"openai\u0000"}]}`, "nul_character provider_configs[0].provider_name"},
		{`{"name":"a","name":"a"}`, "duplicate_key name"},
		{`{"id":1,"id":1,"name":"x"}`, "duplicate_key id"},
		{`{"name":"x","foo":{"a":1,"a":2}}`, "duplicate_key foo.a"},
		{`{"name":"x","rate_limit":{"token_max_limit":1,"token_max_limit":2}}`, "duplicate_key rate_limit.token_max_limit"},
		{`{"name":"x","budgets":[{"reset_config":{"quarter_start_month":1,"quarter_start_month":4}}]}`, "duplicate_key budgets[0].reset_config.quarter_start_month"},
		{`{"a":` + strings.Repeat("[", 15) + `[1` + strings.Repeat("]", 16) + `}`, "json_too_deep"},
		{strings.Repeat("[", 100_000), "json_too_deep"},
		{`{"name":"x","\u0000":1}`, "nul_character"},
		{`{"name ":"x","name":"y"}`, "unknown_field name"},
	})
}

func TestUnknownFields(t *testing.T) {
	refuseAll(t, []refusedBody{
		{`{"name":"x","is_admin":true,"user_role":"Admin"}`, "unknown_field is_admin; unknown_field user_role"},
		{`{"name":"x","Tags":[],"budgets":[{"max_limit":1,"reset_duration":"1d","used":0}]}`, "unknown_field Tags; unknown_field budgets[0].used"},
		{`{"name":"x","budgets":[{"max_limit":-1,"reset_duration":"1d","Max_Limit":1}]}`, "unknown_field budgets[0].Max_Limit; max_limit_negative budgets[0].max_limit"},
		{`{"name":"x","budgets":[{"max_limit":1,"reset_duration":"1Q","reset_config":{"quarter_start_month":1,"month":1}}]}`, "unknown_field budgets[0].reset_config.month"},
		{`{"name":"x","rate_limit":{"token_limit":5}}`, "unknown_field rate_limit.token_limit"},
		{`{"name":"x","rate_limit":{"calendar_aligned":true}}`, "unknown_field rate_limit.calendar_aligned"},
		{`{"name":"x","budgets":[{"max_limit":1,"reset_duration":"1d","calendar_aligned":true}]}`, "unknown_field budgets[0].calendar_aligned"},
		{`{"name":"x","budgets":[{"max_limit":1,"reset_duration":"1d","override_amount":5}]}`, "unknown_field budgets[0].override_amount"},
		{`{"name":"x","provider_configs":[{"provider_name":"openai","weight":1,"key_ids":[]}]}`, "unsupported_field provider_configs[0].weight"},
		{
			`{"name":"x","provider_configs":[{"provider_name":"openai","rate_limit":{"x":1},"budgets":[{"y":1}]}]}`,
			"unknown_field provider_configs[0].rate_limit.x; unknown_field provider_configs[0].budgets[0].y; required provider_configs[0].budgets[0].max_limit; required provider_configs[0].budgets[0].reset_duration",
		},
		{`{"name":"x","mcp_servers":[{"mcp_server_id":"github","mcp_client_id":"github"}]}`, "unknown_field mcp_servers[0].mcp_client_id"},
		{`{"name":"x","mcp_tool_groups":[{"tool_group_id":1,"id":1}]}`, "unknown_field mcp_tool_groups[0].id"},
		{`{"name":"x","mcp_tool_overrides":[{"mcp_client_id":"jira","tool_name":"t","action":"include","Action":"exclude"}]}`, "unknown_field mcp_tool_overrides[0].Action"},
		{`{"name":"x","roles":[],"user_count":0}`, "unknown_field roles; unknown_field user_count"},
		{`{"access_profile":{"name":"x"},"name":"y"}`, "unknown_field access_profile"},
		{
			`{"name":"x","op":"save","base":"1","new_provider":"openai","choose":{},"checked":"1"}`,
			"unknown_field op; unknown_field base; unknown_field new_provider; unknown_field choose; unknown_field checked",
		},
		{`{"name":"x","key":"b1","Row":{},"Kind":1}`, "unknown_field key; unknown_field Row; unknown_field Kind"},
	})
}
