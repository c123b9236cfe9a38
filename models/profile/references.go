package profile

import (
	"context"
	"fmt"
	"slices"

	"tollgate/models/database"
	"tollgate/models/input"
	"tollgate/models/mcptool"
)

// references loads what the input names.
func (in Input) references(ctx context.Context, tx database.Tx) (*mcptool.References, error) {
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
	c := &input.Reader{}
	for _, grant := range in.MCPToolGroups.Items {
		if id, ok := c.Int("", grant.ToolGroupID, "", 1, 1<<63-1); ok {
			groups = append(groups, id)
		}
	}
	slices.Sort(servers)
	refs, err := mcptool.LoadReferences(ctx, tx, providers, slices.Compact(servers), groups)
	if err == nil && in.TimeZone.Given() {
		if err := tx.NewRaw("SELECT EXISTS (SELECT FROM pg_timezone_names WHERE name = ?)", input.Tidy(in.TimeZone.Text)).
			Scan(ctx, &refs.Zone); err != nil {
			return nil, fmt.Errorf("look up the time zone: %w", err)
		}
	}
	return refs, err
}
