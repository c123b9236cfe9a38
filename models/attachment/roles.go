package attachment

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun/dialect/pgdialect"

	"tollgate/models/assignment"
	"tollgate/models/database"
	"tollgate/models/identity"
	"tollgate/models/profile"
)

// Swapped is what users gained and lost by another role, by the names of profiles.
type Swapped struct {
	Gained, Lost []string
	Expired      []string // that were assigned to them directly too, until an end that is past
	Endless      []string // that were assigned to them directly, until an end that does not count by this role
	Keys         []string // deleted with last copies
}

// ChangeRoleOf is ChangeRole for many users at once, in a fixed number of statements for each profile. The caller
// records it in one audit row.
func ChangeRoleOf(
	ctx context.Context, tx database.Tx, users []identity.Holder, newRole int64, now time.Time,
) (Swapped, error) {
	var s Swapped
	profiles, err := defaultProfiles(ctx, tx, newRole)
	if err != nil {
		return s, err
	}
	// Assign before deleting: users who always have a copy keep their keys.
	for _, id := range profiles {
		shown, err := profile.Get(ctx, tx, id)
		if err != nil {
			return s, err
		}
		assigned, err := assignment.AssignCopies(ctx, tx, shown, users, assignment.Origin{}, now)
		if err != nil {
			return s, err
		}
		if len(assigned.Users) > 0 {
			s.Gained = append(s.Gained, shown.Name)
		}
		if len(assigned.Endless) > 0 {
			s.Endless = append(s.Endless, shown.Name)
		}
	}
	gone, err := loseRoleCopies(ctx, tx, users,
		"access_profile_id NOT IN (SELECT access_profile_id FROM role_access_profiles WHERE role_id = ?)", newRole)
	if err != nil {
		return s, err
	}
	for _, key := range gone.Keys {
		s.Keys = append(s.Keys, key.Name)
	}
	if s.Lost, err = namesOf(ctx, tx, gone.Profiles); err != nil || len(gone.Expired) == 0 {
		return s, err
	}
	s.Expired, err = namesOf(ctx, tx, gone.Expired)
	return s, err
}

// namesOf returns the names of profiles, in their order.
func namesOf(ctx context.Context, tx database.Tx, profiles []int64) (names []string, err error) {
	err = tx.NewRaw("SELECT name FROM access_profiles WHERE id = ANY (?) ORDER BY name_key", pgdialect.Array(profiles)).
		Scan(ctx, &names)
	if err != nil {
		return nil, fmt.Errorf("name the profiles that were lost: %w", err)
	}
	return names, nil
}
