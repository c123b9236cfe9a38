package assignment

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"tollgate/models/database"
	"tollgate/models/identity"
	"tollgate/models/input"
	"tollgate/models/permission"
	"tollgate/models/problem"
)

// GiveUntil gives a user a copy of a profile until an end. A copy that they have, and that is paused or expired, is
// resumed until then instead. It issues no key. Refusals: those of Assign and of Change.
func GiveUntil(
	ctx context.Context, db bun.IDB, actor permission.Actor, user string, profileID int64, until time.Time,
) (Assignment, error) {
	var given Assignment
	err := database.InTx(ctx, db, func(ctx context.Context, tx database.Tx) error {
		if err := lockProfile(ctx, tx, profileID); err != nil {
			return err
		}
		users, err := identity.LockAccess(ctx, tx, actor, permission.CreateAccessProfiles, user)
		if err != nil {
			return err
		}
		shown, err := givable(ctx, tx, profileID)
		if err != nil {
			return err
		}
		now, err := database.Clock(ctx, tx)
		if err != nil {
			return err
		}
		made, err := AssignCopies(ctx, tx, shown, users, Origin{Direct: true, ExpiresAt: &until}, now)
		if err != nil {
			return err
		}
		if given, err = CopyOf(ctx, tx, user, profileID); err != nil {
			return err
		}
		if len(made.Users) == 0 {
			given, err = resume(ctx, tx, actor, given, until, now)
			return err
		}
		return RecordCopy(ctx, tx, actor, "assign", given, now, nil, given, map[string]any{"source": "direct"})
	})
	return given, err
}

// resume lets a copy work again that is paused or has expired. Refusal: Conflict when it works.
func resume(
	ctx context.Context, tx database.Tx, actor permission.Actor, held Assignment, until, now time.Time,
) (Assignment, error) {
	if held.IsActive && !held.Expired(now) {
		return held, problem.Refuse(problem.Conflict, "access_profile_id", "already_held",
			"They hold "+problem.Clip(held.Name)+" already, and it works.")
	}
	in := CopyInput{IsActive: input.FormValue("true")}
	if !held.FromRole {
		in.ExpiresAt = input.FormValue(until.UTC().Format(timeForm))
	}
	return Change(ctx, tx, actor, held.UserID, held.ID, in)
}
