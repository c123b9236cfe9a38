package models

import (
	"context"
	"crypto/hmac"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"
)

// VirtualKeyInput is what a client may send of a further key; all of it may be left out.
type VirtualKeyInput struct {
	Row
	Name        Value `json:"name"`
	Description Value `json:"description"`
	ExpiresAt   Value `json:"expires_at"`
	unsupportedRotation
}

func (in VirtualKeyInput) apply(k VirtualKey, now time.Time) (VirtualKey, Problems) {
	c := &checker{}
	if in.Name.Kind != Absent {
		k.Name, _ = c.text("name", in.Name, textRule{what: "a name", max: 255})
	}
	if in.Description.Kind != Absent {
		c.description(in.Description, &k.Description)
	}
	if in.ExpiresAt.Kind != Absent {
		k.ExpiresAt = c.expiry("expires_at", in.ExpiresAt, nil, now)
	}
	return k, c.found
}

// CreateVirtualKey gives a user a further key and returns it with its value, which is kept nowhere. Without a name it is numbered after
// their email. Refusals: NotFound, also when they hold no profile, Invalid, Conflict when the name is taken.
func CreateVirtualKey(ctx context.Context, db bun.IDB, keys Keys, actor Actor, user string, in VirtualKeyInput) (VirtualKey, error) {
	var k VirtualKey
	err := inTx(ctx, db, func(ctx context.Context, tx bun.Tx) error {
		users, err := holdAccess(ctx, tx, actor, "VirtualKeys:Create", user)
		if err != nil {
			return err
		}
		if err := holdsSomething(ctx, tx, user); err != nil {
			return err
		}
		now, err := databaseClock(ctx, tx)
		if err != nil {
			return err
		}
		var problems Problems
		if k, problems = in.apply(VirtualKey{ID: uuid.NewString(), UserID: user, CreatedAt: now, UpdatedAt: now}, now); len(problems) > 0 {
			return invalid(problems)
		}
		if k.Name == "" {
			if k.Name, err = freeKeyName(ctx, tx, users[0].Email); err != nil {
				return err
			}
		}
		k.NameKey = NameKey(k.Name)
		k.renew(keys)
		if _, err := tx.NewInsert().Model(&k).Exec(ctx); err != nil {
			return fmt.Errorf("insert virtual key: %w", err)
		}
		return recordKey(ctx, tx, actor, "create", nil, &k)
	})
	if violates(err, "virtual_keys_name_taken") {
		return k, Refuse(Conflict, "name", "name_taken", "Choose another name: there is a key with this name already.")
	}
	return k, err
}

func holdsSomething(ctx context.Context, tx bun.Tx, user string) error {
	holds, err := tx.NewSelect().Table("user_access_profiles").Where("user_id = ?", user).Exists(ctx)
	if err != nil {
		return fmt.Errorf("look up what the user holds: %w", err)
	}
	if !holds {
		return Refuse(NotFound, "", "not_found", "They hold no access profile, so a key could do nothing. Assign one first.")
	}
	return nil
}

func freeKeyName(ctx context.Context, tx bun.Tx, email string) (string, error) {
	name := clipName(email + " - key")
	taken, err := takenKeyNames(ctx, tx, []string{name})
	if err != nil {
		return "", err
	}
	return numbered(name, taken), nil
}

// keyRecord is a key as audit rows show it.
type keyRecord struct {
	VirtualKey
	Value string `json:"value"` // masked, always
}

func recordKey(ctx context.Context, tx bun.Tx, actor Actor, action string, before, after *VirtualKey) error {
	c := change{Actor: actor.Name, Origin: actor.origin(), Action: action}
	var previous, current any
	for key, document := range map[*VirtualKey]*any{before: &previous, after: &current} {
		if key != nil {
			c.UserID = &key.UserID
			*document = keyRecord{*key, key.masked()}
		}
	}
	either := before
	if after != nil {
		either = after
	}
	if err := c.documents(previous, current, map[string]string{"resource": "virtual_key", "id": either.ID, "name": either.Name}); err != nil {
		return err
	}
	var err error
	if c.At, err = databaseClock(ctx, tx); err != nil {
		return err
	}
	return record(ctx, tx, c)
}

// holdKey locks a key's user and then the key. Refusals: NotFound, Forbidden as of holdAccess.
func holdKey(ctx context.Context, tx bun.Tx, actor Actor, needed Permission, id string) (VirtualKey, error) {
	var k VirtualKey
	if !userID.MatchString(id) {
		return k, Missing("virtual key")
	}
	var user string
	if err := tx.NewRaw("SELECT user_id FROM virtual_keys WHERE id = ?", id).Scan(ctx, &user); err != nil {
		return k, found(err, "virtual key")
	}
	if _, err := holdAccess(ctx, tx, actor, needed, user); err != nil {
		return k, err
	}
	if err := selectKeys(tx.NewSelect().Model(&k)).Where("k.id = ?", id).For("UPDATE OF k").Scan(ctx); err != nil {
		return k, found(err, "virtual key")
	}
	return k, nil
}

