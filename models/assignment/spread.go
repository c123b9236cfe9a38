package assignment

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"
)

// Spread is how the copies of a profile stand towards it.
type Spread struct {
	Holders  int64 // all copies
	Active   int64 // that are not paused
	Together int64 // paused with all others
	Behind   int64 // active ones with an older policy than the profile's
	Oldest   int64 // version that one of those behind has
	Newest   int64 // the same
}

// LoadSpread counts the copies of a profile.
func LoadSpread(ctx context.Context, db bun.IDB, profileID int64) (s Spread, err error) {
	err = db.NewRaw(`
SELECT count(*) AS holders, count(*) FILTER (WHERE c.is_active) AS active,
    count(*) FILTER (WHERE NOT c.is_active AND c.paused_together) AS together,
    count(*) FILTER (WHERE c.is_active AND c.template_version < p.policy_version) AS behind,
    coalesce(min(c.template_version) FILTER (WHERE c.is_active AND c.template_version < p.policy_version), 0) AS oldest,
    coalesce(max(c.template_version) FILTER (WHERE c.is_active AND c.template_version < p.policy_version), 0) AS newest
FROM user_access_profiles AS c JOIN access_profiles AS p ON p.id = c.access_profile_id
WHERE c.access_profile_id = ?`, profileID).Scan(ctx, &s)
	if err != nil {
		return s, fmt.Errorf("count copies of access profile %d: %w", profileID, err)
	}
	return s, nil
}
