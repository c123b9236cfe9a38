package catalogue

import (
	"strconv"

	"tollgate/models/input"
	"tollgate/models/problem"
)

// ReadServerID reads the id of an MCP server; "" with a problem.
func ReadServerID(c *input.Reader, field string, v input.Value, refs *References) string {
	switch {
	case v.Kind == input.Absent:
		c.Add(field, "required", "Choose an MCP server.")
	case v.Kind == input.Null:
		c.Add(field, "null_not_allowed", "Choose an MCP server instead of null.")
	case v.Kind != input.String:
		c.Add(field, "wrong_type", "Give the MCP server's id as text.")
	case refs != nil && !refs.hasServer(v.Text):
		c.Add(
			field, "unknown_mcp_server",
			"Choose an MCP server that exists; there is no "+strconv.Quote(problem.Clip(v.Text))+".",
		)
	default:
		return v.Text
	}
	return ""
}

// ReadToolName reads the name of a tool; "" with a problem.
func ReadToolName(c *input.Reader, field string, v input.Value, server string, refs *References) string {
	switch {
	case v.Kind == input.Absent:
		c.Add(field, "required", "Choose a tool.")
	case v.Kind == input.Null:
		c.Add(field, "null_not_allowed", "Choose a tool instead of null.")
	case v.Kind != input.String:
		c.Add(field, "wrong_type", "Give the tool's name as text.")
	case !ToolName.MatchString(v.Text):
		c.Add(field, "invalid_tool_name", "Write the tool's name with 1 to 128 of the characters A–Z a–z 0–9 _ . / -.")
	case refs != nil && server != "" && !refs.servers[server][v.Text]:
		c.Add(field, "unknown_tool", "Choose a tool that "+server+" has; it has no "+v.Text+".")
	default:
		return v.Text
	}
	return ""
}
