package models

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
)

// references is what a policy may name, as the database has it, and the database's clock.
type references struct {
	now       time.Time
	providers map[string]bool
	servers   map[string]map[string]bool
	groups    map[int64]bool
	zone      bool // the database knows the time zone named
}

func (r *references) hasServer(id string) bool {
	_, ok := r.servers[id]
	return ok
}

// loadReferences reads those of the names given that exist and holds them until the transaction ends, so that none can be deleted meanwhile.
func loadReferences(ctx context.Context, tx bun.Tx, providers, servers []string, groups []int64) (*references, error) {
	rows, err := queryPlanned(ctx, tx, `
WITH held_providers AS (SELECT name FROM providers WHERE name = ANY ($1) ORDER BY name FOR SHARE),
     held_groups AS (SELECT id FROM tool_groups WHERE id = ANY ($2) ORDER BY id FOR SHARE),
     held_servers AS (SELECT client_id, tools FROM mcp_servers WHERE client_id = ANY ($3) ORDER BY client_id FOR SHARE)
SELECT 'clock' AS kind, '' AS name, 0 AS id, '{}'::text[] AS tools, clock_timestamp() AS now
UNION ALL SELECT 'provider', name, 0, '{}', now() FROM held_providers
UNION ALL SELECT 'group', '', id, '{}', now() FROM held_groups
UNION ALL SELECT 'server', client_id, 0, tools, now() FROM held_servers`, providers, groups, servers)
	if err != nil {
		return nil, fmt.Errorf("look up what the policy names: %w", err)
	}
	defer rows.Close()
	refs := &references{providers: map[string]bool{}, servers: map[string]map[string]bool{}, groups: map[int64]bool{}}
	for rows.Next() {
		var row struct {
			Kind, Name string
			ID         int64
			Tools      []string
			Now        time.Time
		}
		if err := rows.Scan(&row.Kind, &row.Name, &row.ID, pgdialect.Array(&row.Tools), &row.Now); err != nil {
			return nil, fmt.Errorf("read what the policy names: %w", err)
		}
		switch row.Kind {
		case "clock":
			refs.now = row.Now.UTC().Truncate(time.Microsecond)
		case "provider":
			refs.providers[row.Name] = true
		case "group":
			refs.groups[row.ID] = true
		case "server":
			refs.servers[row.Name] = map[string]bool{}
			for _, tool := range row.Tools {
				refs.servers[row.Name][tool] = true
			}
		}
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("look up what the policy names: %w", err)
	}
	return refs, nil
}

// references loads what the input names.
func (in AccessProfileInput) references(ctx context.Context, tx bun.Tx) (*references, error) {
	providers, servers, groups := []string{}, []string{}, []int64{}
	for _, config := range in.ProviderConfigs.Items {
		providers = append(providers, config.ProviderName.Text)
	}
	for _, grant := range in.MCPServers.Items {
		servers = append(servers, grant.MCPServerID.Text)
	}
	for _, override := range in.MCPToolOverrides.Items {
		servers = append(servers, override.MCPClientID.Text)
	}
	c := &checker{}
	for _, grant := range in.MCPToolGroups.Items {
		if id, ok := c.count("", grant.ToolGroupID, "", 1, 1<<63-1); ok {
			groups = append(groups, id)
		}
	}
	slices.Sort(servers)
	refs, err := loadReferences(ctx, tx, providers, slices.Compact(servers), groups)
	if err == nil && in.TimeZone.Given() {
		if err := tx.NewRaw("SELECT EXISTS (SELECT FROM pg_timezone_names WHERE name = ?)", tidy(in.TimeZone.Text)).Scan(ctx, &refs.zone); err != nil {
			return nil, fmt.Errorf("look up the time zone: %w", err)
		}
	}
	return refs, err
}
