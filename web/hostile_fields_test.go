package web_test

import (
	"fmt"
	"strings"
	"testing"
)

// repeated is a JSON list of n items, each made by a format that gets its number.
func repeated(n int, format string) string {
	items := make([]string, n)
	for i := range items {
		items[i] = fmt.Sprintf(format, i)
	}
	return "[" + strings.Join(items, ",") + "]"
}

func TestRefusedNamesAndTexts(t *testing.T) {
	var rows []refusedBody
	for _, name := range []string{
		`[]`, `["x"]`, `0`, `false`, `{"a":1}`, `1e5`,
	} {
		rows = append(rows, refusedBody{`{"name":` + name + `}`, "wrong_type name"})
	}
	for _, name := range []string{``, `\n`, `\u3000`, `\u1680\u205f\u202f`, `\u0085`, `\r\n\t`} {
		rows = append(rows, refusedBody{`{"name":"` + name + `"}`, "required name"})
	}
	for _, name := range []string{
		`a\u200eb`, `a\u202eb`, `a\u00adb`, `\u061ca`, `a\u2060`, `a\u180eb`, `a\tb`, `a\nb`, `a\u007fb`, `a\u0085b`, `a\u009bb`, `a\u2029b`,
		`a\ue000b`, `a\udb80\udc00b`, `a\u0378b`, `a\uffffb`, `a\ufdd0b`, `a\u3164b`, `a\u115fb`, `a\uffa0b`, `a\u034fb`, `a\u2800b`, `a\u17b4b`,
		`a\udb40\udc41b`, `a\ufe0fb`, `a\udb40\udd00b`, `\u200d`, `a\ufff9b`, `q\u0301\u0302\u0303\u0304\u0305`, `\u2764\ufe0f\ufe0f`, `\u2764\ufe0f\ufe0f\ufe0f\ufe0f\ufe0f`,
		`a\ud834\udd73b`, `a\u206ab`,
	} {
		rows = append(rows, refusedBody{`{"name":"` + name + `"}`, "invalid_characters name"},
			refusedBody{`{"name":"x","description":"` + name + `"}`, "invalid_characters description"},
			refusedBody{`{"name":"x","tags":["ok","` + name + `"]}`, "invalid_characters tags[1]"})
		if name == `a\nb` {
			rows = append(rows[:len(rows)-2], rows[len(rows)-1])
		}
	}
	rows = append(rows,
		refusedBody{`{"name":"` + strings.Repeat("😀", 256) + `"}`, "too_long name"},
		refusedBody{`{"name":"` + strings.Repeat("e\u0301", 256) + `"}`, "too_long name"},
		refusedBody{`{"name":"x","description":"` + strings.Repeat("é", 2001) + `"}`, "too_long description"},
		refusedBody{`{"name":"x","description":"a\rb"}`, "invalid_characters description"},
		refusedBody{`{"name":"x","description":["a"]}`, "wrong_type description"},
		refusedBody{`{"name":"x","description":{}}`, "wrong_type description"},
		refusedBody{`{"name":"x","description":false}`, "wrong_type description"},
		refusedBody{`{"name":"x","tags":"a,b"}`, "wrong_type tags"},
		refusedBody{`{"name":"x","tags":{}}`, "wrong_type tags"},
		refusedBody{`{"name":"x","tags":""}`, "wrong_type tags"},
		refusedBody{
			`{"name":"x","tags":["",["a"],{},true,"a,b",",","` + strings.Repeat("t", 65) + `"]}`,
			"required tags[0]; wrong_type tags[1]; wrong_type tags[2]; wrong_type tags[3]; invalid_characters tags[4]; invalid_characters tags[5]; too_long tags[6]",
		},
		refusedBody{`{"name":"x","tags":["Straße","b"," STRASSE ","B"]}`, "duplicate_tag tags[2]; duplicate_tag tags[3]"},
		refusedBody{`{"name":"x","tags":["cafe\u0301","caf\u00e9"]}`, "duplicate_tag tags[1]"},
		refusedBody{`{"name":"x","calendar_aligned":[]}`, "wrong_type calendar_aligned"},
		refusedBody{`{"name":"x","calendar_aligned":0}`, "wrong_type calendar_aligned"},
		refusedBody{`{"name":"x","is_active":false}`, "read_only is_active"},
		refusedBody{`{"name":"x","is_active":null}`, "read_only is_active"},
		refusedBody{`{"name":"x","is_active":"true"}`, "read_only is_active"},
		refusedBody{`{"name":"x","is_active":{"a":1}}`, "read_only is_active"},
		refusedBody{
			`{"name":"","description":5,"is_active":false,"tags":[1],"provider_configs":[{}],"budgets":[{}],"rate_limit":5,"calendar_aligned":5,` +
				`"mcp_tool_groups":[{}],"mcp_servers":[{}],"mcp_tool_overrides":[{}]}`,
			"required name; wrong_type description; read_only is_active; wrong_type tags[0]; required provider_configs[0].provider_name; " +
				"required budgets[0].max_limit; required budgets[0].reset_duration; wrong_type rate_limit; wrong_type calendar_aligned; " +
				"required mcp_tool_groups[0].tool_group_id; required mcp_servers[0].mcp_server_id; required mcp_tool_overrides[0].mcp_client_id; " +
				"required mcp_tool_overrides[0].tool_name; required mcp_tool_overrides[0].action",
		},
		refusedBody{
			`{"mcp_tool_overrides":null,"mcp_servers":null,"mcp_tool_groups":null,"budgets":null,"provider_configs":null,"tags":null,"name":null}`,
			"null_not_allowed name; null_not_allowed tags; null_not_allowed provider_configs; null_not_allowed budgets; " +
				"null_not_allowed mcp_tool_groups; null_not_allowed mcp_servers; null_not_allowed mcp_tool_overrides",
		},
	)
	refuseAll(t, rows)
}

