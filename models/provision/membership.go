package provision

import (
	"context"
	"fmt"
	"slices"

	"github.com/uptrace/bun/dialect/pgdialect"

	"tollgate/models/database"
)

// LockGroups locks the groups of users who are about to leave them or to come back, and returns them. The transaction
// has not locked the users yet.
func LockGroups(ctx context.Context, tx database.Tx, users ...string) (groups []string, err error) {
	err = tx.NewRaw(`
SELECT g.id::text FROM scim_groups AS g WHERE g.id IN (SELECT group_id FROM scim_members WHERE user_id = ANY (?0)
    UNION ALL SELECT group_id FROM scim_left_members WHERE user_id = ANY (?0))
ORDER BY g.id FOR UPDATE`, pgdialect.Array(users)).Scan(ctx, &groups)
	if err != nil {
		return nil, fmt.Errorf("lock the groups of users: %w", err)
	}
	return groups, nil
}

// Ungroup takes a user out of all groups, each of which gets another version, and keeps for regroup which they were.
// The transaction has locked these groups, and then the user.
func Ungroup(ctx context.Context, tx database.Tx, user string, locked []string) error {
	return changeGroups(ctx, tx, user, locked, `
changed AS (DELETE FROM scim_members WHERE user_id = ? RETURNING group_id, user_id),
kept AS (INSERT INTO scim_left_members SELECT group_id, user_id FROM changed ON CONFLICT DO NOTHING)`)
}

// regroup puts a user who comes back into the groups that they left and that are still there: by the default role alone
// they would lose the copies and keys that a rule gave. Locks are as for Ungroup.
func regroup(ctx context.Context, tx database.Tx, user string, locked []string) error {
	return changeGroups(ctx, tx, user, locked, `
back AS (DELETE FROM scim_left_members WHERE user_id = ? RETURNING group_id, user_id),
changed AS (INSERT INTO scim_members SELECT group_id, user_id FROM back ON CONFLICT DO NOTHING RETURNING group_id)`)
}

func changeGroups(ctx context.Context, tx database.Tx, user string, locked []string, change string) error {
	var changed []string
	err := tx.NewRaw("WITH "+change+" UPDATE scim_groups SET version = version + 1, updated_at = clock_timestamp() "+
		"WHERE id IN (SELECT group_id FROM changed) RETURNING id::text", user).Scan(ctx, &changed)
	if err != nil {
		return fmt.Errorf("change the groups of user %s: %w", user, err)
	}
	if slices.ContainsFunc(changed, func(group string) bool { return !slices.Contains(locked, group) }) {
		return database.ErrAgain // the user was added to it meanwhile
	}
	return nil
}
