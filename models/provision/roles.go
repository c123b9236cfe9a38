package provision

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"tollgate/models/attachment"
	"tollgate/models/audit"
	"tollgate/models/connection"
	"tollgate/models/database"
	"tollgate/models/identity"
	"tollgate/models/permission"
	"tollgate/models/problem"
)

// lockForRoles locks what a change of users needs: the profiles of every role that the connection hands out, those
// roles, and the users. The roles are locked even when no role is to change: one that a user got meanwhile would have
// to be locked after the user.
func lockForRoles(
	ctx context.Context, tx database.Tx, conn connection.Connection, ids []string,
) (*identity.Authorization, error) {
	rules, err := rulesOf(ctx, tx, conn.ID)
	if err != nil {
		return nil, err
	}
	roles := []int64{conn.DefaultRoleID}
	for _, rule := range rules {
		roles = append(roles, rule.RoleID)
	}
	if err := attachment.LockProfilesOf(ctx, tx, roles...); err != nil {
		return nil, err
	}
	return identity.Lock(ctx, tx, conn.Actor(), permission.UpdateUsers, ids, roles)
}

// Settle gives users of a connection the roles that they are to have by now. It locks the users before it reads, so
// that of two changes at the same time the later one sees both. Of those who are deactivated nothing changes until they
// are back. By is who caused it, with what they may do by now. Refusals: Forbidden for a role that permits more than
// that, Conflict for the last admin.
func Settle(
	ctx context.Context, tx database.Tx, by permission.Actor, conn connection.Connection, ids []string,
) error {
	if len(ids) == 0 {
		return nil
	}
	auth, err := lockForRoles(ctx, tx, conn, ids)
	if err != nil {
		return err
	}
	rules, err := rulesOf(ctx, tx, conn.ID)
	if err != nil {
		return err
	}
	moves, err := wanted(ctx, tx, conn, rules, ids)
	if err != nil {
		return err
	}
	pairs, byPair := paired(moves)
	if err := mayMove(by, auth.Roles, pairs); err != nil {
		return err
	}
	for _, p := range pairs {
		if err := move(ctx, tx, by, auth, p, byPair[p]); err != nil {
			return err
		}
	}
	return nil
}

// pair is a change from one role to another.
type pair struct{ from, to int64 }

// movable is a user who is to have another role.
type movable struct {
	ID, Email      string
	RoleID, Wanted int64
}

// paired are the changes of roles in order, with the users of each.
func paired(moves []movable) ([]pair, map[pair][]identity.Holder) {
	byPair := map[pair][]identity.Holder{}
	for _, m := range moves {
		p := pair{m.RoleID, m.Wanted}
		byPair[p] = append(byPair[p], identity.Holder{ID: m.ID, Email: m.Email})
	}
	return slices.SortedFunc(maps.Keys(byPair), func(a, b pair) int {
		return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.to, b.to))
	}), byPair
}

// mayMove refuses an actor who may do less than a role that users would lose or get. Refusal: Forbidden.
func mayMove(by permission.Actor, roles map[int64]identity.Role, pairs []pair) error {
	for _, p := range pairs {
		for _, id := range []int64{p.from, p.to} {
			if role := roles[id]; !identity.Covers(by, role.Permissions) {
				return problem.Refuse(problem.Forbidden, "", "forbidden",
					"Ask a user who may do all that the role "+problem.Clip(role.Name)+" permits: users would lose or get it "+
						"by this, and it permits more than you may do.")
			}
		}
	}
	return nil
}

// move gives users another role, with one audit row for all of them, and more for the profiles that come with it.
func move(
	ctx context.Context, tx database.Tx, by permission.Actor, auth *identity.Authorization, p pair,
	users []identity.Holder,
) error {
	ids := make([]string, len(users))
	for i, u := range users {
		ids[i] = u.ID
	}
	from, to := auth.Roles[p.from], auth.Roles[p.to]
	if from.Name == identity.FirstRole && from.IsSystemRole {
		if err := keepAdmins(ctx, tx, ids); err != nil {
			return err
		}
	}
	now, err := database.Clock(ctx, tx)
	if err != nil {
		return err
	}
	_, err = tx.NewRaw("UPDATE users SET role_id = ?, updated_at = ? WHERE id = ANY (?)", p.to, now, pgdialect.Array(ids)).
		Exec(ctx)
	if err != nil {
		return fmt.Errorf("change roles: %w", err)
	}
	tx.InvalidateActors()
	if err := recordMove(tx, by, from, to, ids, now); err != nil {
		return err
	}
	return attachment.ChangeRoleOf(ctx, tx, by, users, p.from, p.to, now)
}

// recordMove records another role of users. What they gain and lose by it has rows of its own.
func recordMove(tx database.Tx, by permission.Actor, from, to identity.Role, ids []string, now time.Time) error {
	c := audit.Change{Actor: by.Name, Origin: audit.OriginOf(by), Action: "update", At: now}
	if len(ids) == 1 {
		c.UserID = &ids[0]
	}
	err := c.Documents(
		map[string]any{"role": from.Name, "role_id": from.ID}, map[string]any{"role": to.Name, "role_id": to.ID},
		map[string]any{"resource": "user", "id": ids[0], "user_ids": ids},
	)
	if err != nil {
		return err
	}
	return audit.Record(tx, c)
}

// keepAdmins refuses to take the role of the last admins, or of a break-glass admin. Refusal: Conflict.
func keepAdmins(ctx context.Context, db bun.IDB, ids []string) error {
	var glass []identity.User
	err := identity.SelectUsersOf(db, "users AS u").Where("u.break_glass AND u.id = ANY (?)", pgdialect.Array(ids)).
		Scan(ctx, &glass)
	if err != nil {
		return fmt.Errorf("look for break-glass admins: %w", err)
	}
	for _, u := range glass {
		return u.KeepBreakGlass(permission.Actor{Door: permission.DoorSCIM}, "")
	}
	return identity.KeepAnAdminBesides(ctx, db, "", ids...)
}

// wanted are the users who are active and have another role by these rules than they have now: that of the first rule
// whose group they are in, else the default one. Ids are those to look at, nil for all of the connection.
func wanted(
	ctx context.Context, db bun.IDB, conn connection.Connection, rules []Rule, ids []string,
) (moves []movable, err error) {
	groups, roles, _ := columnsOfRules(rules)
	err = db.NewRaw(`
WITH active AS (
    SELECT id, email, role_id FROM users
    WHERE connection_id = ?0 AND deactivated_at IS NULL AND (?1::text[] IS NULL OR id = ANY (?1::text[]))
), first AS (
    SELECT DISTINCT ON (m.user_id) m.user_id, r.role_id
    FROM unnest(?2::uuid[], ?3::bigint[]) WITH ORDINALITY AS r(group_id, role_id, n)
        JOIN scim_members AS m ON m.group_id = r.group_id AND m.user_id IN (SELECT id FROM active)
    ORDER BY m.user_id, r.n
)
SELECT active.id, active.email, active.role_id, coalesce(first.role_id, ?4) AS wanted
FROM active LEFT JOIN first ON first.user_id = active.id
WHERE active.role_id <> coalesce(first.role_id, ?4) ORDER BY active.id`,
		conn.ID, pgdialect.Array(ids), groups, roles, conn.DefaultRoleID).Scan(ctx, &moves)
	if err != nil {
		return nil, fmt.Errorf("look up the roles that users are to have: %w", err)
	}
	return moves, nil
}
