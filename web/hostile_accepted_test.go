package web_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"tollgate/web/webtest"
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
	{`"tags":` + webtest.Repeated(50, `" %d"`), `{"tags":` + webtest.Repeated(50, `"%d"`) + `}`},
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
		accepted{configs(`,"allowed_models":` + webtest.Repeated(1000, `"m%d"`)), `{` + configs(`,"all_models_allowed":false,"allowed_models":`+webtest.Repeated(1000, `"m%d"`)) + `}`},
	)
}

// Every body is stored as sent, comes back the same from create, read and list, and can be sent back without changing
// anything.
func TestAcceptedBodies(t *testing.T) {
	c := webtest.NewCast(t)
	for i, row := range append(accepts, acceptedBudgets()...) {
		body := row.body
		if !strings.HasPrefix(body, `"name"`) {
			body = fmt.Sprintf(`"name":"n%d",`, i) + body
		}
		created := c.Admin.API("POST", webtest.Prefixes(webtest.Profiles)[i%2], "{"+body+"}")
		if created.StatusCode != 201 {
			t.Errorf("%.100s: status %d\n%.300s", row.body, created.StatusCode, created.Body)
			continue
		}
		profile := created.JSON()["access_profile"].(map[string]any)
		c.CheckShape(profile)
		var want map[string]any
		// An unset limit is absent from answers.
		c.Must(json.Unmarshal([]byte(strings.ReplaceAll(row.want, `,"rate_limit":null}`, "}")), &want))
		for field, value := range want {
			if got := webtest.Ignoring(profile[field]); !reflect.DeepEqual(got, value) {
				t.Errorf("%.100s: %s is %v, want %v", row.body, field, got, value)
			}
		}
		if strings.HasPrefix(row.body, `"budgets":[{"max_limit":`) {
			literal := regexp.MustCompile(`"max_limit":[^,]+`)
			if got, want := literal.FindString(string(created.Body)), literal.FindString(row.want); got != want {
				t.Errorf("%s is printed %s, want %s", row.body, got, want)
			}
		}
		if created.Header.Get("ETag") != `"1"` || created.Header.Get("Location") != fmt.Sprintf("%s/%v", webtest.Profiles, profile["id"]) {
			t.Errorf("headers are %v", created.Header)
		}
		path := created.Header.Get("Location")
		if read := c.Admin.Get(path).Is(200); read.Document() != created.Document() {
			t.Errorf("%.100s: reads as %s", row.body, read.Body)
		}
		put := c.Admin.With("If-Match", `"1"`).API("PUT", path, created.Document())
		if put.StatusCode != 200 || put.Header.Get("ETag") != `"1"` || put.Document() != created.Document() {
			t.Errorf("%.100s: sent back it answers %d %s %.300s", row.body, put.StatusCode, put.Header.Get("ETag"), put.Body)
		}
		id := int64(profile["id"].(float64))
		form := c.Session.Get(fmt.Sprintf("/access-profiles/%d/edit", id)).Is(200).Fields("profile-form")
		form.Set("op", "save")
		c.Session.Post(fmt.Sprintf("/access-profiles/%d", id), form).Redirects(fmt.Sprintf("/access-profiles/%d", id))
		if after := c.Admin.Get(path); after.Document() != created.Document() {
			t.Errorf("%.100s: the form turned it into %s", row.body, after.Body)
		}
		c.Admin.API("DELETE", path, nil).Is(200)
	}
}
