package identity

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"tollgate/models/database"
	"tollgate/models/permission"
	"tollgate/models/problem"
)

// Covers reports whether the actor has all of these permissions.
func Covers(a permission.Actor, permissions []permission.Permission) bool {
	return !slices.ContainsFunc(permissions, func(p permission.Permission) bool { return !a.May(p) })
}

// KeepEnd refuses a credential that would work after the API key that gives it has expired, since that key could have
// what it may do for longer than its own maker allowed. Refusal: Forbidden.
func KeepEnd(a permission.Actor, end *time.Time) error {
	if a.Ends == nil || end != nil && !end.After(*a.Ends) {
		return nil
	}
	return problem.Refuse(problem.Forbidden, "expires_at", "forbidden",
		"Give an end no later than "+a.Ends.UTC().Format(time.RFC3339)+", when the API key that you use expires.")
}

// MayActOn refuses to change anything of a user who may do more than the actor, by name only to an actor who may see
// users. Refusal: Forbidden.
func MayActOn(a permission.Actor, name string, permissions []permission.Permission) error {
	if Covers(a, permissions) {
		return nil
	}
	if !a.May(permission.ViewUsers) {
		name = "this user"
	}
	return problem.Refuse(
		problem.Forbidden, "", "forbidden",
		"Ask a user who may do as much as "+problem.Clip(name)+": "+problem.Clip(name)+
			" may do more than you, so you cannot change the account or the access.",
	)
}

// MayEnterAs reports whether the actor may set what a user signs in with. Who signs in as the user can make virtual
// keys of theirs, which takes VirtualKeys:Create. For themselves users may, but none of their API keys.
func MayEnterAs(a permission.Actor, user string) bool {
	return a.May(permission.CreateVirtualKeys) || user != "" && user == a.UserID && a.APIKeyName == ""
}

// KeepOut refuses an actor who may not set what a user signs in with. Refusal: Forbidden.
func KeepOut(a permission.Actor, user, field string) error {
	if MayEnterAs(a, user) {
		return nil
	}
	return problem.Refuse(problem.Forbidden, field, "forbidden",
		"You need the permission "+string(permission.CreateVirtualKeys)+" too to set how another user signs in: by a "+
			"password, a sign-in link, or the address by which an identity provider finds them. Who signs in as them can make "+
			"virtual keys of theirs. Ask an admin of this console for it.")
}

// KeepManaged refuses to change what comes from the user's directory. Refusal: Conflict.
func (u User) KeepManaged(field string) error {
	if u.ConnectionID == nil {
		return nil
	}
	return problem.Refuse(problem.Conflict, field, "managed",
		"Change "+problem.Clip(u.Name)+" in the directory, or release them from it first: "+
			"it keeps their name, address and role.")
}

// MayActOn is the same for users whose rows are locked.
func (a *Authorization) MayActOn(ids ...string) error {
	for _, id := range ids {
		u := a.Users[id]
		if err := MayActOn(a.Actor, u.Name, a.Roles[u.RoleID].Permissions); err != nil {
			return err
		}
	}
	return nil
}

// MayChangeRole refuses to change a role that permits more than the actor may do, or the profiles of its members.
// Refusal: Forbidden.
func MayChangeRole(a permission.Actor, role Role) error {
	if Covers(a, role.Permissions) {
		return nil
	}
	return problem.Refuse(
		problem.Forbidden, "", "forbidden",
		"Ask a user who may do all that the role "+problem.Clip(role.Name)+" permits: it permits more than you may do.",
	)
}

// MayPropagateTo refuses a propagation to the copy of a user who may do more than the actor. Refusal: Forbidden.
func (a *Authorization) MayPropagateTo(ctx context.Context, tx database.Tx, job int64) error {
	var names []string
	// Users come first, and apart: mostly there are none, and the server would look through all copies for each.
	err := tx.NewRaw(`
WITH above AS MATERIALIZED (
    SELECT id, name, email_key FROM users
    WHERE role_id IN (SELECT role_id FROM role_permissions WHERE permission <> ALL (?1))
)
SELECT name FROM above WHERE id IN (SELECT user_id FROM propagation_items WHERE job_id = ?0 AND state = 'waiting')
ORDER BY email_key LIMIT 1`,
		job, pgdialect.Array(a.Actor.Permissions)).Scan(ctx, &names)
	if err != nil {
		return fmt.Errorf("look for users who may do more: %w", err)
	}
	if len(names) == 0 {
		return nil
	}
	if !a.Actor.May(permission.ViewUsers) {
		return problem.Refuse(problem.Forbidden, "", "forbidden",
			"Choose users or groups of which none may do more than you: you cannot change the access of those who may.")
	}
	return problem.Refuse(
		problem.Forbidden, "", "forbidden",
		"Choose users or groups without "+problem.Clip(names[0])+": "+problem.Clip(names[0])+
			" may do more than you, so you cannot change the access.",
	)
}

// Grant refuses to grant a role that permits more than the actor may do. Refusals: Invalid when there is no such role,
// Forbidden.
func (a *Authorization) Grant(field string, roleID int64) (Role, error) {
	role, there := a.Roles[roleID]
	switch {
	case !there:
		return role, unknownRole(field)
	case !Covers(a.Actor, role.Permissions):
		return role, problem.Refuse(problem.Forbidden, field, "forbidden",
			"Choose another role: "+problem.Clip(role.Name)+" permits more than you may do yourself, so you cannot give it.")
	}
	return role, nil
}

