package propagation

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"tollgate/models/catalogue"
	"tollgate/models/fieldgroup"
	"tollgate/models/policy"
)

// ServerTools are some tools of one MCP server.
type ServerTools struct {
	Server string   `json:"mcp_client_id"`
	Tools  []string `json:"tool_names"`
}

// MCPConflict is what a propagation leaves in copies when it includes one side of a contradiction and not the other:
// they grant a whole server and exclude tools of it. The excludes win.
type MCPConflict struct {
	Server  string   `json:"mcp_client_id"`
	Tools   []string `json:"tool_names" bun:",array"`
	UserIDs []string `json:"user_ids" bun:"user_ids,array"`
}

// conflicts are the excluded tools of servers that a policy grants as a whole.
func conflicts(p policy.Policy) []ServerTools {
	var found []ServerTools
	for _, server := range p.MCPServers {
		if excluded := policy.ExcludedTools(p.MCPToolOverrides, server.MCPServerID); len(excluded) > 0 {
			found = append(found, ServerTools{server.MCPServerID, excluded})
		}
	}
	return found
}

// notGrantedBy lists the tools that grants have and others lack, server by server.
func notGrantedBy(grants, others []policy.Grant) []ServerTools {
	lacking := []ServerTools{}
	for _, grant := range grants {
		i := slices.IndexFunc(others, func(other policy.Grant) bool { return other.Server == grant.Server })
		tools := slices.DeleteFunc(slices.Clone(grant.Tools),
			func(tool string) bool { return i >= 0 && slices.Contains(others[i].Tools, tool) })
		if len(tools) > 0 {
			lacking = append(lacking, ServerTools{grant.Server, tools})
		}
	}
	return lacking
}

// notWhole lists the servers that grants have as a whole and others do not.
func notWhole(grants, others []policy.Grant) (servers []string) {
	for _, grant := range grants {
		same := func(other policy.Grant) bool { return other.Server == grant.Server && other.Whole }
		if grant.Whole && !slices.ContainsFunc(others, same) {
			servers = append(servers, grant.Server)
		}
	}
	return servers
}

// compareTools records which tools each change adds and removes, and the contradictions that copies are left with.
func (p *Plan) compareTools(ctx context.Context, db bun.IDB, shapes []shaped) error {
	p.Conflicts = []MCPConflict{}
	for _, s := range shapes {
		for _, tools := range conflicts(fieldgroup.Taken(s.before, p.Profile.Policy, p.Fields)) {
			p.Conflicts = addConflict(p.Conflicts, tools, s.targets)
		}
	}
	if !slices.ContainsFunc(p.Fields, func(group string) bool { return strings.HasPrefix(group, "mcp_") }) {
		return nil
	}
	offered, err := catalogue.LoadCatalogue(ctx, db)
	if err != nil {
		return err
	}
	for i := range p.Changes {
		change := &p.Changes[i]
		before, after := policy.Grants(offered, change.Before.Policy), policy.Grants(offered, change.After.Policy)
		change.Gained, change.Lost = notGrantedBy(after, before), notGrantedBy(before, after)
		change.NotWhole = notWhole(before, after)
	}
	return nil
}

func addConflict(known []MCPConflict, tools ServerTools, targets []Target) []MCPConflict {
	i := slices.IndexFunc(known, func(c MCPConflict) bool {
		return c.Server == tools.Server && slices.Equal(c.Tools, tools.Tools)
	})
	if i < 0 {
		i = len(known)
		known = append(known, MCPConflict{Server: tools.Server, Tools: tools.Tools})
	}
	for _, t := range targets {
		known[i].UserIDs = append(known[i].UserIDs, t.UserID)
	}
	return known
}

// conflictsLeft are the contradictions in copies that a propagation has changed.
func conflictsLeft(ctx context.Context, db bun.IDB, profileID int64, users []string) ([]MCPConflict, error) {
	left := []MCPConflict{}
	err := db.NewRaw(`
SELECT server, tools, array_agg(user_id ORDER BY user_id) AS user_ids
FROM (
    SELECT c.user_id, o.mcp_client_id AS server, array_agg(o.tool_name ORDER BY o.position) AS tools
    FROM user_access_profiles AS c
    JOIN policy_mcp_servers AS s ON s.policy_id = c.policy_id
    JOIN policy_tool_overrides AS o ON o.policy_id = c.policy_id AND o.mcp_client_id = s.mcp_server_id
        AND o.action = 'exclude'
    WHERE c.access_profile_id = ? AND c.user_id = ANY (?)
    GROUP BY 1, 2
) AS copy GROUP BY server, tools ORDER BY server, tools`, profileID, pgdialect.Array(users)).Scan(ctx, &left)
	if err != nil {
		return nil, fmt.Errorf("look for excludes of whole servers: %w", err)
	}
	return left, nil
}
