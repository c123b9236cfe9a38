package account

import (
	"context"
	"fmt"
	"slices"

	"github.com/uptrace/bun"

	"tollgate/models/audit"
	"tollgate/models/database"
	"tollgate/models/identity"
	"tollgate/models/input"
	"tollgate/models/permission"
	"tollgate/models/problem"
	"tollgate/models/session"
)

// TickedInput is what the list of users sends for the selected ones.
type TickedInput struct {
	input.Row
	IDs       input.List[input.Value] `json:"ids"`
	Confirmed input.Value             `form:"confirmed"`
	// The list has one form for all that can be done; what only assigning needs comes along.
	AccessProfileID input.Value `form:"access_profile_id"`
}

// Users are the ids of the users that were ticked. Refusal: Invalid.
func (in TickedInput) Users() ([]string, error) {
	c := &input.Reader{}
	ids := input.Ticked(c, in.IDs, "user")
	return ids, problem.InvalidInput(c.Problems)
}

// Deactivate keeps users out: their sessions end, and their password, their virtual keys and the API keys they made are
// refused, on this console at once and on every other within a second. Copies, counters and keys stay, and what they
// used before is still charged. It returns those who were active. Refusals: NotFound, Forbidden for a user who may do
// more than the actor, Conflict for the actor and for the last admin.
func Deactivate(ctx context.Context, db bun.IDB, actor permission.Actor, ids ...string) ([]identity.User, error) {
	return changeState(ctx, db, actor, ids, "deactivate", func(
		ctx context.Context, tx database.Tx, u identity.User,
	) error {
		if err := MayDeactivate(ctx, tx, actor, u); err != nil {
			return err
		}
		_, err := tx.NewRaw("UPDATE users "+
			"SET deactivated_at = clock_timestamp(), updated_at = clock_timestamp() WHERE id = ?",
			u.ID).Exec(ctx)
		if err != nil {
			return fmt.Errorf("deactivate user: %w", err)
		}
		return session.End(ctx, tx, u.ID)
	})
}

// MayDeactivate refuses to deactivate the actor, a break-glass admin and the last admin. Refusal: Conflict.
func MayDeactivate(ctx context.Context, db bun.IDB, actor permission.Actor, u identity.User) error {
	if u.ID == actor.UserID {
		return problem.Refuse(problem.Conflict, "", "own_account",
			"Ask another admin: you cannot deactivate your own account.")
	}
	if err := u.KeepBreakGlass(actor, ""); err != nil {
		return err
	}
	return keepAnAdmin(ctx, db, u)
}

// Activate lets deactivated users back in; everything of theirs is as it was. It returns those who were deactivated.
// Refusals: NotFound, Forbidden for a user who may do more than the actor.
func Activate(ctx context.Context, db bun.IDB, actor permission.Actor, ids ...string) ([]identity.User, error) {
	return changeState(ctx, db, actor, ids, "activate", func(ctx context.Context, tx database.Tx, u identity.User) error {
		_, err := tx.NewRaw("UPDATE users "+
			"SET deactivated_at = NULL, left_at = NULL, updated_at = clock_timestamp() WHERE id = ?",
			u.ID).Exec(ctx)
		if err != nil {
			return fmt.Errorf("activate user: %w", err)
		}
		return nil
	})
}

// changeState activates or deactivates those of the users who are in the other state, all or none.
func changeState(
	ctx context.Context, db bun.IDB, actor permission.Actor, ids []string, action string,
	change func(context.Context, database.Tx, identity.User) error,
) (changed []identity.User, err error) {
	ids = slices.Compact(slices.Sorted(slices.Values(ids)))
	err = database.InTx(ctx, db, func(ctx context.Context, tx database.Tx) error {
		changed = nil
		auth, err := identity.Lock(ctx, tx, actor, permission.UpdateUsers, ids, nil)
		if err != nil {
			return err
		}
		for _, id := range ids {
			old, err := identity.GetUser(ctx, tx, id)
			if err != nil {
				return err
			}
			if err := auth.MayActOn(id); err != nil {
				return err
			}
			if (old.DeactivatedAt != nil) == (action == "deactivate") {
				continue
			}
			if err := change(ctx, tx, old); err != nil {
				return err
			}
			if err := noteState(ctx, tx, old); err != nil {
				return err
			}
			u, err := identity.GetUser(ctx, tx, id)
			if err != nil {
				return err
			}
			changed = append(changed, u)
			tx.Invalidate(id)
			tx.InvalidateActors()
			err = audit.RecordResource(ctx, tx, actor, action, "user", id, userRecord{User: old}, userRecord{User: u})
			if err != nil {
				return err
			}
		}
		return nil
	})
	return changed, err
}

// noteState makes a version of a user of a directory, which shows the state too.
func noteState(ctx context.Context, tx database.Tx, u identity.User) error {
	if u.ConnectionID == nil {
		return nil
	}
	_, err := tx.NewRaw("UPDATE scim_users SET version = version + 1, updated_at = clock_timestamp() WHERE user_id = ?", u.ID).
		Exec(ctx)
	if err != nil {
		return fmt.Errorf("make a version of user %s of a directory: %w", u.ID, err)
	}
	return nil
}
