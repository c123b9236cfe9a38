package provision

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"tollgate/models/account"
	"tollgate/models/attachment"
	"tollgate/models/audit"
	"tollgate/models/connection"
	"tollgate/models/database"
	"tollgate/models/identity"
	"tollgate/models/input"
	"tollgate/models/membership"
	"tollgate/models/scim"
)

// leftUser finds the user whom a new one brings back: one whom the directory deleted, with the same externalId, or else
// the same userName, also one that was moved aside.
func leftUser(ctx context.Context, tx database.Tx, connectionID int64, in scim.User) (string, error) {
	var ids []string
	key := input.FoldCase(in.UserName)
	err := tx.NewRaw(`
SELECT s.user_id FROM scim_users AS s JOIN users AS u ON u.id = s.user_id
WHERE s.connection_id = ?0 AND u.left_at IS NOT NULL AND (s.external_id = ?1 AND ?1 <> '' OR s.user_name_key = ?2
    OR s.user_name_key > ?3 AND s.user_name_key < ?4)
ORDER BY s.external_id = ?1 AND ?1 <> '' DESC, s.user_name_key = ?2 DESC, u.left_at DESC LIMIT 1`,
		connectionID, in.ExternalID, key, key+aside, key+afterAside).Scan(ctx, &ids)
	if err != nil || len(ids) == 0 {
		return "", err
	}
	return ids[0], nil
}

// revive brings a user back whom the directory deleted, with everything that is still kept of them.
func revive(ctx context.Context, tx database.Tx, conn connection.Connection, id string, in scim.User) error {
	left, err := NameLeftBy(ctx, tx, conn.ID, in.UserName, id)
	if err != nil {
		return err
	}
	groups, err := membership.LockGroups(ctx, tx, id)
	if err != nil {
		return err
	}
	if _, err := lockForRoles(ctx, tx, conn, append(left, id)); err != nil {
		return err
	}
	if err := comeBack(ctx, tx, conn, id); err != nil {
		return err
	}
	if err := rejoin(ctx, tx, conn, id, groups); err != nil {
		return err
	}
	before, err := GetUser(ctx, tx, conn.ID, id)
	if err != nil {
		return err
	}
	if err := FreeName(ctx, tx, left, in.UserName); err != nil {
		return err
	}
	if err := store(ctx, tx, conn, before, in); err != nil {
		return err
	}
	if in.Active && !before.Active {
		return activate(ctx, tx, conn, id)
	}
	return nil
}

// rejoin puts a user who comes back into the groups that they left, unless they are to begin anew. The transaction has
// locked the groups, and then the user.
func rejoin(ctx context.Context, tx database.Tx, conn connection.Connection, id string, groups []string) error {
	anew, err := overdue(ctx, tx, conn, id)
	if err != nil {
		return err
	}
	if anew {
		return membership.ForgetUser(ctx, tx, id)
	}
	return membership.Regroup(ctx, tx, conn.Actor(), id, groups)
}

// overdue reports that a user has been deactivated for longer than the retention.
func overdue(ctx context.Context, tx database.Tx, conn connection.Connection, id string) (is bool, err error) {
	err = tx.NewRaw("SELECT coalesce(deactivated_at < clock_timestamp() - ? * interval '1 day', false) FROM users "+
		"WHERE id = ?", conn.RetentionDays, id).Scan(ctx, &is)
	if err != nil {
		return false, fmt.Errorf("look up when user %s was deactivated: %w", id, err)
	}
	return is, nil
}

// comeBack notes that the directory has a user again. The transaction has locked the user.
func comeBack(ctx context.Context, tx database.Tx, conn connection.Connection, id string) error {
	var left time.Time
	err := tx.NewRaw(`
WITH old AS (SELECT id, left_at FROM users WHERE id = ? AND left_at IS NOT NULL)
UPDATE users AS u SET left_at = NULL FROM old WHERE u.id = old.id RETURNING old.left_at`, id).Scan(ctx, &left)
	if errors.Is(err, sql.ErrNoRows) {
		return database.ErrAgain // another request was faster
	}
	if err != nil {
		return fmt.Errorf("bring user %s back: %w", id, err)
	}
	return audit.RecordResource(ctx, tx, conn.Actor(), "update", "user", id,
		map[string]any{"left_at": left.UTC()}, map[string]any{"left_at": nil})
}

