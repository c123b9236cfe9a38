package attachment

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/uptrace/bun/dialect/pgdialect"

	"tollgate/models/assignment"
	"tollgate/models/audit"
	"tollgate/models/database"
	"tollgate/models/identity"
	"tollgate/models/permission"
	"tollgate/models/profile"
)

// ChangeRoleOf is ChangeRole for many users at once, in a fixed number of statements for each profile. Of each profile
// one audit row names those who gain it, and one those who lose it.
func ChangeRoleOf(
	ctx context.Context, tx database.Tx, actor permission.Actor, users []identity.Holder, oldRole, newRole int64,
	now time.Time,
) error {
	profiles, err := defaultProfiles(ctx, tx, newRole)
	if err != nil {
		return err
	}
	to := roleRows{tx: tx, actor: actor, role: newRole, now: now}
	// Assign before deleting: users who always have a copy keep their keys.
	for _, id := range profiles {
		shown, err := profile.Get(ctx, tx, id)
		if err != nil {
			return err
		}
		assigned, err := assignment.AssignCopies(ctx, tx, shown, users, assignment.Origin{}, now)
		if err != nil {
			return err
		}
		if err := to.record("assign", id, shown.Name, assigned.Users, nil); err != nil {
			return err
		}
		if err := to.keeps(id, shown.Name, slices.Sorted(maps.Keys(assigned.Endless)), true); err != nil {
			return err
		}
	}
	gone, err := loseRoleCopies(ctx, tx, users,
		"access_profile_id NOT IN (SELECT access_profile_id FROM role_access_profiles WHERE role_id = ?)", newRole)
	if err != nil {
		return err
	}
	return roleRows{tx: tx, actor: actor, role: oldRole, now: now}.lost(ctx, gone)
}

// roleRows writes audit rows of copies that came with a role or come with it now.
type roleRows struct {
	tx    database.Tx
	actor permission.Actor
	role  int64
	now   time.Time
}

// lost writes the rows of copies that were removed, or end now as they were assigned, by profile.
func (r roleRows) lost(ctx context.Context, l lost) error {
	var profiles []struct {
		ID   int64
		Name string
	}
	err := r.tx.NewRaw("SELECT id, name FROM access_profiles WHERE id = ANY (?) ORDER BY id",
		pgdialect.Array(slices.Concat(l.Profiles, l.Ends))).Scan(ctx, &profiles)
	if err != nil {
		return fmt.Errorf("name the profiles that were lost: %w", err)
	}
	for _, p := range profiles {
		users, keys := usersOf(p.ID, l.Profiles, l.Gone), []string{}
		for _, user := range users {
			keys = append(keys, l.Keys.Of(user)...)
		}
		if err := r.record("unassign", p.ID, p.Name, users, map[string]any{"deleted_keys": keys}); err != nil {
			return err
		}
		if err := r.keeps(p.ID, p.Name, usersOf(p.ID, l.Ends, l.EndsFor), false); err != nil {
			return err
		}
	}
	return nil
}

// usersOf are those whose copy is of a profile; profiles has that of each.
func usersOf(profileID int64, profiles []int64, users []string) (of []string) {
	for i, user := range users {
		if profiles[i] == profileID {
			of = append(of, user)
		}
	}
	return of
}

// keeps writes the row of direct copies with an end that come with the role now, or no longer do.
func (r roleRows) keeps(profileID int64, name string, users []string, fromRole bool) error {
	return r.write("update", profileID, name, users, nil,
		map[string]any{"from_role": !fromRole}, map[string]any{"from_role": fromRole})
}

func (r roleRows) record(action string, profileID int64, name string, users []string, more map[string]any) error {
	return r.write(action, profileID, name, users, more, nil, nil)
}

// write writes a row about the copies that users have of a profile, unless there are none.
func (r roleRows) write(
	action string, profileID int64, name string, users []string, more map[string]any, before, after any,
) error {
	if len(users) == 0 {
		return nil
	}
	c := audit.Change{
		ProfileID: &profileID, Actor: r.actor.Name, Origin: audit.OriginOf(r.actor), Action: action, At: r.now,
	}
	if len(users) == 1 {
		c.UserID = &users[0]
	}
	metadata := map[string]any{"access_profile": name, "source": "role", "role_id": r.role, "user_ids": users}
	maps.Copy(metadata, more)
	if err := c.Documents(before, after, metadata); err != nil {
		return err
	}
	return audit.Record(r.tx, c)
}
