package identity

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"

	"tollgate/models/audit"
	"tollgate/models/database"
	"tollgate/models/input"
	"tollgate/models/permission"
	"tollgate/models/problem"
)

// enforced is the setting that lets only break-glass admins sign in by password.
const enforced = "enforce_sso"

// Enforcement is whether users have to sign in by an identity provider, as a client sends it.
type Enforcement struct {
	input.Row
	EnforceSSO input.Value `json:"enforce_sso"`
}

// Enforced reports whether users have to sign in by an identity provider.
func Enforced(ctx context.Context, db bun.IDB) (on bool, err error) {
	err = database.ScanPlanned(ctx, db, []any{&on}, "SELECT EXISTS (SELECT FROM settings "+
		"WHERE name = 'enforce_sso' AND value = 'true')")
	if err != nil {
		return false, fmt.Errorf("read whether passwords are refused: %w", err)
	}
	return on, nil
}

// SSORequired refuses a password while sign-in by identity providers is enforced.
func SSORequired() error {
	return problem.Refuse(problem.Forbidden, "", "sso_required",
		"Sign in with your identity provider: passwords are not accepted here any more.")
}

// KeepPasswordsOut refuses what would let a user in by a password or a link while users have to sign in by an
// identity provider. The command line and break-glass admins are exempt. Refusal: Forbidden.
func KeepPasswordsOut(ctx context.Context, db bun.IDB, actor permission.Actor, user User) error {
	if actor.Door == permission.DoorCLI || user.BreakGlass {
		return nil
	}
	on, err := Enforced(ctx, db)
	if err != nil || !on {
		return err
	}
	return SSORequired()
}

// SetEnforcement says whether users have to sign in by an identity provider; then all other sessions end but those of
// break-glass admins. It is turned on only by a user who signed in that way, so that it is known to work. Refusals:
// Invalid, Forbidden, Conflict when the session began otherwise, or when no break-glass admin has a password.
func SetEnforcement(ctx context.Context, db bun.IDB, actor permission.Actor, bySSO bool, in Enforcement) (bool, error) {
	c := &input.Reader{}
	if in.EnforceSSO.Kind == input.Absent {
		c.Add(enforced, "required", "Choose true or false.")
	}
	on, _ := c.Bool(enforced, in.EnforceSSO)
	if err := problem.InvalidInput(c.Problems); err != nil {
		return false, err
	}
	return on, database.InTx(ctx, db, func(ctx context.Context, tx database.Tx) error {
		role, err := AdminRole(ctx, tx)
		if err != nil {
			return err
		}
		// Meanwhile break-glass admins stay what they are.
		_, err = Claim{Needed: permission.UpdateSettings, Roles: []int64{role}, Shared: true}.Lock(ctx, tx, actor)
		if err != nil {
			return err
		}
		before, err := Enforced(ctx, tx)
		if err != nil || before == on {
			return err
		}
		if on {
			if err := MayEnforce(ctx, tx, bySSO); err != nil {
				return err
			}
		}
		_, err = tx.NewRaw(`
WITH ended AS (
        DELETE FROM sessions AS s USING users AS u
        WHERE ?1 AND u.id = s.user_id AND s.provider_id IS NULL AND NOT u.break_glass
    ),
     links AS (DELETE FROM sign_in_links WHERE ?1)
INSERT INTO settings (name, value, updated_at) VALUES (?0, ?2, clock_timestamp())
ON CONFLICT (name) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at`, enforced, on, fmt.Sprint(on)).Exec(ctx)
		if err != nil {
			return fmt.Errorf("store whether passwords are refused: %w", err)
		}
		return audit.RecordResource(ctx, tx, actor, "update", "setting", enforced,
			map[string]any{"name": enforced, enforced: before}, map[string]any{"name": enforced, enforced: on})
	})
}

// MayEnforce refuses to turn the enforcement on in a session that did not begin at an identity provider, and while no
// break-glass admin has a password. Refusal: Conflict.
func MayEnforce(ctx context.Context, db bun.IDB, bySSO bool) error {
	if !bySSO {
		return problem.Refuse(problem.Conflict, enforced, "sso_session_needed",
			"Sign in with an identity provider first, and turn this on from that session: then it is known to work.")
	}
	ready, err := hasBreakGlass(ctx, db, "")
	if err != nil || ready {
		return err
	}
	return problem.Refuse(problem.Conflict, enforced, "break_glass_needed",
		"Choose a break-glass admin with a password first, for when the provider is away: "+
			"where the console runs, tollgate user break-glass ADDRESS.")
}

