package assignment

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"tollgate/models/virtualkey"
)

// CountKeyless is how many of the users have no key.
func CountKeyless(ctx context.Context, db bun.IDB, users []string) (n int, err error) {
	err = db.NewRaw("SELECT count(*) FROM unnest(?::text[]) AS u "+
		"WHERE NOT EXISTS (SELECT FROM virtual_keys AS k WHERE k.user_id = u)",
		pgdialect.Array(users)).Scan(ctx, &n)
	if err != nil {
		return 0, fmt.Errorf("count users without a key: %w", err)
	}
	return n, nil
}

// addKeys fills in the keys of the copies' users.
func addKeys(copies []Assignment, keys []virtualkey.Key) {
	for i := range copies {
		copies[i].VirtualKeyIDs, copies[i].VirtualKeyValues = []string{}, map[string]string{}
		for _, key := range keys {
			if key.UserID == copies[i].UserID {
				copies[i].VirtualKeyIDs = append(copies[i].VirtualKeyIDs, key.ID)
				copies[i].VirtualKeyValues[key.ID] = key.Value
			}
		}
	}
}
