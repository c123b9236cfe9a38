package web_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// accepted is a body that must be stored, and how it must come back.
type accepted struct {
	body string // without the name; each gets a name of its own unless it has one
	want string // the members of the answer that matter, as JSON
}

var accepts = []accepted{
	{`"name":"` + strings.Repeat("ΐ", 255) + `"`, `{"name":"` + strings.Repeat("ΐ", 255) + `"}`},
	{`"name":"` + strings.Repeat("ﬃ", 255) + `"`, `{"name":"` + strings.Repeat("ﬃ", 255) + `"}`},
	{`"name":"` + strings.Repeat("𠀋", 255) + `"`, `{"name":"` + strings.Repeat("𠀋", 255) + `"}`},
	{`"name":" \u3000` + strings.Repeat("e\u0301", 255) + `\u00a0\n"`, `{"name":"` + strings.Repeat("é", 255) + `"}`},
	{`"name":"❤️ q\u0301\u0302\u0303\u0304"`, `{"name":"❤️ q\u0301\u0302\u0303\u0304"}`},
	{`"name":"Ωmega \ufb01 ｅ 中文 العربية हिन्दी"`, `{"name":"Ωmega ﬁ ｅ 中文 العربية हिन्दी"}`},
	{`"name":"zq9' -- <script>&amp;</script> ?!() \\ %_ ??"`, `{"name":"zq9' -- <script>&amp;</script> ?!() \\ %_ ??"}`},
	{`"description":"` + strings.Repeat("d", 2000) + `"`, `{"description":"` + strings.Repeat("d", 2000) + `"}`},
	{`"description":"  a\r\nb\n\nc\r\n "`, `{"description":"a\nb\n\nc"}`},
	{`"description":"\r\n \n"`, `{"description":null}`},
	{`"description":null`, `{"description":null}`},
	{`"description":""`, `{"description":null}`},
	{`"tags":` + repeated(50, `" %d"`), `{"tags":` + repeated(50, `"%d"`) + `}`},
	{`"tags":["` + strings.Repeat("é", 64) + `","e\u0301"]`, `{"tags":["` + strings.Repeat("é", 64) + `","é"]}`},
	{`"id":"x","version":null,"created_at":[1],"updated_at":{"a":[{}]},"is_active":true`, `{"version":1,"is_active":true}`},
	{`"calendar_aligned":null`, `{"calendar_aligned":false}`},
	{`"rate_limit":{}`, `{"rate_limit":null}`},
	{`"rate_limit":null`, `{"rate_limit":null}`},
	{
		`"rate_limit":{"token_max_limit":null,"token_reset_duration":null,"request_max_limit":9007199254740991,"request_reset_duration":"1Y","id":7,"token_current_usage":"x","request_current_usage":null}`,
		`{"rate_limit":{"request_max_limit":9007199254740991,"request_reset_duration":"1Y","token_current_usage":0,"request_current_usage":0}}`,
	},
	{`"mcp_tool_groups":[{"tool_group_id":1},{"tool_group_id":1}]`, `{"mcp_tool_groups":[{"tool_group_id":1}]}`},
	{
		`"mcp_servers":[{"mcp_server_id":"jira"}],"mcp_tool_overrides":[{"mcp_client_id":"jira","tool_name":"t","action":"include"},{"mcp_client_id":"github","tool_name":"delete_repo","action":"exclude"}]`,
		`{"mcp_servers":[{"mcp_server_id":"jira"}],"mcp_tool_overrides":[{"mcp_client_id":"jira","tool_name":"t","action":"include"},{"mcp_client_id":"github","tool_name":"delete_repo","action":"exclude"}]}`,
	},
}

