package profile

import (
	"bytes"
	"encoding/json"
	"fmt"

	"tollgate/models/policy"
)

// Body is the JSON body that sends the same input to the API, indented. What is not a number where one belongs is sent
// as text, so that the API says of it what the form says.
func (in Input) Body() (string, error) {
	tags := policy.BodyTexts(in.Tags)
	fields := policy.BodyFields{
		{Name: "name", Value: policy.BodyText(in.Name)},
		{Name: "description", Value: policy.BodyText(in.Description)},
		{Name: "tags", Value: tags},
		{Name: "provider_configs", Value: policy.Each(in.ProviderConfigs, policy.ProviderConfigInput.Body)},
		{Name: "budgets", Value: policy.Each(in.Budgets, policy.BudgetInput.Body)},
		{Name: "rate_limit", Value: in.RateLimit.Body()},
		{Name: "calendar_aligned", Value: policy.BodyTruth(in.CalendarAligned)},
		{Name: "time_zone", Value: policy.BodyText(in.TimeZone)},
		{Name: "fail_open_for", Value: policy.BodyNumber(in.FailOpenFor)},
		{Name: "mcp_tool_groups", Value: policy.Each(in.MCPToolGroups, func(g policy.ToolGroupGrantInput) any {
			return policy.BodyFields{{Name: "tool_group_id", Value: policy.BodyNumber(g.ToolGroupID)}}
		})},
		{Name: "mcp_servers", Value: policy.Each(in.MCPServers, func(s policy.ServerGrantInput) any {
			return policy.BodyFields{{Name: "mcp_server_id", Value: policy.BodyText(s.MCPServerID)}}
		})},
		{Name: "mcp_tool_overrides", Value: policy.Each(in.MCPToolOverrides, func(o policy.ToolOverrideInput) any {
			return policy.BodyFields{
				{Name: "mcp_client_id", Value: policy.BodyText(o.MCPClientID)},
				{Name: "tool_name", Value: policy.BodyText(o.ToolName)},
				{Name: "action", Value: policy.BodyText(o.Action)},
			}
		})},
	}
	if in.Note.Given() && in.Note.Text != "" {
		fields = append(fields, policy.BodyFields{{Name: "note", Value: policy.BodyText(in.Note)}}...)
	}
	var compact, indented bytes.Buffer
	if err := policy.WriteBody(&compact, fields); err != nil {
		return "", err
	}
	if err := json.Indent(&indented, compact.Bytes(), "", "  "); err != nil {
		return "", fmt.Errorf("write request body: %w", err)
	}
	return indented.String(), nil
}
