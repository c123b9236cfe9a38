package assignment

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun/dialect/pgdialect"

	"tollgate/models/database"
	"tollgate/models/fieldgroup"
	"tollgate/models/identity"
	"tollgate/models/policy"
	"tollgate/models/problem"
	"tollgate/models/profile"
	"tollgate/models/virtualkey"
)

// Origin says where copies come from: a direct assignment, which may end, or a role.
type Origin struct {
	Direct    bool
	ExpiresAt *time.Time
}

// Assigned is the outcome of assigning a profile.
type Assigned struct {
	Users    []string // who got a copy
	Existing []string // who had a direct copy, which now comes from the role too

	// Endless are those of Existing whose copy had an end, with the end: it does not count while the role gives the copy.
	Endless map[string]time.Time
}

const copiesAtOnce = 1000

// AssignCopies gives each of the users named a copy of the profile, unless they have one, in a fixed number of
// statements for each thousand. It issues no keys. The transaction has locked the users.
func AssignCopies(
	ctx context.Context, tx database.Tx, shown profile.Profile, users []identity.Holder, from Origin, now time.Time,
) (Assigned, error) {
	var g Assigned
	for len(users) > 0 {
		if err := discardPlans(ctx, tx, len(users)); err != nil {
			return g, err
		}
		part := users[:min(copiesAtOnce, len(users))]
		users = users[len(part):]
		if err := g.some(ctx, tx, shown, part, from, now); err != nil {
			return g, fmt.Errorf("assign access profile %d: %w", shown.ID, err)
		}
	}
	return g, nil
}

// discardPlans has the server plan its foreign key checks anew before tables grow much: a plan made for small tables
// scans the whole table for each row.
func discardPlans(ctx context.Context, tx database.Tx, copies int) error {
	const many = 100
	if copies < many {
		return nil
	}
	if _, err := tx.ExecContext(ctx, "DISCARD PLANS"); err != nil {
		return fmt.Errorf("discard plans: %w", err)
	}
	return nil
}

func (g *Assigned) some(
	ctx context.Context, tx database.Tx, shown profile.Profile, users []identity.Holder, from Origin, now time.Time,
) error {
	ids := make([]string, len(users))
	for i, user := range users {
		ids[i] = user.ID
	}
	var touched []string
	if !from.Direct {
		var err error
		if touched, err = g.keep(ctx, tx, shown.ID, ids); err != nil {
			return err
		}
	}
	made, err := insertCopies(ctx, tx, shown, ids, from, now)
	if err != nil {
		return err
	}
	policies := make([]int64, len(made))
	for i, m := range made {
		policies[i] = m.PolicyID
		touched = append(touched, m.UserID)
		g.Users = append(g.Users, m.UserID)
	}
	tx.Invalidate(touched...)
	if len(made) == 0 {
		return nil
	}
	return fieldgroup.Sync(
		ctx, tx, policies, policy.Policy{Calendar: shown.Calendar}, shown.Policy, fieldgroup.Names, now,
	)
}

// keep notes that the direct copies of a profile that users have come from their role too. It returns who they are.
func (g *Assigned) keep(ctx context.Context, tx database.Tx, profileID int64, users []string) ([]string, error) {
	var existing []struct {
		UserID    string
		ExpiresAt *time.Time
	}
	err := tx.NewRaw(`UPDATE user_access_profiles SET from_role = true
WHERE access_profile_id = ? AND user_id = ANY (?) AND NOT from_role RETURNING user_id, expires_at`,
		profileID, pgdialect.Array(users)).Scan(ctx, &existing)
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(existing))
	for i, row := range existing {
		if ids[i] = row.UserID; row.ExpiresAt != nil {
			if g.Endless == nil {
				g.Endless = map[string]time.Time{}
			}
			g.Endless[row.UserID] = row.ExpiresAt.UTC()
		}
	}
	g.Existing = append(g.Existing, ids...)
	return ids, nil
}

type madeCopy struct {
	UserID   string
	PolicyID int64
}

