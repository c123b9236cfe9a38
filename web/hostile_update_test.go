package web_test

import (
	"reflect"
	"strconv"
	"testing"

	"tollgate/models/permission"
	"tollgate/web/webtest"
)

func TestUpdatesKeepWhatIsNotSent(t *testing.T) {
	c := webtest.NewCast(t)
	c.Exec("INSERT INTO providers (name, models) VALUES ('azure', '{}')")
	c.Admin.API("POST", webtest.Profiles, webtest.Nested).Is(201)
	before := c.Admin.Profile(4)
	version := 1
	put := func(body string) map[string]any {
		t.Helper()
		path := webtest.Prefixes(webtest.Profiles)[version%2] + "/4"
		a := c.Admin.With("If-Match", strconv.Quote(strconv.Itoa(version))).API("PUT", path, body).Is(200)
		if version++; a.Header.Get("ETag") != strconv.Quote(strconv.Itoa(version)) {
			t.Fatalf("%s: ETag %s, want version %d", body, a.Header.Get("ETag"), version)
		}
		after := c.Admin.Profile(4)
		if !reflect.DeepEqual(after, a.JSON()["access_profile"]) || after["created_at"] != before["created_at"] {
			t.Errorf("%s: answered %s, stored %v", body, a.Body, after)
		}
		return after
	}
	for _, same := range []string{
		`{}`, `{"is_active":true}`, `{"name":"  Research "}`, `{"tags":[" emea","R&D "]}`, `{"description":" Line one\r\nline two\n"}`, `{"mcp_tool_groups":[{"tool_group_id":1},{"tool_group_id":1}]}`,
		`{"budgets":[{"max_limit":1e-9,"reset_duration":"1M"}]}`, `{"rate_limit":{"token_max_limit":100000,"token_reset_duration":"1h","request_max_limit":null}}`, `{"version":77,"id":"x"}`,
	} {
		if a := c.Admin.API("PUT", webtest.Profiles+"/4", same).Is(200); a.Header.Get("ETag") != `"1"` || !reflect.DeepEqual(a.JSON()["access_profile"], any(before)) {
			t.Errorf("%s changed something: %s", same, a.Body)
		}
	}
	// Two providers in the other order, and a budget that moves from one to the other, which makes it another limit.
	now := put(`{"provider_configs":[{"provider_name":"azure","budgets":[{"max_limit":20.5,"reset_duration":"1d"}]},
		{"provider_name":"openai","budgets":[{"max_limit":3,"reset_duration":"1Q","reset_config":{"quarter_start_month":11}}],"rate_limit":{"token_max_limit":5,"token_reset_duration":"1d"}}]}`)
	openai, was := webtest.Row(now, "provider_configs", 1), webtest.Row(before, "provider_configs", 0)
	if openai["id"] != was["id"] || webtest.Row(openai, "budgets", 0)["id"] != webtest.Row(was, "budgets", 1)["id"] ||
		openai["rate_limit"].(map[string]any)["id"] != was["rate_limit"].(map[string]any)["id"] || openai["rate_limit"].(map[string]any)["request_max_limit"] != nil {
		t.Errorf("openai is %v, was %v", openai, was)
	}
	if webtest.Row(webtest.Row(now, "provider_configs", 0), "budgets", 0)["id"] == webtest.Row(was, "budgets", 0)["id"] {
		t.Error("another provider's budget took over the id")
	}
	// A quarter of another class is another limit; the two classes change places and keep their ids.
	now = put(`{"budgets":[{"max_limit":1,"reset_duration":"1Q","reset_config":{"quarter_start_month":1}},{"max_limit":2,"reset_duration":"1Q","reset_config":{"quarter_start_month":2}}]}`)
	swapped := put(`{"budgets":[{"max_limit":1,"reset_duration":"1Q","reset_config":{"quarter_start_month":5}},{"max_limit":2,"reset_duration":"1Q","reset_config":{"quarter_start_month":4}}]}`)
	if webtest.Row(now, "budgets", 0)["id"] != webtest.Row(swapped, "budgets", 1)["id"] || webtest.Row(now, "budgets", 1)["id"] != webtest.Row(swapped, "budgets", 0)["id"] {
		t.Error("a quarter's limit lost its id")
	}
	for _, list := range []string{"tags", "budgets", "provider_configs", "mcp_tool_groups", "mcp_servers", "mcp_tool_overrides"} {
		if cleared := put(`{"` + list + `":[]}`); len(cleared[list].([]any)) != 0 || cleared["name"] != "Research" {
			t.Errorf("cleared %s: %v", list, cleared)
		}
	}
	if put(`{"rate_limit":{}}`)["rate_limit"] != nil || put(`{"description":null}`)["description"] != nil || put(`{"calendar_aligned":false}`)["calendar_aligned"] != false {
		t.Error("something was not cleared")
	}
	now = put(`{"budgets":[{"max_limit":1,"reset_duration":"1M"}],"provider_configs":[{"provider_name":"openai"}]}`)
	if webtest.Row(now, "budgets", 0)["id"] == webtest.Row(before, "budgets", 0)["id"] || webtest.Row(now, "provider_configs", 0)["id"] == was["id"] {
		t.Error("a removed limit came back with its old id")
	}
	var versions, audited int
	c.Scan(&versions, "SELECT count(*) FROM access_profile_versions WHERE access_profile_id = 4")
	c.Scan(&audited, "SELECT count(*) FROM audit_logs WHERE access_profile_id = 4")
	if versions != version || audited != version {
		t.Errorf("%d versions and %d audit rows, want %d", versions, audited, version)
	}
}

