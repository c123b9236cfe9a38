package provision

import (
	"context"

	"github.com/uptrace/bun"

	"tollgate/models/account"
	"tollgate/models/connection"
	"tollgate/models/database"
	"tollgate/models/identity"
	"tollgate/models/membership"
	"tollgate/models/permission"
)

// Activate lets users back in whom an admin has deactivated; those of a directory get the role that they are to have by
// now. Refusals: those of account.Activate and Settle, Conflict when the directory deleted one and gave the userName to
// another user, whom it still has.
func Activate(ctx context.Context, db bun.IDB, actor permission.Actor, ids ...string) ([]identity.User, error) {
	var changed []identity.User
	err := database.InTx(ctx, db, func(ctx context.Context, tx database.Tx) error {
		groups, err := membership.LockGroups(ctx, tx, ids...)
		if err != nil {
			return err
		}
		left, err := lockNamed(ctx, tx, actor, ids)
		if err != nil {
			return err
		}
		if changed, err = account.Activate(ctx, tx, actor, ids...); err != nil {
			return err
		}
		for _, u := range changed {
			if u.ConnectionID == nil {
				continue
			}
			if err := restoreName(ctx, tx, u, left); err != nil {
				return err
			}
			if err := membership.Regroup(ctx, tx, actor, u.ID, groups); err != nil {
				return err
			}
			conn, err := connection.Get(ctx, tx, *u.ConnectionID)
			if err != nil {
				return err
			}
			auth, err := identity.Claim{Needed: permission.UpdateUsers, Shared: true}.Lock(ctx, tx, actor)
			if err != nil {
				return err
			}
			if err := Settle(ctx, tx, auth.Actor, conn, []string{u.ID}); err != nil {
				return err
			}
		}
		return nil
	})
	return changed, err
}
