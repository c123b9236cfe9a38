package blast

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"tollgate/models/database"
	"tollgate/models/policy"
)

// patience is how long the editor waits for figures that it can do without.
const patience = 700 * time.Millisecond

// Over are the holders whose calls a new limit would block at once, and whom no limit blocks now.
type Over struct {
	Everyone bool // a limit of 0 blocks all
	Unknown  bool // there are too many holders to look them up while the profile is edited
	Users    int64
	Named    []OverUser // the most over first
}

// OverUser is one of them, with the limit that would block and what is used of it.
type OverUser struct {
	Name string
	policy.Limit
}

// OverAtOnce reads who would be over if a policy reached the active copies of a profile.
func OverAtOnce(ctx context.Context, db bun.IDB, profileID int64, after policy.Policy) (Over, error) {
	var over Over
	limits := after.Limits()
	n := len(limits)
	if n == 0 {
		return over, nil
	}
	scopes, kinds, durations := make([]string, n), make([]string, n), make([]string, n)
	quarters, most := make([]int, n), make([]int64, n)
	for i, l := range limits {
		scopes[i], kinds[i], durations[i] = l.Scope.String(), l.Kind, l.Duration
		quarters[i], most[i] = l.Quarter%3, l.Max
		over.Everyone = over.Everyone || l.Scope.Overall() && l.Max == 0
	}
	var rows []struct {
		Name      string
		N         int
		Used, Cap int64
		Users     int64
	}
	ended, err := database.Briefly(ctx, db, patience, func(ctx context.Context, db bun.IDB) error {
		return db.NewRaw(overAtOnce, profileID, pgdialect.Array(scopes), pgdialect.Array(kinds), pgdialect.Array(durations),
			pgdialect.Array(quarters), pgdialect.Array(most), mostNamed).Scan(ctx, &rows)
	})
	if err != nil {
		return over, fmt.Errorf("read who would be over limits of access profile %d: %w", profileID, err)
	}
	over.Unknown = !ended
	for _, row := range rows {
		l := limits[row.N-1]
		l.Used = row.Used
		l.Max = row.Cap
		over.Users, over.Named = row.Users, append(over.Named, OverUser{row.Name, l})
	}
	return over, nil
}

// overAtOnce compares what is used in the current windows with limits that are no copy's yet. Computing the start of a
// window is expensive, so it comes after what was used.
const overAtOnce = `
WITH pushed AS (
    SELECT * FROM unnest(?1::text[], ?2::text[], ?3::text[], ?4::int[], ?5::bigint[]) WITH ORDINALITY
        AS p(scope, kind, duration, quarter, most, n)
), hit AS (
    SELECT DISTINCT ON (c.user_id) c.user_id, p.n, w.used - w.cleared AS used, p.most + coalesce(o.amount, 0) AS cap,
        (w.used - w.cleared)::double precision / greatest(p.most + coalesce(o.amount, 0), 1) AS share
    FROM user_access_profiles AS c
    JOIN policies AS pol ON pol.id = c.policy_id
    JOIN limit_lines AS l ON l.policy_id = c.policy_id
    JOIN pushed AS p ON p.kind = l.kind AND p.duration = l.reset_duration AND p.scope = ` + policy.ScopeOf + `
        AND p.quarter = coalesce(l.quarter_start_month, 0) % 3
    JOIN limit_windows AS w ON w.line_id = l.id AND w.kind = l.kind AND w.reset_duration = l.reset_duration
        AND w.used - w.cleared >= p.most
    LEFT JOIN budget_overrides AS o ON o.budget_id = l.id AND o.kind = l.kind AND (o.ends_at IS NULL
        OR o.ends_at > now())
    WHERE c.access_profile_id = ?0 AND ` + policy.ActiveCopy + `
      AND w.used - w.cleared >= p.most + coalesce(o.amount, 0)
      AND w.used - w.cleared < l.max_limit + coalesce(o.amount, 0)
      AND w.window_start IS NOT DISTINCT FROM window_start(l.reset_duration, l.quarter_start_month, pol.calendar,
          l.created_at, l.carried_from, l.carried_until, now())
    ORDER BY c.user_id, share DESC, p.n
)
SELECT u.name, h.n, h.used, h.cap, h.users FROM (
    SELECT *, count(*) OVER () AS users FROM hit ORDER BY share DESC, user_id LIMIT ?6
) AS h JOIN users AS u ON u.id = h.user_id ORDER BY h.share DESC, h.user_id`
