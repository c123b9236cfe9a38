package web_test

import (
	"fmt"
	"strings"
	"testing"

	"tollgate/web/webtest"
)

func TestRefusedBudgets(t *testing.T) {
	one := func(line string) string { return `{"name":"x","budgets":[` + line + `]}` }
	amount := func(literal string) string { return one(`{"max_limit":` + literal + `,"reset_duration":"1d"}`) }
	const limit = " budgets[0].max_limit"
	var rows []webtest.RefusedBody
	for want, literals := range map[string][]string{
		"null_not_allowed":    {"null"},
		"wrong_type":          {`""`, `"NaN"`, `"1"`, "true", "[]", "[1]", "{}"},
		"max_limit_negative":  {"-1e-9", "-0.0000000001", "-1e-2000", "-1000000000", "-0.5"},
		"number_out_of_range": {"1e309", "1e10", "1000000000.01", "1000000001", "1000000000.0000000001", "1E+10", "-1e10", "10e9", "1" + strings.Repeat("0", 400), "9007199254740993"},
		"too_many_decimals":   {"1e-10", "0.1234567891", "1e-999999999999999999999", "999999999.9999999999", "5e-324"},
	} {
		for _, literal := range literals {
			rows = append(rows, webtest.RefusedBody{Body: amount(literal), Want: want + limit})
		}
	}
	for want, durations := range map[string][]string{
		"invalid_reset_duration": {`"1D"`, `" 1d"`, `"1d "`, `"d"`, `"24h"`, `"1q"`, `"monthly"`, `"1H"`, `"１d"`, `"30d"`, `"1y"`},
		"null_not_allowed":       {"null"},
		"wrong_type":             {"1", "true", `["1d"]`, "{}", "86400"},
	} {
		for _, duration := range durations {
			rows = append(rows, webtest.RefusedBody{Body: one(`{"max_limit":1,"reset_duration":` + duration + `}`), Want: want + " budgets[0].reset_duration"})
		}
	}
	const month = " budgets[0].reset_config.quarter_start_month"
	for config, want := range map[string]string{
		`{"quarter_start_month":13}`: "number_out_of_range" + month, `{"quarter_start_month":-1}`: "number_out_of_range" + month,
		`{"quarter_start_month":-0}`: "number_out_of_range" + month, `{"quarter_start_month":1e0}`: "not_an_integer" + month,
		`{"quarter_start_month":1.0}`: "not_an_integer" + month, `{"quarter_start_month":null}`: "null_not_allowed" + month,
		`{"quarter_start_month":true}`: "wrong_type" + month, `{"quarter_start_month":[1]}`: "wrong_type" + month,
		`{"quarter_start_month":99999999999999999999}`: "number_out_of_range" + month,
		"1": "wrong_type budgets[0].reset_config", `"January"`: "wrong_type budgets[0].reset_config", "true": "wrong_type budgets[0].reset_config",
	} {
		rows = append(rows, webtest.RefusedBody{Body: one(`{"max_limit":1,"reset_duration":"1Q","reset_config":` + config + `}`), Want: want})
	}
	for _, duration := range []string{"1h", "1d", "1w", "1M", "1Y"} {
		rows = append(rows, webtest.RefusedBody{Body: one(`{"max_limit":1,"reset_duration":"` + duration + `","reset_config":{}}`), Want: "reset_config_not_allowed budgets[0].reset_config"})
	}
	quarter := func(month int) string {
		return fmt.Sprintf(`{"max_limit":1,"reset_duration":"1Q","reset_config":{"quarter_start_month":%d}}`, month)
	}
	const again = "duplicate_budget_window budgets[1].reset_duration"
	rows = append(rows,
		webtest.RefusedBody{Body: one(quarter(2) + "," + quarter(11)), Want: again}, webtest.RefusedBody{Body: one(quarter(12) + "," + quarter(3)), Want: again},
		webtest.RefusedBody{Body: one(`{"max_limit":1,"reset_duration":"1Q","reset_config":{}},` + quarter(10)), Want: again},
		webtest.RefusedBody{Body: one(quarter(13) + "," + quarter(1)), Want: "number_out_of_range" + month},
		webtest.RefusedBody{Body: one(`{"max_limit":-1,"reset_duration":"1d"},{"max_limit":1,"reset_duration":"1d"}`), Want: "max_limit_negative" + limit + "; " + again},
		webtest.RefusedBody{Body: one(`5,"x",[],null`), Want: "wrong_type budgets[0]; wrong_type budgets[1]; wrong_type budgets[2]; null_not_allowed budgets[3]"},
		webtest.RefusedBody{Body: `{"name":"x","budgets":{"max_limit":1,"reset_duration":"1d"}}`, Want: "wrong_type budgets"},
		webtest.RefusedBody{Body: `{"name":"x","budgets":` + webtest.Repeated(101, `{"max_limit":%d,"reset_duration":"1d"}`) + `}`, Want: "too_many_items budgets"},
	)
	webtest.RefuseAll(t, rows)
}

