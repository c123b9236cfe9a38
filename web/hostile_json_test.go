package web_test

import (
	"strings"
	"testing"

	"tollgate/web/webtest"
)

func TestUnreadableBodies(t *testing.T) {
	webtest.RefuseAll(t, []webtest.RefusedBody{
		{Body: "", Want: "empty_body"},
		{Body: "\t\r\n ", Want: "empty_body"},
		{Body: "[]", Want: "expected_object"},
		{Body: `[{"name":"x"}]`, Want: "expected_object"},
		{Body: "true", Want: "expected_object"},
		{Body: "-0.0", Want: "expected_object"},
		{Body: `{"name":"x"`, Want: "invalid_json"},
		{Body: `{"name"`, Want: "invalid_json"},
		{Body: `{name:"x"}`, Want: "invalid_json"},
		{Body: `{"name":"x" "tags":[]}`, Want: "invalid_json"},
		{Body: `{"name":"x","tags":[1,]}`, Want: "invalid_json"},
		{Body: "{\"name\":\"x\"}//c", Want: "trailing_data"},
		{Body: `{"name":"x"}]`, Want: "trailing_data"},
		{Body: `{"name":"x"}` + "\x00", Want: "trailing_data"},
		{Body: "{\"name\":\"a\tb\"}", Want: "invalid_json"},
		{Body: "{\"name\":\"a\x00b\"}", Want: "invalid_json"},
		{Body: `{"name":"a\x41"}`, Want: "invalid_json"},
		{Body: `{"name":"a\u00g0"}`, Want: "invalid_json"},
		{Body: `{"name":"x","budgets":[{"max_limit":Infinity,"reset_duration":"1d"}]}`, Want: "invalid_json"},
		{Body: `{"name":"x","budgets":[{"max_limit":+1,"reset_duration":"1d"}]}`, Want: "invalid_json"},
		{Body: `{"name":"x","budgets":[{"max_limit":1.,"reset_duration":"1d"}]}`, Want: "invalid_json"},
		{Body: `{"name":"x","budgets":[{"max_limit":1_000,"reset_duration":"1d"}]}`, Want: "invalid_json"},
		{Body: `{"name":"x","budgets":[{"max_limit":--1,"reset_duration":"1d"}]}`, Want: "invalid_json"},
		{Body: "\xff\xfe{\x00}\x00", Want: "invalid_utf8"},
		{Body: "{\"name\":\"\xc0\x80\"}", Want: "invalid_utf8"},
		{Body: "{\"name\":\"\xf4\x90\x80\x80\"}", Want: "invalid_utf8"},
		{Body: "{\"na\xe2\x82me\":\"x\"}", Want: "invalid_utf8"},
		{Body: `{"name":"a\udc00b"}`, Want: "invalid_unicode"},
		{Body: `{"name":"\ude00\ud83d"}`, Want: "invalid_unicode"},
		{Body: `{"name":"\ud83d\ud83d\ude00"}`, Want: "invalid_unicode"},
		{Body: `{"na\ud800me":"x"}`, Want: "invalid_unicode"},
		{Body: `{"name":"x","description":"\u0000"}`, Want: "nul_character description"},
		{Body: `{"name":"x","tags":["a","b\u0000"]}`, Want: "nul_character tags[1]"},
		{Body: `{"name":"x","provider_configs":[{"provider_name":"openai\u0000"}]}`, Want: "nul_character provider_configs[0].provider_name"},
		{Body: `{"name":"a","name":"a"}`, Want: "duplicate_key name"},
		{Body: `{"id":1,"id":1,"name":"x"}`, Want: "duplicate_key id"},
		{Body: `{"name":"x","foo":{"a":1,"a":2}}`, Want: "duplicate_key foo.a"},
		{Body: `{"name":"x","rate_limit":{"token_max_limit":1,"token_max_limit":2}}`, Want: "duplicate_key rate_limit.token_max_limit"},
		{Body: `{"name":"x","budgets":[{"reset_config":{"quarter_start_month":1,"quarter_start_month":4}}]}`, Want: "duplicate_key budgets[0].reset_config.quarter_start_month"},
		{Body: `{"a":` + strings.Repeat("[", 15) + `[1` + strings.Repeat("]", 16) + `}`, Want: "json_too_deep"},
		{Body: strings.Repeat("[", 100_000), Want: "json_too_deep"},
		{Body: `{"name":"x","\u0000":1}`, Want: "nul_character"},
		{Body: `{"name ":"x","name":"y"}`, Want: "unknown_field name"},
	})
}

