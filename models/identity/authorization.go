package identity

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun/dialect/pgdialect"

	"tollgate/models/database"
	"tollgate/models/permission"
	"tollgate/models/problem"
)

// Authorization is the actor of a change with the users and roles that it affects, as they are now. All stay locked
// until the transaction ends, so that no permission changes between the check and the change.
type Authorization struct {
	Actor permission.Actor
	Users map[string]lockedUser
	Roles map[int64]Role
}

// lockedUser is a user whose row is locked.
type lockedUser struct {
	ID, Name, Email string
	RoleID          int64
	DeactivatedAt   *time.Time
}

// Claim is what a change needs: a permission, and the users and roles it affects.
type Claim struct {
	Needed  permission.Permission
	Users   []string
	Roles   []int64 // locked for a change
	Members bool    // of those roles are affected too
	Shared  bool    // users keep their roles, so that changes of many users of one role need not wait for each other
}

// UserID matches the id of a user.
var UserID = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// ParseUserID reads the id of a user.
func ParseUserID(text string) (uuid.UUID, bool) {
	id, err := uuid.Parse(text)
	return id, err == nil && id.String() == text
}

// Lock locks the users and roles named and those of the actor, for a change of accounts or roles. See Claim.Lock.
func Lock(
	ctx context.Context, tx database.Tx, actor permission.Actor, needed permission.Permission, users []string,
	roles []int64,
) (*Authorization, error) {
	return Claim{Needed: needed, Users: users, Roles: roles}.Lock(ctx, tx, actor)
}

// LockAccess locks users whose access is to change. Refusals: those of Claim.Lock, NotFound when one of them does not
// exist, Forbidden when one may do more than the actor.
func LockAccess(
	ctx context.Context, tx database.Tx, actor permission.Actor, needed permission.Permission, users ...string,
) ([]Holder, error) {
	a, err := Claim{Needed: needed, Users: users, Shared: true}.Lock(ctx, tx, actor)
	if err != nil {
		return nil, err
	}
	holders := make([]Holder, len(users))
	for i, id := range users {
		u, there := a.Users[id]
		if !there {
			return nil, problem.Missing("user")
		}
		holders[i] = Holder{u.ID, u.Email}
	}
	return holders, a.MayActOn(users...)
}

// Lock locks roles first, then users, each in the order of their ids, like every change. Missing ones are left out.
// Refusals: Unauthenticated when the actor no longer exists or is deactivated, Forbidden when they may not do what is
// needed.
func (c Claim) Lock(ctx context.Context, tx database.Tx, actor permission.Actor) (*Authorization, error) {
	a := &Authorization{Actor: actor, Users: map[string]lockedUser{}, Roles: map[int64]Role{}}
	had, err := rolesOf(ctx, tx, append([]string{actor.UserID}, c.Users...))
	if err != nil {
		return nil, err
	}
	own := had[actor.UserID]
	delete(had, actor.UserID)
	if slices.Contains(c.Users, actor.UserID) {
		had[actor.UserID] = own
	}
	if err := a.lockRoles(ctx, tx, c, slices.Collect(maps.Values(had)), own); err != nil {
		return nil, err
	}
	users := Existing(c.Users)
	if c.Members {
		if err := tx.NewRaw("SELECT id FROM users WHERE role_id = ANY (?)", pgdialect.Array(c.Roles)).
			Scan(ctx, &users); err != nil {
			return nil, fmt.Errorf("look up the members: %w", err)
		}
	}
	if err := a.lockUsers(ctx, tx, users); err != nil {
		return nil, err
	}
	for _, u := range a.Users {
		// A user's role may have changed since it was looked up. A deadlock of these locks is retried.
		if _, locked := a.Roles[u.RoleID]; !locked {
			if err := a.lockRoles(ctx, tx, Claim{Shared: c.Shared}, []int64{u.RoleID}, 0); err != nil {
				return nil, err
			}
		}
	}
	if c.Needed == permission.Own {
		return a, a.permitOwn(c.Users)
	}
	return a, a.permit(c.Needed)
}

// permitOwn checks that a change is of the actor's own, by themselves.
func (a *Authorization) permitOwn(users []string) error {
	self, err := a.self()
	if err != nil {
		return err
	}
	if a.Actor.ByKey || a.Actor.APIKeyName != "" || slices.ContainsFunc(users, func(id string) bool { return id != self.ID }) {
		return problem.Refuse(problem.Forbidden, "", "forbidden", "Only the user can do this, and only when signed in.")
	}
	a.Actor.Permissions = a.Roles[self.RoleID].Permissions
	return nil
}

