package models

import (
	"context"
	"fmt"
	"slices"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
)

// Covers reports whether the actor may do all of that.
func (a Actor) Covers(permissions []Permission) bool {
	return !slices.ContainsFunc(permissions, func(p Permission) bool { return !a.May(p) })
}

// MayActOn refuses to change anything of a user who may do more than the actor. Refusal: Forbidden.
func (a Actor) MayActOn(name string, permissions []Permission) error {
	if a.Covers(permissions) {
		return nil
	}
	return Refuse(Forbidden, "", "forbidden", "Ask a user who may do as much as "+clip(name)+": "+clip(name)+
		" may do more than you, so you cannot change the account or the access.")
}

// mayActOn is the same for users whose rows are locked.
func (a *authority) mayActOn(ids ...string) error {
	for _, id := range ids {
		u := a.users[id]
		if err := a.actor.MayActOn(u.Name, a.roles[u.RoleID].Permissions); err != nil {
			return err
		}
	}
	return nil
}

// mayGiveBy refuses to change a role that permits more than the actor may do, or what it gives to its members. Refusal: Forbidden.
func (a Actor) mayGiveBy(role Role) error {
	if a.Covers(role.Permissions) {
		return nil
	}
	return Refuse(Forbidden, "", "forbidden", "Ask a user who may do all that the role "+clip(role.Name)+" permits: it permits more than you may do.")
}

// mayPushTo refuses a push that would change the copy of a user who may do more than the actor. Refusal: Forbidden.
func (a *authority) mayPushTo(ctx context.Context, tx bun.Tx, job int64) error {
	var names []string
	err := tx.NewRaw(`SELECT u.name FROM propagation_items AS i JOIN users AS u ON u.id = i.user_id
WHERE i.job_id = ? AND i.state = 'waiting'
  AND u.role_id IN (SELECT role_id FROM role_permissions WHERE permission <> ALL (?)) ORDER BY u.email_key LIMIT 1`,
		job, pgdialect.Array(a.actor.Permissions)).Scan(ctx, &names)
	if err != nil {
		return fmt.Errorf("look for users who may do more: %w", err)
	}
	if len(names) == 0 {
		return nil
	}
	return Refuse(Forbidden, "", "forbidden", "Choose users or groups without "+clip(names[0])+": "+clip(names[0])+
		" may do more than you, so you cannot change the access.")
}

// mayChangeKey refuses to change an API key of a user who may do more than the actor, or one of the command line that may. Refusal:
// Forbidden.
func (a *authority) mayChangeKey(k APIKey) error {
	if k.CreatedBy != nil {
		return a.mayActOn(*k.CreatedBy)
	}
	if a.actor.Covers(k.Scopes) {
		return nil
	}
	return Refuse(Forbidden, "", "forbidden", "Ask a user who may do all that the key "+clip(k.Name)+" may do: it may do more than you.")
}

// grant refuses to give a role that permits more than the actor may do. Refusals: Invalid when there is no such role, Forbidden.
func (a *authority) grant(field string, roleID int64) (Role, error) {
	role, there := a.roles[roleID]
	switch {
	case !there:
		return role, unknownRole(field)
	case !a.actor.Covers(role.Permissions):
		return role, Refuse(Forbidden, field, "forbidden",
			"Choose another role: "+clip(role.Name)+" permits more than you may do yourself, so you cannot give it.")
	}
	return role, nil
}

func unknownRole(field string) error {
	return Refuse(Invalid, field, "unknown_role", "Choose a role that exists, such as Admin, Developer or Viewer.")
}

// keepAnAdmin refuses to take the role of the last admin. The admins' role is held, so of two who would each leave the other, the second
// counts after the first is done.
func (a *authority) keepAnAdmin(ctx context.Context, tx bun.Tx, field, id string) error {
	if a.roles[a.users[id].RoleID].Name != firstRole {
		return nil
	}
	last, err := lastAdmin(ctx, tx, id)
	if err != nil || !last {
		return err
	}
	return Refuse(Conflict, field, "last_admin", "Make another user an admin first: this is the last one, and a console without an admin cannot be managed.")
}

// lastAdmin reports whether there is no admin beside that user.
func lastAdmin(ctx context.Context, db bun.IDB, id string) (bool, error) {
	var others bool
	err := db.NewRaw("SELECT EXISTS (SELECT FROM users AS u JOIN roles AS r ON r.id = u.role_id WHERE r.name = ? AND r.is_system_role AND u.id <> ?)",
		firstRole, id).Scan(ctx, &others)
	if err != nil {
		return false, fmt.Errorf("look for other admins: %w", err)
	}
	return !others, nil
}
