package attachment

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun/dialect/pgdialect"

	"tollgate/models/assignment"
	"tollgate/models/database"
	"tollgate/models/identity"
	"tollgate/models/permission"
	"tollgate/models/profile"
)

// LockProfilesOf locks the profiles attached to roles, so that none is deleted or attached elsewhere until the
// transaction ends. It comes before roles and users are locked: profiles are first in the order of locks.
func LockProfilesOf(ctx context.Context, tx database.Tx, roles ...int64) error {
	_, err := tx.NewRaw(`SELECT FROM access_profiles WHERE id IN (SELECT access_profile_id FROM role_access_profiles
    WHERE role_id = ANY (?))
ORDER BY id FOR KEY SHARE`, pgdialect.Array(roles)).Exec(ctx)
	if err != nil {
		return fmt.Errorf("lock the profiles of roles: %w", err)
	}
	return nil
}

// GrantRole assigns the default profiles of a role to its new member. The transaction has locked the user and the role.
func GrantRole(
	ctx context.Context, tx database.Tx, actor permission.Actor, user identity.Holder, roleID int64, now time.Time,
) error {
	return GrantRoleTo(ctx, tx, actor, []identity.Holder{user}, roleID, now)
}

// defaultProfiles are those that new members of a role get.
func defaultProfiles(ctx context.Context, tx database.Tx, roleID int64) (profiles []int64, err error) {
	err = tx.NewRaw(`SELECT p.id FROM role_access_profiles AS a JOIN access_profiles AS p ON p.id = a.access_profile_id
WHERE a.role_id = ? AND a.is_default AND p.is_active ORDER BY p.id`, roleID).Scan(ctx, &profiles)
	if err != nil {
		return nil, fmt.Errorf("look up the profiles of role %d: %w", roleID, err)
	}
	return profiles, nil
}

// GrantRoleTo gives new members of a role its default profiles. The transaction has locked the role and the users.
func GrantRoleTo(
	ctx context.Context, tx database.Tx, actor permission.Actor, users []identity.Holder, roleID int64, now time.Time,
) error {
	if len(users) == 0 {
		return nil
	}
	profiles, err := defaultProfiles(ctx, tx, roleID)
	if err != nil {
		return err
	}
	for _, id := range profiles {
		shown, err := profile.Get(ctx, tx, id)
		if err != nil {
			return err
		}
		about := map[string]any{"source": "role", "role_id": roleID}
		if _, err := assignment.AssignAll(ctx, tx, actor, shown, users, assignment.Origin{}, about, now); err != nil {
			return err
		}
	}
	return nil
}

// ChangeRole replaces the copies that came with the old role by those of the new one. Copies of profiles that both
// roles have stay, with their usage.
func ChangeRole(
	ctx context.Context, tx database.Tx, actor permission.Actor, user identity.Holder, oldRole, newRole int64,
	now time.Time,
) error {
	// Assign before deleting: a user who always has a copy keeps their keys.
	if err := GrantRole(ctx, tx, actor, user, newRole, now); err != nil {
		return err
	}
	if err := assignment.LockCopies(ctx, tx, "user_id = ?", user.ID); err != nil {
		return err
	}
	before, err := assignment.LoadCopies(ctx, tx, assignment.SelectCopies(tx).Where("c.user_id = ?", user.ID))
	if err != nil {
		return err
	}
	gone, err := loseRoleCopies(ctx, tx, []identity.Holder{user},
		"access_profile_id NOT IN (SELECT access_profile_id FROM role_access_profiles WHERE role_id = ?)", newRole)
	if err != nil {
		return err
	}
	for _, profile := range gone.Profiles {
		for _, assigned := range before {
			if assigned.ParentProfileID != profile {
				continue
			}
			metadata := map[string]any{"source": "role", "role_id": oldRole, "deleted_keys": gone.Keys.Of(user.ID)}
			if err := assignment.RecordCopy(ctx, tx, actor, "unassign", assigned, now, assigned, nil, metadata); err != nil {
				return err
			}
		}
	}
	return recordEnds(ctx, tx, actor, user.ID, oldRole, gone.Ends, now)
}

// recordEnds writes the audit rows of the copies of a user that end as they were assigned directly, since they no
// longer come with a role.
func recordEnds(
	ctx context.Context, tx database.Tx, actor permission.Actor, user string, oldRole int64, profiles []int64,
	now time.Time,
) error {
	for _, id := range profiles {
		ending, err := assignment.CopyOf(ctx, tx, user, id)
		if err != nil {
			return err
		}
		had := map[string]any{"from_role": true, "expires_at": nil}
		has := map[string]any{"from_role": false, "expires_at": ending.ExpiresAt}
		err = assignment.RecordCopy(ctx, tx, actor, "update", ending, now, had, has, map[string]any{"role_id": oldRole})
		if err != nil {
			return err
		}
	}
	return nil
}

// RevokeAll deletes all copies and keys of a user and returns the names of both. The transaction has locked the user.
func RevokeAll(ctx context.Context, tx database.Tx, user string) (profiles, keys []string, err error) {
	if err := assignment.LockCopies(ctx, tx, "user_id = ?", user); err != nil {
		return nil, nil, err
	}
	copies, err := assignment.LoadCopies(ctx, tx, assignment.SelectCopies(tx).Where("c.user_id = ?", user).Order("c.id"))
	if err != nil {
		return nil, nil, err
	}
	var ids []int64
	for _, assigned := range copies {
		ids, profiles = append(ids, assigned.ID), append(profiles, assigned.Name)
	}
	dropped, err := assignment.DeleteCopies(ctx, tx, ids)
	return profiles, dropped.Of(user), err
}
