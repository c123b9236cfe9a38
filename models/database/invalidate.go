package database

import (
	"context"
	"fmt"
	"slices"

	"github.com/uptrace/bun"
)

// Everybody stands for what all access depends on: MCP servers, tool groups and prices.
const Everybody = ""

// Invalidate tells every console that what the users may do has changed, when the transaction commits. It is sent with
// the COMMIT: what it locks waits for nothing else.
func Invalidate(ctx context.Context, tx bun.Tx, users ...string) error {
	if len(users) == 0 {
		return nil
	}
	err := ExecNoting(
		ctx, tx,
		`INSERT INTO access_changes (user_id, xact) SELECT u, pg_current_xact_id() FROM unnest($1::text[]) AS u ORDER BY u
ON CONFLICT (user_id) DO UPDATE SET xact = excluded.xact`,
		slices.Compact(slices.Sorted(slices.Values(users))),
	)
	if err != nil {
		return fmt.Errorf("note whose access changed: %w", err)
	}
	return nil
}
