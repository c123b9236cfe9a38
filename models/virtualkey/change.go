package virtualkey

import (
	"context"
	"crypto/hmac"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"tollgate/models/audit"
	"tollgate/models/database"
	"tollgate/models/identity"
	"tollgate/models/input"
	"tollgate/models/permission"
	"tollgate/models/problem"
	"tollgate/models/secret"
)

// keyRecord is what an audit row shows of a key.
type keyRecord struct {
	Key
	Value string `json:"value"` // masked, always
}

func recordKey(ctx context.Context, tx database.Tx, actor permission.Actor, action string, before, after *Key) error {
	c := audit.Change{Actor: actor.Name, Origin: audit.OriginOf(actor), Action: action}
	var previous, current any
	for key, document := range map[*Key]*any{before: &previous, after: &current} {
		if key != nil {
			c.UserID = &key.UserID
			*document = keyRecord{*key, key.Masked()}
		}
	}
	either := before
	if after != nil {
		either = after
	}
	about := map[string]string{"resource": "virtual_key", "id": either.ID, "name": either.Name}
	if err := c.Documents(previous, current, about); err != nil {
		return err
	}
	var err error
	if c.At, err = database.Clock(ctx, tx); err != nil {
		return err
	}
	return audit.Record(tx, c)
}

// lockKey locks a key's user and then the key; "" is any user. Refusals: NotFound, also of the key of another user, and
// Forbidden as for a change of their access.
func lockKey(
	ctx context.Context, tx database.Tx, actor permission.Actor, needed permission.Permission, user, id string,
) (Key, error) {
	var k Key
	if !identity.UserID.MatchString(id) {
		return k, problem.Missing("virtual key")
	}
	if err := tx.NewRaw("SELECT user_id FROM virtual_keys WHERE id = ?0 AND ?1 IN ('', user_id)", id, user).
		Scan(ctx, &user); err != nil {
		return k, problem.NotFoundOr(err, "virtual key")
	}
	if _, err := identity.LockAccess(ctx, tx, actor, needed, user); err != nil {
		return k, err
	}
	if err := SelectKeys(tx.NewSelect().Model(&k)).Where("k.id = ?", id).For("UPDATE OF k").Scan(ctx); err != nil {
		return k, problem.NotFoundOr(err, "virtual key")
	}
	return k, nil
}

// Get returns one key of a user. Refusal: NotFound.
func Get(ctx context.Context, db bun.IDB, user, id string) (Key, error) {
	var k Key
	if !identity.UserID.MatchString(user) || !identity.UserID.MatchString(id) {
		return k, problem.Missing("virtual key")
	}
	if err := SelectKeys(db.NewSelect().Model(&k)).Where("k.id = ? AND k.user_id = ?", id, user).Scan(ctx); err != nil {
		return k, problem.NotFoundOr(err, "virtual key")
	}
	return k, nil
}

// RotateInput is how long the old value stays valid, in seconds; left out, it expires at once.
type RotateInput struct {
	input.Row
	GracePeriod input.Value `json:"grace_period_seconds"`
}

const longestGrace = 30 * 24 * 3600 // seconds

// Rotate gives a key another value, with the same id, name and usage. The previous value is valid until the grace
// period ends; the one before that expires at once. Refusals: NotFound, Forbidden, Invalid.
func Rotate(
	ctx context.Context, db bun.IDB, keys secret.Keys, actor permission.Actor, id string, in RotateInput,
) (Key, error) {
	return rotate(ctx, db, keys, actor, permission.UpdateVirtualKeys, id, in)
}

