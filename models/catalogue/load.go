package catalogue

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"
)

// Catalogue is everything a policy can name, for pickers.
type Catalogue struct {
	Providers []struct {
		Name   string
		Models []string `bun:",array"`
		Prices Prices   `bun:",type:jsonb"`
	}
	Servers []struct {
		ClientID string
		Tools    []string `bun:",array"`
	}
	Groups []struct {
		ID   int64
		Name string
	}
	// GroupTools lists the tools of each group by server; "*" is all of them.
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
			c.prices[modelKey{provider.Name, BareModel(provider.Name, price.Model)}] = price
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

// Counts are how many models each provider has.
func (c Catalogue) Counts() map[string]int {
	counts := make(map[string]int, len(c.Providers))
	for _, p := range c.Providers {
		counts[p.Name] = len(p.Models)
	}
	return counts
}

// CountModels counts the models of each provider.
func CountModels(ctx context.Context, db bun.IDB) (map[string]int, error) {
	var counts []struct {
		Name   string
		Models int
	}
	err := db.NewRaw("SELECT name, cardinality(models) AS models FROM providers").Scan(ctx, &counts)
	if err != nil {
		return nil, fmt.Errorf("count the models of providers: %w", err)
	}
	models := make(map[string]int, len(counts))
	for _, count := range counts {
		models[count.Name] = count.Models
	}
	return models, nil
}