func acceptedBudgets() []accepted {
	var all []accepted
	for literal, printed := range map[string]string{
		"-0": "0", "-0.0e5": "0", "0E-999999999999": "0", "0e99999999999": "0", "1e-9": "0.000000001", "1E+2": "100", "1.5e1": "15", "0.1e-8": "0.000000001",
		"1000000000": "1000000000", "1000000000.000000000000": "1000000000", "1e9": "1000000000", "999999999.999999999": "999999999.999999999",
		"123456789.123456789": "123456789.123456789", "0.10": "0.1", "10.000000000000000000000": "10", "100e-2": "1", "0.30000000000000000": "0.3",
		"0.000000001000": "0.000000001", "10000000000e-1": "1000000000",
	} {
		all = append(all, accepted{
			`"budgets":[{"max_limit":` + literal + `,"reset_duration":"1d","id":5,"scope":[],"current_usage":-1,"last_reset":false}]`,
			`{"budgets":[{"max_limit":` + printed + `,"reset_duration":"1d","scope":"total","current_usage":0}]}`,
		})
	}
	line := func(duration, config, scope string) string {
		return `{"max_limit":1,"reset_duration":"` + duration + `"` + config + `,"scope":"` + scope + `","current_usage":0}`
	}
	month := func(n int) string { return fmt.Sprintf(`,"reset_config":{"quarter_start_month":%d}`, n) }
	global := []string{
		line("1h", "", "total"), line("1d", "", "total"), line("1w", "", "total"), line("1M", "", "total"), line("1Y", "", "total"),
		line("1Q", month(4), "total"), line("1Q", month(11), "total"), line("1Q", month(12), "total"),
	}
	provider := strings.ReplaceAll(strings.Join(global, ","), `"total"`, `"provider:openai"`)
	budgets := `"budgets":[` + strings.Join(global, ",") + `]`
	configs := func(rest string) string {
		return `"provider_configs":[{"provider_name":"openai"` + rest + `,"budgets":[` + provider + `],"rate_limit":null}]`
	}
	const noModels = `,"all_models_allowed":false,"allowed_models":[]`
	return append(all,
		accepted{budgets + "," + configs(""), `{` + budgets + "," + configs(noModels) + `}`},
		accepted{`"budgets":[{"max_limit":1,"reset_duration":"1Q","reset_config":{}}]`, `{"budgets":[` + line("1Q", month(1), "total") + `]}`},
		accepted{configs(`,"allowed_models":["*"]`), `{` + configs(`,"all_models_allowed":true,"allowed_models":[]`) + `}`},
		accepted{configs(`,"allowed_models":["*"],"all_models_allowed":true`), `{` + configs(`,"all_models_allowed":true,"allowed_models":[]`) + `}`},
		accepted{
			configs(`,"allowed_models":["GPT","gpt","` + strings.Repeat("m", 255) + `","a,b","openai/b"]`),
			`{` + configs(`,"all_models_allowed":false,"allowed_models":["GPT","gpt","`+strings.Repeat("m", 255)+`","a,b","openai/b"]`) + `}`,
		},
		accepted{configs(`,"allowed_models":` + repeated(1000, `"m%d"`)), `{` + configs(`,"all_models_allowed":false,"allowed_models":`+repeated(1000, `"m%d"`)) + `}`},
	)
}

