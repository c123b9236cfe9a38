package assignment

import (
	"context"
	"errors"
	"slices"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"tollgate/models/database"
	"tollgate/models/identity"
	"tollgate/models/input"
	"tollgate/models/permission"
	"tollgate/models/problem"
	"tollgate/models/profile"
)

// BulkAssignInput is what the list of users sends for the selected ones.
type BulkAssignInput struct {
	input.Row
	IDs             input.List[input.Value] `json:"ids"`
	AccessProfileID input.Value             `json:"access_profile_id"`
}

// BulkAssigned is the outcome of assigning a profile to several users.
type BulkAssigned struct {
	Profile string
	Users   int // who got a copy
	Already int // who had one
	Keyless int // users who got a copy and have no key
}

// AssignMany gives all users named a copy of a profile; those who have one keep it. Refusals: Invalid, NotFound when a
// user or the profile no longer exists, Forbidden when one may do more than the actor, Conflict when the profile is
// inactive.
func AssignMany(
	ctx context.Context, db bun.IDB, actor permission.Actor, in BulkAssignInput,
) (BulkAssigned, error) {
	c := &input.Reader{}
	ids := input.Ticked(c, in.IDs, "user")
	if in.AccessProfileID.Kind == input.Absent {
		c.Add("access_profile_id", "required", "Choose an access profile.")
	}
	profileID, _ := c.Int("access_profile_id", in.AccessProfileID, "the access profile's id", 1, input.MaxCount)
	var done BulkAssigned
	if err := problem.InvalidInput(c.Problems); err != nil {
		return done, err
	}
	err := database.InTx(ctx, db, func(ctx context.Context, tx database.Tx) error {
		if err := lockProfile(ctx, tx, profileID); err != nil {
			return err
		}
		users, err := lockUsers(ctx, tx, actor, permission.CreateAccessProfiles, ids)
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
		g, err := AssignAll(ctx, tx, actor, shown, users, Origin{Direct: true}, map[string]any{"source": "direct"}, now)
		if err != nil {
			return err
		}
		done = BulkAssigned{Profile: shown.Name, Users: len(g.Users), Already: len(users) - len(g.Users)}
		if done.Keyless, err = CountKeyless(ctx, tx, g.Users); err != nil {
			return err
		}
		return nil
	})
	return done, err
}

// lockUsers locks the users selected in a list. Refusals: NotFound when one no longer exists, Forbidden when one may do
// more than the actor.
func lockUsers(
	ctx context.Context, tx database.Tx, actor permission.Actor, needed permission.Permission, ids []string,
) ([]identity.Holder, error) {
	users, err := identity.LockAccess(ctx, tx, actor, needed, ids...)
	if refusal := (*problem.Refusal)(nil); errors.As(err, &refusal) && refusal.Reason == problem.NotFound {
		return nil, problem.Missing("user any more; reload the list")
	}
	return users, err
}

// BulkDetachInput is what the list of holders sends for the selected ones.
type BulkDetachInput struct {
	input.Row
	IDs       input.List[input.Value] `json:"ids"` // of users
	Confirmed input.Value             `json:"confirmed"`
}

// Chosen returns the copies of a profile that the selected users have. Refusals: Invalid, NotFound.
func (in BulkDetachInput) Chosen(ctx context.Context, db bun.IDB, profileID int64) ([]Assignment, error) {
	c := &input.Reader{}
	ids := input.Ticked(c, in.IDs, "holder")
	if err := problem.InvalidInput(c.Problems); err != nil {
		return nil, err
	}
	if _, err := profile.Get(ctx, db, profileID); err != nil {
		return nil, err
	}
	return LoadCopies(
		ctx, db,
		SelectCopies(db).
			Where("c.access_profile_id = ? AND c.user_id = ANY (?)", profileID, pgdialect.Array(identity.Existing(ids))).
			OrderExpr("lower(u.name), u.email_key"),
	)
}

// DetachMany removes the copy of a profile from all selected users and skips those who no longer have one. It returns
// how many were removed. Refusals: Invalid, NotFound, Forbidden when one may do more than the actor.
func DetachMany(
	ctx context.Context, db bun.IDB, actor permission.Actor, profileID int64, in BulkDetachInput,
) (int, error) {
	var n int
	err := database.InTx(ctx, db, func(ctx context.Context, tx database.Tx) error {
		chosen, err := in.Chosen(ctx, tx, profileID)
		if err != nil {
			return err
		}
		users := make([]string, len(chosen))
		for i, assigned := range chosen {
			users[i] = assigned.UserID
		}
		slices.Sort(users)
		if _, err := lockUsers(ctx, tx, actor, permission.DeleteAccessProfiles, users); err != nil {
			return err
		}
		if err := LockCopies(
			ctx, tx, "access_profile_id = ? AND user_id = ANY (?)", profileID, pgdialect.Array(users),
		); err != nil {
			return err
		}
		// Copies read before the lock may have changed since.
		if chosen, err = in.Chosen(ctx, tx, profileID); err != nil {
			return err
		}
		ids := make([]int64, len(chosen))
		for i, assigned := range chosen {
			ids[i] = assigned.ID
		}
		keys, err := DeleteCopies(ctx, tx, ids)
		if err != nil {
			return err
		}
		now, err := database.Clock(ctx, tx)
		if err != nil {
			return err
		}
		for _, assigned := range chosen {
			err := RecordCopy(
				ctx, tx, actor, "unassign", assigned, now, assigned, nil,
				map[string]any{"source": assigned.Source, "deleted_keys": keys.Of(assigned.UserID)},
			)
			if err != nil {
				return err
			}
		}
		n = len(chosen)
		return nil
	})
	return n, err
}
