package main

import (
	"encoding/json"
	"fmt"
	"sync/atomic"
)

var created atomic.Int64

// profileBody is the request that creates a profile of 16 rows: its own two, 3 providers, 6 budgets, 2 rate limits, a
// tool group, an MCP server and a tool.
func profileBody(group int64) func() []byte {
	type fields = map[string]any
	budget := func(limit float64, duration string) fields {
		return fields{"max_limit": limit, "reset_duration": duration}
	}
	body := fields{
		"name": "", "description": "Everyone who writes code: all of one provider, the strong models of two others, and the repositories.",
		"tags": []string{"engineering", "production"}, "calendar_aligned": true,
		"provider_configs": []fields{
			{
				"provider_name": "anthropic", "all_models_allowed": true, "budgets": []fields{budget(50, "1d"), budget(500, "1M")},
				"rate_limit": fields{
					"token_max_limit": 2_000_000, "token_reset_duration": "1h", "request_max_limit": 600,
					"request_reset_duration": "1h",
				},
			},
			{
				"provider_name": "openai", "allowed_models": []string{"gpt-5", "gpt-5-mini", "gpt-5-codex"},
				"budgets": []fields{budget(20, "1d")},
			},
			{"provider_name": "mistral", "allowed_models": []string{"codestral-latest"}, "budgets": []fields{budget(2.5, "1d")}},
		},
		"budgets":            []fields{budget(60, "1d"), budget(900.25, "1M")},
		"rate_limit":         fields{"request_max_limit": 1200, "request_reset_duration": "1h"},
		"mcp_tool_groups":    []fields{{"tool_group_id": group}},
		"mcp_servers":        []fields{{"mcp_server_id": "filesystem"}},
		"mcp_tool_overrides": []fields{{"mcp_client_id": "jira", "tool_name": "getJiraIssue", "action": "include"}},
	}
	return func() []byte {
		body := body
		named := make(fields, len(body))
		for name, value := range body {
			named[name] = value
		}
		named["name"] = fmt.Sprintf("Team %08d", created.Add(1))
		encoded, err := json.Marshal(named)
		if err != nil {
			panic(err) // it is all text and numbers
		}
		return encoded
	}
}
