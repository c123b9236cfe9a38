package mcptool

import (
	"regexp"
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

// readToolNames reads a list of tools, each once. With star, "*" may stand for all of them.
func readToolNames(c *input.Reader, field string, l input.List[input.Value], star bool) []string {
	names := []string{}
	if !input.CheckList(c, field, l, MaxRows, "tools") {
		return names
	}
	seen := map[string]bool{}
	for i, v := range l.Items {
		name := v.Text
		if !star || v.Kind != input.String || name != "*" {
			name = ReadToolName(c, input.Index(field, i), v, "", nil)
		}
		if name == "" {
			continue
		}
		if seen[name] {
			c.Add(input.Index(field, i), "duplicate_tool", "List "+name+" once.")
		}
		seen[name] = true
		names = append(names, name)
	}
	return names
}

// MaxRows is how many rows each list of MCP selections may have.
const MaxRows = 1000

// ToolName matches the name of a tool.
var ToolName = regexp.MustCompile(`^[A-Za-z0-9_./-]{1,128}$`)
