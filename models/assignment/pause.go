package assignment

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"tollgate/models/audit"
	"tollgate/models/database"
	"tollgate/models/identity"
	"tollgate/models/permission"
	"tollgate/models/profile"
)

// Pausable says what pausing or resuming all copies of a profile would hit.
type Pausable struct {
	Active   int64    // copies that pausing pauses
	Together int64    // paused together; resuming the profile resumes them
	Alone    int64    // paused one by one; they stay paused
	Holders  []Holder // some of the affected holders, by name
}

// Holder is a user who holds a copy.
type Holder struct{ ID, Name, Email string }

// mostNamed is how many affected holders are named.
const mostNamed = 25

// hitBy is the condition of the copies that pausing or resuming hits.
func hitBy(pause bool) string {
	if pause {
		return "c.is_active"
	}
	return "NOT c.is_active AND c.paused_together"
}

// CountPausable says what pausing all copies of a profile would hit, or resuming them.
func CountPausable(ctx context.Context, db bun.IDB, profileID int64, pause bool) (Pausable, error) {
	var p Pausable
	err := db.NewRaw(`
SELECT count(*) FILTER (WHERE is_active), count(*) FILTER (WHERE NOT is_active AND paused_together),
    count(*) FILTER (WHERE NOT is_active AND NOT paused_together)
FROM user_access_profiles WHERE access_profile_id = ?`, profileID).Scan(ctx, &p.Active, &p.Together, &p.Alone)
	if err != nil {
		return p, fmt.Errorf("count copies: %w", err)
	}
	err = db.NewSelect().TableExpr("user_access_profiles AS c").Join("JOIN users AS u ON u.id = c.user_id").
		Column("u.id", "u.name", "u.email").Where("c.access_profile_id = ?", profileID).Where(hitBy(pause)).
		OrderExpr("lower(u.name), u.email_key").Limit(mostNamed).Scan(ctx, &p.Holders)
	if err != nil {
		return p, fmt.Errorf("name holders: %w", err)
	}
	return p, nil
}

// Paused is the outcome of pausing or resuming all copies of a profile.
type Paused struct {
	Users   []string `json:"user_ids"`
	Skipped int64    `json:"skipped_users"` // their copies were paused one by one
}

// PauseAll pauses every copy of a profile that is active, or resumes those that were paused so. Keys, usage and
// versions stay as they are. Refusals: NotFound, Forbidden when a holder may do more than the actor.
func PauseAll(ctx context.Context, db bun.IDB, actor permission.Actor, profileID int64, pause bool) (Paused, error) {
	done := Paused{Users: []string{}}
	err := database.InTx(ctx, db, func(ctx context.Context, tx database.Tx) error {
		if err := database.AllowLong(ctx, tx); err != nil {
			return err
		}
		shown, err := profile.LockProfile(ctx, tx, profileID)
		if err != nil {
			return err
		}
		var users []string
		err = tx.NewRaw("SELECT c.user_id FROM user_access_profiles AS c WHERE c.access_profile_id = ? AND "+hitBy(pause)+
			" ORDER BY c.user_id", profileID).Scan(ctx, &users)
		if err != nil {
			return fmt.Errorf("look up holders: %w", err)
		}
		if _, err := identity.LockAccess(ctx, tx, actor, permission.UpdateAccessProfiles, users...); err != nil {
			return err
		}
		if err := LockCopies(
			ctx, tx, "access_profile_id = ? AND user_id = ANY (?)", profileID, pgdialect.Array(users),
		); err != nil {
			return err
		}
		err = tx.NewRaw("UPDATE user_access_profiles AS c SET is_active = ?0, paused_together = NOT ?0 "+
			"WHERE c.access_profile_id = ?1 AND c.user_id = ANY (?2) AND "+hitBy(pause)+" RETURNING c.user_id",
			!pause, profileID, pgdialect.Array(users)).Scan(ctx, &done.Users)
		if err != nil {
			return fmt.Errorf("pause copies: %w", err)
		}
		tx.Invalidate(done.Users...)
		return recordPaused(ctx, tx, actor, shown.Profile, pause, &done)
	})
	return done, err
}

// recordPaused counts the copies that are left out, and writes the audit row, unless nothing changed.
func recordPaused(
	ctx context.Context, tx database.Tx, actor permission.Actor, shown profile.Profile, pause bool, done *Paused,
) error {
	err := tx.NewRaw("SELECT count(*) FROM user_access_profiles WHERE access_profile_id = ? AND NOT is_active "+
		"AND NOT paused_together", shown.ID).Scan(ctx, &done.Skipped)
	if err != nil {
		return fmt.Errorf("count paused copies: %w", err)
	}
	if len(done.Users) == 0 {
		return nil
	}
	now, err := database.Clock(ctx, tx)
	if err != nil {
		return err
	}
	c := audit.Change{ProfileID: &shown.ID, Actor: actor.Name, Origin: audit.OriginOf(actor), Action: "resume", At: now}
	if pause {
		c.Action = "pause"
	}
	metadata := map[string]any{
		"access_profile": shown.Name, "user_ids": done.Users, "paused_before": done.Skipped,
	}
	if err := c.Documents(nil, nil, metadata); err != nil {
		return err
	}
	return audit.Record(tx, c)
}
