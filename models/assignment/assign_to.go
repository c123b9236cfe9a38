package assignment

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"tollgate/models/database"
	"tollgate/models/identity"
	"tollgate/models/permission"
	"tollgate/models/profile"
	"tollgate/models/secret"
	"tollgate/models/virtualkey"
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

// AssignTo gives users, who have no copy of it, a profile until an end, and first keys to those who have none, with
// their audit rows. It returns the keys. The transaction has locked the profile and the users, and checked the actor.
func AssignTo(
	ctx context.Context, tx database.Tx, keys secret.Keys, actor permission.Actor, shown profile.Profile,
	users []identity.Holder, expires *time.Time, now time.Time,
) ([]virtualkey.Key, error) {
	g, err := AssignCopies(ctx, tx, shown, users, Origin{Direct: true, ExpiresAt: expires}, now)
	if err != nil {
		return nil, err
	}
	issued, err := virtualkey.IssueFirstOf(ctx, tx, keys, users, shown.Name, now)
	if err != nil {
		return nil, err
	}
	names := map[string][]string{}
	for _, key := range issued {
		names[key.UserID] = append(names[key.UserID], key.Name)
	}
	return issued, g.record(ctx, tx, actor, shown, func(user string) map[string]any {
		return map[string]any{"source": "direct", "keys": append([]string{}, names[user]...)}
	}, now)
}

// AssignAll assigns a profile and records each copy that was made, and each that no longer ends.
func AssignAll(
	ctx context.Context, tx database.Tx, actor permission.Actor, shown profile.Profile, users []identity.Holder,
	from Origin, about map[string]any, now time.Time,
) (Assigned, error) {
	g, err := AssignCopies(ctx, tx, shown, users, from, now)
	if err != nil {
		return g, err
	}
	return g, g.record(ctx, tx, actor, shown, func(string) map[string]any { return maps.Clone(about) }, now)
}

// record writes the audit rows of the copies; about is the metadata of a user's.
func (g Assigned) record(
	ctx context.Context, tx database.Tx, actor permission.Actor, shown profile.Profile,
	about func(user string) map[string]any, now time.Time,
) error {
	users := slices.AppendSeq(slices.Clone(g.Users), maps.Keys(g.Endless))
	if len(users) == 0 {
		return nil
	}
	copies, err := LoadCopies(ctx, tx, SelectCopies(tx).
		Where("c.access_profile_id = ? AND c.user_id = ANY (?)", shown.ID, pgdialect.Array(users)).Order("c.id"))
	if err != nil {
		return err
	}
	for _, assigned := range copies {
		if end, endless := g.Endless[assigned.UserID]; endless {
			had := map[string]any{"from_role": false, "expires_at": end}
			has := map[string]any{"from_role": true, "expires_at": nil}
			err = RecordCopy(ctx, tx, actor, "update", assigned, now, had, has, about(assigned.UserID))
		} else {
			err = RecordCopy(ctx, tx, actor, "assign", assigned, now, nil, assigned, about(assigned.UserID))
		}
		if err != nil {
			return err
		}
	}
	return nil
}
