package models

import (
	"context"
	"fmt"
	"slices"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
)

// everybody stands for what all access depends on: MCP servers and tool groups.
const everybody = ""

// noteAccess tells every console that what the users may do has changed, when the transaction commits. It comes late in a transaction:
// others who change the same users wait for it.
func noteAccess(ctx context.Context, tx bun.IDB, users ...string) error {
	if len(users) == 0 {
		return nil
	}
	users = slices.Compact(slices.Sorted(slices.Values(users)))
	_, err := tx.NewRaw(`INSERT INTO access_changes (user_id, xact) SELECT u, pg_current_xact_id() FROM unnest(?::text[]) AS u ORDER BY u
ON CONFLICT (user_id) DO UPDATE SET xact = excluded.xact`, pgdialect.Array(users)).Exec(ctx)
	if err != nil {
		return fmt.Errorf("note whose access changed: %w", err)
	}
	return nil
}
