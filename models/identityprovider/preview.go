package identityprovider

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"tollgate/models/database"
	"tollgate/models/identity"
	"tollgate/models/permission"
)

// Moves is what rules would do at the next sign-ins, by the groups that the provider named at the last ones.
type Moves struct {
	Users          int            `json:"users"` // who would get another role
	Roles          map[string]int `json:"roles"` // the same by the name of that role
	Administrative []string       `json:"administrative_roles"`
	First          []Moved        `json:"first_users"` // the first few of each role, by name
	Refused        int            `json:"refused"`     // who would find no role
	FirstRefused   []Moved        `json:"first_refused"`
	Unknown        int            `json:"unknown"`     // whose groups are not known
	Provisioned    int            `json:"provisioned"` // who have the role that their directory gives
}

// Moved is a user who would get another role, or find none.
type Moved struct {
	ID    string  `json:"id"`
	Name  string  `json:"name"`
	Email string  `json:"email"`
	From  string  `json:"from"`
	To    *string `json:"to"`
}

// PreviewRules says what other rules would do, and changes nothing. Refusals: those of SetRules.
func PreviewRules(
	ctx context.Context, db bun.IDB, actor permission.Actor, id int64, in RulesInput,
) (Moves, error) {
	moves := Moves{Roles: map[string]int{}, Administrative: []string{}, First: []Moved{}, FirstRefused: []Moved{}}
	rules, err := in.read()
	if err != nil {
		return moves, err
	}
	err = database.InTx(ctx, db, func(ctx context.Context, tx database.Tx) error {
		p, err := load(ctx, tx, tx.NewSelect().Where("p.id = ?", id))
		if err != nil {
			return err
		}
		if err := fresh(in.Version, p); err != nil {
			return err
		}
		p.Rules = rules
		if err := mayGive(ctx, tx, actor, p); err != nil || len(rules) == 0 {
			return err // without rules the console decides
		}
		rows, err := outcomes(ctx, tx, p)
		if err != nil {
			return err
		}
		roles, err := identity.RoleChoices(ctx, tx)
		moves.add(rows, roles)
		return err
	})
	return moves, err
}

// What becomes of a user at the next sign-in.
const (
	outcomeProvisioned = "provisioned"
	outcomeUnknown     = "unknown"
	outcomeRefused     = "refused"
	outcomeMoved       = "moved"
)

// outcome is one of the first users of those who get the same role, with how many these are.
type outcome struct {
	Outcome         string
	ID, Name, Email string
	RoleID          int64
	Wanted          *int64
	Users           int
}

// firstUsers is how many users of each role are named.
const firstUsers = 5

// outcomes are the first users of every outcome but that all stays as it is. A user with several identities at the
// provider counts by the one of the last sign-in. Deactivated users cannot sign in, and a break-glass admin is out of
// reach of rules.
func outcomes(ctx context.Context, db bun.IDB, p Provider) (rows []outcome, err error) {
	values, roles := make([]string, len(p.Rules)), make([]int64, len(p.Rules))
	for i, rule := range p.Rules {
		values[i], roles[i] = rule.Value, rule.RoleID
	}
	err = db.NewRaw(`
WITH identities AS (
    SELECT DISTINCT ON (i.user_id) i.user_id, i.groups FROM user_identities AS i
    WHERE i.provider_id = ?0 ORDER BY i.user_id, i.last_sign_in_at DESC NULLS LAST
), fitting AS (
    SELECT DISTINCT ON (i.user_id) i.user_id, r.role_id
    FROM identities AS i CROSS JOIN unnest(i.groups) AS g
        JOIN unnest(?1::text[], ?2::bigint[]) WITH ORDINALITY AS r(value, role_id, n) ON r.value = g
    ORDER BY i.user_id, r.n
), judged AS (
    SELECT u.id, u.name, u.email, u.role_id, coalesce(f.role_id, ?3) AS wanted, CASE
        WHEN u.connection_id IS NOT NULL THEN 'provisioned'
        WHEN i.groups IS NULL THEN 'unknown'
        WHEN coalesce(f.role_id, ?3) IS NULL THEN 'refused'
        WHEN coalesce(f.role_id, ?3) <> u.role_id THEN 'moved' END AS outcome
    FROM identities AS i JOIN users AS u ON u.id = i.user_id LEFT JOIN fitting AS f ON f.user_id = i.user_id
    WHERE u.deactivated_at IS NULL AND NOT u.break_glass
), told AS (
    SELECT *, CASE WHEN outcome = 'moved' THEN wanted END AS by_role FROM judged WHERE outcome IS NOT NULL
), numbered AS (
    SELECT *, count(*) OVER (PARTITION BY outcome, by_role) AS users,
        row_number() OVER (PARTITION BY outcome, by_role ORDER BY lower(name), id) AS n
    FROM told
)
SELECT outcome, id, name, email, role_id, wanted, users FROM numbered WHERE n <= ?4 ORDER BY outcome, lower(name), id`,
		p.ID, pgdialect.Array(values), pgdialect.Array(roles), p.DefaultRoleID, firstUsers).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("look up the roles that users would get: %w", err)
	}
	return rows, nil
}

// add sorts the outcomes, those of each role together, in the order of roles.
func (m *Moves) add(rows []outcome, roles []identity.Role) {
	named := map[int64]string{}
	for _, role := range roles {
		named[role.ID] = role.Name
	}
	for _, row := range rows {
		user := Moved{ID: row.ID, Name: row.Name, Email: row.Email, From: named[row.RoleID]}
		switch row.Outcome {
		case outcomeProvisioned:
			m.Provisioned = row.Users
		case outcomeUnknown:
			m.Unknown = row.Users
		case outcomeRefused:
			m.Refused, m.FirstRefused = row.Users, append(m.FirstRefused, user)
		}
	}
	for _, role := range roles {
		for _, row := range rows {
			if row.Outcome != outcomeMoved || *row.Wanted != role.ID {
				continue
			}
			if m.Roles[role.Name] == 0 {
				m.Roles[role.Name], m.Users = row.Users, m.Users+row.Users
				if permission.Administrative(role.Permissions) {
					m.Administrative = append(m.Administrative, role.Name)
				}
			}
			m.First = append(m.First, Moved{row.ID, row.Name, row.Email, named[row.RoleID], &role.Name})
		}
	}
}
