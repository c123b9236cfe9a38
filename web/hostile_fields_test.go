package web_test

import (
	"strings"
	"testing"

	"tollgate/web/webtest"
)

func TestRefusedNamesAndTexts(t *testing.T) {
	var rows []webtest.RefusedBody
	for _, name := range []string{
		`[]`, `["x"]`, `0`, `false`, `{"a":1}`, `1e5`,
	} {
		rows = append(rows, webtest.RefusedBody{Body: `{"name":` + name + `}`, Want: "wrong_type name"})
	}
	for _, name := range []string{``, `\n`, `\u3000`, `\u1680\u205f\u202f`, `\u0085`, `\r\n\t`} {
		rows = append(rows, webtest.RefusedBody{Body: `{"name":"` + name + `"}`, Want: "required name"})
	}
	for _, name := range []string{
		`a\u200eb`, `a\u202eb`, `a\u00adb`, `\u061ca`, `a\u2060`, `a\u180eb`, `a\tb`, `a\nb`, `a\u007fb`, `a\u0085b`, `a\u009bb`, `a\u2029b`,
		`a\ue000b`, `a\udb80\udc00b`, `a\u0378b`, `a\uffffb`, `a\ufdd0b`, `a\u3164b`, `a\u115fb`, `a\uffa0b`, `a\u034fb`, `a\u2800b`, `a\u17b4b`,
		`a\udb40\udc41b`, `a\ufe0fb`, `a\udb40\udd00b`, `\u200d`, `a\ufff9b`, `q\u0301\u0302\u0303\u0304\u0305`, `\u2764\ufe0f\ufe0f`, `\u2764\ufe0f\ufe0f\ufe0f\ufe0f\ufe0f`,
		`a\ud834\udd73b`, `a\u206ab`,
	} {
		rows = append(rows, webtest.RefusedBody{Body: `{"name":"` + name + `"}`, Want: "invalid_characters name"},
			webtest.RefusedBody{Body: `{"name":"x","description":"` + name + `"}`, Want: "invalid_characters description"},
			webtest.RefusedBody{Body: `{"name":"x","tags":["ok","` + name + `"]}`, Want: "invalid_characters tags[1]"})
		if name == `a\nb` {
			rows = append(rows[:len(rows)-2], rows[len(rows)-1])
		}
	}
	rows = append(rows,
		webtest.RefusedBody{Body: `{"name":"` + strings.Repeat("😀", 256) + `"}`, Want: "too_long name"},
		webtest.RefusedBody{Body: `{"name":"` + strings.Repeat("e\u0301", 256) + `"}`, Want: "too_long name"},
		webtest.RefusedBody{Body: `{"name":"x","description":"` + strings.Repeat("é", 2001) + `"}`, Want: "too_long description"},
		webtest.RefusedBody{Body: `{"name":"x","description":"a\rb"}`, Want: "invalid_characters description"},
		webtest.RefusedBody{Body: `{"name":"x","description":["a"]}`, Want: "wrong_type description"},
		webtest.RefusedBody{Body: `{"name":"x","description":{}}`, Want: "wrong_type description"},
		webtest.RefusedBody{Body: `{"name":"x","description":false}`, Want: "wrong_type description"},
		webtest.RefusedBody{Body: `{"name":"x","tags":"a,b"}`, Want: "wrong_type tags"},
		webtest.RefusedBody{Body: `{"name":"x","tags":{}}`, Want: "wrong_type tags"},
		webtest.RefusedBody{Body: `{"name":"x","tags":""}`, Want: "wrong_type tags"},
		webtest.RefusedBody{
			Body: `{"name":"x","tags":["",["a"],{},true,"a,b",",","` + strings.Repeat("t", 65) + `"]}`,
			Want: "required tags[0]; wrong_type tags[1]; wrong_type tags[2]; wrong_type tags[3]; invalid_characters tags[4]; invalid_characters tags[5]; too_long tags[6]",
		},
		webtest.RefusedBody{Body: `{"name":"x","tags":["Straße","b"," STRASSE ","B"]}`, Want: "duplicate_tag tags[2]; duplicate_tag tags[3]"},
		webtest.RefusedBody{Body: `{"name":"x","tags":["cafe\u0301","caf\u00e9"]}`, Want: "duplicate_tag tags[1]"},
		webtest.RefusedBody{Body: `{"name":"x","calendar_aligned":[]}`, Want: "wrong_type calendar_aligned"},
		webtest.RefusedBody{Body: `{"name":"x","calendar_aligned":0}`, Want: "wrong_type calendar_aligned"},
		webtest.RefusedBody{Body: `{"name":"x","is_active":false}`, Want: "read_only is_active"},
		webtest.RefusedBody{Body: `{"name":"x","is_active":null}`, Want: "read_only is_active"},
		webtest.RefusedBody{Body: `{"name":"x","is_active":"true"}`, Want: "read_only is_active"},
		webtest.RefusedBody{Body: `{"name":"x","is_active":{"a":1}}`, Want: "read_only is_active"},
		webtest.RefusedBody{
			Body: `{"name":"","description":5,"is_active":false,"tags":[1],"provider_configs":[{}],"budgets":[{}],"rate_limit":5,"calendar_aligned":5,` +
				`"mcp_tool_groups":[{}],"mcp_servers":[{}],"mcp_tool_overrides":[{}]}`,
			Want: "required name; wrong_type description; read_only is_active; wrong_type tags[0]; required provider_configs[0].provider_name; " +
				"required budgets[0].max_limit; required budgets[0].reset_duration; wrong_type rate_limit; wrong_type calendar_aligned; " +
				"required mcp_tool_groups[0].tool_group_id; required mcp_servers[0].mcp_server_id; required mcp_tool_overrides[0].mcp_client_id; " +
				"required mcp_tool_overrides[0].tool_name; required mcp_tool_overrides[0].action",
		},
		webtest.RefusedBody{
			Body: `{"mcp_tool_overrides":null,"mcp_servers":null,"mcp_tool_groups":null,"budgets":null,"provider_configs":null,"tags":null,"name":null}`,
			Want: "null_not_allowed name; null_not_allowed tags; null_not_allowed provider_configs; null_not_allowed budgets; " +
				"null_not_allowed mcp_tool_groups; null_not_allowed mcp_servers; null_not_allowed mcp_tool_overrides",
		},
	)
	webtest.RefuseAll(t, rows)
}

