package virtualkey

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"tollgate/models/database"
	"tollgate/models/permission"
	"tollgate/models/problem"
	"tollgate/models/secret"
)

// mostOwn is how many keys users may have who make them themselves.
const mostOwn = 20

// CreateOwn issues another key for the actor. Refusals: those of Create, and Conflict when they have many.
func CreateOwn(ctx context.Context, db bun.IDB, keys secret.Keys, actor permission.Actor, in Input) (Key, error) {
	return create(ctx, db, keys, actor, permission.Own, actor.UserID, in)
}

// RotateOwn gives a key of the actor another value, as Rotate does. Refusals: those of Rotate.
func RotateOwn(
	ctx context.Context, db bun.IDB, keys secret.Keys, actor permission.Actor, id string, in RotateInput,
) (Key, error) {
	if _, err := Get(ctx, db, actor.UserID, id); err != nil {
		return Key{}, err
	}
	return rotate(ctx, db, keys, actor, permission.Own, id, in)
}

func roomForOwn(ctx context.Context, tx database.Tx, user string) error {
	count, err := tx.NewSelect().Table("virtual_keys").Where("user_id = ?", user).Count(ctx)
	if err != nil {
		return fmt.Errorf("count the keys of a user: %w", err)
	}
	if count >= mostOwn {
		return problem.Refuse(problem.Conflict, "", "too_many_keys",
			"Rotate one of your keys, or ask an admin to delete one: you have as many as you can make yourself.")
	}
	return nil
}

// Own is a key as its user sees it.
type Own struct {
	Key
	LastUsedAt *time.Time `json:"last_used_at"`
}

// ListOwn returns the keys of a user, who is there, with their last use, the oldest first.
func ListOwn(ctx context.Context, db bun.IDB, user string) ([]Own, error) {
	var keys []Key
	err := SelectKeys(db.NewSelect().Model(&keys)).Join(joinUsage).ColumnExpr("used.last_used_at").
		Where("k.user_id = ?", user).Order("k.created_at", "k.name_key").Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("list a user's own keys: %w", err)
	}
	own := make([]Own, len(keys))
	for i, key := range keys {
		own[i] = Own{key, key.LastUsedAt}
	}
	return own, nil
}
