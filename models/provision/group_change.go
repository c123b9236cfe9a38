package provision

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"tollgate/models/connection"
	"tollgate/models/database"
	"tollgate/models/input"
	"tollgate/models/membership"
	"tollgate/models/problem"
	"tollgate/models/scim"
)

// CreateGroup adds a group, and gives its members the roles that follow. Refusals: Invalid, Conflict when the name is
// taken and for the last admin.
func CreateGroup(ctx context.Context, db bun.IDB, connectionID int64, in scim.Group) (Group, error) {
	var made Group
	err := database.InTx(ctx, db, func(ctx context.Context, tx database.Tx) error {
		conn, err := lockLong(ctx, tx, connectionID)
		if err != nil {
			return err
		}
		if err := groupAcceptable(in); err != nil {
			return err
		}
		var id string
		err = tx.NewRaw(`
INSERT INTO scim_groups (connection_id, display_name, display_key, external_id) VALUES (?, ?, ?, ?) RETURNING id::text`,
			conn.ID, in.DisplayName, input.FoldCase(in.DisplayName), in.ExternalID).Scan(ctx, &id)
		if err != nil {
			return fmt.Errorf("insert group: %w", err)
		}
		added := slices.Sorted(maps.Keys(in.Members))
		if err := addTo(ctx, tx, conn, id, added); err != nil {
			return err
		}
		c := membership.Change{Action: "create", Group: id, ConnectionID: conn.ID, After: documentOf(in), Added: added}
		if err := c.Record(ctx, tx, conn.Actor()); err != nil {
			return err
		}
		made, err = GetGroup(ctx, tx, conn.ID, id, true)
		return err // no rule names a new group, so no role changes
	})
	return made, refused(err)
}

// lockLong locks a connection for a change of many of its users.
func lockLong(ctx context.Context, tx database.Tx, id int64) (connection.Connection, error) {
	if err := database.AllowLong(ctx, tx); err != nil {
		return connection.Connection{}, err
	}
	return connection.LockShared(ctx, tx, id)
}

func groupAcceptable(g scim.Group) error {
	if len(input.FoldCase(g.DisplayName)) > maxKey {
		return problem.Refuse(problem.Invalid, "displayName", scim.InvalidValue, "Shorten the displayName.")
	}
	return nil
}

// ChangeGroup changes a group as its directory says, and the roles of those who are added or removed; nothing changed
// means nothing written. Refusals: NotFound, Stale, Invalid, Conflict when the name is taken and for the last admin.
func ChangeGroup(
	ctx context.Context, db bun.IDB, connectionID int64, id string, edit Edit[scim.Group],
) (Group, error) {
	var changed Group
	err := database.InTx(ctx, db, func(ctx context.Context, tx database.Tx) error {
		conn, before, err := lockGroup(ctx, tx, connectionID, id)
		if err != nil {
			return err
		}
		if err := edit.check(before.Version); err != nil {
			return err
		}
		next, err := edit.Apply(before.Group)
		if changed = before; err != nil {
			return err
		}
		if err := applyToAway(ctx, tx, conn, before, next, edit); err != nil {
			return err
		}
		added, removed := difference(next.Members, before.Members), difference(before.Members, next.Members)
		renamed := next.DisplayName != before.DisplayName || next.ExternalID != before.ExternalID
		if !renamed && len(added)+len(removed) == 0 {
			return nil
		}
		err = withRoles(ctx, tx, conn, id, append(added, removed...), func() error {
			return storeGroup(ctx, tx, conn, before, next, added, removed)
		})
		if err != nil {
			return err
		}
		changed, err = GetGroup(ctx, tx, conn.ID, id, false)
		changed.Members = next.Members
		return err
	})
	return changed, refused(err)
}

// applyToAway applies an edit to the members whom the directory deleted as well: those whom it removes do not come back
// to the group. Users who are away are taken out of next, also those whom the edit adds: that counts when they come
// back. They are looked at by themselves, so that they take no place of the members that a group can have.
func applyToAway(
	ctx context.Context, tx database.Tx, conn connection.Connection, before Group, next scim.Group,
	edit Edit[scim.Group],
) error {
	away, err := membership.Away(ctx, tx, before.ID)
	if err != nil || len(away) == 0 {
		return err
	}
	maps.DeleteFunc(next.Members, func(id string, _ bool) bool { return away[id] })
	group := before.Group
	group.Members = away
	if group, err = edit.Apply(group); err != nil {
		return err
	}
	removed := difference(away, group.Members)
	if len(removed) == 0 {
		return nil
	}
	if err := membership.Forget(ctx, tx, before.ID, removed); err != nil {
		return err
	}
	same := documentOf(before.Group)
	c := membership.Change{
		Action: "update", Group: before.ID, ConnectionID: conn.ID, Before: same, After: same, RemovedWhileAway: removed,
	}
	return c.Record(ctx, tx, conn.Actor())
}

