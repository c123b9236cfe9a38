package search

import (
	"context"
	"errors"
	"fmt"

	"github.com/uptrace/bun"

	"tollgate/models/database"
)

// selectLines reads the limits of the active copies of users in their current windows, and one row without a limit
// for each active copy. $1 are the users.
const selectLines = `
WITH held AS (
    SELECT c.user_id, c.id AS copy_id, c.policy_id, t.name AS profile, p.calendar
    FROM user_access_profiles AS c
    JOIN policies AS p ON p.id = c.policy_id
    JOIN access_profiles AS t ON t.id = c.access_profile_id
    WHERE c.user_id = ANY ($1) AND c.is_active AND (c.from_role OR c.expires_at IS NULL OR c.expires_at > now())
), line AS (
    SELECT h.*, l.id AS line_id, l.provider_name, l.kind, l.reset_duration AS duration, l.max_limit + coalesce(o.amount, 0) AS "limit",
           window_start(l.reset_duration, l.quarter_start_month, h.calendar, l.created_at, l.carried_from, l.carried_until, now()) AS starts
    FROM held AS h JOIN limit_lines AS l ON l.policy_id = h.policy_id
    LEFT JOIN budget_overrides AS o ON o.budget_id = l.id AND o.kind = l.kind AND (o.ends_at IS NULL OR o.ends_at > now())
)
SELECT user_id, copy_id, profile, line_id, provider, kind, duration, "limit", used_up FROM (
SELECT user_id, copy_id, profile, '' AS line_id, '' AS provider, '' AS kind, '' AS duration, 0 AS "limit",
       false AS used_up, 0::double precision AS share
FROM held
UNION ALL
SELECT l.user_id, l.copy_id, l.profile, l.line_id::text, coalesce(l.provider_name, ''), l.kind, l.duration, l."limit",
       coalesce(w.used - w.cleared, 0) >= l."limit",
       coalesce(w.used - w.cleared, 0)::double precision / greatest(l."limit", 1)
FROM line AS l
LEFT JOIN limit_windows AS w ON w.line_id = l.line_id AND w.kind = l.kind AND w.reset_duration = l.duration
    AND w.window_start = l.starts
) AS lines ORDER BY used_up DESC, share DESC, profile, line_id`

// readLines reads the limits of users, those used up first, and how many active copies each has.
func readLines(ctx context.Context, db bun.IDB, users []string) (lines []Line, copies map[string]int, err error) {
	copies = map[string]int{}
	if len(users) == 0 {
		return nil, copies, nil
	}
	rows, err := database.QueryPlanned(ctx, db, selectLines, users)
	if err != nil {
		return nil, nil, fmt.Errorf("read the limits of users: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var l Line
		if err := rows.Scan(
			&l.UserID, &l.CopyID, &l.Profile, &l.LineID, &l.Provider, &l.Kind, &l.Duration, &l.Limit, &l.UsedUp,
		); err != nil {
			return nil, nil, fmt.Errorf("read a limit of a user: %w", err)
		}
		if l.LineID == "" {
			copies[l.UserID]++
		} else {
			lines = append(lines, l)
		}
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return nil, nil, fmt.Errorf("read the limits of users: %w", err)
	}
	return lines, copies, nil
}

// addLimits says of each user among the hits whether they hold an active copy, and which of their limits are used up.
func addLimits(ctx context.Context, db bun.IDB, hits []Hit) error {
	lines, copies, err := readLines(ctx, db, usersAmong(hits))
	if err != nil {
		return err
	}
	for i := range hits {
		hit := &hits[i]
		if hit.Kind != User {
			continue
		}
		hit.Known, hit.Active = true, copies[hit.ID] > 0
		blocked := map[int64]bool{}
		for _, line := range lines {
			if line.UserID != hit.ID || !line.UsedUp {
				continue
			}
			hit.UsedUp = append(hit.UsedUp, line)
			if line.Provider == "" {
				blocked[line.CopyID] = true
			}
		}
		hit.Blocked = hit.Active && len(blocked) == copies[hit.ID]
	}
	return nil
}

func usersAmong(hits []Hit) []string {
	var users []string
	for _, hit := range hits {
		if hit.Kind == User {
			users = append(users, hit.ID)
		}
	}
	return users
}
