package assignment

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"tollgate/models/audit"
	"tollgate/models/database"
	"tollgate/models/identity"
	"tollgate/models/input"
	"tollgate/models/permission"
	"tollgate/models/problem"
	"tollgate/models/profile"
	"tollgate/models/secret"
	"tollgate/models/virtualkey"
)

// AssignInput is what a client may send to assign a profile to a user.
type AssignInput struct {
	input.Row
	AccessProfileID input.Value `json:"access_profile_id"`
	ExpiresAt       input.Value `json:"expires_at"`
}

func (in AssignInput) check(now time.Time) (profileID int64, expires *time.Time, problems problem.Problems) {
	c := &input.Reader{}
	switch in.AccessProfileID.Kind {
	case input.Absent:
		c.Add("access_profile_id", "required", "Choose an access profile.")
	case input.Null:
		c.Add("access_profile_id", "null_not_allowed", "Choose an access profile instead of null.")
	}
	profileID, _ = c.Int("access_profile_id", in.AccessProfileID, "the access profile's id", 1, input.MaxCount)
	if in.ExpiresAt.Kind != input.Absent {
		expires = c.Expiry("expires_at", in.ExpiresAt, nil, now)
	}
	return profileID, expires, c.Problems
}

// Assign gives a user a copy of a profile, and a key when they have none. Its value is returned only here; the key is
// nil when they had one already.
// Refusals: NotFound for the user or the profile, Forbidden for a user who may do more than the actor, Invalid,
// Conflict when they have it already or when the profile is inactive.
func Assign(
	ctx context.Context, db bun.IDB, keys secret.Keys, actor permission.Actor, user string, in AssignInput,
) (Assignment, *virtualkey.Key, error) {
	var assigned Assignment
	var key *virtualkey.Key
	err := database.InTx(ctx, db, func(ctx context.Context, tx database.Tx) error {
		// The profile comes first in the order of locks.
		if err := LockProfile(ctx, tx, in.AccessProfileID); err != nil {
			return err
		}
		users, err := identity.LockAccess(ctx, tx, actor, permission.CreateAccessProfiles, user)
		if err != nil {
			return err
		}
		now, err := database.Clock(ctx, tx)
		if err != nil {
			return err
		}
		profileID, expires, problems := in.check(now)
		if err := problem.InvalidInput(problems); err != nil {
			return err
		}
		shown, err := givable(ctx, tx, profileID)
		if err != nil {
			return err
		}
		g, err := AssignCopies(ctx, tx, shown, users, Origin{Direct: true, ExpiresAt: expires}, now)
		if err != nil {
			return err
		}
		if len(g.Users) == 0 {
			return problem.Refuse(
				problem.Conflict, "access_profile_id", "already_held",
				"They hold "+problem.Clip(shown.Name)+" already; a user has at most one copy of a profile.",
			)
		}
		if key, err = virtualkey.IssueFirst(ctx, tx, keys, users[0], shown.Name, now); err != nil {
			return err
		}
		if assigned, err = CopyOf(ctx, tx, user, profileID); err != nil {
			return err
		}
		return RecordCopy(
			ctx, tx, actor, "assign", assigned, now, nil, assigned, map[string]any{"source": "direct", "keys": keyNames(key)},
		)
	})
	return assigned, key, err
}

// givable reads a profile that is to be assigned. Refusals: NotFound, Conflict when it is archived.
func givable(ctx context.Context, db bun.IDB, id int64) (profile.Profile, error) {
	shown, err := profile.Get(ctx, db, id)
	if err == nil && !shown.IsActive {
		err = Inactive("access_profile_id", shown)
	}
	return shown, err
}

// Inactive refuses to assign a profile that is archived.
func Inactive(field string, shown profile.Profile) error {
	return problem.Refuse(
		problem.Conflict, field, "profile_inactive",
		"Unarchive "+problem.Clip(shown.Name)+" first: an archived profile cannot be assigned.",
	)
}

// lockCopy locks a user and then one of their copies. Refusals: NotFound, Forbidden as of identity.LockAccess.
func lockCopy(
	ctx context.Context, tx database.Tx, actor permission.Actor, needed permission.Permission, user string, id int64,
) error {
	if _, err := identity.LockAccess(ctx, tx, actor, needed, user); err != nil {
		return err
	}
	var locked int64
	err := tx.NewRaw("SELECT id FROM user_access_profiles WHERE id = ? AND user_id = ? FOR UPDATE", id, user).
		Scan(ctx, &locked)
	if err != nil {
		return problem.NotFoundOr(err, "access profile of this user")
	}
	return nil
}

// CopyOf returns a user's copy of a profile.
func CopyOf(ctx context.Context, tx database.Tx, user string, profileID int64) (Assignment, error) {
	copies, err := LoadCopies(
		ctx, tx, SelectCopies(tx).Where("c.user_id = ? AND c.access_profile_id = ?", user, profileID),
	)
	if err != nil {
		return Assignment{}, err
	}
	if len(copies) == 0 {
		return Assignment{}, problem.Missing("access profile of this user")
	}
	return copies[0], nil
}

func keyNames(issued *virtualkey.Key) []string {
	if issued == nil {
		return []string{}
	}
	return []string{issued.Name}
}

// DetachedCopy is what a detachment removed.
type DetachedCopy struct {
	Name string   // of the profile
	Keys []string // names of the keys deleted with the last copy
}

// Detach removes a copy from a user, from either source, and their keys when it was the last one. Refusals:
// NotFound, Forbidden.
func Detach(ctx context.Context, db bun.IDB, actor permission.Actor, user string, id int64) (DetachedCopy, error) {
	var gone DetachedCopy
	err := database.InTx(ctx, db, func(ctx context.Context, tx database.Tx) error {
		if err := lockCopy(ctx, tx, actor, permission.DeleteAccessProfiles, user, id); err != nil {
			return err
		}
		assigned, err := Get(ctx, tx, user, id)
		if err != nil {
			return err
		}
		keys, err := DeleteCopies(ctx, tx, []int64{id})
		if err != nil {
			return err
		}
		gone = DetachedCopy{Name: assigned.Name, Keys: keys.Of(user)}
		now, err := database.Clock(ctx, tx)
		if err != nil {
			return err
		}
		return RecordCopy(
			ctx, tx, actor, "unassign", assigned, now, assigned, nil, map[string]any{"source": assigned.Source, "deleted_keys": gone.Keys},
		)
	})
	return gone, err
}

// RecordCopy writes the audit row of a change to a user's copy.
func RecordCopy(
	ctx context.Context, tx database.Tx, actor permission.Actor, action string, of Assignment, now time.Time,
	previous, current any, metadata map[string]any,
) error {
	if metadata == nil {
		metadata = map[string]any{}
	}
	metadata["copy_id"], metadata["access_profile"] = of.ID, of.Name
	c := audit.Change{
		ProfileID: &of.ParentProfileID,
		UserID:    &of.UserID,
		Actor:     actor.Name,
		Origin:    audit.OriginOf(actor),
		Action:    action,
		At:        now,
	}
	if err := c.Documents(previous, current, metadata); err != nil {
		return err
	}
	return audit.Record(tx, c)
}

// LockProfile locks the profile that an input names, if it names one, so that it is not deleted until the transaction
// ends.
func LockProfile(ctx context.Context, tx database.Tx, v input.Value) error {
	id, ok := (&input.Reader{}).Int("", v, "", 1, input.MaxCount)
	if !ok {
		return nil
	}
	return lockProfile(ctx, tx, id)
}
