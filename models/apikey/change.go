package apikey

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/uptrace/bun"

	"tollgate/models/audit"
	"tollgate/models/database"
	"tollgate/models/identity"
	"tollgate/models/permission"
	"tollgate/models/problem"
	"tollgate/models/secret"
)

// Create checks and stores a new key, and returns its secret, which is not stored. Refusals: Invalid,
// Forbidden, Conflict when the name is taken.
func Create(
	ctx context.Context, db bun.IDB, keys secret.Keys, actor permission.Actor, in Input,
) (k Key, value string, err error) {
	err = database.InTx(ctx, db, func(ctx context.Context, tx database.Tx) error {
		auth, err := identity.Claim{Needed: permission.CreateAPIKeys, Shared: true}.Lock(ctx, tx, actor)
		if err != nil {
			return err
		}
		now, err := database.Clock(ctx, tx)
		if err != nil {
			return err
		}
		if k, err = in.apply(Key{}, auth.Actor, now); err != nil {
			return err
		}
		k.CreatedAt, k.UpdatedAt, k.Maker = now, now, actor.Name
		switch {
		case actor.UserID != "":
			k.CreatedBy = &actor.UserID
		case ofService(actor):
			k.FormerMaker = &actor.Name
		}
		value = secret.NewKeySecret(secret.SecretPrefix)
		k.KeyPrefix, k.KeyHash = value[:secret.VisibleLength], secret.HashSecret(keys.APIKey, value)
		if _, err := tx.NewInsert().Model(&k).Returning("id").Exec(ctx); err != nil {
			return fmt.Errorf("insert API key: %w", err)
		}
		return audit.RecordResource(ctx, tx, actor, "create", "api_key", strconv.FormatInt(k.ID, 10), nil, k)
	})
	if err != nil {
		return k, "", keyNameTaken(err)
	}
	return k, value, nil
}

// Update changes the fields sent; the secret stays. Refusals: NotFound, Invalid, Forbidden, Conflict when the
// name is taken.
func Update(ctx context.Context, db bun.IDB, actor permission.Actor, id int64, in Input) (Key, error) {
	var k Key
	err := database.InTx(ctx, db, func(ctx context.Context, tx database.Tx) error {
		auth, old, err := lock(ctx, tx, actor, permission.UpdateAPIKeys, id)
		if err != nil {
			return err
		}
		now, err := database.Clock(ctx, tx)
		if err != nil {
			return err
		}
		if k, err = in.apply(old, auth.Actor, now); err != nil || k.same(old) {
			return err
		}
		k.UpdatedAt = now
		if _, err := tx.NewUpdate().
			Model(&k).
			Column("name", "name_key", "scopes", "expires_at", "service", "updated_at").
			WherePK().Exec(ctx); err != nil {
			return fmt.Errorf("update API key %d: %w", id, err)
		}
		tx.InvalidateActors()
		return audit.RecordResource(ctx, tx, actor, "update", "api_key", strconv.FormatInt(id, 10), old, k)
	})
	return k, keyNameTaken(err)
}

func (k Key) same(old Key) bool {
	sameEnd := k.ExpiresAt == old.ExpiresAt ||
		k.ExpiresAt != nil && old.ExpiresAt != nil && k.ExpiresAt.Equal(*old.ExpiresAt)
	return sameEnd && k.Name == old.Name && k.Service == old.Service && slices.Equal(k.Scopes, old.Scopes)
}

// lock locks the user of a key and then the key. Refusals: NotFound, Forbidden when its user may do more than the
// actor.
func lock(
	ctx context.Context, tx database.Tx, actor permission.Actor, needed permission.Permission, id int64,
) (*identity.Authorization, Key, error) {
	k, err := load(ctx, tx.NewSelect(), id)
	if err != nil {
		return nil, k, err
	}
	c := identity.Claim{Needed: needed, Shared: true}
	if k.CreatedBy != nil {
		c.Users = []string{*k.CreatedBy}
	}
	auth, err := c.Lock(ctx, tx, actor)
	if err != nil {
		return nil, k, err
	}
	if k, err = load(ctx, tx.NewSelect().For("UPDATE OF k"), id); err != nil {
		return nil, k, err
	}
	return auth, k, mayChange(auth, k)
}

// Delete revokes a key at once. Refusals: NotFound, Forbidden.
func Delete(ctx context.Context, db bun.IDB, actor permission.Actor, id int64) (Key, error) {
	var old Key
	err := database.InTx(ctx, db, func(ctx context.Context, tx database.Tx) (err error) {
		if _, old, err = lock(ctx, tx, actor, permission.DeleteAPIKeys, id); err != nil {
			return err
		}
		if _, err := tx.NewDelete().Model(&old).WherePK().Exec(ctx); err != nil {
			return fmt.Errorf("delete API key %d: %w", id, err)
		}
		tx.InvalidateActors()
		return audit.RecordResource(ctx, tx, actor, "delete", "api_key", strconv.FormatInt(id, 10), old, nil)
	})
	return old, err
}

func keyNameTaken(err error) error {
	if problem.Violates(err, "api_keys_name_taken") {
		return problem.Refuse(
			problem.Conflict, "name", "name_taken", "Choose another name: there is an API key with this name already.",
		)
	}
	return err
}

// mayChange refuses to change an API key of a user who may do more than the actor, or one of the console or of the
// command line that permits more. Refusal: Forbidden.
func mayChange(a *identity.Authorization, k Key) error {
	if k.CreatedBy != nil && !k.Service {
		return a.MayActOn(*k.CreatedBy)
	}
	if identity.Covers(a.Actor, k.Scopes) {
		return nil
	}
	return problem.Refuse(
		problem.Forbidden, "", "forbidden",
		"Ask a user who may do all that the key "+problem.Clip(k.Name)+" may do: it may do more than you.",
	)
}
