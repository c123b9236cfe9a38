package connection

import (
	"context"
	"fmt"
	"slices"

	"tollgate/models/database"
	"tollgate/models/identity"
	"tollgate/models/permission"
	"tollgate/models/problem"
)

// tokenPermissions are what a token can do to users, which its maker must be allowed to do too. By the external ids and
// addresses that it sets, providers find users: who signs in as them can make virtual keys of theirs.
var tokenPermissions = []permission.Permission{
	permission.CreateUsers, permission.UpdateUsers, permission.DeleteUsers, permission.CreateVirtualKeys,
}

// mayIssue refuses an actor who may do less than a token of a connection: it adds, changes and deletes users, says who
// signs in as them, gives them the default role and the roles of the rules, and reaches all users of the connection.
// Refusal: Forbidden.
func mayIssue(ctx context.Context, tx database.Tx, actor permission.Actor, c Connection) error {
	roles, err := rolesOfUsers(ctx, tx, c.ID)
	if err != nil {
		return err
	}
	var ruled []int64
	err = tx.NewRaw("SELECT role_id FROM scim_rules WHERE connection_id = ?", c.ID).Scan(ctx, &ruled)
	if err != nil {
		return fmt.Errorf("look up the roles that the rules of SCIM connection %d give: %w", c.ID, err)
	}
	current, err := covers(ctx, tx, actor, "", slices.Concat(roles, ruled, []int64{c.DefaultRoleID}))
	if err != nil {
		return err
	}
	if !identity.Covers(current, tokenPermissions) {
		return problem.Refuse(problem.Forbidden, "", "forbidden",
			"You need the permissions Users:Create, Users:Update, Users:Delete and VirtualKeys:Create for this: the token can "+
				"do all of that, since it also sets by what identity providers find users.")
	}
	return nil
}

// coversUsers refuses an actor who may do less than a user of a connection, those whom its directory deleted included.
// Refusal: Forbidden.
func coversUsers(ctx context.Context, tx database.Tx, actor permission.Actor, field string, id int64) error {
	roles, err := rolesOfUsers(ctx, tx, id)
	if err != nil {
		return err
	}
	_, err = covers(ctx, tx, actor, field, roles)
	return err
}

// covers locks roles of a connection, refuses an actor who may do less than one of them, and returns what the actor may
// do now. The transaction has locked the connection, so that its users keep their roles. Refusal: Forbidden.
func covers(
	ctx context.Context, tx database.Tx, actor permission.Actor, field string, roles []int64,
) (permission.Actor, error) {
	auth, err := identity.Claim{Needed: permission.UpdateSettings, Roles: roles, Shared: true}.Lock(ctx, tx, actor)
	if err != nil {
		return actor, err
	}
	for _, id := range roles {
		if role := auth.Roles[id]; !identity.Covers(auth.Actor, role.Permissions) {
			return actor, problem.Refuse(problem.Forbidden, field, "forbidden",
				"Ask a user who may do all that the role "+problem.Clip(role.Name)+" permits: users of this connection have it "+
					"or can get it, and it permits more than you may do.")
		}
	}
	return auth.Actor, nil
}

// rolesOfUsers are those that the users of a connection have, those whom its directory deleted included.
func rolesOfUsers(ctx context.Context, tx database.Tx, id int64) (roles []int64, err error) {
	err = tx.NewRaw("SELECT DISTINCT role_id FROM users WHERE connection_id = ? ORDER BY role_id", id).Scan(ctx, &roles)
	if err != nil {
		return nil, fmt.Errorf("look up the roles of the users of SCIM connection %d: %w", id, err)
	}
	return roles, nil
}
