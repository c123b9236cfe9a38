package provision

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"tollgate/models/audit"
	"tollgate/models/connection"
	"tollgate/models/database"
	"tollgate/models/identity"
	"tollgate/models/permission"
	"tollgate/models/problem"
)

// Rule gives the members of a group a role. Of the rules of a connection the first that fits counts.
type Rule struct {
	GroupID        string `json:"group_id"`
	Group          string `json:"group"`
	RoleID         int64  `json:"role_id"`
	Role           string `json:"role"`
	Administrative bool   `json:"administrative"` // that the role may change users, roles, API keys or settings is intended
}

// Rules are those of a connection, with the version of the list.
type Rules struct {
	Rules   []Rule `json:"rules"`
	Version int64  `json:"version"`
}

func names(rules []Rule, group string) bool {
	return slices.ContainsFunc(rules, func(r Rule) bool { return r.GroupID == group })
}

// rulesOf are the rules of a connection in their order.
func rulesOf(ctx context.Context, db bun.IDB, connectionID int64) ([]Rule, error) {
	rules := []Rule{}
	err := db.NewRaw(`
SELECT r.group_id::text AS group_id, g.display_name AS "group", r.role_id, o.name AS role, r.administrative
FROM scim_rules AS r JOIN scim_groups AS g ON g.id = r.group_id JOIN roles AS o ON o.id = r.role_id
WHERE r.connection_id = ? ORDER BY r.position`, connectionID).Scan(ctx, &rules)
	if err != nil {
		return nil, fmt.Errorf("read the rules of a directory: %w", err)
	}
	return rules, nil
}

// GetRules returns the rules of a connection. Refusal: NotFound.
func GetRules(ctx context.Context, db bun.IDB, connectionID int64) (Rules, error) {
	conn, err := connection.Get(ctx, db, connectionID)
	if err != nil {
		return Rules{}, err
	}
	rules, err := rulesOf(ctx, db, connectionID)
	return Rules{rules, conn.Version}, err
}

// SetRules replaces the rules of a connection, and gives its users the roles that follow. Refusals: NotFound, Stale,
// Invalid, Forbidden for a role that permits more than the actor may do and that a rule would give or users would lose
// or get, Conflict for the last admin.
func SetRules(
	ctx context.Context, db bun.IDB, actor permission.Actor, connectionID int64, version *int64, in RulesInput,
) (Rules, error) {
	var set Rules
	err := database.InTx(ctx, db, func(ctx context.Context, tx database.Tx) error {
		if err := database.AllowLong(ctx, tx); err != nil {
			return err
		}
		conn, err := connection.Lock(ctx, tx, connectionID)
		if err != nil {
			return err
		}
		if version != nil && *version != conn.Version {
			return problem.Refuse(problem.Stale, "", "version_mismatch",
				"The rules were changed meanwhile. Look at them again before you change them.")
		}
		before, err := rulesOf(ctx, tx, connectionID)
		if err != nil {
			return err
		}
		next, auth, err := in.check(ctx, tx, actor, connectionID, before)
		if set = (Rules{before, conn.Version}); err != nil || slices.Equal(before, next) {
			return err
		}
		if err := storeRules(ctx, tx, actor, conn, before, next); err != nil {
			return err
		}
		if set, err = GetRules(ctx, tx, connectionID); err != nil {
			return err
		}
		everyone, err := usersOf(ctx, tx, connectionID)
		if err != nil {
			return err
		}
		return Settle(ctx, tx, auth.Actor, conn, everyone)
	})
	return set, err
}

func storeRules(
	ctx context.Context, tx database.Tx, actor permission.Actor, conn connection.Connection, before, next []Rule,
) error {
	groups, roles, ticks := columnsOfRules(next)
	for _, statement := range []struct {
		query string
		args  []any
	}{
		{"DELETE FROM scim_rules WHERE connection_id = ?", []any{conn.ID}},
		{`INSERT INTO scim_rules (connection_id, position, group_id, role_id, administrative)
SELECT ?, r.n, r.group_id, r.role_id, r.tick FROM unnest(?::uuid[], ?::bigint[], ?::boolean[]) WITH ORDINALITY
    AS r(group_id, role_id, tick, n)`, []any{conn.ID, groups, roles, ticks}},
		{"UPDATE scim_connections SET version = version + 1 WHERE id = ?", []any{conn.ID}},
	} {
		if _, err := tx.NewRaw(statement.query, statement.args...).Exec(ctx); err != nil {
			return fmt.Errorf("store the rules of SCIM connection %d: %w", conn.ID, err)
		}
	}
	record := func(rules []Rule) map[string]any { return map[string]any{"name": conn.Name, "rules": rules} }
	return audit.RecordResource(
		ctx, tx, actor, "update", "role_rules", strconv.FormatInt(conn.ID, 10), record(before), record(next),
	)
}

// columnsOfRules are the groups, roles and ticks of rules, as arrays.
func columnsOfRules(rules []Rule) (groups, roles, ticks any) {
	g, r, t := make([]string, len(rules)), make([]int64, len(rules)), make([]bool, len(rules))
	for i, rule := range rules {
		g[i], r[i], t[i] = rule.GroupID, rule.RoleID, rule.Administrative
	}
	return pgdialect.Array(g), pgdialect.Array(r), pgdialect.Array(t)
}

// Moves is how many users would get another role, by its name.
type Moves struct {
	Users          int            `json:"users"`
	Roles          map[string]int `json:"roles"`
	Administrative []string       `json:"administrative_roles"` // of these, which may change users, roles, API keys or settings
}

// PreviewRules says what other rules would do, and changes nothing. Refusals: those of SetRules.
func PreviewRules(
	ctx context.Context, db bun.IDB, actor permission.Actor, connectionID int64, in RulesInput,
) (Moves, error) {
	moves := Moves{Roles: map[string]int{}, Administrative: []string{}}
	err := database.InTx(ctx, db, func(ctx context.Context, tx database.Tx) error {
		conn, err := connection.LockShared(ctx, tx, connectionID)
		if err != nil {
			return err
		}
		before, err := rulesOf(ctx, tx, connectionID)
		if err != nil {
			return err
		}
		next, auth, err := in.check(ctx, tx, actor, connectionID, before)
		if err != nil {
			return err
		}
		moved, err := wanted(ctx, tx, conn, next, nil)
		if err != nil {
			return err
		}
		roles, err := identity.RoleChoices(ctx, tx)
		if err != nil {
			return err
		}
		return moves.count(auth.Actor, roles, moved)
	})
	return moves, err
}

// count counts those who would get another role. Refusal: that of mayMove.
func (m *Moves) count(by permission.Actor, roles []identity.Role, moved []movable) error {
	pairs, byPair := paired(moved)
	byID, users := map[int64]identity.Role{}, map[int64]int{}
	for _, role := range roles {
		byID[role.ID] = role
	}
	for _, p := range pairs {
		users[p.to] += len(byPair[p])
	}
	for _, role := range roles {
		n := users[role.ID]
		if n == 0 {
			continue
		}
		m.Users, m.Roles[role.Name] = m.Users+n, n
		if permission.Administrative(role.Permissions) {
			m.Administrative = append(m.Administrative, role.Name)
		}
	}
	return mayMove(by, byID, pairs)
}
