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

// TimedGrant is a profile that a user gets until an end, because they need a model.
type TimedGrant struct {
	ProfileID int64
	Model     string // with its provider in front
	Until     time.Time
}

// GiveUntil gives a user a copy of a profile until an end. A direct copy that they have, and that has expired, gets
// this end instead. It issues no key. Refusals: those of Assign and of Change, Conflict when a copy that they have
// would not let them call the model.
func GiveUntil(
	ctx context.Context, db bun.IDB, actor permission.Actor, user string, g TimedGrant,
) (Assignment, error) {
	var given Assignment
	err := database.InTx(ctx, db, func(ctx context.Context, tx database.Tx) error {
		if err := lockProfile(ctx, tx, g.ProfileID); err != nil {
			return err
		}
		users, err := identity.LockAccess(ctx, tx, actor, permission.CreateAccessProfiles, user)
		if err != nil {
			return err
		}
		shown, err := givable(ctx, tx, g.ProfileID)
		if err != nil {
			return err
		}
		now, err := database.Clock(ctx, tx)
		if err != nil {
			return err
		}
		made, err := AssignCopies(ctx, tx, shown, users, Origin{Direct: true, ExpiresAt: &g.Until}, now)
		if err != nil {
			return err
		}
		if given, err = CopyOf(ctx, tx, user, g.ProfileID); err != nil {
			return err
		}
		if len(made.Users) == 0 {
			given, err = extend(ctx, tx, actor, given, g, now)
			return err
		}
		return RecordCopy(ctx, tx, actor, "assign", given, now, nil, given, map[string]any{"source": "direct"})
	})
	return given, err
}

// extend gives a copy that has expired a new end. Refusal: Conflict when that would not let its user call the model.
func extend(
	ctx context.Context, tx database.Tx, actor permission.Actor, held Assignment, g TimedGrant, now time.Time,
) (Assignment, error) {
	if err := g.helps(held, now); err != nil {
		return held, err
	}
	in := CopyInput{ExpiresAt: input.FormValue(g.Until.UTC().Format(time.RFC3339Nano))}
	return Change(ctx, tx, actor, held.UserID, held.ID, in)
}

// helps refuses a copy that a new end does not let its user call the model with, and says what does. A grant resumes no
// copy: an admin has paused it, and it may come with a role or have no end. Refusal: Conflict.
func (g TimedGrant) helps(held Assignment, now time.Time) error {
	const field, code = "access_profile_id", "would_not_help"
	name, lacks := problem.Clip(held.Name), !held.HasModel(g.Model)
	lacking := "their copy lacks " + problem.Clip(g.Model) + ", which " + name + " has now."
	switch {
	case !held.IsActive && lacks:
		return problem.Refuse(problem.Conflict, field, code,
			"Resume their copy of "+name+" and propagate "+name+" to it first: it is paused, and "+lacking)
	case !held.IsActive:
		return problem.Refuse(problem.Conflict, field, code,
			"Resume their copy of "+name+" instead: it is paused, and a grant does not resume it.")
	case lacks && held.Expired(now):
		return problem.Refuse(problem.Conflict, field, code,
			"Give their copy of "+name+" a new end and propagate "+name+" to it first: it has expired, and "+lacking)
	case held.Expired(now) && held.Behind() > 0: // it would come back with what was taken away since
		return problem.Refuse(problem.Conflict, field, code,
			"Give their copy of "+name+" a new end and propagate "+name+" to it first: it has expired, and "+name+
				" has changed since.")
	case lacks:
		return problem.Refuse(problem.Conflict, field, code, "Propagate "+name+" to them first: "+lacking)
	case !held.Expired(now):
		return problem.Refuse(problem.Conflict, field, "already_held", "They hold "+name+" already, and it works.")
	}
	return nil
}
