package membership

import (
	"context"
	"fmt"

	"github.com/uptrace/bun/dialect/pgdialect"

	"tollgate/models/database"
)

// Away are the users who left a group with their directory's account, and are to be in it again when they come back.
// The transaction has locked the group.
func Away(ctx context.Context, tx database.Tx, group string) (map[string]bool, error) {
	var ids []string
	err := tx.NewRaw("SELECT user_id FROM scim_left_members WHERE group_id = ?", group).Scan(ctx, &ids)
	if err != nil {
		return nil, fmt.Errorf("look up who left group %s: %w", group, err)
	}
	away := make(map[string]bool, len(ids))
	for _, id := range ids {
		away[id] = true
	}
	return away, nil
}

// Forget has users who are away stay out of a group when they come back. The transaction has locked the group.
func Forget(ctx context.Context, tx database.Tx, group string, users []string) error {
	_, err := tx.NewRaw("DELETE FROM scim_left_members WHERE group_id = ? AND user_id = ANY (?)",
		group, pgdialect.Array(users)).Exec(ctx)
	if err != nil {
		return fmt.Errorf("forget who left group %s: %w", group, err)
	}
	return nil
}

// ForgetUser has a user come back to no group that they left. The transaction has locked the user.
func ForgetUser(ctx context.Context, tx database.Tx, user string) error {
	if _, err := tx.NewRaw("DELETE FROM scim_left_members WHERE user_id = ?", user).Exec(ctx); err != nil {
		return fmt.Errorf("forget the groups that user %s left: %w", user, err)
	}
	return nil
}
