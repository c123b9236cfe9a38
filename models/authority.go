package models

import (
	"context"
	"fmt"
	"regexp"
	"slices"

	"github.com/google/uuid"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
)

// authority is who asks for a change and which people and roles it touches, as they are now. All of it is held until the transaction
// ends, so that nobody gains or loses a right between the check and the change.
type authority struct {
	actor Actor
	users map[string]int64 // each with its role's id
	roles map[int64]Role
}

// userID is the only form that an id of a user has.
var userID = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// parseUserID reads the id of a user in that form.
func parseUserID(text string) (uuid.UUID, bool) {
	id, err := uuid.Parse(text)
	return id, err == nil && id.String() == text
}

// hold locks the people and roles named, those of the actor too: first roles, then people, each in the order of their ids, which every
// change keeps. What does not exist is not among them. Refusals: Unauthenticated when the actor is gone, Forbidden when they may not do
// what is needed (any more).
func hold(ctx context.Context, tx bun.Tx, actor Actor, needed Permission, users []string, roles []int64) (*authority, error) {
	a := &authority{actor: actor, users: map[string]int64{}, roles: map[int64]Role{}}
	people := append([]string{actor.UserID}, users...)
	had, err := rolesOf(ctx, tx, people)
	if err != nil {
		return nil, err
	}
	if err := a.holdRoles(ctx, tx, append(had, roles...)); err != nil {
		return nil, err
	}
	if err := a.holdUsers(ctx, tx, people); err != nil {
		return nil, err
	}
	for _, role := range a.users {
		// Somebody may have got another role since it was looked up. A deadlock of that is repeated.
		if _, held := a.roles[role]; !held {
			if err := a.holdRoles(ctx, tx, []int64{role}); err != nil {
				return nil, err
			}
		}
	}
	if actor.UserID != "" {
		role, there := a.users[actor.UserID]
		if !there {
			return nil, unauthenticated("Sign in again: the account you use was deleted.")
		}
		a.actor.Permissions = slices.DeleteFunc(slices.Clone(actor.Permissions), func(p Permission) bool {
			return !slices.Contains(a.roles[role].Permissions, p)
		})
	}
	if !a.actor.May(needed) {
		return nil, Refuse(Forbidden, "", "forbidden", "You need the permission "+string(needed)+" for this. Ask an admin of this console for it.")
	}
	return a, nil
}

// rolesOf looks up which roles people have, without holding them.
func rolesOf(ctx context.Context, tx bun.Tx, users []string) ([]int64, error) {
	var roles []int64
	if err := tx.NewRaw("SELECT DISTINCT role_id FROM users WHERE id = ANY (?)", pgdialect.Array(existing(users))).Scan(ctx, &roles); err != nil {
		return nil, fmt.Errorf("look up the roles of users: %w", err)
	}
	return roles, nil
}

// existing leaves out what cannot be the id of a user.
func existing(ids []string) []string {
	return slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return !userID.MatchString(id) })
}

func (a *authority) holdUsers(ctx context.Context, tx bun.Tx, ids []string) error {
	var people []struct {
		ID     string
		RoleID int64
	}
	err := tx.NewRaw("SELECT id, role_id FROM users WHERE id = ANY (?) ORDER BY id FOR UPDATE", pgdialect.Array(existing(ids))).Scan(ctx, &people)
	if err != nil {
		return fmt.Errorf("hold the users: %w", err)
	}
	for _, person := range people {
		a.users[person.ID] = person.RoleID
	}
	return nil
}

// holdRoles locks roles and only then reads what they permit: a statement sees the permissions of the moment it began waiting.
func (a *authority) holdRoles(ctx context.Context, tx bun.Tx, ids []int64) error {
	if _, err := tx.NewRaw("SELECT FROM roles WHERE id = ANY (?) ORDER BY id FOR UPDATE", pgdialect.Array(ids)).Exec(ctx); err != nil {
		return fmt.Errorf("hold the roles: %w", err)
	}
	var roles []Role
	if err := selectRoles(tx.NewSelect().Model(&roles)).Where("r.id = ANY (?)", pgdialect.Array(ids)).Scan(ctx); err != nil {
		return fmt.Errorf("load the roles held: %w", err)
	}
	for _, role := range roles {
		a.roles[role.ID] = role
	}
	return nil
}

// covers reports whether the actor may do all that somebody else may.
func (a *authority) covers(permissions []Permission) bool {
	return !slices.ContainsFunc(permissions, func(p Permission) bool { return !a.actor.May(p) })
}

// grant refuses to give a role that permits more than the actor may do. Refusals: Invalid when there is no such role, Forbidden.
func (a *authority) grant(field string, roleID int64) (Role, error) {
	role, there := a.roles[roleID]
	switch {
	case !there:
		return role, unknownRole(field)
	case !a.covers(role.Permissions):
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
	if a.roles[a.users[id]].Name != firstRole {
		return nil
	}
	last, err := lastAdmin(ctx, tx, id)
	if err != nil || !last {
		return err
	}
	return Refuse(Conflict, field, "last_admin", "Make somebody else an admin first: this is the last one, and a console without an admin cannot be managed.")
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
