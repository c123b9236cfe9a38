package assignment

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"tollgate/models/virtualkey"
)

// loadKeysOf fills in the keys of the copies' users.
func loadKeysOf(ctx context.Context, db bun.IDB, copies []Assignment) error {
	users := make([]string, len(copies))
	for i, c := range copies {
		users[i] = c.UserID
	}
	var keys []virtualkey.Key
	if err := virtualkey.SelectKeys(db.NewSelect().Model(&keys)).Where("k.user_id = ANY (?)", pgdialect.Array(users)).
		Order("k.created_at", "k.id").Scan(ctx); err != nil {
		return fmt.Errorf("load the keys of users: %w", err)
	}
	for i := range copies {
		copies[i].VirtualKeyIDs, copies[i].VirtualKeyValues = []string{}, map[string]string{}
		for _, key := range keys {
			if key.UserID == copies[i].UserID {
				copies[i].VirtualKeyIDs = append(copies[i].VirtualKeyIDs, key.ID)
				copies[i].VirtualKeyValues[key.ID] = key.Value
			}
		}
	}
	return nil
}