var instant = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$`)

// Every body is stored as sent, comes back the same from create, read and list, and can be sent back without changing
// anything.
func TestAcceptedBodies(t *testing.T) {
	c := newCast(t)
	for i, row := range append(accepts, acceptedBudgets()...) {
		body := row.body
		if !strings.HasPrefix(body, `"name"`) {
			body = fmt.Sprintf(`"name":"n%d",`, i) + body
		}
		created := c.admin.api("POST", prefixes(profiles)[i%2], "{"+body+"}")
		if created.StatusCode != 201 {
			t.Errorf("%.100s: status %d\n%.300s", row.body, created.StatusCode, created.body)
			continue
		}
		profile := created.json()["access_profile"].(map[string]any)
		c.checkShape(profile)
		var want map[string]any
		// An unset limit is absent from answers.
		c.must(json.Unmarshal([]byte(strings.ReplaceAll(row.want, `,"rate_limit":null}`, "}")), &want))
		for field, value := range want {
			if got := ignoring(profile[field]); !reflect.DeepEqual(got, value) {
				t.Errorf("%.100s: %s is %v, want %v", row.body, field, got, value)
			}
		}
		if strings.HasPrefix(row.body, `"budgets":[{"max_limit":`) {
			literal := regexp.MustCompile(`"max_limit":[^,]+`)
			if got, want := literal.FindString(string(created.body)), literal.FindString(row.want); got != want {
				t.Errorf("%s is printed %s, want %s", row.body, got, want)
			}
		}
		if created.Header.Get("ETag") != `"1"` || created.Header.Get("Location") != fmt.Sprintf("%s/%v", profiles, profile["id"]) {
			t.Errorf("headers are %v", created.Header)
		}
		path := created.Header.Get("Location")
		if read := c.admin.get(path).is(200); read.document() != created.document() {
			t.Errorf("%.100s: reads as %s", row.body, read.body)
		}
		put := c.admin.with("If-Match", `"1"`).api("PUT", path, created.document())
		if put.StatusCode != 200 || put.Header.Get("ETag") != `"1"` || put.document() != created.document() {
			t.Errorf("%.100s: sent back it answers %d %s %.300s", row.body, put.StatusCode, put.Header.Get("ETag"), put.body)
		}
		id := int64(profile["id"].(float64))
		form := c.session.get(fmt.Sprintf("/access-profiles/%d/edit", id)).is(200).fields("profile-form")
		form.Set("op", "save")
		c.session.post(fmt.Sprintf("/access-profiles/%d", id), form).redirects(fmt.Sprintf("/access-profiles/%d", id))
		if after := c.admin.get(path); after.document() != created.document() {
			t.Errorf("%.100s: the form turned it into %s", row.body, after.body)
		}
		c.admin.api("DELETE", path, nil).is(200)
	}
}

// document is the profile in an answer, byte for byte.
func (a answer) document() string {
	a.t.Helper()
	var wrapped struct {
		AccessProfile json.RawMessage `json:"access_profile"`
	}
	if err := json.Unmarshal(a.body, &wrapped); err != nil {
		a.t.Fatalf("%v\n%s", err, a.body)
	}
	return string(wrapped.AccessProfile)
}

// checkShape checks a profile against the contract: its members and their types.
func (c cast) checkShape(profile map[string]any) {
	c.t.Helper()
	c.set(profile, "rate_limit")
	c.members("profile", profile, "id", 0.0, "name", "", "description", nil, "is_active", true, "version", 0.0, "tags", []any{}, "provider_configs", []any{},
		"budgets", []any{}, "calendar_aligned", true, "mcp_tool_groups", []any{}, "mcp_servers", []any{}, "mcp_tool_overrides", []any{},
		"created_at", "", "updated_at", "")
	budgets, _ := profile["budgets"].([]any)
	limits := []any{profile["rate_limit"]}
	for _, one := range profile["provider_configs"].([]any) {
		config := one.(map[string]any)
		c.set(config, "rate_limit")
		c.members("provider", config, "id", 0.0, "provider_name", "", "all_models_allowed", true, "allowed_models", []any{}, "budgets", []any{})
		budgets, limits = append(budgets, config["budgets"].([]any)...), append(limits, config["rate_limit"])
	}
	for _, one := range budgets {
		line := one.(map[string]any)
		expected := []any{"id", "", "max_limit", 0.0, "reset_duration", "", "scope", "", "current_usage", 0.0, "last_reset", ""}
		if line["reset_duration"] == "1Q" {
			expected = append(expected, "reset_config", map[string]any{})
		}
		c.members("budget", line, expected...)
		if line["last_reset"] != profile["created_at"] || line["current_usage"] != 0.0 {
			c.t.Errorf("a budget is %v, the profile was made at %v", line, profile["created_at"])
		}
	}
	for _, limit := range limits {
		if limit != nil {
			c.set(limit.(map[string]any), "token_max_limit", "token_reset_duration", "request_max_limit", "request_reset_duration")
			c.members("rate limit", limit.(map[string]any), "id", "", "token_current_usage", 0.0, "request_current_usage", 0.0)
		}
	}
	for _, field := range []string{"created_at", "updated_at"} {
		text := profile[field].(string)
		if _, err := time.Parse(time.RFC3339, text); err != nil || !instant.MatchString(text) {
			c.t.Errorf("%s is %s", field, text)
		}
	}
}

var leftOut = []string{"rate_limit", "token_max_limit", "token_reset_duration", "request_max_limit", "request_reset_duration"}

// set fails the test when one of these members is present without being set.
func (c cast) set(object map[string]any, names ...string) {
	c.t.Helper()
	for _, name := range names {
		if value, there := object[name]; there && value == nil {
			c.t.Errorf("%s is null instead of left out", name)
		}
	}
}

// members fails the test unless object has exactly these members, each of the type of the value behind its name; nil
// stands for any. Optional members are checked by set.
func (c cast) members(what string, object map[string]any, expected ...any) {
	c.t.Helper()
	for name := range object {
		if !slices.Contains(expected, any(name)) && !slices.Contains(leftOut, name) {
			c.t.Errorf("a %s has the member %s", what, name)
		}
	}
	for i := 0; i < len(expected); i += 2 {
		got, there := object[expected[i].(string)]
		if !there || expected[i+1] != nil && reflect.TypeOf(got) != reflect.TypeOf(expected[i+1]) {
			c.t.Errorf("%s of a %s is %v", expected[i], what, got)
		}
	}
}
