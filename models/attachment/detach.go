package attachment

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"tollgate/models/assignment"
	"tollgate/models/audit"
	"tollgate/models/database"
	"tollgate/models/identity"
	"tollgate/models/permission"
	"tollgate/models/problem"
	"tollgate/models/profile"
)

// Detached is the outcome of detaching a profile from a role.
type Detached struct {
	Role    string
	Removed int      // users who lost their copy
	Kept    int      // users who also have it directly
	Ended   int      // users who also had it directly, until an end that is past: their copy has expired now
	Keys    []string // names of the keys deleted with last copies
}

// DetachRole detaches a profile from a role. Copies stay, unless removeFromUsers removes those that came from the role.
// Refusals: NotFound, Forbidden for a role that permits more than the actor may do.
func DetachRole(
	ctx context.Context, db bun.IDB, actor permission.Actor, profileID, roleID int64, removeFromUsers bool,
) (Detached, error) {
	var done Detached
	err := database.InTx(ctx, db, func(ctx context.Context, tx database.Tx) error {
		if err := database.AllowLong(ctx, tx); err != nil {
			return err
		}
		shown, err := profile.LockProfile(ctx, tx, profileID)
		if err != nil {
			return err
		}
		auth, role, err := lockDetached(ctx, tx, actor, roleID, removeFromUsers)
		if err != nil {
			return err
		}
		done.Role = role.Name
		removed, err := deleteAttachment(ctx, tx, profileID, roleID)
		if err != nil {
			return err
		}
		now, err := database.Clock(ctx, tx)
		if err != nil {
			return err
		}
		metadata := map[string]any{
			"access_profile": shown.Name, "role_id": roleID, "role": done.Role, "remove_from_users": removeFromUsers,
		}
		if removeFromUsers {
			lost, err := loseRoleCopies(ctx, tx, members(auth, roleID), "access_profile_id = ?", profileID)
			if err != nil {
				return err
			}
			done.Removed, done.Kept, done.Ended = len(lost.Gone), len(lost.Kept), len(lost.Ended)
			for _, names := range lost.Keys {
				done.Keys = append(done.Keys, names...)
			}
			slices.Sort(done.Keys)
			metadata["user_ids"], metadata["still_held_by"], metadata["deleted_keys"] = lost.Gone, lost.Kept, done.Keys
			if done.Ended > 0 {
				metadata["expired_for"] = lost.Ended
			}
		}
		return recordDetached(tx, actor, removed, metadata, now)
	})
	return done, err
}

// recordDetached writes the audit row of a profile that was detached from a role.
func recordDetached(
	tx database.Tx, actor permission.Actor, removed profile.RoleAttachment, metadata map[string]any, now time.Time,
) error {
	c := audit.Change{
		ProfileID: &removed.AccessProfileID, Actor: actor.Name, Origin: audit.OriginOf(actor), Action: "detach_role", At: now,
	}
	if err := c.Documents(removed, nil, metadata); err != nil {
		return err
	}
	return audit.Record(tx, c)
}

// lockDetached locks a role that is to be detached, with its members when they lose their copies. Refusals: NotFound,
// Forbidden.
func lockDetached(
	ctx context.Context, tx database.Tx, actor permission.Actor, roleID int64, removeFromUsers bool,
) (*identity.Authorization, identity.Role, error) {
	auth, err := identity.Claim{
		Needed: permission.DeleteAccessProfiles, Roles: []int64{roleID}, Members: removeFromUsers,
	}.Lock(ctx, tx, actor)
	if err != nil {
		return nil, identity.Role{}, err
	}
	role, there := auth.Roles[roleID]
	if !there {
		return nil, role, problem.Missing("role")
	}
	return auth, role, identity.MayChangeRole(auth.Actor, role)
}

// deleteAttachment removes a profile from a role. Refusal: NotFound when it is not there.
func deleteAttachment(
	ctx context.Context, tx database.Tx, profileID, roleID int64,
) (a profile.RoleAttachment, err error) {
	var removed []profile.RoleAttachment
	err = tx.NewRaw("DELETE FROM role_access_profiles WHERE access_profile_id = ? AND role_id = ? "+
		"RETURNING id, access_profile_id, role_id, is_default",
		profileID, roleID).Scan(ctx, &removed)
	switch {
	case err != nil:
		return a, fmt.Errorf("detach role %d: %w", roleID, err)
	case len(removed) == 0:
		return a, problem.Missing("role at this profile")
	}
	return removed[0], nil
}

// lost is who lost the copies that came with their role.
type lost struct {
	Gone     []string // users whose copy was removed
	Kept     []string // users who also have it directly
	Ended    []string // users who also had it directly, until an end that is past
	Keys     assignment.DeletedKeys
	Profiles []int64  // of the removed copies, in the order of Gone
	Ends     []int64  // profiles of the copies that end as they were assigned directly, also in the future
	EndsFor  []string // users of these, in the order of Ends
}

// hasEnd is the condition of copies c that were assigned directly too, until an end, which does not count while they
// come with a role; hasEnded is that of those whose end is past.
const (
	hasEnd   = "c.direct AND c.expires_at IS NOT NULL"
	hasEnded = hasEnd + " AND c.expires_at <= clock_timestamp()"
)

// loseRoleCopies removes the copies of users that came with their role and match the condition. The transaction has
// locked the users.
func loseRoleCopies(
	ctx context.Context, tx database.Tx, users []identity.Holder, where string, args ...any,
) (lost, error) {
	var l lost
	ids := make([]string, len(users))
	for i, user := range users {
		ids[i] = user.ID
	}
	var rows []struct {
		ID, AccessProfileID int64
		UserID              string
		Direct, Ends, Ended bool
	}
	err := tx.NewSelect().TableExpr("user_access_profiles AS c").Column("id", "access_profile_id", "user_id", "direct").
		ColumnExpr(hasEnd+" AS ends").ColumnExpr(hasEnded+" AS ended").Where("user_id = ANY (?)", pgdialect.Array(ids)).
		Where("from_role").Where(where, args...).Order("id").For("UPDATE").Scan(ctx, &rows)
	if err != nil {
		return l, fmt.Errorf("look up the copies of the role: %w", err)
	}
	var drop, keep []int64
	for _, row := range rows {
		if row.Ends {
			l.Ends, l.EndsFor = append(l.Ends, row.AccessProfileID), append(l.EndsFor, row.UserID)
		}
		switch {
		case row.Ended:
			keep, l.Ended = append(keep, row.ID), append(l.Ended, row.UserID)
		case row.Direct:
			keep, l.Kept = append(keep, row.ID), append(l.Kept, row.UserID)
		default:
			drop, l.Gone, l.Profiles = append(drop, row.ID), append(l.Gone, row.UserID), append(l.Profiles, row.AccessProfileID)
		}
	}
	if len(keep) > 0 {
		if _, err := tx.NewRaw("UPDATE user_access_profiles SET from_role = false WHERE id = ANY (?)", pgdialect.Array(keep)).
			Exec(ctx); err != nil {
			return l, fmt.Errorf("keep the direct assignments: %w", err)
		}
		tx.Invalidate(slices.Concat(l.Kept, l.Ended)...)
	}
	l.Keys, err = assignment.DeleteCopies(ctx, tx, drop)
	return l, err
}
