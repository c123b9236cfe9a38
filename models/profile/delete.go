package profile

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"

	"tollgate/models/audit"
	"tollgate/models/database"
	"tollgate/models/permission"
	"tollgate/models/plural"
	"tollgate/models/problem"
)

// Delete removes a profile with its policy, versions and role attachments; its audit rows stay. Refusals: NotFound,
// Stale, Conflict while a user holds a copy.
func Delete(ctx context.Context, db bun.IDB, actor permission.Actor, id int64, ifVersion *int64) error {
	return database.InTx(ctx, db, func(ctx context.Context, tx database.Tx) error {
		old, err := LockProfile(ctx, tx, id)
		if err != nil {
			return err
		}
		if err := old.Fresh(ifVersion); err != nil {
			return err
		}
		now, err := database.Clock(ctx, tx)
		if err != nil {
			return err
		}
		if err := checkUnheld(ctx, tx, old.Profile); err != nil {
			return err
		}
		roles, err := Roles(ctx, tx, id)
		if err != nil {
			return err
		}
		// One statement after the other: the policy's foreign key is checked when its own statement ends.
		if _, err := tx.NewDelete().Model((*profileRow)(nil)).Where("id = ?", id).Exec(ctx); err != nil {
			return fmt.Errorf("delete access profile %d: %w", id, err)
		}
		if _, err := tx.NewDelete().Table("policies").Where("id = ?", old.policyID).Exec(ctx); err != nil {
			return fmt.Errorf("delete the policy of access profile %d: %w", id, err)
		}
		c := audit.Change{
			ProfileID: &id, Actor: actor.Name, Origin: audit.OriginOf(actor), Action: "delete",
			Previous: old.snapshot, At: now,
		}
		if len(roles) > 0 {
			if err := c.Documents(nil, nil, map[string]any{"detached_roles": roles}); err != nil {
				return err
			}
		}
		return audit.Record(tx, c)
	})
}

// checkUnheld refuses to delete a profile that users hold. Concurrent assignments wait for its lock.
func checkUnheld(ctx context.Context, tx database.Tx, p Profile) error {
	holders, err := CountHolders(ctx, tx, []int64{p.ID})
	if err != nil {
		return err
	}
	if n := holders[p.ID]; n > 0 {
		return problem.Refuse(problem.Conflict, "", "profile_in_use",
			problem.Clip(p.Name)+" cannot be deleted while "+plural.Of(n, "user holds", "users hold")+
				" a copy of it. Detach them first.")
	}
	return nil
}
