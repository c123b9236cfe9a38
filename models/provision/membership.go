package provision

import (
	"context"
	"fmt"
	"slices"

	"github.com/uptrace/bun/dialect/pgdialect"

	"tollgate/models/database"
)

// LockGroups locks the groups of a user who is about to leave them, and returns them. The transaction has not locked
// the user yet.
func LockGroups(ctx context.Context, tx database.Tx, user string) (groups []string, err error) {
	err = tx.NewRaw(`
SELECT g.id::text FROM scim_groups AS g WHERE g.id IN (SELECT group_id FROM scim_members WHERE user_id = ?)
ORDER BY g.id FOR UPDATE`, user).Scan(ctx, &groups)
	if err != nil {
		return nil, fmt.Errorf("lock the groups of user %s: %w", user, err)
	}
	return groups, nil
}

// Ungroup takes a user out of all groups, each of which gets another version. The transaction has locked these groups,
// and then the user.
func Ungroup(ctx context.Context, tx database.Tx, user string, locked []string) error {
	var left []string
	err := tx.NewRaw("DELETE FROM scim_members WHERE user_id = ? RETURNING group_id::text", user).Scan(ctx, &left)
	if err != nil {
		return fmt.Errorf("take user %s out of groups: %w", user, err)
	}
	for _, group := range left {
		if !slices.Contains(locked, group) {
			return database.ErrAgain // the user was added to it meanwhile
		}
	}
	_, err = tx.NewRaw("UPDATE scim_groups SET version = version + 1, updated_at = clock_timestamp() "+
		"WHERE id = ANY (?::uuid[])", pgdialect.Array(left)).Exec(ctx)
	if err != nil {
		return fmt.Errorf("make versions of the groups that user %s has left: %w", user, err)
	}
	return nil
}
