package policy

import (
	"encoding/json"
	"reflect"
	"testing"

	"tollgate/models/catalogue"
)

func TestGrants(t *testing.T) {
	var c catalogue.Catalogue
	err := json.Unmarshal([]byte(`{
		"Servers": [{"ClientID": "github", "Tools": ["create_issue", "delete_repo", "list"]}, {"ClientID": "jira", "Tools": ["t"]}, {"ClientID": "slack", "Tools": []}],
		"GroupTools": [{"ToolGroupID": 1, "MCPClientID": "github", "ToolNames": ["list", "gone"]}, {"ToolGroupID": 2, "MCPClientID": "jira", "ToolNames": ["*"]}]}`), &c)
	if err != nil {
		t.Fatal(err)
	}
	github := func(tools ...string) Grant { return Grant{Server: "github", Tools: tools} }
	cases := []struct {
		name   string
		policy string
		want   []Grant
	}{
		{"nothing granted", `{}`, nil},
		{"a group grants what it lists and the server still has", `{"mcp_tool_groups":[{"tool_group_id":1}]}`, []Grant{github("list")}},
		{"a group grants all of a server", `{"mcp_tool_groups":[{"tool_group_id":2}]}`, []Grant{{Server: "jira", Tools: []string{"t"}}}},
		{"groups add up", `{"mcp_tool_groups":[{"tool_group_id":1},{"tool_group_id":2}]}`, []Grant{github("list"), {Server: "jira", Tools: []string{"t"}}}},
		{
			"a whole server, later tools too", `{"mcp_servers":[{"mcp_server_id":"github"}]}`,
			[]Grant{{Server: "github", Whole: true, Tools: []string{"create_issue", "delete_repo", "list"}}},
		},
		{"a whole server without tools", `{"mcp_servers":[{"mcp_server_id":"slack"}]}`, []Grant{{Server: "slack", Whole: true}}},
		{"an include alone", `{"mcp_tool_overrides":[{"mcp_client_id":"github","tool_name":"delete_repo","action":"include"}]}`, []Grant{github("delete_repo")}},
		{"an exclude narrows a group", `{"mcp_tool_groups":[{"tool_group_id":1}],"mcp_tool_overrides":[{"mcp_client_id":"github","tool_name":"list","action":"exclude"}]}`, nil},
		{
			"an exclude beats the whole server", `{"mcp_servers":[{"mcp_server_id":"github"}],"mcp_tool_overrides":[{"mcp_client_id":"github","tool_name":"list","action":"exclude"}]}`,
			[]Grant{{Server: "github", Tools: []string{"create_issue", "delete_repo"}, Excluded: []string{"list"}}},
		},
		{
			"an exclude beats an include, whichever comes first", `{"mcp_tool_overrides":[{"mcp_client_id":"github","tool_name":"list","action":"exclude"},
				{"mcp_client_id":"github","tool_name":"list","action":"include"}]}`, nil,
		},
		{
			"a server whose every tool is excluded", `{"mcp_servers":[{"mcp_server_id":"jira"}],"mcp_tool_overrides":[{"mcp_client_id":"jira","tool_name":"t","action":"exclude"}]}`,
			[]Grant{{Server: "jira", Excluded: []string{"t"}}},
		},
		{"an include of one server is none of another", `{"mcp_tool_overrides":[{"mcp_client_id":"jira","tool_name":"list","action":"include"}]}`, nil},
	}
	for _, test := range cases {
		var p Policy
		if err := json.Unmarshal([]byte(test.policy), &p); err != nil {
			t.Fatal(err)
		}
		if got := Grants(c, p); !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
}