func unknownRole(field string) error {
	return problem.Refuse(
		problem.Invalid, field, "unknown_role", "Choose a role that exists, such as Admin, Developer or Viewer.",
	)
}

// KeepAnAdmin refuses to remove the role of the last admin, or the admin. The admins' role is locked, so when two
// admins leave at the same time, the second is counted after the first.
func (a *Authorization) KeepAnAdmin(ctx context.Context, tx database.Tx, field, id string) error {
	if a.Roles[a.Users[id].RoleID].Name != FirstRole {
		return nil
	}
	return KeepAnAdminBesides(ctx, tx, field, id)
}

// KeepAnAdminIn refuses to keep a user out whom no rule of a provider gives a role, when they are an admin and none is
// left whom rules let in, as far as the groups of the others are known. Refusal: Conflict.
func (a *Authorization) KeepAnAdminIn(ctx context.Context, tx database.Tx, id string) error {
	if a.Roles[a.Users[id].RoleID].Name != FirstRole {
		return nil
	}
	var out []string
	err := tx.NewRaw(`
SELECT u.id FROM users AS u WHERE u.role_id = ? AND u.connection_id IS NULL
    AND (u.password_hash IS NULL OR NOT `+isAccepted+`) AND NOT EXISTS (
    SELECT FROM user_identities AS i JOIN identity_providers AS p ON p.id = i.provider_id AND p.is_enabled
    WHERE i.user_id = u.id AND (p.default_role_id IS NOT NULL OR i.groups IS NULL
        OR NOT EXISTS (SELECT FROM identity_provider_rules AS r WHERE r.provider_id = p.id)
        OR EXISTS (SELECT FROM identity_provider_rules AS r WHERE r.provider_id = p.id AND r.value = ANY (i.groups))))`,
		a.Users[id].RoleID).Scan(ctx, &out)
	if err != nil {
		return fmt.Errorf("look for admins whom rules keep out: %w", err)
	}
	return KeepAnAdminBesides(ctx, tx, "", append(out, id)...)
}

// LeaveAnAdmin changes how a user signs in, but not when they are the last admin who can and could not after it.
// Refusal: Conflict.
func (a *Authorization) LeaveAnAdmin(ctx context.Context, tx database.Tx, id string, change func() error) error {
	if a.Roles[a.Users[id].RoleID].Name != FirstRole {
		return change()
	}
	return LeaveAnAdmin(ctx, tx, lastAdmin(""), change)
}

// LeaveAnAdmin makes a change after which fewer users can sign in, and refuses it when no admin is left who can. Where
// none could before, as on a console that is set up by files, nothing is lost. The transaction has locked the role of
// admins.
func LeaveAnAdmin(ctx context.Context, tx database.Tx, refusal error, change func() error) error {
	none, err := LastAdmin(ctx, tx)
	if err != nil {
		return err
	}
	if err := change(); err != nil || none {
		return err
	}
	if none, err = LastAdmin(ctx, tx); err != nil || !none {
		return err
	}
	return refusal
}

// KeepAnAdminBesides refuses what leaves no admin who can sign in but these users. Refusal: Conflict.
func KeepAnAdminBesides(ctx context.Context, db bun.IDB, field string, ids ...string) error {
	last, err := LastAdmin(ctx, db, ids...)
	if err != nil || !last {
		return err
	}
	return lastAdmin(field)
}

func lastAdmin(field string) error {
	return problem.Refuse(
		problem.Conflict, field, "last_admin",
		"Make another user an admin first: "+
			"this is the last one who can sign in, and a console without an admin cannot be managed.",
	)
}

const (
	// byProvider is whether an identity provider that is enabled lets the user u in.
	byProvider = `EXISTS (SELECT FROM user_identities AS i
    JOIN identity_providers AS p ON p.id = i.provider_id WHERE i.user_id = u.id AND p.is_enabled)`
	// canSignIn is whether the user u can sign in: with a password, or by an identity provider that is enabled.
	canSignIn = "u.deactivated_at IS NULL AND (u.password_hash IS NOT NULL OR " + byProvider + ")"
	// isAccepted is whether a password of the user u is not refused because users have to sign in by a provider.
	isAccepted = "(u.break_glass OR NOT EXISTS (SELECT FROM settings WHERE name = 'enforce_sso' AND value = 'true'))"
)

// UsersCanSignIn reports whether any user can sign in.
func UsersCanSignIn(ctx context.Context, db bun.IDB) (bool, error) {
	var some bool
	if err := db.NewRaw("SELECT EXISTS (SELECT FROM users AS u WHERE "+canSignIn+")").Scan(ctx, &some); err != nil {
		return false, fmt.Errorf("look for users who can sign in: %w", err)
	}
	return some, nil
}

// LastAdmin reports whether there is no admin besides these users who can sign in, other than with a password that is
// refused.
func LastAdmin(ctx context.Context, db bun.IDB, ids ...string) (bool, error) {
	var others bool
	err := db.NewRaw(`
SELECT EXISTS (SELECT FROM users AS u JOIN roles AS r ON r.id = u.role_id
WHERE r.name = ? AND r.is_system_role AND u.id <> ALL (?)
    AND `+canSignIn+` AND (`+isAccepted+` OR `+byProvider+`))`,
		FirstRole, pgdialect.Array(append([]string{}, ids...))).Scan(ctx, &others)
	if err != nil {
		return false, fmt.Errorf("look for other admins: %w", err)
	}
	return !others, nil
}