// Stored and sent rows that contradict each other are refused, with either side stored; a change that swaps both at
// once is accepted.
func TestMCPConflictOfStoredAndSentRows(t *testing.T) {
	c := webtest.NewCast(t)
	const whole, exclude = `"mcp_servers":[{"mcp_server_id":"github"}]`, `"mcp_tool_overrides":[{"mcp_client_id":"github","tool_name":"delete_repo","action":"exclude"}]`
	c.Admin.API("PUT", webtest.Profiles+"/1", `{`+whole+`}`).Is(200)
	c.Admin.API("PUT", webtest.Profiles+"/2", `{`+exclude+`}`).Is(200)
	before := c.Fingerprint()
	webtest.Attack(t, c, c.Admin, []webtest.Hostile{
		{Method: "PUT", Path: webtest.Profiles + "/1", Headers: webtest.JSONBody, Body: `{` + exclude + `}`, Status: 400, Code: "exclude_on_allow_all_server", Param: "mcp_tool_overrides[0].action"},
		{Method: "PUT", Path: webtest.Profiles + "/2", Headers: webtest.JSONBody, Body: `{` + whole + `}`, Status: 400, Code: "exclude_on_allow_all_server", Param: "mcp_servers"},
		{Method: "PUT", Path: webtest.Profiles + "/2", Headers: webtest.JSONBody, Body: `{"name":"",` + whole + `}`, Status: 400, Code: "required", Param: "name"},
		{Method: "PUT", Path: webtest.Profiles + "/3", Headers: webtest.JSONBody, Body: `{` + exclude + `,` + whole + `}`, Status: 400, Code: "exclude_on_allow_all_server", Param: "mcp_tool_overrides[0].action"},
	})
	c.Admin.API("PUT", webtest.Profiles+"/1", `{`+exclude+`,"mcp_servers":[]}`).Is(200)
	c.Admin.API("PUT", webtest.Profiles+"/2", `{"mcp_tool_overrides":[],`+whole+`}`).Is(200)
	c.Admin.API("PUT", webtest.Profiles+"/1", `{"mcp_servers":[{"mcp_server_id":"jira"}]}`).Is(200)
	if c.Fingerprint() == before {
		t.Error("nothing was stored")
	}
}

// The body cannot change whether a profile is active; it may repeat the present value.
func TestActiveIsSetOnlyByItsOwnRoutes(t *testing.T) {
	c := webtest.NewCast(t)
	c.Admin.API("PUT", webtest.Profiles+"/1/deactivate", nil).Is(200)
	webtest.Attack(t, c, c.Admin, []webtest.Hostile{
		{Method: "PUT", Path: webtest.Profiles + "/1", Headers: webtest.JSONBody, Body: `{"is_active":true}`, Status: 400, Code: "read_only", Param: "is_active"},
		{Method: "PUT", Path: webtest.Profiles + "/1", Headers: webtest.JSONBody, Body: `{"is_active":0}`, Status: 400, Code: "read_only", Param: "is_active"},
		{Method: "PUT", Path: webtest.Profiles + "/1", Headers: webtest.JSONBody, Body: `{"name":"engineering","is_active":null}`, Status: 400, Code: "read_only", Param: "is_active"},
	})
	c.Admin.API("PUT", webtest.Profiles+"/1", `{"is_active":false,"name":"engineering"}`).Is(200)
	if p := c.Admin.Profile(1); p["is_active"] != false || p["name"] != "engineering" || p["version"] != 3.0 {
		t.Errorf("is %v", p)
	}
	clone := c.Admin.API("POST", "/api/governance/access-profiles/1/clone", `{"name":"Twin","description":"d"}`).Is(201).JSON()["access_profile"].(map[string]any)
	if clone["is_active"] != true || clone["version"] != 1.0 || clone["description"] != "d" {
		t.Errorf("the clone is %v", clone)
	}
}

// A key may do what its scopes say and nothing else, under either prefix.
func TestScopesOfKeys(t *testing.T) {
	c := webtest.NewCast(t)
	acts := map[string][]webtest.Hostile{
		"AccessProfiles:View":   {{Method: "GET", Path: webtest.Profiles, Status: 200}, {Method: "GET", Path: webtest.Profiles + "/1", Status: 200}},
		"AccessProfiles:Create": {{Method: "POST", Path: webtest.Profiles, Body: `{}`, Status: 400}, {Method: "POST", Path: webtest.Profiles + "/1/clone", Body: `{}`, Status: 400}},
		"AccessProfiles:Update": {{Method: "PUT", Path: webtest.Profiles + "/1", Body: `{}`, Status: 200}, {Method: "PUT", Path: webtest.Profiles + "/1/activate", Status: 200}},
		"AccessProfiles:Delete": {{Method: "DELETE", Path: webtest.Profiles + "/999", Status: 404}},
	}
	keys := map[string]webtest.Client{}
	for scope := range acts {
		keys[scope] = c.APIKey(permission.Permission(scope)).Headed(webtest.JSONBody)
	}
	before := c.Fingerprint()
	for scope, key := range keys {
		for needed, rows := range acts {
			for _, act := range rows {
				want := 403
				if needed == scope {
					want = act.Status
				}
				for _, path := range webtest.Prefixes(act.Path) {
					if a := key.API(act.Method, path, act.Body); a.StatusCode != want {
						t.Errorf("%s: %s %s answers %d, want %d", scope, act.Method, path, a.StatusCode, want)
					}
				}
			}
		}
	}
	if c.Fingerprint() != before {
		t.Error("something changed")
	}
}