func TestRefusedRateLimits(t *testing.T) {
	one := func(limit string) string { return `{"name":"x","rate_limit":` + limit + `}` }
	var rows []webtest.RefusedBody
	for want, literals := range map[string][]string{
		"number_out_of_range": {"-1", "-0", "9007199254740992", "9223372036854775807", "18446744073709551616", "1" + strings.Repeat("0", 5000)},
		"not_an_integer":      {"1E3", "1.0", "1e-1", "0.5", "-1.5", "1e309", "-0.0"},
		"wrong_type":          {`"1"`, "true", "[]", "{}", `""`},
	} {
		for _, literal := range literals {
			rows = append(rows,
				webtest.RefusedBody{Body: one(`{"token_max_limit":` + literal + `,"token_reset_duration":"1h"}`), Want: want + " rate_limit.token_max_limit"},
				webtest.RefusedBody{Body: one(`{"request_max_limit":` + literal + `,"request_reset_duration":"1h"}`), Want: want + " rate_limit.request_max_limit"})
		}
	}
	for want, durations := range map[string][]string{
		"invalid_reset_duration": {`"1min"`, `"5m"`, `"1Q"`, `"1D"`, `""`, `"60s"`, `" 1h"`},
		"wrong_type":             {"1", "true", "[]", "{}"},
		"required":               {"null"},
	} {
		for _, duration := range durations {
			rows = append(rows, webtest.RefusedBody{Body: one(`{"request_max_limit":1,"request_reset_duration":` + duration + `}`), Want: want + " rate_limit.request_reset_duration"})
		}
	}
	rows = append(rows,
		webtest.RefusedBody{Body: one(`"none"`), Want: "wrong_type rate_limit"}, webtest.RefusedBody{Body: one("false"), Want: "wrong_type rate_limit"},
		webtest.RefusedBody{Body: one("[{}]"), Want: "wrong_type rate_limit"}, webtest.RefusedBody{Body: one("0"), Want: "wrong_type rate_limit"},
		webtest.RefusedBody{Body: one(`{"token_max_limit":null,"token_reset_duration":"1h"}`), Want: "required rate_limit.token_max_limit"},
		webtest.RefusedBody{
			Body: one(`{"token_reset_duration":"1Q","request_reset_duration":"1h"}`),
			Want: "required rate_limit.token_max_limit; invalid_reset_duration rate_limit.token_reset_duration; required rate_limit.request_max_limit",
		},
		webtest.RefusedBody{
			Body: one(`{"request_max_limit":0,"token_max_limit":1.5}`),
			Want: "not_an_integer rate_limit.token_max_limit; required rate_limit.token_reset_duration; " +
				"number_out_of_range rate_limit.request_max_limit; required rate_limit.request_reset_duration",
		},
	)
	webtest.RefuseAll(t, rows)
}

