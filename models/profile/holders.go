package profile

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"

	"tollgate/models/database"
)

// CountHolders counts the users who hold each of the profiles.
func CountHolders(ctx context.Context, db bun.IDB, ids []int64) (map[int64]int64, error) {
	counts := make(map[int64]int64, len(ids))
	if len(ids) == 0 {
		return counts, nil
	}
	rows, err := database.QueryPlanned(ctx, db, "SELECT access_profile_id, count(*) FROM user_access_profiles "+
		"WHERE access_profile_id = ANY ($1::bigint[]) GROUP BY 1", ids)
	if err != nil {
		return nil, fmt.Errorf("count holders: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var id, holders int64
		if err := rows.Scan(&id, &holders); err != nil {
			return nil, fmt.Errorf("count holders: %w", err)
		}
		counts[id] = holders
	}
	return counts, rows.Err()
}

// Get reads the current version of a profile. Refusal: NotFound.
func Get(ctx context.Context, db bun.IDB, id int64) (Profile, error) {
	var profile Profile
	document, err := Document(ctx, db, id)
	if err != nil {
		return profile, err
	}
	if err := database.ReadDocument(document, &profile); err != nil {
		return profile, fmt.Errorf("read access profile %d: %w", id, err)
	}
	return profile, nil
}