// activate lets a user back in. Within the retention everything is as it was, with no budget anew; after it copies and
// keys are dropped, and the user begins like a new one. The transaction has locked the user.
func activate(ctx context.Context, tx database.Tx, conn connection.Connection, id string) error {
	dropped, err := drop(ctx, tx, conn, id)
	if err != nil {
		return err
	}
	if _, err := account.Activate(ctx, tx, conn.Actor(), id); err != nil {
		return err
	}
	if err := Settle(ctx, tx, conn.Actor(), conn, []string{id}); err != nil || !dropped {
		return err
	}
	u, err := identity.GetUser(ctx, tx, id)
	if err != nil {
		return err
	}
	now, err := database.Clock(ctx, tx)
	if err != nil {
		return err
	}
	return attachment.GrantRole(ctx, tx, conn.Actor(), identity.Holder{ID: id, Email: u.Email}, u.RoleID, now)
}

// drop removes copies, keys and the password of a user who has been deactivated for longer than the retention.
func drop(ctx context.Context, tx database.Tx, conn connection.Connection, id string) (dropped bool, err error) {
	if dropped, err = overdue(ctx, tx, conn, id); err != nil || !dropped {
		return false, err
	}
	profiles, keys, err := attachment.RevokeAll(ctx, tx, id)
	if err != nil {
		return false, err
	}
	var apiKeys []string
	err = tx.NewRaw(`
WITH own AS (UPDATE users SET password_hash = NULL WHERE id = ?0)
DELETE FROM api_keys WHERE created_by = ?0 AND NOT service RETURNING name`, id).Scan(ctx, &apiKeys)
	if err != nil {
		return false, fmt.Errorf("delete what user %s signed in with: %w", id, err)
	}
	before := map[string]any{"access_profiles": profiles, "virtual_keys": keys, "api_keys": apiKeys}
	return true, audit.RecordResource(ctx, tx, conn.Actor(), "update", "user", id, before, map[string]any{})
}

// DeleteUser deactivates a user whom the directory has deleted. Until the retention is over, they can be brought back.
// Refusals: NotFound, Stale, Conflict for the last admin and for a break-glass admin.
func DeleteUser(ctx context.Context, db bun.IDB, connectionID int64, id string, version *int64) error {
	err := database.InTx(ctx, db, func(ctx context.Context, tx database.Tx) error {
		conn, err := connection.LockShared(ctx, tx, connectionID)
		if err != nil {
			return err
		}
		if _, err := GetUser(ctx, tx, conn.ID, id); err != nil {
			return err
		}
		groups, err := membership.LockGroups(ctx, tx, id)
		if err != nil {
			return err
		}
		auth, err := lockForRoles(ctx, tx, conn, []string{id})
		if err != nil {
			return err
		}
		before, err := GetUser(ctx, tx, conn.ID, id)
		if err != nil {
			return err
		}
		if err := (Edit[scim.User]{Version: version}).check(before.Version); err != nil {
			return err
		}
		if err := keepAnAdmin(ctx, tx, conn, auth, id); err != nil {
			return err
		}
		if before.Active {
			if _, err := account.Deactivate(ctx, tx, conn.Actor(), id); err != nil {
				return err
			}
		}
		if err := membership.Ungroup(ctx, tx, conn.Actor(), id, groups); err != nil {
			return err
		}
		return leave(ctx, tx, conn, id)
	})
	return refused(err)
}

// leave notes that the directory has deleted a user.
func leave(ctx context.Context, tx database.Tx, conn connection.Connection, id string) error {
	now, err := database.Clock(ctx, tx)
	if err != nil {
		return err
	}
	if _, err := tx.NewRaw("UPDATE users SET left_at = ? WHERE id = ?", now, id).Exec(ctx); err != nil {
		return fmt.Errorf("note that user %s has left: %w", id, err)
	}
	return audit.RecordResource(ctx, tx, conn.Actor(), "update", "user", id,
		map[string]any{"left_at": nil}, map[string]any{"left_at": now})
}
