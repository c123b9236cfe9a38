package account

import (
	"context"
	"errors"
	"fmt"

	"github.com/uptrace/bun"

	"tollgate/models/attachment"
	"tollgate/models/audit"
	"tollgate/models/database"
	"tollgate/models/identity"
	"tollgate/models/permission"
)

// DeleteUser removes a user with their sessions, the API keys they made but for service keys, their copies and their
// keys.
// Refusals: NotFound, Forbidden for a user who may do more than the actor, Conflict for the last admin and for a user
// of a directory.
func DeleteUser(ctx context.Context, db bun.IDB, actor permission.Actor, id string) (identity.User, error) {
	return remove(ctx, db, actor, id, "delete")
}

// PurgeUser is DeleteUser for a user whom a directory deleted long ago.
func PurgeUser(ctx context.Context, db bun.IDB, actor permission.Actor, id string) error {
	_, err := remove(ctx, db, actor, id, "purge")
	return err
}

func remove(
	ctx context.Context, db bun.IDB, actor permission.Actor, id, action string,
) (identity.User, error) {
	var old identity.User
	err := database.InTx(ctx, db, func(ctx context.Context, tx database.Tx) error {
		auth, err := identity.Lock(ctx, tx, actor, permission.DeleteUsers, []string{id}, nil)
		if err != nil {
			return err
		}
		if old, err = identity.GetUser(ctx, tx, id); err != nil {
			return err
		}
		if err := auth.MayActOn(id); err != nil {
			return err
		}
		if action == "purge" {
			err = auth.KeepAnAdmin(ctx, tx, "", id)
		} else {
			err = MayDelete(ctx, tx, actor, old)
		}
		if err != nil {
			return err
		}
		record := userRecord{User: old}
		if err := tx.NewRaw("SELECT name FROM api_keys WHERE created_by = ? AND NOT service ORDER BY name_key", id).
			Scan(ctx, &record.APIKeys); err != nil {
			return fmt.Errorf("look up the user's API keys: %w", err)
		}
		_, err = tx.NewRaw("UPDATE api_keys SET created_by = NULL, former_maker = ? WHERE created_by = ? AND service", old.Email, id).
			Exec(ctx)
		if err != nil {
			return fmt.Errorf("leave the service keys of the user to the console: %w", err)
		}
		if record.AccessProfiles, record.VirtualKeys, err = attachment.RevokeAll(ctx, tx, id); err != nil {
			return err
		}
		if _, err := tx.NewRaw("DELETE FROM refusals WHERE user_id = ?", id).Exec(ctx); err != nil {
			return fmt.Errorf("delete what the user was refused: %w", err)
		}
		if err := keepOut(ctx, tx, old); err != nil {
			return err
		}
		if _, err := tx.NewRaw("DELETE FROM users WHERE id = ?", id).Exec(ctx); err != nil {
			return fmt.Errorf("delete user: %w", err)
		}
		tx.InvalidateActors()
		return audit.RecordResource(ctx, tx, actor, action, "user", id, record, nil)
	})
	return old, err
}

// keepOut remembers that a user was deleted, who then does not come back by signing in. Their directory brings them
// back: what it sent since it deleted them counts.
func keepOut(ctx context.Context, tx database.Tx, u identity.User) error {
	_, err := tx.NewRaw(`INSERT INTO identity_tombstones (provider_id, subject, name, at)
SELECT provider_id, subject, ?, coalesce(?, now()) FROM user_identities WHERE user_id = ? ON CONFLICT DO NOTHING`,
		u.Name, u.LeftAt, u.ID).Exec(ctx)
	if err != nil {
		return fmt.Errorf("remember who was deleted: %w", err)
	}
	return nil
}

// MayDelete refuses to delete the last admin, a user of a directory and a break-glass admin. Refusal: Conflict.
func MayDelete(ctx context.Context, db bun.IDB, actor permission.Actor, u identity.User) error {
	if err := keepAnAdmin(ctx, db, u); err != nil {
		return err
	}
	return errors.Join(u.KeepManaged(""), u.KeepBreakGlass(actor, ""))
}

func keepAnAdmin(ctx context.Context, db bun.IDB, u identity.User) error {
	if u.Role != identity.FirstRole {
		return nil
	}
	return identity.KeepAnAdminBesides(ctx, db, "", u.ID)
}

// Leaving is what is deleted or stops with a user.
type Leaving struct {
	APIKeys     []database.Named // the first ones that they made
	APIKeyCount int64
	ServiceKeys []database.Named // the first ones that they made, which work on
	Profiles    []database.Named // of which they have a copy
	VirtualKeys int64
}

// UserLeaving returns what the deletion of a user, or their deactivation, would do.
func UserLeaving(ctx context.Context, db bun.IDB, u identity.User) (l Leaving, err error) {
	l.APIKeys, l.APIKeyCount, err = database.NamedRows(
		ctx,
		db.NewSelect().TableExpr("api_keys AS k").Column("k.id", "k.name").
			Where("k.created_by = ? AND NOT k.service", u.ID).Order("k.name_key"),
	)
	if err == nil {
		l.ServiceKeys, _, err = database.NamedRows(
			ctx,
			db.NewSelect().TableExpr("api_keys AS k").Column("k.id", "k.name").
				Where("k.created_by = ? AND k.service", u.ID).Order("k.name_key"),
		)
	}
	if err == nil {
		err = db.NewRaw(`SELECT p.id, p.name FROM user_access_profiles AS c
    JOIN access_profiles AS p ON p.id = c.access_profile_id
WHERE c.user_id = ? ORDER BY p.name_key`, u.ID).Scan(ctx, &l.Profiles)
	}
	if err == nil {
		l.VirtualKeys, err = db.NewSelect().Table("virtual_keys").Where("user_id = ?", u.ID).Count(ctx)
	}
	return l, err
}
