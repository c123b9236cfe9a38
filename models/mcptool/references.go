package mcptool

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun/dialect/pgdialect"

	"tollgate/models/database"
)

// References is what a policy may name, as stored in the database, and the database's clock.
type References struct {
	Now       time.Time
	Providers map[string]bool
	servers   map[string]map[string]bool
	Groups    map[int64]bool
	Zone      bool // the database knows the time zone named
}

func (r *References) hasServer(id string) bool {
	_, ok := r.servers[id]
	return ok
}

// LoadReferences reads those of the names given that exist and locks them until the transaction ends, so that none can
// be deleted meanwhile.
func LoadReferences(
	ctx context.Context, tx database.Tx, providers, servers []string, groups []int64,
) (*References, error) {
	rows, err := database.QueryPlanned(ctx, tx, `
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
	refs := &References{Providers: map[string]bool{}, servers: map[string]map[string]bool{}, Groups: map[int64]bool{}}
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
			refs.Now = row.Now.Truncate(time.Microsecond)
		case "provider":
			refs.Providers[row.Name] = true
		case "group":
			refs.Groups[row.ID] = true
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
