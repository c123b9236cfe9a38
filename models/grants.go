package models

import (
	"context"
	"fmt"
	"slices"

	"github.com/uptrace/bun"
)

// Catalogue is everything a policy can name, for pickers.
type Catalogue struct {
	Providers []struct {
		Name   string
		Models []string     `bun:",array"`
		Prices []ModelPrice `bun:",type:jsonb"`
	}
	Servers []struct {
		ClientID string
		Tools    []string `bun:",array"`
	}
	Groups []struct {
		ID   int64
		Name string
	}
	// GroupTools says which tools of which server each group lists; "*" is all of them.
	GroupTools []struct {
		ToolGroupID int64
		MCPClientID string   `bun:"mcp_client_id"`
		ToolNames   []string `bun:",array"`
	}
	prices map[modelKey]ModelPrice
}

// LoadCatalogue reads the catalogue in four statements, each list in order.
func LoadCatalogue(ctx context.Context, db bun.IDB) (Catalogue, error) {
	var c Catalogue
	for _, part := range []struct {
		query string
		rows  any
	}{
		{"SELECT name, models, prices FROM providers ORDER BY name", &c.Providers},
		{"SELECT client_id, tools FROM mcp_servers ORDER BY client_id", &c.Servers},
		{"SELECT id, name FROM tool_groups ORDER BY name_key", &c.Groups},
		{"SELECT tool_group_id, mcp_client_id, tool_names FROM tool_group_servers ORDER BY tool_group_id, position", &c.GroupTools},
	} {
		if err := db.NewRaw(part.query).Scan(ctx, part.rows); err != nil {
			return c, fmt.Errorf("load the catalogue: %w", err)
		}
	}
	c.prices = map[modelKey]ModelPrice{}
	for _, provider := range c.Providers {
		for _, price := range provider.Prices {
			c.prices[modelKey{provider.Name, bareModel(provider.Name, price.Model)}] = price
		}
	}
	return c, nil
}

// Models lists the models of a provider.
func (c Catalogue) Models(provider string) []string {
	for _, p := range c.Providers {
		if p.Name == provider {
			return p.Models
		}
	}
	return nil
}

// Grant is what a policy lets its holder call on one MCP server.
type Grant struct {
	Server   string
	Whole    bool     // all of it, later tools too; never when a tool of it is excluded
	Tools    []string // those there are now, in order
	Excluded []string // from a server that the policy names whole, as a propagation can leave it: later tools are granted, these never
}

// Grants resolves a policy's MCP selections: tool groups ∪ whole servers ∪ includes, minus excludes, which win against each of the three.
// Servers come in the catalogue's order.
func (c Catalogue) Grants(p Policy) []Grant {
	var grants []Grant
	for _, server := range c.Servers {
		named := grantsWhole(p.MCPServers, server.ClientID)
		granted := c.groupTools(p, server.ClientID)
		excluded := excludedTools(p.MCPToolOverrides, server.ClientID)
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
func (c Catalogue) groupTools(p Policy, server string) map[string]bool {
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

// excludedTools are the tools of a server that overrides exclude, in their order.
func excludedTools(overrides []ToolOverride, server string) []string {
	var excluded []string
	for _, o := range overrides {
		if o.MCPClientID == server && o.Action == "exclude" {
			excluded = append(excluded, o.ToolName)
		}
	}
	return excluded
}
