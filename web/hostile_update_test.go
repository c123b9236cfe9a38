package web_test

import (
	"reflect"
	"strconv"
	"testing"

	"tollgate/models/permission"
)

// row is the i-th object of a list in a profile.
func row(profile map[string]any, list string, i int) map[string]any {
	return profile[list].([]any)[i].(map[string]any)
}

func TestUpdatesKeepWhatIsNotSent(t *testing.T) {
	c := newCast(t)
	c.exec("INSERT INTO providers (name, models) VALUES ('azure', '{}')")
	c.admin.api("POST", profiles, nested).is(201)
	before := c.admin.profile(4)
	version := 1
	put := func(body string) map[string]any {
		t.Helper()
		path := prefixes(profiles)[version%2] + "/4"
		a := c.admin.with("If-Match", strconv.Quote(strconv.Itoa(version))).api("PUT", path, body).is(200)
		if version++; a.Header.Get("ETag") != strconv.Quote(strconv.Itoa(version)) {
			t.Fatalf("%s: ETag %s, want version %d", body, a.Header.Get("ETag"), version)
		}
		after := c.admin.profile(4)
		if !reflect.DeepEqual(after, a.json()["access_profile"]) || after["created_at"] != before["created_at"] {
			t.Errorf("%s: answered %s, stored %v", body, a.body, after)
		}
		return after
	}
	for _, same := range []string{
		`{}`, `{"is_active":true}`, `{"name":"  Research "}`, `{"tags":[" emea","R&D "]}`, `{"description":" Line one\r\nline two\n"}`, `{"mcp_tool_groups":[{"tool_group_id":1},{"tool_group_id":1}]}`,
		`{"budgets":[{"max_limit":1e-9,"reset_duration":"1M"}]}`, `{"rate_limit":{"token_max_limit":100000,"token_reset_duration":"1h","request_max_limit":null}}`, `{"version":77,"id":"x"}`,
	} {
		if a := c.admin.api("PUT", profiles+"/4", same).is(200); a.Header.Get("ETag") != `"1"` || !reflect.DeepEqual(a.json()["access_profile"], any(before)) {
			t.Errorf("%s changed something: %s", same, a.body)
		}
	}
	// Two providers in the other order, and a budget that moves from one to the other, which makes it another limit.
	now := put(`{"provider_configs":[{"provider_name":"azure","budgets":[{"max_limit":20.5,"reset_duration":"1d"}]},
		{"provider_name":"openai","budgets":[{"max_limit":3,"reset_duration":"1Q","reset_config":{"quarter_start_month":11}}],"rate_limit":{"token_max_limit":5,"token_reset_duration":"1d"}}]}`)
	openai, was := row(now, "provider_configs", 1), row(before, "provider_configs", 0)
	if openai["id"] != was["id"] || row(openai, "budgets", 0)["id"] != row(was, "budgets", 1)["id"] ||
		openai["rate_limit"].(map[string]any)["id"] != was["rate_limit"].(map[string]any)["id"] || openai["rate_limit"].(map[string]any)["request_max_limit"] != nil {
		t.Errorf("openai is %v, was %v", openai, was)
	}
	if row(row(now, "provider_configs", 0), "budgets", 0)["id"] == row(was, "budgets", 0)["id"] {
		t.Error("another provider's budget took over the id")
	}
	// A quarter of another class is another limit; the two classes change places and keep their ids.
	now = put(`{"budgets":[{"max_limit":1,"reset_duration":"1Q","reset_config":{"quarter_start_month":1}},{"max_limit":2,"reset_duration":"1Q","reset_config":{"quarter_start_month":2}}]}`)
	swapped := put(`{"budgets":[{"max_limit":1,"reset_duration":"1Q","reset_config":{"quarter_start_month":5}},{"max_limit":2,"reset_duration":"1Q","reset_config":{"quarter_start_month":4}}]}`)
	if row(now, "budgets", 0)["id"] != row(swapped, "budgets", 1)["id"] || row(now, "budgets", 1)["id"] != row(swapped, "budgets", 0)["id"] {
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
	if row(now, "budgets", 0)["id"] == row(before, "budgets", 0)["id"] || row(now, "provider_configs", 0)["id"] == was["id"] {
		t.Error("a removed limit came back with its old id")
	}
	var versions, audited int
	c.scan(&versions, "SELECT count(*) FROM access_profile_versions WHERE access_profile_id = 4")
	c.scan(&audited, "SELECT count(*) FROM audit_logs WHERE access_profile_id = 4")
	if versions != version || audited != version {
		t.Errorf("%d versions and %d audit rows, want %d", versions, audited, version)
	}
}

// Stored and sent rows that contradict each other are refused, with either side stored; a change that swaps both at
// once is accepted.
func TestMCPConflictOfStoredAndSentRows(t *testing.T) {
	c := newCast(t)
	const whole, exclude = `"mcp_servers":[{"mcp_server_id":"github"}]`, `"mcp_tool_overrides":[{"mcp_client_id":"github","tool_name":"delete_repo","action":"exclude"}]`
	c.admin.api("PUT", profiles+"/1", `{`+whole+`}`).is(200)
	c.admin.api("PUT", profiles+"/2", `{`+exclude+`}`).is(200)
	before := c.fingerprint()
	attack(t, c, c.admin, []hostile{
		{"PUT", profiles + "/1", jsonBody, `{` + exclude + `}`, 400, "exclude_on_allow_all_server", "mcp_tool_overrides[0].action"},
		{"PUT", profiles + "/2", jsonBody, `{` + whole + `}`, 400, "exclude_on_allow_all_server", "mcp_servers"},
		{"PUT", profiles + "/2", jsonBody, `{"name":"",` + whole + `}`, 400, "required", "name"},
		{"PUT", profiles + "/3", jsonBody, `{` + exclude + `,` + whole + `}`, 400, "exclude_on_allow_all_server", "mcp_tool_overrides[0].action"},
	})
	c.admin.api("PUT", profiles+"/1", `{`+exclude+`,"mcp_servers":[]}`).is(200)
	c.admin.api("PUT", profiles+"/2", `{"mcp_tool_overrides":[],`+whole+`}`).is(200)
	c.admin.api("PUT", profiles+"/1", `{"mcp_servers":[{"mcp_server_id":"jira"}]}`).is(200)
	if c.fingerprint() == before {
		t.Error("nothing was stored")
	}
}

// The body cannot change whether a profile is active; it may repeat the present value.
func TestActiveIsSetOnlyByItsOwnRoutes(t *testing.T) {
	c := newCast(t)
	c.admin.api("PUT", profiles+"/1/deactivate", nil).is(200)
	attack(t, c, c.admin, []hostile{
		{"PUT", profiles + "/1", jsonBody, `{"is_active":true}`, 400, "read_only", "is_active"},
		{"PUT", profiles + "/1", jsonBody, `{"is_active":0}`, 400, "read_only", "is_active"},
		{"PUT", profiles + "/1", jsonBody, `{"name":"engineering","is_active":null}`, 400, "read_only", "is_active"},
	})
	c.admin.api("PUT", profiles+"/1", `{"is_active":false,"name":"engineering"}`).is(200)
	if p := c.admin.profile(1); p["is_active"] != false || p["name"] != "engineering" || p["version"] != 3.0 {
		t.Errorf("is %v", p)
	}
	clone := c.admin.api("POST", "/api/governance/access-profiles/1/clone", `{"name":"Twin","description":"d"}`).is(201).json()["access_profile"].(map[string]any)
	if clone["is_active"] != true || clone["version"] != 1.0 || clone["description"] != "d" {
		t.Errorf("the clone is %v", clone)
	}
}

// A key may do what its scopes say and nothing else, under either prefix.
func TestScopesOfKeys(t *testing.T) {
	c := newCast(t)
	acts := map[string][]hostile{
		"AccessProfiles:View":   {{method: "GET", path: profiles, status: 200}, {method: "GET", path: profiles + "/1", status: 200}},
		"AccessProfiles:Create": {{method: "POST", path: profiles, body: `{}`, status: 400}, {method: "POST", path: profiles + "/1/clone", body: `{}`, status: 400}},
		"AccessProfiles:Update": {{method: "PUT", path: profiles + "/1", body: `{}`, status: 200}, {method: "PUT", path: profiles + "/1/activate", status: 200}},
		"AccessProfiles:Delete": {{method: "DELETE", path: profiles + "/999", status: 404}},
	}
	keys := map[string]client{}
	for scope := range acts {
		keys[scope] = c.apiKey(permission.Permission(scope)).headed(jsonBody)
	}
	before := c.fingerprint()
	for scope, key := range keys {
		for needed, rows := range acts {
			for _, act := range rows {
				want := 403
				if needed == scope {
					want = act.status
				}
				for _, path := range prefixes(act.path) {
					if a := key.api(act.method, path, act.body); a.StatusCode != want {
						t.Errorf("%s: %s %s answers %d, want %d", scope, act.method, path, a.StatusCode, want)
					}
				}
			}
		}
	}
	if c.fingerprint() != before {
		t.Error("something changed")
	}
}
