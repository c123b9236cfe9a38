package membership

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/uptrace/bun/dialect/pgdialect"

	"tollgate/models/database"
	"tollgate/models/permission"
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

// Ungroup takes a user out of all groups, each of which gets another version and an audit row, and keeps for Regroup
// which they were. By is who caused it. The transaction has locked these groups, and then the user.
func Ungroup(ctx context.Context, tx database.Tx, by permission.Actor, user string, locked []string) error {
	left, err := changeGroups(ctx, tx, user, locked, `
changed AS (DELETE FROM scim_members WHERE user_id = ? RETURNING group_id, user_id),
kept AS (INSERT INTO scim_left_members SELECT group_id, user_id FROM changed ON CONFLICT DO NOTHING)`)
	if err != nil {
		return err
	}
	return recordEach(ctx, tx, by, left, Change{Removed: []string{user}})
}

// Regroup puts a user who comes back into the groups that they left and that are still there: by the default role alone
// they would lose the copies and keys that a rule gave. By and locks are as for Ungroup.
func Regroup(ctx context.Context, tx database.Tx, by permission.Actor, user string, locked []string) error {
	joined, err := changeGroups(ctx, tx, user, locked, `
back AS (DELETE FROM scim_left_members WHERE user_id = ? RETURNING group_id, user_id),
changed AS (INSERT INTO scim_members SELECT group_id, user_id FROM back ON CONFLICT DO NOTHING RETURNING group_id)`)
	if err != nil {
		return err
	}
	return recordEach(ctx, tx, by, joined, Change{Added: []string{user}})
}

// changed is a group whose members changed.
type changed struct {
	ID, DisplayName, ExternalID string
	ConnectionID                int64
}

func changeGroups(
	ctx context.Context, tx database.Tx, user string, locked []string, change string,
) (groups []changed, err error) {
	err = tx.NewRaw("WITH "+change+" UPDATE scim_groups SET version = version + 1, updated_at = clock_timestamp() "+
		"WHERE id IN (SELECT group_id FROM changed) RETURNING id::text AS id, display_name, external_id, connection_id", user).
		Scan(ctx, &groups)
	if err != nil {
		return nil, fmt.Errorf("change the groups of user %s: %w", user, err)
	}
	if slices.ContainsFunc(groups, func(g changed) bool { return !slices.Contains(locked, g.ID) }) {
		return nil, database.ErrAgain // the user was added to it meanwhile
	}
	slices.SortFunc(groups, func(a, b changed) int { return strings.Compare(a.ID, b.ID) })
	return groups, nil
}

// recordEach writes one audit row for each group.
func recordEach(ctx context.Context, tx database.Tx, by permission.Actor, groups []changed, c Change) error {
	for _, g := range groups {
		same := &Document{Name: g.DisplayName, ExternalID: g.ExternalID}
		c.Action, c.Group, c.ConnectionID, c.Before, c.After = "update", g.ID, g.ConnectionID, same, same
		if err := c.Record(ctx, tx, by); err != nil {
			return err
		}
	}
	return nil
}
