package catalogue

import (
	"context"
	"errors"
	"fmt"

	"github.com/uptrace/bun"

	"tollgate/models/database"
	"tollgate/models/input"
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
	prices    map[modelKey]ModelPrice
	providers map[string]string // by their names, folded
}

// LoadCatalogue reads the catalogue in one statement, each list in order.
func LoadCatalogue(ctx context.Context, db bun.IDB) (Catalogue, error) {
	var c Catalogue
	read := func(table, columns, order string, rows any) database.Part {
		return database.Part{Query: db.NewSelect().TableExpr(table).ColumnExpr(columns).OrderExpr(order), Rows: rows}
	}
	err := database.ReadTogether(ctx, db, "", nil,
		read("providers", "name, models, prices", "name", &c.Providers),
		read("mcp_servers", "client_id, tools", "client_id", &c.Servers),
		read("tool_groups", "id, name", "name_key", &c.Groups),
		read("tool_group_servers", "tool_group_id, mcp_client_id, tool_names", "tool_group_id, position", &c.GroupTools))
	if err != nil {
		return c, fmt.Errorf("load the catalogue: %w", err)
	}
	c.prices, c.providers = map[modelKey]ModelPrice{}, make(map[string]string, len(c.Providers))
	for _, provider := range c.Providers {
		c.providers[input.Fold(provider.Name)] = provider.Name
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
	rows, err := database.QueryPlanned(ctx, db, "SELECT name, cardinality(models) FROM providers")
	if err != nil {
		return nil, fmt.Errorf("count the models of providers: %w", err)
	}
	defer rows.Close()
	models := map[string]int{}
	for rows.Next() {
		var name string
		var count int
		if err := rows.Scan(&name, &count); err != nil {
			return nil, fmt.Errorf("count the models of providers: %w", err)
		}
		models[name] = count
	}
	return models, errors.Join(rows.Err(), rows.Close())
}
