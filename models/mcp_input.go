package models

import "strconv"

// ToolGroupGrantInput is what a client may send of a tool group grant.
type ToolGroupGrantInput struct {
	Row
	ToolGroupID Value `json:"tool_group_id"`
}

// ServerGrantInput is what a client may send of a server grant.
type ServerGrantInput struct {
	Row
	MCPServerID Value `json:"mcp_server_id"`
}

// ToolOverrideInput is what a client may send of a tool override.
type ToolOverrideInput struct {
	Row
	MCPClientID Value `json:"mcp_client_id"`
	ToolName    Value `json:"tool_name"`
	Action      Value `json:"action"`
}

// toolGroups reads the groups granted; duplicates collapse.
func (c *checker) toolGroups(l List[ToolGroupGrantInput], refs *references) []ToolGroupGrant {
	const field = "mcp_tool_groups"
	grants := []ToolGroupGrant{}
	if !list(c, field, l, maxMCPRows, "tool groups") {
		return grants
	}
	seen := map[int64]bool{}
	for i, in := range l.Items {
		path := at(field, i)
		if !c.object(path, in.Kind, "a tool group") {
			continue
		}
		path += ".tool_group_id"
		c.required(path, in.ToolGroupID, "a tool group's id")
		if in.ToolGroupID.Kind == Null {
			c.add(path, "null_not_allowed", "Enter a tool group's id instead of null.")
		}
		id, ok := c.count(path, in.ToolGroupID, "a tool group's id", 1, 1<<63-1)
		switch {
		case !ok || seen[id]:
			continue
		case refs != nil && !refs.groups[id]:
			c.add(path, "unknown_tool_group", "Choose a tool group that exists; there is none with id "+strconv.FormatInt(id, 10)+".")
		}
		seen[id] = true
		grants = append(grants, ToolGroupGrant{ToolGroupID: id})
	}
	return grants
}

// servers reads the servers granted whole.
func (c *checker) servers(l List[ServerGrantInput], refs *references) []ServerGrant {
	const field = "mcp_servers"
	grants := []ServerGrant{}
	if !list(c, field, l, maxMCPRows, "MCP servers") {
		return grants
	}
	seen := map[string]bool{}
	for i, in := range l.Items {
		path := at(field, i)
		if !c.object(path, in.Kind, "an MCP server") {
			continue
		}
		id := c.serverID(path+".mcp_server_id", in.MCPServerID, refs)
		if id == "" {
			continue
		}
		if seen[id] {
			c.add(path+".mcp_server_id", "duplicate_mcp_server", "Grant "+id+" once.")
		}
		seen[id] = true
		grants = append(grants, ServerGrant{MCPServerID: id})
	}
	return grants
}

func (c *checker) serverID(field string, v Value, refs *references) string {
	switch {
	case v.Kind == Absent:
		c.add(field, "required", "Choose an MCP server.")
	case v.Kind == Null:
		c.add(field, "null_not_allowed", "Choose an MCP server instead of null.")
	case v.Kind != String:
		c.add(field, "wrong_type", "Give the MCP server's id as text.")
	case refs != nil && !refs.hasServer(v.Text):
		c.add(field, "unknown_mcp_server", "Choose an MCP server that exists; there is no "+strconv.Quote(clip(v.Text))+".")
	default:
		return v.Text
	}
	return ""
}

// toolOverrides reads the overrides, which must not take a tool away from a server that is granted whole.
func (c *checker) toolOverrides(l List[ToolOverrideInput], servers []ServerGrant, refs *references) []ToolOverride {
	const field = "mcp_tool_overrides"
	overrides := []ToolOverride{}
	if !list(c, field, l, maxMCPRows, "tool overrides") {
		return overrides
	}
	seen := map[ToolOverride]bool{}
	for i, in := range l.Items {
		path := at(field, i)
		if !c.object(path, in.Kind, "a tool override") {
			continue
		}
		o := ToolOverride{MCPClientID: c.serverID(path+".mcp_client_id", in.MCPClientID, refs)}
		o.ToolName = c.toolName(path+".tool_name", in.ToolName, o.MCPClientID, refs)
		key := o
		if o.MCPClientID != "" && o.ToolName != "" && seen[key] {
			c.add(path+".tool_name", "duplicate_tool_override", "List "+o.ToolName+" of "+o.MCPClientID+" once.")
		}
		seen[key] = true
		o.Action, _ = c.choice(path+".action", in.Action, "invalid_action", "Choose include or exclude.", []string{"include", "exclude"})
		if o.Action == "exclude" && grantsWhole(servers, o.MCPClientID) {
			c.add(path+".action", "exclude_on_allow_all_server", "All tools of "+o.MCPClientID+
				" are granted, so none can be excluded. Untick the server and include the tools wanted, or remove this row.")
		}
		overrides = append(overrides, o)
	}
	return overrides
}

func (c *checker) toolName(field string, v Value, server string, refs *references) string {
	switch {
	case v.Kind == Absent:
		c.add(field, "required", "Choose a tool.")
	case v.Kind == Null:
		c.add(field, "null_not_allowed", "Choose a tool instead of null.")
	case v.Kind != String:
		c.add(field, "wrong_type", "Give the tool's name as text.")
	case !toolName.MatchString(v.Text):
		c.add(field, "invalid_tool_name", "Write the tool's name with 1 to 128 of the characters A–Z a–z 0–9 _ . / -.")
	case refs != nil && server != "" && !refs.servers[server][v.Text]:
		c.add(field, "unknown_tool", "Choose a tool that "+server+" has; it has no "+v.Text+".")
	default:
		return v.Text
	}
	return ""
}

func grantsWhole(servers []ServerGrant, id string) bool {
	for _, grant := range servers {
		if grant.MCPServerID == id {
			return true
		}
	}
	return false
}
