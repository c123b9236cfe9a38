package mcptool

import (
	"context"
	"slices"
	"strconv"

	"tollgate/models/database"
	"tollgate/models/input"
	"tollgate/models/problem"
)

// ToolGroupInput is what a client may send of a tool group.
type ToolGroupInput struct {
	input.Row
	ID          input.Value                 `json:"id,readonly"`
	Name        input.Value                 `json:"name"`
	Description input.Value                 `json:"description"`
	Tools       input.List[GroupToolsInput] `json:"tools"`
	Version     input.Value                 `form:"version"`
	CreatedAt   input.Value                 `json:"created_at,readonly"`
	UpdatedAt   input.Value                 `json:"updated_at,readonly"`
}

// GroupToolsInput is what a client may send of one server's tools in a group.
type GroupToolsInput struct {
	input.Row
	MCPClientID input.Value             `json:"mcp_client_id"`
	ToolNames   input.List[input.Value] `json:"tool_names"`
}

// references locks the servers that the input names until the transaction ends.
func (in ToolGroupInput) references(ctx context.Context, tx database.Tx) (*References, error) {
	servers := []string{}
	for _, row := range in.Tools.Items {
		servers = append(servers, row.MCPClientID.Text)
	}
	slices.Sort(servers)
	return LoadReferences(ctx, tx, []string{}, slices.Compact(servers), []int64{})
}

func (in ToolGroupInput) apply(g ToolGroup, refs *References) (ToolGroup, error) {
	c := &input.Reader{}
	g = in.Read(c, g, refs)
	return g, problem.InvalidInput(c.Problems)
}

// Read is g with the fields that were sent. A group without an id is a new one. What it names is looked up in refs,
// unless they are nil.
func (in ToolGroupInput) Read(c *input.Reader, g ToolGroup, refs *References) ToolGroup {
	if g.ID == 0 {
		c.Required("name", in.Name, "a name")
	}
	if name, ok := c.Text("name", in.Name, input.TextRule{What: "a name", Max: 255}); ok {
		g.Name = name
	}
	c.Description(in.Description, &g.Description)
	if in.Tools.Kind != input.Absent || g.Tools == nil {
		g.Tools = readGroupTools(c, in.Tools, refs)
	}
	return g
}

// readGroupTools reads the tools of a group, one row a server.
func readGroupTools(c *input.Reader, l input.List[GroupToolsInput], refs *References) []GroupTools {
	const field = "tools"
	rows := []GroupTools{}
	if !input.CheckList(c, field, l, MaxRows, "servers") {
		return rows
	}
	seen := map[string]bool{}
	for i, in := range l.Items {
		path := input.Index(field, i)
		if !c.Object(path, in.Kind, "a server's tools") {
			continue
		}
		server := ReadServerID(c, path+".mcp_client_id", in.MCPClientID, refs)
		if server != "" && seen[server] {
			c.Add(path+".mcp_client_id", "duplicate_mcp_server", "List "+server+" once.")
		}
		seen[server] = true
		names := readToolNames(c, path+".tool_names", in.ToolNames, true)
		readGroupedTools(c, path+".tool_names", server, names, refs)
		rows = append(rows, GroupTools{MCPClientID: server, ToolNames: names})
	}
	return rows
}

// readGroupedTools reports tools that the server does not have, and "*" beside names.
func readGroupedTools(c *input.Reader, field, server string, names []string, refs *References) {
	if slices.Contains(names, "*") && len(names) > 1 {
		c.Add(field, "tools_conflict", `"*" means all tools of the server: use it alone.`)
		return
	}
	for i, name := range names {
		if refs != nil && server != "" && name != "*" && !refs.servers[server][name] {
			c.Add(
				input.Index(field, i), "unknown_tool",
				"Choose a tool that "+server+" has; it has no "+strconv.Quote(problem.Clip(name))+".",
			)
		}
	}
}