// lockGroup locks a connection and then a group of it, which it returns with its members.
func lockGroup(
	ctx context.Context, tx database.Tx, connectionID int64, id string,
) (connection.Connection, Group, error) {
	conn, err := lockLong(ctx, tx, connectionID)
	if err != nil {
		return conn, Group{}, err
	}
	g, err := getGroup(ctx, tx, groups(tx, conn.ID).For("UPDATE OF g"), id, true)
	return conn, g, err
}

// difference are the members of a that b lacks, in order.
func difference(a, b map[string]bool) []string {
	var only []string
	for _, id := range slices.Sorted(maps.Keys(a)) {
		if !b[id] {
			only = append(only, id)
		}
	}
	return only
}

func storeGroup(
	ctx context.Context, tx database.Tx, conn connection.Connection, before Group, next scim.Group,
	added, removed []string,
) error {
	if err := groupAcceptable(next); err != nil {
		return err
	}
	_, err := tx.NewRaw(`
UPDATE scim_groups SET display_name = ?, display_key = ?, external_id = ?, version = version + 1,
    updated_at = clock_timestamp() WHERE id = ?`,
		next.DisplayName, input.FoldCase(next.DisplayName), next.ExternalID, before.ID).Exec(ctx)
	if err != nil {
		return fmt.Errorf("update group: %w", err)
	}
	if err := addTo(ctx, tx, conn, before.ID, added); err != nil {
		return err
	}
	_, err = tx.NewRaw("DELETE FROM scim_members WHERE group_id = ? AND user_id = ANY (?)", before.ID, pgdialect.Array(removed)).
		Exec(ctx)
	if err != nil {
		return fmt.Errorf("remove members: %w", err)
	}
	c := membership.Change{
		Action: "update", Group: before.ID, ConnectionID: conn.ID, Before: documentOf(before.Group), After: documentOf(next),
		Added: added, Removed: removed,
	}
	return c.Record(ctx, tx, conn.Actor())
}

// addTo adds members to a group. It waits for those who are leaving, who are no users of the connection then. Refusal:
// Invalid when one is no user of the connection.
func addTo(ctx context.Context, tx database.Tx, conn connection.Connection, group string, ids []string) error {
	if len(ids) == 0 {
		return nil
	}
	var known []string
	err := tx.NewRaw(`
INSERT INTO scim_members (group_id, user_id)
SELECT ?::uuid, u.id FROM users AS u WHERE u.id = ANY (?) AND u.connection_id = ? AND u.left_at IS NULL
ORDER BY u.id FOR KEY SHARE OF u RETURNING user_id`, group, pgdialect.Array(ids), conn.ID).Scan(ctx, &known)
	if err != nil {
		return fmt.Errorf("add members: %w", err)
	}
	if len(known) == len(ids) {
		return nil
	}
	unknown := slices.DeleteFunc(ids, func(id string) bool { return slices.Contains(known, id) })
	return problem.Refuse(problem.Invalid, "members", scim.InvalidValue,
		"Name members by the ids of users of this connection: "+problem.Clip(unknown[0])+" is none.")
}

// DeleteGroup removes a group and the rule that names it; its members get the roles that follow. Refusals: NotFound,
// Stale, Conflict for the last admin.
func DeleteGroup(ctx context.Context, db bun.IDB, connectionID int64, id string, version *int64) error {
	err := database.InTx(ctx, db, func(ctx context.Context, tx database.Tx) error {
		conn, g, err := lockGroup(ctx, tx, connectionID, id)
		if err != nil {
			return err
		}
		if err := (Edit[scim.Group]{Version: version}).check(g.Version); err != nil {
			return err
		}
		removed := slices.Sorted(maps.Keys(g.Members))
		return withRoles(ctx, tx, conn, id, removed, func() error {
			if _, err := tx.NewRaw("DELETE FROM scim_groups WHERE id = ?", id).Exec(ctx); err != nil {
				return fmt.Errorf("delete group: %w", err)
			}
			c := membership.Change{
				Action: "delete", Group: id, ConnectionID: conn.ID, Before: documentOf(g.Group), Removed: removed,
			}
			return c.Record(ctx, tx, conn.Actor())
		})
	})
	return refused(err)
}

// withRoles changes who is in a group, and then the roles that follow if a rule names the group. Everything is locked
// first: a row of a member locks its user.
func withRoles(
	ctx context.Context, tx database.Tx, conn connection.Connection, group string, ids []string, change func() error,
) error {
	rules, err := rulesOf(ctx, tx, conn.ID)
	if err != nil {
		return err
	}
	if !names(rules, group) || len(ids) == 0 {
		return change()
	}
	if _, err := lockForRoles(ctx, tx, conn, ids); err != nil {
		return err
	}
	if err := change(); err != nil {
		return err
	}
	return Settle(ctx, tx, conn.Actor(), conn, ids)
}

func documentOf(g scim.Group) *membership.Document {
	return &membership.Document{Name: g.DisplayName, ExternalID: g.ExternalID}
}