// insertCopies inserts empty copies for users who have none.
func insertCopies(
	ctx context.Context, tx database.Tx, shown profile.Profile, users []string, from Origin, now time.Time,
) ([]madeCopy, error) {
	versions := make([]int64, len(fieldgroup.Names))
	for i := range versions {
		versions[i] = shown.Version
	}
	var made []madeCopy
	err := tx.NewRaw(
		`
WITH wanted AS (
    SELECT u AS user_id, nextval(pg_get_serial_sequence('policies', 'id')) AS policy_id FROM unnest(?0::text[]) AS u
    WHERE NOT EXISTS (SELECT FROM user_access_profiles AS c WHERE c.user_id = u AND c.access_profile_id = ?1)
), made AS (
    INSERT INTO policies (id, calendar_aligned, time_zone) SELECT policy_id, ?2, ?8 FROM wanted RETURNING id
)
INSERT INTO user_access_profiles
    (user_id, access_profile_id, policy_id, direct, from_role, expires_at, group_versions, template_version,
        assigned_at)
SELECT user_id, ?1, made.id, ?3, NOT ?3, ?4, ?5, ?6, ?7 FROM wanted JOIN made ON made.id = wanted.policy_id
    ORDER BY user_id
RETURNING user_id, policy_id`,
		pgdialect.Array(users),
		shown.ID, shown.CalendarAligned, from.Direct, from.ExpiresAt, pgdialect.Array(versions), shown.Version, now,
		shown.TimeZone,
	).Scan(ctx, &made)
	if problem.Violates(err, "user_access_profiles_unknown_profile") {
		return nil, fmt.Errorf("%w: %w", database.ErrAgain, err) // deleted since it was read
	}
	return made, err
}

// LockCopies locks the copies that match, in the order of their ids like every change of copies.
func LockCopies(ctx context.Context, tx database.Tx, where string, args ...any) error {
	if _, err := tx.NewSelect().
		Table("user_access_profiles").
		Column("id").Where(where, args...).Order("id").
		For("UPDATE").Exec(ctx); err != nil {
		return fmt.Errorf("lock copies: %w", err)
	}
	return nil
}

// DeletedKeys are the names of keys deleted with the last copy of their user, by user.
type DeletedKeys map[string][]string

// Of returns the names of one user's keys.
func (d DeletedKeys) Of(user string) []string { return append([]string{}, d[user]...) }

// DeleteCopies deletes the copies with their policies, and the keys of users who have no copy left, which it returns.
// The transaction has locked the users.
func DeleteCopies(ctx context.Context, tx database.Tx, copies []int64) (keys DeletedKeys, err error) {
	if len(copies) == 0 {
		return keys, nil
	}
	if err := LockCopies(ctx, tx, "id = ANY (?)", pgdialect.Array(copies)); err != nil {
		return keys, err
	}
	var users []string
	err = tx.NewRaw("SELECT DISTINCT user_id FROM user_access_profiles WHERE id = ANY (?)", pgdialect.Array(copies)).
		Scan(ctx, &users)
	if err != nil {
		return keys, fmt.Errorf("look up holders: %w", err)
	}
	_, err = tx.NewRaw("DELETE FROM policies WHERE id IN (SELECT policy_id FROM user_access_profiles WHERE id = ANY (?))",
		pgdialect.Array(copies)).
		Exec(ctx)
	if err != nil {
		return keys, fmt.Errorf("remove copies: %w", err)
	}
	var rows []struct{ UserID, Name string }
	err = tx.NewRaw(`
WITH gone AS (
    DELETE FROM virtual_keys AS k WHERE k.user_id = ANY (?) AND NOT EXISTS (SELECT FROM user_access_profiles AS c
        WHERE c.user_id = k.user_id)
    RETURNING k.id, k.user_id, k.name, k.key_hash, k.previous_hash
), retired AS (`+virtualkey.RetireGone+`)
SELECT user_id, name FROM gone ORDER BY name`, pgdialect.Array(users)).Scan(ctx, &rows)
	if err != nil {
		return keys, fmt.Errorf("remove the keys of users without copies: %w", err)
	}
	keys = DeletedKeys{}
	for _, row := range rows {
		keys[row.UserID] = append(keys[row.UserID], row.Name)
	}
	tx.Invalidate(users...)
	return keys, nil
}

// lockProfile locks a profile, which may not exist, so that it is not deleted until the transaction ends.
func lockProfile(ctx context.Context, tx database.Tx, id int64) error {
	if _, err := tx.NewRaw("SELECT FROM access_profiles WHERE id = ? FOR KEY SHARE", id).Exec(ctx); err != nil {
		return fmt.Errorf("lock access profile %d: %w", id, err)
	}
	return nil
}