func TestRefusedProviders(t *testing.T) {
	one := func(rest string) string {
		return `{"name":"x","provider_configs":[{"provider_name":"openai"` + rest + `}]}`
	}
	const config = "provider_configs[0]"
	webtest.RefuseAll(t, []webtest.RefusedBody{
		{Body: `{"name":"x","provider_configs":["openai"]}`, Want: "wrong_type provider_configs[0]"},
		{Body: `{"name":"x","provider_configs":[[]]}`, Want: "wrong_type provider_configs[0]"},
		{Body: `{"name":"x","provider_configs":"openai"}`, Want: "wrong_type provider_configs"},
		{
			Body: `{"name":"x","provider_configs":[{"provider_name":null},{"provider_name":1},{"provider_name":["openai"]}]}`,
			Want: "null_not_allowed provider_configs[0].provider_name; wrong_type provider_configs[1].provider_name; wrong_type provider_configs[2].provider_name",
		},
		{
			Body: `{"name":"x","provider_configs":[{"provider_name":"OpenAI"},{"provider_name":"nope"},{"provider_name":"openai\u200b"}]}`,
			Want: "unknown_provider provider_configs[0].provider_name; unknown_provider provider_configs[1].provider_name; unknown_provider provider_configs[2].provider_name",
		},
		{
			Body: `{"name":"x","provider_configs":[{"provider_name":"openai"},{"provider_name":"openai","allowed_models":[1]}]}`,
			Want: "duplicate_provider provider_configs[1].provider_name; wrong_type provider_configs[1].allowed_models[0]",
		},
		{Body: one(`,"all_models_allowed":null`), Want: "null_not_allowed " + config + ".all_models_allowed"},
		{Body: one(`,"all_models_allowed":"true"`), Want: "wrong_type " + config + ".all_models_allowed"},
		{Body: one(`,"allowed_models":null`), Want: "null_not_allowed " + config + ".allowed_models"},
		{Body: one(`,"allowed_models":{}`), Want: "wrong_type " + config + ".allowed_models"},
		{Body: one(`,"allowed_models":["",null,1," m","m ","a\u0000b"]`), Want: "nul_character " + config + ".allowed_models[5]"},
		{
			Body: one(`,"allowed_models":["",null,1," m","m ","e\u0301","a\u200bb"]`),
			Want: "required " + config + ".allowed_models[0]; null_not_allowed " + config + ".allowed_models[1]; wrong_type " + config + ".allowed_models[2]; " +
				"invalid_characters " + config + ".allowed_models[3]; invalid_characters " + config + ".allowed_models[4]; " +
				"invalid_characters " + config + ".allowed_models[5]; invalid_characters " + config + ".allowed_models[6]",
		},
		{Body: one(`,"allowed_models":["` + strings.Repeat("m", 256) + `"]`), Want: "too_long " + config + ".allowed_models[0]"},
		{Body: one(`,"allowed_models":` + webtest.Repeated(1001, `"m%d"`)), Want: "too_many_items " + config + ".allowed_models"},
		{Body: one(`,"allowed_models":["a","b","a","b"]`), Want: "duplicate_model " + config + ".allowed_models[2]; duplicate_model " + config + ".allowed_models[3]"},
		{Body: one(`,"allowed_models":["*","gpt-4o"]`), Want: "models_conflict " + config + ".allowed_models"},
		{Body: one(`,"allowed_models":["gpt-4o","*"],"all_models_allowed":true`), Want: "models_conflict " + config + ".allowed_models"},
		{Body: one(`,"allowed_models":["*"],"all_models_allowed":false`), Want: "models_conflict " + config + ".allowed_models"},
		{Body: one(`,"allowed_models":["*","*"]`), Want: "duplicate_model " + config + ".allowed_models[1]; models_conflict " + config + ".allowed_models"},
		{Body: one(`,"budgets":null`), Want: "null_not_allowed " + config + ".budgets"},
		{Body: one(`,"budgets":{}`), Want: "wrong_type " + config + ".budgets"},
		{Body: one(`,"budgets":[null]`), Want: "null_not_allowed " + config + ".budgets[0]"},
		{Body: one(`,"budgets":[{"max_limit":1,"reset_duration":"1d"},{"max_limit":1,"reset_duration":"1d"}]`), Want: "duplicate_budget_window " + config + ".budgets[1].reset_duration"},
		{Body: one(`,"rate_limit":5`), Want: "wrong_type " + config + ".rate_limit"},
		{Body: one(`,"rate_limit":{"token_reset_duration":"1h"}`), Want: "required " + config + ".rate_limit.token_max_limit"},
		{Body: `{"name":"x","provider_configs":` + webtest.Repeated(101, `{"provider_name":"p%d"}`) + `}`, Want: "too_many_items provider_configs"},
		{Body: `{"name":"x","provider_configs":` + webtest.Repeated(150_000, `%d`) + `}`, Want: "too_many_items provider_configs"},
	})
}