// self is the actor's own locked row. Refusal: Unauthenticated when they are gone or deactivated.
func (a *Authorization) self() (lockedUser, error) {
	self, there := a.Users[a.Actor.UserID]
	switch {
	case !there:
		return self, Unauthenticated("Sign in again: the account you use was deleted.")
	case self.DeactivatedAt != nil:
		return self, Deactivated()
	}
	return self, nil
}

// permit checks that the actor still exists and may do what is needed, and refreshes their permissions.
func (a *Authorization) permit(needed permission.Permission) error {
	if a.Actor.UserID != "" {
		self, err := a.self()
		if err != nil {
			return err
		}
		a.Actor.Permissions = slices.DeleteFunc(slices.Clone(a.Actor.Permissions), func(p permission.Permission) bool {
			return !slices.Contains(a.Roles[self.RoleID].Permissions, p)
		})
	}
	if !a.Actor.May(needed) {
		return problem.Lacks(string(needed))
	}
	return nil
}

// rolesOf looks up which roles users have, without locking them.
func rolesOf(ctx context.Context, tx database.Tx, users []string) (map[string]int64, error) {
	var rows []lockedUser
	if err := tx.NewRaw("SELECT id, role_id FROM users WHERE id = ANY (?)", pgdialect.Array(Existing(users))).
		Scan(ctx, &rows); err != nil {
		return nil, fmt.Errorf("look up the roles of users: %w", err)
	}
	roles := make(map[string]int64, len(rows))
	for _, row := range rows {
		roles[row.ID] = row.RoleID
	}
	return roles, nil
}

// Existing leaves out texts that cannot be the id of a user.
func Existing(ids []string) []string {
	return slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return !UserID.MatchString(id) })
}

// lockUsers locks users. The actor gets only a shared lock, unless the change is about them: one actor makes many
// changes at once.
func (a *Authorization) lockUsers(ctx context.Context, tx database.Tx, ids []string) error {
	const read = "SELECT id, name, email, role_id, deactivated_at FROM users WHERE id = ANY (?)"
	const change, keep = read + " ORDER BY id FOR UPDATE", read + " FOR SHARE"
	slices.Sort(ids)
	for _, part := range inTurn(ids, some(a.Actor.UserID), change, keep) {
		var users []lockedUser
		if err := tx.NewRaw(part.query, pgdialect.Array(part.ids)).Scan(ctx, &users); err != nil {
			return fmt.Errorf("lock the users: %w", err)
		}
		for _, u := range users {
			a.Users[u.ID] = u
		}
	}
	return nil
}

// lockRoles locks the claim's roles, those that users have and the actor's own, and only then reads what they permit: a
// statement sees the permissions of the moment it began waiting.
func (a *Authorization) lockRoles(ctx context.Context, tx database.Tx, c Claim, ofUsers []int64, own int64) error {
	const keep = "SELECT FROM roles WHERE id = ANY (?) ORDER BY id FOR SHARE"
	change := "SELECT FROM roles WHERE id = ANY (?) ORDER BY id FOR UPDATE"
	if c.Shared {
		change = keep
	}
	ids := slices.Concat(c.Roles, ofUsers)
	slices.Sort(ids)
	ids = slices.Compact(ids)
	for _, part := range inTurn(ids, some(own), change, keep) {
		if _, err := tx.NewRaw(part.query, pgdialect.Array(part.ids)).Exec(ctx); err != nil {
			return fmt.Errorf("lock the roles: %w", err)
		}
	}
	var roles []Role
	err := tx.NewSelect().Model(&roles).ColumnExpr("r.*").
		ColumnExpr("ARRAY(SELECT p.permission FROM role_permissions AS p WHERE p.role_id = r.id) AS permissions").
		Where("r.id = ANY (?)", pgdialect.Array(append(ids, own))).Scan(ctx)
	if err != nil {
		return fmt.Errorf("load the locked roles: %w", err)
	}
	for _, role := range roles {
		a.Roles[role.ID] = role
	}
	return nil
}

// some leaves out the zero value.
func some[ID cmp.Ordered](id ID) []ID {
	var none ID
	if id == none {
		return nil
	}
	return []ID{id}
}

// lockPart is one statement that locks rows.
type lockPart[ID cmp.Ordered] struct {
	query string
	ids   []ID
}

// inTurn orders the locks: rows to change, by ascending id, and a shared lock on the actor's own row at its place.
func inTurn[ID cmp.Ordered](ids, own []ID, change, keep string) (parts []lockPart[ID]) {
	before := len(ids)
	if len(own) == 1 {
		at, among := slices.BinarySearch(ids, own[0])
		if among {
			own = nil
		}
		before = at
	}
	for _, part := range []lockPart[ID]{{change, ids[:before]}, {keep, own}, {change, ids[before:]}} {
		if len(part.ids) > 0 {
			parts = append(parts, part)
		}
	}
	return parts
}
