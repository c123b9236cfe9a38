package models

import (
	"context"
	"slices"
	"strconv"

	"github.com/uptrace/bun"
)

// ToolGroupInput is what a client may send of a tool group.
type ToolGroupInput struct {
	Row
	ID          Value                 `json:"id,readonly"`
	Name        Value                 `json:"name"`
	Description Value                 `json:"description"`
	Tools       List[GroupToolsInput] `json:"tools"`
	CreatedAt   Value                 `json:"created_at,readonly"`
	UpdatedAt   Value                 `json:"updated_at,readonly"`
}

// GroupToolsInput is what a client may send of one server's tools in a group.
type GroupToolsInput struct {
	Row
	MCPClientID Value       `json:"mcp_client_id"`
	ToolNames   List[Value] `json:"tool_names"`
}

// references holds the servers that the input names until the transaction ends.
func (in ToolGroupInput) references(ctx context.Context, tx bun.Tx) (*references, error) {
	servers := []string{}
	for _, row := range in.Tools.Items {
		servers = append(servers, row.MCPClientID.Text)
	}
	slices.Sort(servers)
	return loadReferences(ctx, tx, []string{}, slices.Compact(servers), []int64{})
}

func (in ToolGroupInput) apply(g ToolGroup, refs *references) (ToolGroup, error) {
	c := &checker{}
	if g.ID == 0 {
		c.required("name", in.Name, "a name")
	}
	if name, ok := c.text("name", in.Name, textRule{what: "a name", max: 255}); ok {
		g.Name = name
	}
	c.description(in.Description, &g.Description)
	if in.Tools.Kind != Absent || g.Tools == nil {
		g.Tools = c.groupTools(in.Tools, refs)
	}
	return g, invalid(c.found)
}

// groupTools reads the tools of a group, one row a server.
func (c *checker) groupTools(l List[GroupToolsInput], refs *references) []GroupTools {
	const field = "tools"
	rows := []GroupTools{}
	if !list(c, field, l, maxMCPRows, "servers") {
		return rows
	}
	seen := map[string]bool{}
	for i, in := range l.Items {
		path := at(field, i)
		if !c.object(path, in.Kind, "a server's tools") {
			continue
		}
		server := c.serverID(path+".mcp_client_id", in.MCPClientID, refs)
		if server != "" && seen[server] {
			c.add(path+".mcp_client_id", "duplicate_mcp_server", "List "+server+" once.")
		}
		seen[server] = true
		names := c.toolNames(path+".tool_names", in.ToolNames, true)
		c.groupedTools(path+".tool_names", server, names, refs)
		rows = append(rows, GroupTools{MCPClientID: server, ToolNames: names})
	}
	return rows
}

// groupedTools notes tools that the server does not have, and "*" beside names.
func (c *checker) groupedTools(field, server string, names []string, refs *references) {
	if slices.Contains(names, "*") && len(names) > 1 {
		c.add(field, "tools_conflict", `"*" means all tools of the server: use it alone.`)
		return
	}
	for i, name := range names {
		if server != "" && name != "*" && !refs.servers[server][name] {
			c.add(at(field, i), "unknown_tool", "Choose a tool that "+server+" has; it has no "+strconv.Quote(clip(name))+".")
		}
	}
}
