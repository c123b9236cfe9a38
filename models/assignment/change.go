package assignment

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/uptrace/bun"

	"tollgate/models/database"
	"tollgate/models/input"
	"tollgate/models/permission"
	"tollgate/models/problem"
)

// CopyInput is what a client may change of a copy itself.
type CopyInput struct {
	input.Row
	IsActive  input.Value `json:"is_active"`
	ExpiresAt input.Value `json:"expires_at"`
	Version   input.Value `form:"version"`
}

// Change pauses a copy, resumes it, or changes when it ends. Refusals: NotFound, Forbidden, those of input.Fresh,
// Invalid, Conflict for the end of one that comes with a role.
func Change(
	ctx context.Context, db bun.IDB, actor permission.Actor, user string, id int64, in CopyInput,
) (Assignment, error) {
	var changed Assignment
	err := database.InTx(ctx, db, func(ctx context.Context, tx database.Tx) error {
		if err := lockCopy(ctx, tx, actor, permission.UpdateAccessProfiles, user, id); err != nil {
			return err
		}
		old, err := Get(ctx, tx, user, id)
		if err != nil {
			return err
		}
		if err := input.Fresh(in.Version, old.version()); err != nil {
			return err
		}
		now, err := database.Clock(ctx, tx)
		if err != nil {
			return err
		}
		if changed, err = in.apply(old, now); err != nil {
			return err
		}
		sameEnd := equalTimes(changed.ExpiresAt, old.ExpiresAt)
		if sameEnd && changed.IsActive == old.IsActive {
			return nil
		}
		// A copy that was paused with its profile is resumed with it, unless it is paused or resumed on its own.
		_, err = tx.NewRaw("UPDATE user_access_profiles SET is_active = ?0, paused_together = paused_together "+
			"AND is_active = ?0, expires_at = CASE WHEN ?1 THEN expires_at ELSE ?2 END WHERE id = ?3",
			changed.IsActive, sameEnd, changed.ExpiresAt, id).Exec(ctx)
		if err != nil {
			return fmt.Errorf("change copy %d: %w", id, err)
		}
		tx.Invalidate(user)
		action := "update"
		if changed.IsActive != old.IsActive {
			action = map[bool]string{true: "activate", false: "deactivate"}[changed.IsActive]
		}
		return RecordCopy(ctx, tx, actor, action, old, now, copyState(old), copyState(changed), nil)
	})
	return changed, err
}

// Whole completes an input from a form, which does not send unchecked boxes.
func (in CopyInput) Whole() CopyInput {
	if in.IsActive.Kind == input.Absent {
		in.IsActive = input.FormValue("false")
	}
	if in.ExpiresAt.Kind == input.Absent {
		in.ExpiresAt.Kind = input.Null
	}
	in.Version = input.SentVersion(in.Version)
	return in
}

// version is the state that the form of a copy shows.
func (u Assignment) version() input.Value {
	state := map[bool]string{true: "active", false: "paused"}[u.IsActive]
	if u.ExpiresAt != nil {
		state += " until " + u.ExpiresAt.UTC().Format(time.RFC3339Nano)
	}
	return input.FormValue(state)
}

// Input returns the form input that describes u.
func (u Assignment) Input() CopyInput {
	in := CopyInput{IsActive: input.FormValue(strconv.FormatBool(u.IsActive)), Version: u.version()}
	if u.ExpiresAt != nil {
		in.ExpiresAt = input.FormValue(u.ExpiresAt.UTC().Format(timeForm))
	}
	return in
}

func (in CopyInput) apply(u Assignment, now time.Time) (Assignment, error) {
	c := &input.Reader{}
	if active, ok := c.Bool("is_active", in.IsActive); ok {
		u.IsActive = active
	}
	if in.ExpiresAt.Kind != input.Absent {
		u.ExpiresAt = c.Expiry("expires_at", in.ExpiresAt, u.ExpiresAt, now)
	}
	if err := problem.InvalidInput(c.Problems); err != nil {
		return u, err
	}
	if u.FromRole && u.ExpiresAt != nil {
		return u, problem.Refuse(
			problem.Conflict, "expires_at", "from_role",
			"It comes with a role, so it ends when the user leaves the role and cannot expire on its own.",
		)
	}
	return u, nil
}

func copyState(u Assignment) map[string]any {
	return map[string]any{"is_active": u.IsActive, "expires_at": u.ExpiresAt}
}

func equalTimes(a, b *time.Time) bool { return a == b || a != nil && b != nil && a.Equal(*b) }
