package blocked

import (
	"context"
	"errors"
	"fmt"

	"github.com/uptrace/bun"

	"tollgate/models/database"
	"tollgate/models/policy"
)

// currentLines are the limits of active copies with the start of their current window; a condition of the copies c has
// to follow.
const (
	currentLines = `
WITH held AS (
    SELECT c.user_id, c.id AS copy_id, c.policy_id, t.name AS profile, p.calendar
    FROM user_access_profiles AS c
    JOIN policies AS p ON p.id = c.policy_id
    JOIN access_profiles AS t ON t.id = c.access_profile_id
    WHERE ` + policy.ActiveCopy + ` AND `
	startedLines = `
), line AS (
    SELECT h.*, l.id AS line_id, ` + policy.ScopeOf + ` AS scope, l.kind, l.reset_duration AS duration,
        l.max_limit + coalesce(o.amount, 0) AS "limit",
           window_start(l.reset_duration, l.quarter_start_month, h.calendar, l.created_at, l.carried_from,
               l.carried_until, now()) AS starts
    FROM held AS h JOIN limit_lines AS l ON l.policy_id = h.policy_id
    LEFT JOIN budget_overrides AS o ON o.budget_id = l.id AND o.kind = l.kind AND (o.ends_at IS NULL
        OR o.ends_at > now())
)`
)

// selectLines reads the limits of users, and one row without a limit for each active copy. $1 are the users.
const selectLines = currentLines + "c.user_id = ANY ($1)" + startedLines + `
SELECT user_id, copy_id, profile, line_id, scope, kind, duration, "limit", used_up FROM (
SELECT user_id, copy_id, profile, '' AS line_id, '' AS scope, '' AS kind, '' AS duration, 0 AS "limit",
       false AS used_up, 0::double precision AS share
FROM held
UNION ALL
SELECT l.user_id, l.copy_id, l.profile, l.line_id::text, l.scope, l.kind, l.duration, l."limit",
       coalesce(w.used - w.cleared, 0) >= l."limit",
       coalesce(w.used - w.cleared, 0)::double precision / greatest(l."limit", 1)
FROM line AS l
LEFT JOIN limit_windows AS w ON w.line_id = l.line_id AND w.kind = l.kind AND w.reset_duration = l.duration
    AND w.window_start = l.starts
) AS lines ORDER BY used_up DESC, share DESC, profile, line_id`

// selectUsers reads the users of whom a limit is used up.
const selectUsers = currentLines + "true" + startedLines + `
SELECT DISTINCT l.user_id FROM line AS l LEFT JOIN limit_windows AS w ON w.line_id = l.line_id AND w.kind = l.kind
    AND w.reset_duration = l.duration AND w.window_start = l.starts
WHERE coalesce(w.used - w.cleared, 0) >= l."limit"`

// States reads the states of users. Users without an active copy have none.
func States(ctx context.Context, db bun.IDB, users []string) (map[string]State, error) {
	states := make(map[string]State, len(users))
	if len(users) == 0 {
		return states, nil
	}
	rows, err := database.QueryPlanned(ctx, db, selectLines, users)
	if err != nil {
		return nil, fmt.Errorf("read the limits of users: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var l Line
		if err := rows.Scan(
			&l.UserID, &l.CopyID, &l.Profile, &l.LineID, &l.Scope, &l.Kind, &l.Duration, &l.Limit, &l.UsedUp,
		); err != nil {
			return nil, fmt.Errorf("read a limit of a user: %w", err)
		}
		state := states[l.UserID]
		if l.LineID == "" {
			state.Copies++
		} else {
			state.Lines = append(state.Lines, l)
		}
		states[l.UserID] = state
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return nil, fmt.Errorf("read the limits of users: %w", err)
	}
	return states, nil
}
