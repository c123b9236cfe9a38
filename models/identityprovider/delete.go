package identityprovider

import (
	"context"
	"fmt"
	"strconv"

	"github.com/uptrace/bun"

	"tollgate/models/audit"
	"tollgate/models/database"
	"tollgate/models/identity"
	"tollgate/models/permission"
	"tollgate/models/problem"
)

// Delete removes a provider: no user signs in by it any more, and sessions that began there end. Refusals: NotFound,
// Conflict when no admin could sign in without it.
func Delete(ctx context.Context, db bun.IDB, actor permission.Actor, id int64) (Provider, error) {
	var old Provider
	err := database.InTx(ctx, db, func(ctx context.Context, tx database.Tx) (err error) {
		if old, err = load(ctx, tx, tx.NewSelect().Where("p.id = ?", id).For("UPDATE OF p")); err != nil {
			return err
		}
		claim, err := ofAdmins(ctx, tx, identity.Claim{Needed: permission.UpdateSettings})
		if err != nil {
			return err
		}
		if _, err := claim.Lock(ctx, tx, actor); err != nil {
			return err
		}
		err = leaveAnAdmin(ctx, tx, "", func() error {
			if _, err := tx.NewDelete().Model(&old).WherePK().Exec(ctx); err != nil {
				return fmt.Errorf("delete identity provider %d: %w", id, err)
			}
			return nil
		})
		if err != nil {
			return err
		}
		tx.Invalidate(database.Everybody)
		return audit.RecordResource(ctx, tx, actor, "delete", resource, strconv.FormatInt(id, 10), record{Provider: old}, nil)
	})
	return old, err
}

// ofAdmins lets a claim lock the role of admins too, so that of changes after which admins cannot sign in the second is
// judged after the first.
func ofAdmins(ctx context.Context, tx database.Tx, claim identity.Claim) (identity.Claim, error) {
	role, err := identity.AdminRole(ctx, tx)
	claim.Roles, claim.Shared = append(claim.Roles, role), false
	return claim, err
}

// leaveAnAdmin disables or deletes a provider, but not the one without which no admin can sign in. Refusal: Conflict.
func leaveAnAdmin(ctx context.Context, tx database.Tx, field string, change func() error) error {
	return identity.LeaveAnAdmin(ctx, tx, problem.Refuse(problem.Conflict, field, "last_admin",
		"Let an admin sign in by another provider or with a password first: without this one no admin can sign in, "+
			"and a console without an admin cannot be managed."), change)
}