func TestUnknownFields(t *testing.T) {
	webtest.RefuseAll(t, []webtest.RefusedBody{
		{Body: `{"name":"x","is_admin":true,"user_role":"Admin"}`, Want: "unknown_field is_admin; unknown_field user_role"},
		{Body: `{"name":"x","Tags":[],"budgets":[{"max_limit":1,"reset_duration":"1d","used":0}]}`, Want: "unknown_field Tags; unknown_field budgets[0].used"},
		{Body: `{"name":"x","budgets":[{"max_limit":-1,"reset_duration":"1d","Max_Limit":1}]}`, Want: "unknown_field budgets[0].Max_Limit; max_limit_negative budgets[0].max_limit"},
		{Body: `{"name":"x","budgets":[{"max_limit":1,"reset_duration":"1Q","reset_config":{"quarter_start_month":1,"month":1}}]}`, Want: "unknown_field budgets[0].reset_config.month"},
		{Body: `{"name":"x","rate_limit":{"token_limit":5}}`, Want: "unknown_field rate_limit.token_limit"},
		{Body: `{"name":"x","rate_limit":{"calendar_aligned":true}}`, Want: "unknown_field rate_limit.calendar_aligned"},
		{Body: `{"name":"x","budgets":[{"max_limit":1,"reset_duration":"1d","calendar_aligned":true}]}`, Want: "unknown_field budgets[0].calendar_aligned"},
		{Body: `{"name":"x","budgets":[{"max_limit":1,"reset_duration":"1d","override_amount":5}]}`, Want: "unknown_field budgets[0].override_amount"},
		{Body: `{"name":"x","provider_configs":[{"provider_name":"openai","weight":1,"key_ids":[]}]}`, Want: "unsupported_field provider_configs[0].weight"},
		{
			Body: `{"name":"x","provider_configs":[{"provider_name":"openai","rate_limit":{"x":1},"budgets":[{"y":1}]}]}`,
			Want: "unknown_field provider_configs[0].rate_limit.x; unknown_field provider_configs[0].budgets[0].y; required provider_configs[0].budgets[0].max_limit; required provider_configs[0].budgets[0].reset_duration",
		},
		{Body: `{"name":"x","mcp_servers":[{"mcp_server_id":"github","mcp_client_id":"github"}]}`, Want: "unknown_field mcp_servers[0].mcp_client_id"},
		{Body: `{"name":"x","mcp_tool_groups":[{"tool_group_id":1,"id":1}]}`, Want: "unknown_field mcp_tool_groups[0].id"},
		{Body: `{"name":"x","mcp_tool_overrides":[{"mcp_client_id":"jira","tool_name":"t","action":"include","Action":"exclude"}]}`, Want: "unknown_field mcp_tool_overrides[0].Action"},
		{Body: `{"name":"x","roles":[],"user_count":0}`, Want: "unknown_field roles; unknown_field user_count"},
		{Body: `{"access_profile":{"name":"x"},"name":"y"}`, Want: "unknown_field access_profile"},
		{
			Body: `{"name":"x","op":"save","base":"1","new_provider":"openai","choose":{},"checked":"1"}`,
			Want: "unknown_field op; unknown_field base; unknown_field new_provider; unknown_field choose; unknown_field checked",
		},
		{Body: `{"name":"x","key":"b1","Row":{},"Kind":1}`, Want: "unknown_field key; unknown_field Row; unknown_field Kind"},
	})
}
