package policy

import (
	"strconv"

	"github.com/uptrace/bun"
)

type toolGroupRow struct {
	bun.BaseModel `bun:"table:policy_tool_groups"`

	PolicyID    int64 `bun:",pk"`
	ToolGroupID int64 `bun:",pk"`
	Position    int
}

type serverRow struct {
	bun.BaseModel `bun:"table:policy_mcp_servers"`

	PolicyID    int64  `bun:",pk"`
	MCPServerID string `bun:",pk"`
	Position    int
}

type overrideRow struct {
	bun.BaseModel `bun:"table:policy_tool_overrides"`

	PolicyID    int64  `bun:",pk"`
	MCPClientID string `bun:",pk"`
	ToolName    string `bun:",pk"`
	Action      string
	Position    int
}

// collectSelections adds the statements for the MCP selections that differ between old and p.
func collectSelections(d *differences, id int64, old, p Policy) {
	groups := func(p Policy) []toolGroupRow {
		return Positioned(p.MCPToolGroups, func(g ToolGroupGrant, i int) toolGroupRow {
			return toolGroupRow{PolicyID: id, ToolGroupID: g.ToolGroupID, Position: i}
		})
	}
	servers := func(p Policy) []serverRow {
		return Positioned(p.MCPServers, func(g ServerGrant, i int) serverRow {
			return serverRow{PolicyID: id, MCPServerID: g.MCPServerID, Position: i}
		})
	}
	overrides := func(p Policy) []overrideRow {
		return Positioned(p.MCPToolOverrides, func(o ToolOverride, i int) overrideRow {
			return overrideRow{PolicyID: id, MCPClientID: o.MCPClientID, ToolName: o.ToolName, Action: o.Action, Position: i}
		})
	}
	collect(
		d, groups(old), groups(p), func(r toolGroupRow) string { return strconv.FormatInt(r.ToolGroupID, 10) },
		same[toolGroupRow], "(policy_id, tool_group_id)", "position",
	)
	collect(d, servers(old), servers(p), func(r serverRow) string { return r.MCPServerID }, same[serverRow],
		"(policy_id, mcp_server_id)", "position")
	collect(
		d, overrides(old), overrides(p), func(r overrideRow) string { return r.MCPClientID + " " + r.ToolName },
		same[overrideRow], "(policy_id, mcp_client_id, tool_name)", "action", "position",
	)
}

// same reports whether two selections are the same.
func same[T comparable](a, b T) bool { return a == b }

// Positioned makes rows of a list, each with its place from 1.
func Positioned[S, T any](list []S, row func(S, int) T) []T {
	rows := make([]T, len(list))
	for i, item := range list {
		rows[i] = row(item, i+1)
	}
	return rows
}
