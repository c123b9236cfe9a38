package policy

import (
	"slices"

	"tollgate/models/catalogue"
)

// Grant is what a policy lets its holder call on one MCP server.
type Grant struct {
	Server string
	Whole  bool     // all of it, including future tools; never when one of its tools is excluded
	Tools  []string // those there are now, in order
	// Excluded are tools of a server that the policy grants whole, as a propagation can leave it: future tools are
	// granted, these never.
	Excluded []string
}

// Grants resolves a policy's MCP selections: tool groups ∪ whole servers ∪ includes, minus excludes, which win against
// each of the three. Servers come in the catalogue's order.
func Grants(c catalogue.Catalogue, p Policy) []Grant {
	var grants []Grant
	for _, server := range c.Servers {
		named := GrantsWhole(p.MCPServers, server.ClientID)
		granted := groupTools(c, p, server.ClientID)
		excluded := ExcludedTools(p.MCPToolOverrides, server.ClientID)
		for _, o := range p.MCPToolOverrides {
			if o.MCPClientID == server.ClientID && o.Action == "include" {
				granted[o.ToolName] = true
			}
		}
		grant := Grant{Server: server.ClientID, Whole: named && len(excluded) == 0}
		if named {
			grant.Excluded = excluded
		}
		for _, tool := range server.Tools {
			if (named || granted["*"] || granted[tool]) && !slices.Contains(excluded, tool) {
				grant.Tools = append(grant.Tools, tool)
			}
		}
		if named || len(grant.Tools) > 0 {
			grants = append(grants, grant)
		}
	}
	return grants
}

// groupTools are the tools of a server that a policy's tool groups list; "*" stands for all.
func groupTools(c catalogue.Catalogue, p Policy, server string) map[string]bool {
	granted := map[string]bool{}
	for _, listed := range c.GroupTools {
		if listed.MCPClientID != server || !slices.Contains(p.MCPToolGroups, ToolGroupGrant{listed.ToolGroupID}) {
			continue
		}
		for _, tool := range listed.ToolNames {
			granted[tool] = true
		}
	}
	return granted
}

// ExcludedTools are the tools of a server that overrides exclude, in their order.
func ExcludedTools(overrides []ToolOverride, server string) []string {
	var excluded []string
	for _, o := range overrides {
		if o.MCPClientID == server && o.Action == "exclude" {
			excluded = append(excluded, o.ToolName)
		}
	}
	return excluded
}