// hasBreakGlass reports whether a break-glass admin besides one user has a password.
func hasBreakGlass(ctx context.Context, db bun.IDB, besides string) (ready bool, err error) {
	err = db.NewRaw(`SELECT EXISTS (SELECT FROM users AS u JOIN roles AS r ON r.id = u.role_id WHERE u.break_glass
    AND u.deactivated_at IS NULL AND u.password_hash IS NOT NULL AND r.is_system_role AND r.name = ? AND u.id <> ?)`,
		FirstRole, besides).Scan(ctx, &ready)
	if err != nil {
		return false, fmt.Errorf("look for a break-glass admin: %w", err)
	}
	return ready, nil
}

// keepABreakGlass refuses to end the last break-glass admin while passwords are refused. Refusal: Conflict.
func keepABreakGlass(ctx context.Context, db bun.IDB, id string) error {
	on, err := Enforced(ctx, db)
	if err != nil || !on {
		return err
	}
	ready, err := hasBreakGlass(ctx, db, id)
	if err != nil || ready {
		return err
	}
	return problem.Refuse(problem.Conflict, "", "break_glass_needed",
		"Make another admin a break-glass admin first, for when the provider is away, or accept passwords again: "+
			"tollgate sso off.")
}

// KeepBreakGlass refuses to deactivate, delete or demote a break-glass admin but on the command line. Refusal:
// Conflict.
func (u User) KeepBreakGlass(actor permission.Actor, field string) error {
	if !u.BreakGlass || actor.Door == permission.DoorCLI {
		return nil
	}
	return problem.Refuse(problem.Conflict, field, "break_glass",
		"This is a break-glass admin. End that first, where the console runs: tollgate user break-glass --off ADDRESS.")
}

// SetBreakGlass makes an admin with a password a break-glass admin, or ends that. A break-glass admin is connected
// to no provider, and their sessions that began at one end. Refusals: NotFound, Conflict.
func SetBreakGlass(ctx context.Context, db bun.IDB, actor permission.Actor, email string, on bool) (User, error) {
	var u User
	return u, database.InTx(ctx, db, func(ctx context.Context, tx database.Tx) error {
		found, err := UsersOfEmails(ctx, tx, []string{input.FoldCase(input.Tidy(email))})
		if err != nil {
			return err
		}
		if len(found) == 0 {
			return problem.Missing("user")
		}
		if _, err := Lock(ctx, tx, actor, permission.UpdateUsers, []string{found[0].ID}, nil); err != nil {
			return err
		}
		if u, err = GetUser(ctx, tx, found[0].ID); err != nil || u.BreakGlass == on {
			return err
		}
		if on && (u.Role != FirstRole || !u.HasPassword || u.DeactivatedAt != nil || u.ConnectionID != nil) {
			return problem.Refuse(problem.Conflict, "", "break_glass",
				"A break-glass admin has the role Admin and a password, is active, and comes from no directory.")
		}
		if !on {
			if err := keepABreakGlass(ctx, tx, u.ID); err != nil {
				return err
			}
		}
		old := u
		_, err = tx.NewRaw(`
WITH apart AS (DELETE FROM user_identities WHERE ?0 AND user_id = ?1),
     ended AS (DELETE FROM sessions WHERE ?0 AND user_id = ?1 AND provider_id IS NOT NULL)
UPDATE users SET break_glass = ?0, updated_at = clock_timestamp() WHERE id = ?1`, on, u.ID).Exec(ctx)
		if err != nil {
			return fmt.Errorf("set a break-glass admin: %w", err)
		}
		tx.Invalidate(u.ID)
		if u, err = GetUser(ctx, tx, u.ID); err != nil {
			return err
		}
		return audit.RecordResource(ctx, tx, actor, "update", "user", u.ID, old, u)
	})
}

// NoteBreakGlass records that a break-glass admin gave their password, at most once a minute.
func NoteBreakGlass(ctx context.Context, db bun.IDB, u User) error {
	return database.InTx(ctx, db, func(ctx context.Context, tx database.Tx) error {
		result, err := tx.NewRaw(`UPDATE users SET break_glass_at = now()
WHERE id = ? AND (break_glass_at IS NULL OR break_glass_at < now() - interval '1 minute')`, u.ID).Exec(ctx)
		if err != nil {
			return fmt.Errorf("note a break-glass sign-in: %w", err)
		}
		if n, err := result.RowsAffected(); err != nil || n == 0 {
			return err
		}
		return audit.RecordResource(ctx, tx, u.Actor().At(permission.DoorConsole), "break_glass", "user", u.ID, nil, nil)
	})
}
