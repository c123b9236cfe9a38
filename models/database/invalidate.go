package database

import (
	"context"
	"fmt"
	"slices"

	"github.com/uptrace/bun"
)

// Everybody stands for all users: access depends on shared MCP servers, tool groups and prices.
const Everybody = ""

// Invalidate records, when the transaction commits, that the access of the users has changed, so that every console
// evicts it. It is sent with the COMMIT, so its locks are held for no other work.
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
		return fmt.Errorf("invalidate access: %w", err)
	}
	return nil
}