func rotate(
	ctx context.Context, db bun.IDB, keys secret.Keys, actor permission.Actor, needed permission.Permission, id string,
	in RotateInput,
) (Key, error) {
	var k Key
	err := database.InTx(ctx, db, func(ctx context.Context, tx database.Tx) error {
		old, err := lockKey(ctx, tx, actor, needed, "", id)
		if err != nil {
			return err
		}
		c := &input.Reader{}
		if in.GracePeriod.Kind == input.Null {
			c.Add("grace_period_seconds", "null_not_allowed",
				"Give the grace period in seconds instead of null; 0 ends the old value at once.")
		}
		grace, _ := c.Int("grace_period_seconds", in.GracePeriod, "the grace period in seconds", 0, longestGrace)
		if err := problem.InvalidInput(c.Problems); err != nil {
			return err
		}
		now, err := database.Clock(ctx, tx)
		if err != nil {
			return err
		}
		k = old
		k.PreviousHash, k.PreviousUntil, k.UpdatedAt = nil, nil, now
		if grace > 0 {
			until := now.Add(time.Duration(grace) * time.Second)
			k.PreviousHash, k.PreviousUntil = old.KeyHash, &until
		}
		k.renew(keys)
		_, err = tx.NewUpdate().Model(&k).Column("key_hash", "last_four", "previous_hash", "previous_until", "updated_at").
			WherePK().Exec(ctx)
		if err != nil {
			return fmt.Errorf("rotate virtual key: %w", err)
		}
		if err := retire(ctx, tx, old); err != nil {
			return err
		}
		tx.Invalidate(k.UserID)
		return recordKey(ctx, tx, actor, "update", &old, &k)
	})
	return k, err
}

// Delete revokes a key of a user at once. Refusals: NotFound, Forbidden.
func Delete(ctx context.Context, db bun.IDB, actor permission.Actor, user, id string) (Key, error) {
	var old Key
	err := database.InTx(ctx, db, func(ctx context.Context, tx database.Tx) (err error) {
		if old, err = lockKey(ctx, tx, actor, permission.DeleteAccessProfiles, user, id); err != nil {
			return err
		}
		if _, err := tx.NewDelete().Model(&old).WherePK().Exec(ctx); err != nil {
			return fmt.Errorf("delete virtual key: %w", err)
		}
		if err := retire(ctx, tx, old); err != nil {
			return err
		}
		tx.Invalidate(user)
		return recordKey(ctx, tx, actor, "delete", &old, nil)
	})
	return old, err
}

// RetireGone records the owner of the values of keys that a query before it calls gone: usage that is reported later is
// still charged to them. The value before the last rotation may have been valid until now.
const RetireGone = `INSERT INTO retired_keys (key_hash, key_id, user_id)
    SELECT v.hash, gone.id, gone.user_id FROM gone, unnest(ARRAY[key_hash, previous_hash]) AS v(hash)
    WHERE v.hash IS NOT NULL
    ON CONFLICT (key_hash) DO UPDATE SET retired_at = excluded.retired_at`

func retire(ctx context.Context, tx database.Tx, k Key) error {
	_, err := tx.NewRaw("WITH gone AS (SELECT ? AS id, ? AS user_id, ?::bytea AS key_hash, ?::bytea AS previous_hash) "+
		RetireGone, k.ID, k.UserID, k.KeyHash, k.PreviousHash).Exec(ctx)
	if err != nil {
		return fmt.Errorf("retire a key's values: %w", err)
	}
	return nil
}

// IsKey reports whether a credential claims to be a virtual key.
func IsKey(credential string) bool {
	return len(credential) >= len(Prefix) && credential[:len(Prefix)] == Prefix
}

// User returns the owner of a key value, if it is valid now: one query by its hash. Refusal: Unauthenticated.
func User(ctx context.Context, db bun.IDB, keys secret.Keys, value string) (identity.User, Key, error) {
	var k Key
	refused := identity.Unauthenticated("Send a valid virtual key; this one is unknown, expired or deleted.")
	if !IsValue(value) {
		return identity.User{}, k, refused
	}
	hash := secret.HashSecret(keys.VirtualKey, value)
	err := SelectKeys(db.NewSelect().Model(&k)).Where("(k.key_hash = ?0 OR k.previous_hash = ?0 "+
		"AND k.previous_until > clock_timestamp())", hash).
		Where("(k.expires_at IS NULL OR k.expires_at > clock_timestamp())").Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return identity.User{}, k, refused
	}
	if err != nil {
		return identity.User{}, k, fmt.Errorf("look up a virtual key: %w", err)
	}
	if !hmac.Equal(k.KeyHash, hash) && !hmac.Equal(k.PreviousHash, hash) {
		return identity.User{}, k, refused
	}
	user, err := identity.GetUser(ctx, db, k.UserID)
	if err == nil && user.DeactivatedAt != nil {
		err = identity.Deactivated()
	}
	return user, k, err
}
