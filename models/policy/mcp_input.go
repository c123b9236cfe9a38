package policy

import (
	"strconv"

	"tollgate/models/input"
	"tollgate/models/mcptool"
)

// ToolGroupGrantInput is what a client may send of a tool group grant.
type ToolGroupGrantInput struct {
	input.Row
	ToolGroupID input.Value `json:"tool_group_id"`
}

// ServerGrantInput is what a client may send of a server grant.
type ServerGrantInput struct {
	input.Row
	MCPServerID input.Value `json:"mcp_server_id"`
}

// ToolOverrideInput is what a client may send of a tool override.
type ToolOverrideInput struct {
	input.Row
	MCPClientID input.Value `json:"mcp_client_id"`
	ToolName    input.Value `json:"tool_name"`
	Action      input.Value `json:"action"`
}

// ReadToolGroups reads the groups granted; duplicates collapse.
func ReadToolGroups(c *input.Reader, l input.List[ToolGroupGrantInput], refs *mcptool.References) []ToolGroupGrant {
	const field = "mcp_tool_groups"
	grants := []ToolGroupGrant{}
	if !input.CheckList(c, field, l, mcptool.MaxRows, "tool groups") {
		return grants
	}
	seen := map[int64]bool{}
	for i, in := range l.Items {
		path := input.Index(field, i)
		if !c.Object(path, in.Kind, "a tool group") {
			continue
		}
		path += ".tool_group_id"
		c.Required(path, in.ToolGroupID, "a tool group's id")
		if in.ToolGroupID.Kind == input.Null {
			c.Add(path, "null_not_allowed", "Enter a tool group's id instead of null.")
		}
		id, ok := c.Int(path, in.ToolGroupID, "a tool group's id", 1, 1<<63-1)
		switch {
		case !ok || seen[id]:
			continue
		case refs != nil && !refs.Groups[id]:
			c.Add(
				path, "unknown_tool_group", "Choose a tool group that exists; there is none with id "+strconv.FormatInt(id, 10)+".",
			)
		}
		seen[id] = true
		grants = append(grants, ToolGroupGrant{ToolGroupID: id})
	}
	return grants
}

// ReadServers reads the servers granted whole.
func ReadServers(c *input.Reader, l input.List[ServerGrantInput], refs *mcptool.References) []ServerGrant {
	const field = "mcp_servers"
	grants := []ServerGrant{}
	if !input.CheckList(c, field, l, mcptool.MaxRows, "MCP servers") {
		return grants
	}
	seen := map[string]bool{}
	for i, in := range l.Items {
		path := input.Index(field, i)
		if !c.Object(path, in.Kind, "an MCP server") {
			continue
		}
		id := mcptool.ReadServerID(c, path+".mcp_server_id", in.MCPServerID, refs)
		if id == "" {
			continue
		}
		if seen[id] {
			c.Add(path+".mcp_server_id", "duplicate_mcp_server", "Grant "+id+" once.")
		}
		seen[id] = true
		grants = append(grants, ServerGrant{MCPServerID: id})
	}
	return grants
}

// ReadToolOverrides reads the overrides, which must not exclude a tool of a server that is granted whole.
func ReadToolOverrides(
	c *input.Reader, l input.List[ToolOverrideInput], servers []ServerGrant, refs *mcptool.References,
) []ToolOverride {
	const field = "mcp_tool_overrides"
	overrides := []ToolOverride{}
	if !input.CheckList(c, field, l, mcptool.MaxRows, "tool overrides") {
		return overrides
	}
	seen := map[ToolOverride]string{}
	for i, in := range l.Items {
		path := input.Index(field, i)
		if !c.Object(path, in.Kind, "a tool override") {
			continue
		}
		o := ToolOverride{MCPClientID: mcptool.ReadServerID(c, path+".mcp_client_id", in.MCPClientID, refs)}
		o.ToolName = mcptool.ReadToolName(c, path+".tool_name", in.ToolName, o.MCPClientID, refs)
		key := o
		if before, twice := seen[key]; o.MCPClientID != "" && o.ToolName != "" && twice {
			c.Add(path+".tool_name", "duplicate_tool_override", listedTwice(o, before, in.Action.Text))
		}
		seen[key] = in.Action.Text
		o.Action, _ = c.Choice(
			path+".action", in.Action, "invalid_action", "Choose include or exclude.", []string{"include", "exclude"},
		)
		if o.Action == "exclude" && GrantsWhole(servers, o.MCPClientID) {
			c.Add(path+".action", "exclude_on_allow_all_server", "All tools of "+o.MCPClientID+
				" are granted, so none can be excluded. Untick the server and include the tools wanted, or remove this row.")
		}
		overrides = append(overrides, o)
	}
	return overrides
}

func listedTwice(o ToolOverride, before, now string) string {
	if before != now && before != "" && now != "" {
		return o.ToolName + " of " + o.MCPClientID + " is both included and excluded. Keep one of the rows."
	}
	return "List " + o.ToolName + " of " + o.MCPClientID + " once."
}

// GrantsWhole reports whether a whole server is granted.
func GrantsWhole(servers []ServerGrant, id string) bool {
	for _, grant := range servers {
		if grant.MCPServerID == id {
			return true
		}
	}
	return false
}
