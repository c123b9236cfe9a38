package assignment

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"

	"tollgate/models/policy"
)

// Spread is how far a profile has been handed out, and how its copies compare with it.
type Spread struct {
	Roles    int64 // that it is attached to
	Holders  int64 // all copies
	Active   int64 // that are not paused
	Together int64 // paused with all others
	Behind   int64 // active ones with an older policy than the profile's
	Oldest   int64 // version that one of those behind has
	Newest   int64 // the same
}

// isBehind finds the copies c that a push would bring up to date: one that is paused or has ended is skipped.
const isBehind = policy.ActiveCopy + " AND c.template_version < p.policy_version"

// LoadSpread counts the copies and the roles of a profile.
func LoadSpread(ctx context.Context, db bun.IDB, profileID int64) (s Spread, err error) {
	err = db.NewRaw(`
SELECT (SELECT count(*) FROM role_access_profiles WHERE access_profile_id = ?0) AS roles,
    count(*) AS holders, count(*) FILTER (WHERE c.is_active) AS active,
    count(*) FILTER (WHERE NOT c.is_active AND c.paused_together) AS together,
    count(*) FILTER (WHERE `+isBehind+`) AS behind,
    coalesce(min(c.template_version) FILTER (WHERE `+isBehind+`), 0) AS oldest,
    coalesce(max(c.template_version) FILTER (WHERE `+isBehind+`), 0) AS newest
FROM user_access_profiles AS c JOIN access_profiles AS p ON p.id = c.access_profile_id
WHERE c.access_profile_id = ?0`, profileID).Scan(ctx, &s)
	if err != nil {
		return s, fmt.Errorf("count copies of access profile %d: %w", profileID, err)
	}
	return s, nil
}