// GetVirtualKey returns one key of a user. Refusal: NotFound.
func GetVirtualKey(ctx context.Context, db bun.IDB, user, id string) (VirtualKey, error) {
	var k VirtualKey
	if !userID.MatchString(user) || !userID.MatchString(id) {
		return k, Missing("virtual key")
	}
	if err := selectKeys(db.NewSelect().Model(&k)).Where("k.id = ? AND k.user_id = ?", id, user).Scan(ctx); err != nil {
		return k, found(err, "virtual key")
	}
	return k, nil
}

// RotateInput says how long the old value is to work, in seconds; left out, it ends at once.
type RotateInput struct {
	Row
	GracePeriod Value `json:"grace_period_seconds"`
}

const longestGrace = 30 * 24 * 3600 // seconds

// RotateVirtualKey gives a key another value, with the same id, name and usage. The value before works until the grace period ends, and
// the one before that no more. Refusals: NotFound, Forbidden, Invalid.
func RotateVirtualKey(ctx context.Context, db bun.IDB, keys Keys, actor Actor, id string, in RotateInput) (VirtualKey, error) {
	var k VirtualKey
	err := inTx(ctx, db, func(ctx context.Context, tx bun.Tx) error {
		old, err := holdKey(ctx, tx, actor, "VirtualKeys:Update", id)
		if err != nil {
			return err
		}
		c := &checker{}
		if in.GracePeriod.Kind == Null {
			c.add("grace_period_seconds", "null_not_allowed", "Give the grace period in seconds instead of null; 0 ends the old value at once.")
		}
		grace, _ := c.count("grace_period_seconds", in.GracePeriod, "the grace period in seconds", 0, longestGrace)
		if err := invalid(c.found); err != nil {
			return err
		}
		now, err := databaseClock(ctx, tx)
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
		_, err = tx.NewUpdate().Model(&k).Column("key_hash", "last_four", "previous_hash", "previous_until", "updated_at").WherePK().Exec(ctx)
		if err != nil {
			return fmt.Errorf("rotate virtual key: %w", err)
		}
		if err := retire(ctx, tx, old); err != nil {
			return err
		}
		if err := noteAccess(ctx, tx, k.UserID); err != nil {
			return err
		}
		return recordKey(ctx, tx, actor, "update", &old, &k)
	})
	return k, err
}

// DeleteVirtualKey ends a key of a user at once. Refusals: NotFound, Forbidden.
func DeleteVirtualKey(ctx context.Context, db bun.IDB, actor Actor, user, id string) (VirtualKey, error) {
	var old VirtualKey
	err := inTx(ctx, db, func(ctx context.Context, tx bun.Tx) (err error) {
		if old, err = holdKey(ctx, tx, actor, "AccessProfiles:Delete", id); err != nil {
			return err
		}
		if old.UserID != user {
			return Missing("virtual key")
		}
		if _, err := tx.NewDelete().Model(&old).WherePK().Exec(ctx); err != nil {
			return fmt.Errorf("delete virtual key: %w", err)
		}
		if err := retire(ctx, tx, old); err != nil {
			return err
		}
		if err := noteAccess(ctx, tx, user); err != nil {
			return err
		}
		return recordKey(ctx, tx, actor, "delete", &old, nil)
	})
	return old, err
}

// retire keeps whose a value was: what is still reported of it is theirs.
func retire(ctx context.Context, tx bun.Tx, k VirtualKey) error {
	_, err := tx.NewRaw("INSERT INTO retired_keys (key_hash, key_id, user_id) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", k.KeyHash, k.ID, k.UserID).Exec(ctx)
	if err != nil {
		return fmt.Errorf("retire a key's value: %w", err)
	}
	return nil
}

// IsVirtualKey reports whether a credential claims to be a virtual key.
func IsVirtualKey(credential string) bool {
	return len(credential) >= len(VirtualKeyPrefix) && credential[:len(VirtualKeyPrefix)] == VirtualKeyPrefix
}

// VirtualKeyUser returns whose key a value is, if it works at this moment: one query by its hash. Refusal: Unauthenticated.
func VirtualKeyUser(ctx context.Context, db bun.IDB, keys Keys, value string) (User, VirtualKey, error) {
	var k VirtualKey
	refused := unauthenticated("Send a virtual key that works; this one is unknown, over or deleted.")
	if !isKeySecret(VirtualKeyPrefix, value) {
		return User{}, k, refused
	}
	hash := hashSecret(keys.VirtualKey, value)
	err := selectKeys(db.NewSelect().Model(&k)).Where("(k.key_hash = ?0 OR k.previous_hash = ?0 AND k.previous_until > clock_timestamp())", hash).
		Where("(k.expires_at IS NULL OR k.expires_at > clock_timestamp())").Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return User{}, k, refused
	}
	if err != nil {
		return User{}, k, fmt.Errorf("look up a virtual key: %w", err)
	}
	if !hmac.Equal(k.KeyHash, hash) && !hmac.Equal(k.PreviousHash, hash) {
		return User{}, k, refused
	}
	user, err := GetUser(ctx, db, k.UserID)
	return user, k, err
}
