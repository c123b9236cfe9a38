package attachment

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"

	"tollgate/models/database"
	"tollgate/models/identity"
	"tollgate/models/permission"
	"tollgate/models/profile"
)

// DeleteRole removes a role without members, and detaches the profiles that it assigns. Refusals: those of
// identity.DeleteRole.
func DeleteRole(ctx context.Context, db bun.IDB, actor permission.Actor, id int64) (identity.Role, error) {
	var old identity.Role
	err := database.InTx(ctx, db, func(ctx context.Context, tx database.Tx) error {
		if err := LockProfilesOf(ctx, tx, id); err != nil {
			return err
		}
		// Profiles are attached to a role only under its lock.
		if _, err := identity.Lock(ctx, tx, actor, permission.DeleteRoles, nil, []int64{id}); err != nil {
			return err
		}
		attached, err := profile.RoleProfiles(ctx, tx, id)
		if err != nil {
			return err
		}
		if old, err = identity.DeleteRole(ctx, tx, actor, id); err != nil {
			return err
		}
		return recordDetachedFrom(ctx, tx, actor, old, attached)
	})
	return old, err
}

// recordDetachedFrom writes the audit rows of profiles whose role was deleted.
func recordDetachedFrom(
	ctx context.Context, tx database.Tx, actor permission.Actor, old identity.Role, attached []profile.RoleAttachment,
) error {
	now, err := database.Clock(ctx, tx)
	if err != nil {
		return err
	}
	for _, a := range attached {
		err := recordDetached(tx, actor, a, map[string]any{
			"access_profile": a.ProfileName, "role_id": old.ID, "role": old.Name, "role_deleted": true,
		}, now)
		if err != nil {
			return fmt.Errorf("record that role %d is detached: %w", old.ID, err)
		}
	}
	return nil
}