func TestRefusedProviders(t *testing.T) {
	one := func(rest string) string {
		return `{"name":"x","provider_configs":[{"provider_name":"openai"` + rest + `}]}`
	}
	const config = "provider_configs[0]"
	refuseAll(t, []refusedBody{
		{`{"name":"x","provider_configs":["openai"]}`, "wrong_type provider_configs[0]"},
		{`{"name":"x","provider_configs":[[]]}`, "wrong_type provider_configs[0]"},
		{`{"name":"x","provider_configs":"openai"}`, "wrong_type provider_configs"},
		{
			`{"name":"x","provider_configs":[{"provider_name":null},{"provider_name":1},{"provider_name":["openai"]}]}`,
			"null_not_allowed provider_configs[0].provider_name; wrong_type provider_configs[1].provider_name; wrong_type provider_configs[2].provider_name",
		},
		{
			`{"name":"x","provider_configs":[{"provider_name":"OpenAI"},{"provider_name":"nope"},{"provider_name":"openai\u200b"}]}`,
			"unknown_provider provider_configs[0].provider_name; unknown_provider provider_configs[1].provider_name; unknown_provider provider_configs[2].provider_name",
		},
		{
			`{"name":"x","provider_configs":[{"provider_name":"openai"},{"provider_name":"openai","allowed_models":[1]}]}`,
			"duplicate_provider provider_configs[1].provider_name; wrong_type provider_configs[1].allowed_models[0]",
		},
		{one(`,"all_models_allowed":null`), "null_not_allowed " + config + ".all_models_allowed"},
		{one(`,"all_models_allowed":"true"`), "wrong_type " + config + ".all_models_allowed"},
		{one(`,"allowed_models":null`), "null_not_allowed " + config + ".allowed_models"},
		{one(`,"allowed_models":{}`), "wrong_type " + config + ".allowed_models"},
		{one(`,"allowed_models":["",null,1," m","m ","a\u0000b"]`), "nul_character " + config + ".allowed_models[5]"},
		{
			one(`,"allowed_models":["",null,1," m","m ","e\u0301","a\u200bb"]`),
			"required " + config + ".allowed_models[0]; null_not_allowed " + config + ".allowed_models[1]; wrong_type " + config + ".allowed_models[2]; " +
				"invalid_characters " + config + ".allowed_models[3]; invalid_characters " + config + ".allowed_models[4]; " +
				"invalid_characters " + config + ".allowed_models[5]; invalid_characters " + config + ".allowed_models[6]",
		},
		{one(`,"allowed_models":["` + strings.Repeat("m", 256) + `"]`), "too_long " + config + ".allowed_models[0]"},
		{one(`,"allowed_models":` + repeated(1001, `"m%d"`)), "too_many_items " + config + ".allowed_models"},
		{one(`,"allowed_models":["a","b","a","b"]`), "duplicate_model " + config + ".allowed_models[2]; duplicate_model " + config + ".allowed_models[3]"},
		{one(`,"allowed_models":["*","gpt-4o"]`), "models_conflict " + config + ".allowed_models"},
		{one(`,"allowed_models":["gpt-4o","*"],"all_models_allowed":true`), "models_conflict " + config + ".allowed_models"},
		{one(`,"allowed_models":["*"],"all_models_allowed":false`), "models_conflict " + config + ".allowed_models"},
		{one(`,"allowed_models":["*","*"]`), "duplicate_model " + config + ".allowed_models[1]; models_conflict " + config + ".allowed_models"},
		{one(`,"budgets":null`), "null_not_allowed " + config + ".budgets"},
		{one(`,"budgets":{}`), "wrong_type " + config + ".budgets"},
		{one(`,"budgets":[null]`), "null_not_allowed " + config + ".budgets[0]"},
		{one(`,"budgets":[{"max_limit":1,"reset_duration":"1d"},{"max_limit":1,"reset_duration":"1d"}]`), "duplicate_budget_window " + config + ".budgets[1].reset_duration"},
		{one(`,"rate_limit":5`), "wrong_type " + config + ".rate_limit"},
		{one(`,"rate_limit":{"token_reset_duration":"1h"}`), "required " + config + ".rate_limit.token_max_limit"},
		{`{"name":"x","provider_configs":` + repeated(101, `{"provider_name":"p%d"}`) + `}`, "too_many_items provider_configs"},
		{`{"name":"x","provider_configs":` + repeated(150_000, `%d`) + `}`, "too_many_items provider_configs"},
	})
}
