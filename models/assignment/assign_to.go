package assignment

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"tollgate/models/database"
	"tollgate/models/identity"
	"tollgate/models/permission"
	"tollgate/models/profile"
)

// LockProfileRow locks a profile, which may not exist: it is the first in the order of locks.
func LockProfileRow(ctx context.Context, tx database.Tx, id int64) error {
	return lockProfile(ctx, tx, id)
}

// HoldersAmong are those of the users who have a copy of a profile.
func HoldersAmong(ctx context.Context, db bun.IDB, profileID int64, users []string) (map[string]bool, error) {
	var ids []string
	err := db.NewRaw("SELECT user_id FROM user_access_profiles WHERE access_profile_id = ? AND user_id = ANY (?)",
		profileID, pgdialect.Array(users)).Scan(ctx, &ids)
	if err != nil {
		return nil, fmt.Errorf("look up who has a profile: %w", err)
	}
	holds := make(map[string]bool, len(ids))
	for _, id := range ids {
		holds[id] = true
	}
	return holds, nil
}

// AssignTo gives users copies of a profile until an end, with their audit rows. It issues no keys. The transaction has
// locked the profile and the users, and checked the actor.
func AssignTo(
	ctx context.Context, tx database.Tx, actor permission.Actor, shown profile.Profile, users []identity.Holder,
	expires *time.Time, now time.Time,
) error {
	_, err := AssignAll(ctx, tx, actor, shown, users, Origin{Direct: true, ExpiresAt: expires}, map[string]any{"source": "direct"}, now)
	return err
}

// AssignAll assigns a profile and records each copy that was made.
func AssignAll(
	ctx context.Context, tx database.Tx, actor permission.Actor, shown profile.Profile, users []identity.Holder,
	from Origin, about map[string]any, now time.Time,
) (Assigned, error) {
	g, err := AssignCopies(ctx, tx, shown, users, from, now)
	if err != nil {
		return g, err
	}
	made, err := LoadCopies(ctx, tx, SelectCopies(tx).
		Where("c.access_profile_id = ? AND c.user_id = ANY (?)", shown.ID, pgdialect.Array(g.Users)).Order("c.id"))
	if err != nil {
		return g, err
	}
	for _, assigned := range made {
		metadata := map[string]any{}
		for name, value := range about {
			metadata[name] = value
		}
		if err := RecordCopy(ctx, tx, actor, "assign", assigned, now, nil, assigned, metadata); err != nil {
			return g, err
		}
	}
	return g, nil
}