func TestRefusedMCP(t *testing.T) {
	group := func(id string) string { return `{"name":"x","mcp_tool_groups":[{"tool_group_id":` + id + `}]}` }
	over := func(rows string) string { return `{"name":"x","mcp_tool_overrides":[` + rows + `]}` }
	tool := func(name string) string {
		return over(`{"mcp_client_id":"jira","tool_name":` + name + `,"action":"include"}`)
	}
	const id, name = " mcp_tool_groups[0].tool_group_id", " mcp_tool_overrides[0].tool_name"
	rows := []webtest.RefusedBody{
		{Body: group("null"), Want: "null_not_allowed" + id},
		{Body: group(`"1"`), Want: "wrong_type" + id},
		{Body: group("1.0"), Want: "not_an_integer" + id},
		{Body: group("1e0"), Want: "not_an_integer" + id},
		{Body: group("-0"), Want: "number_out_of_range" + id},
		{Body: group("9223372036854775808"), Want: "number_out_of_range" + id},
		{Body: group("18446744073709551615"), Want: "number_out_of_range" + id},
		{Body: group("[]"), Want: "wrong_type" + id},
		{Body: group("true"), Want: "wrong_type" + id},
		{Body: group("2"), Want: "unknown_tool_group" + id},
		{Body: group("9007199254740991"), Want: "unknown_tool_group" + id},
		{Body: `{"name":"x","mcp_tool_groups":[null,"1",{}]}`, Want: "null_not_allowed mcp_tool_groups[0]; wrong_type mcp_tool_groups[1]; required mcp_tool_groups[2].tool_group_id"},
		{Body: `{"name":"x","mcp_tool_groups":` + webtest.Repeated(1001, `{"tool_group_id":%d}`) + `}`, Want: "too_many_items mcp_tool_groups"},
		{Body: `{"name":"x","mcp_servers":{"mcp_server_id":"github"}}`, Want: "wrong_type mcp_servers"},
		{
			Body: `{"name":"x","mcp_servers":["github",null,{},{"mcp_server_id":1},{"mcp_server_id":null},{"mcp_server_id":""},{"mcp_server_id":"GitHub"},{"mcp_server_id":"github "}]}`,
			Want: "wrong_type mcp_servers[0]; null_not_allowed mcp_servers[1]; required mcp_servers[2].mcp_server_id; wrong_type mcp_servers[3].mcp_server_id; " +
				"null_not_allowed mcp_servers[4].mcp_server_id; unknown_mcp_server mcp_servers[5].mcp_server_id; unknown_mcp_server mcp_servers[6].mcp_server_id; " +
				"unknown_mcp_server mcp_servers[7].mcp_server_id",
		},
		{Body: `{"name":"x","mcp_servers":[{"mcp_server_id":"github"},{"mcp_server_id":"github"}]}`, Want: "duplicate_mcp_server mcp_servers[1].mcp_server_id"},
		{Body: `{"name":"x","mcp_servers":` + webtest.Repeated(1001, `{"mcp_server_id":"s%d"}`) + `}`, Want: "too_many_items mcp_servers"},
		{
			Body: over(`null,1,{"mcp_client_id":"jira","tool_name":"t"},{"mcp_client_id":null,"tool_name":null,"action":null},{"mcp_client_id":1,"tool_name":1,"action":1}`),
			Want: "null_not_allowed mcp_tool_overrides[0]; wrong_type mcp_tool_overrides[1]; required mcp_tool_overrides[2].action; " +
				"null_not_allowed mcp_tool_overrides[3].mcp_client_id; null_not_allowed mcp_tool_overrides[3].tool_name; null_not_allowed mcp_tool_overrides[3].action; " +
				"wrong_type mcp_tool_overrides[4].mcp_client_id; wrong_type mcp_tool_overrides[4].tool_name; wrong_type mcp_tool_overrides[4].action",
		},
		{Body: over(`{"mcp_client_id":"jira","tool_name":"t","action":"include"},{"mcp_client_id":"jira","tool_name":"t","action":"include"}`), Want: "duplicate_tool_override mcp_tool_overrides[1].tool_name"},
		{
			Body: over(`{"mcp_client_id":"jira","tool_name":"t","action":""},{"mcp_client_id":"jira","tool_name":"T","action":"include "}`),
			Want: "invalid_action mcp_tool_overrides[0].action; unknown_tool mcp_tool_overrides[1].tool_name; invalid_action mcp_tool_overrides[1].action",
		},
		{Body: `{"name":"x","mcp_tool_overrides":` + webtest.Repeated(1001, `{"mcp_client_id":"jira","tool_name":"t%d","action":"include"}`) + `}`, Want: "too_many_items mcp_tool_overrides"},
		{
			Body: `{"name":"x","mcp_tool_overrides":[{"mcp_client_id":"github","tool_name":"delete_repo","action":"exclude"}],"mcp_servers":[{"mcp_server_id":"github"}]}`,
			Want: "exclude_on_allow_all_server mcp_tool_overrides[0].action",
		},
	}
	for _, bad := range []string{`"a b"`, `"t\n"`, `"é"`, `"t:x"`, `"*"`, `" t"`, `"` + strings.Repeat("t", 129) + `"`, `"t\u200b"`} {
		rows = append(rows, webtest.RefusedBody{Body: tool(bad), Want: "invalid_tool_name" + name})
	}
	for _, unknown := range []string{`"create_issue"`, `"../t"`, `"` + strings.Repeat("t", 128) + `"`} {
		rows = append(rows, webtest.RefusedBody{Body: tool(unknown), Want: "unknown_tool" + name})
	}
	webtest.RefuseAll(t, rows)
}

