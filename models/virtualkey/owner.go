package virtualkey

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
)

// Owner is whose a key is, or was.
type Owner struct{ UserID, KeyID string }

// OwnersOf finds by the hashes of their values whose keys these are, current or retired. A hash that is not in the
// result is of no key.
func OwnersOf(ctx context.Context, db bun.IDB, hashes [][]byte) (map[string]Owner, error) {
	owners := make(map[string]Owner, len(hashes))
	if len(hashes) == 0 {
		return owners, nil
	}
	var rows []struct {
		Hash []byte
		Owner
	}
	err := db.NewRaw(`
SELECT w.hash, k.user_id, k.id::text AS key_id FROM unnest(?0::bytea[]) AS w(hash)
    JOIN virtual_keys AS k ON k.key_hash = w.hash OR k.previous_hash = w.hash
UNION ALL SELECT w.hash, k.user_id, k.key_id::text FROM unnest(?0::bytea[]) AS w(hash)
    JOIN retired_keys AS k ON k.key_hash = w.hash`, pgdialect.Array(hashes)).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("look up whose keys they were: %w", err)
	}
	for _, row := range rows {
		owners[string(row.Hash)] = row.Owner
	}
	return owners, nil
}