// The whole profile may have a hundred budgets in any of its parts; one more is reported beside all other problems.
func TestHundredBudgetsInAll(t *testing.T) {
	c := webtest.NewCast(t)
	var lines, providers []string
	for _, duration := range []string{"1h", "1d", "1w", "1M", "1Y"} {
		lines = append(lines, `{"max_limit":1,"reset_duration":"`+duration+`"}`)
	}
	for i := range 20 {
		name := fmt.Sprintf("p%d", i)
		c.Exec("INSERT INTO providers (name, models) VALUES (?, '{}')", name)
		providers = append(providers, `{"provider_name":"`+name+`","budgets":[`+strings.Join(lines, ",")+`]}`)
	}
	full := `"provider_configs":[` + strings.Join(providers, ",") + `]`
	c.Admin.API("POST", "/api/access-profiles", `{"name":"Full",`+full+`}`).Is(201)
	before := c.Fingerprint()
	const more = `"budgets":[{"max_limit":1,"reset_duration":"1d"}]`
	for _, try := range []struct{ method, path, body, want string }{
		{"POST", "/api/access-profiles", `{"name":"y",` + more + `,` + full + `}`, "too_many_items budgets"},
		{"POST", "/api/access-profiles", `{"name":"",` + more + `,` + full + `,"mcp_servers":null}`, "required name; too_many_items budgets; null_not_allowed mcp_servers"},
		{"PUT", "/api/governance/access-profiles/4", `{` + more + `}`, "too_many_items budgets"},
	} {
		a := c.Admin.API(try.method, try.path, try.body).Is(400)
		if got := a.Problems(); got != try.want {
			t.Errorf("%s: problems %q, want %q", try.method, got, try.want)
		}
	}
	if c.Fingerprint() != before {
		t.Error("a refused request changed something")
	}
}

// An answer stays in proportion to its request: of a million problems, a thousand are reported, and the missing name.
func TestAnswersToLargeBodiesStaySmall(t *testing.T) {
	c := webtest.NewCast(t)
	unknown := "{" + strings.TrimSuffix(strings.TrimPrefix(strings.ReplaceAll(webtest.Repeated(60_000, `"f%d"`), ",", ":1,"), "["), "]") + ":1}"
	if a := c.Admin.API("POST", webtest.Profiles, unknown).Is(400); strings.Count(a.Problems(), ";") != 1000 {
		t.Errorf("%d problems are reported in %d bytes", strings.Count(a.Problems(), ";")+1, len(a.Body))
	}
	for _, format := range []string{"budgets[b%d].x=1&", "mcp_servers[s%d]=x&", "f%d=1&"} {
		var body strings.Builder
		for i := range 9999 {
			fmt.Fprintf(&body, format, i)
		}
		a := c.Session.Send("POST", "/access-profiles", "application/x-www-form-urlencoded", strings.NewReader(body.String()+"name=kept"))
		if a.StatusCode != 400 && a.StatusCode != 422 || a.Typed("name") != "kept" || len(a.Body) > 3<<20 {
			t.Errorf("%s: %d with %d bytes", format, a.StatusCode, len(a.Body))
		}
	}
}
