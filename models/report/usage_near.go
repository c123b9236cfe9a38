package report

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"tollgate/models/money"
	"tollgate/models/policy"
)

// NearLimit is a budget of which much is used, with a forecast for the end of its window.
type NearLimit struct {
	ID              string
	CopyID          int64
	UserID, User    string
	AccessProfileID int64
	Profile         string
	Scope           policy.Scope
	ResetDuration   string
	Used, Limit     money.Money
	Starts, Ends    time.Time
	Paced           time.Time // since when it was used: later than Starts when it was reset, or given, meanwhile
	Zone            string    // that decides when the window ends; "" is UTC
	Forecast        money.Money
	UsedUp          int64 // how many budgets are used up in total
}

const (
	nearLines    = 20
	neediestMost = 500
)

// loadLimits lists the budgets of active copies of which the greatest part is used in the current window, and all that
// are used up or will be within a day at their pace. Beside them it adds up what active copies may spend in a month:
// what they may spend overall, else of each provider.
func (n *Needs) loadLimits(ctx context.Context, db bun.IDB, q Query) error {
	var rows []struct {
		NearLimit
		Budget money.Money
		ReadAt time.Time
	}
	lines := activeLines(db, q).ColumnExpr(currentLine)
	if err := db.NewRaw(selectNear, lines, nearLines, neediestMost).Scan(ctx, &rows); err != nil {
		return fmt.Errorf("look for budgets near their limit: %w", err)
	}
	n.Lines = []NearLimit{}
	for _, row := range rows {
		n.Budget, n.ReadAt = row.Budget, row.ReadAt.UTC()
		if row.ID != "" {
			row.forecast(n.ReadAt)
			n.Lines = append(n.Lines, row.NearLimit)
		}
	}
	return nil
}

// activeLines are the budgets of copies that are in use.
func activeLines(db bun.IDB, q Query) *bun.SelectQuery {
	lines := db.NewSelect().TableExpr("user_access_profiles AS c").Join("JOIN policies AS p ON p.id = c.policy_id").
		Join("JOIN limit_lines AS l ON l.policy_id = p.id AND l.kind = 'spend'").
		Where(policy.ActiveCopy)
	if q.UserID != "" {
		lines = lines.Where("c.user_id = ?", q.UserID)
	}
	if q.ProfileID != 0 {
		lines = lines.Where("c.access_profile_id = ?", q.ProfileID)
	}
	if q.Provider != "" {
		lines = lines.Where("l.provider_name = ?", q.Provider)
	}
	return lines
}

// currentLine is a budget with the start of its current window.
const currentLine = `l.id, l.kind, l.reset_duration, l.quarter_start_month, l.max_limit, l.created_at, l.carried_from,
    l.carried_until, p.calendar,
c.id AS copy_id, c.user_id, c.access_profile_id, ` + policy.ScopeOf + ` AS scope,
window_start(l.reset_duration, l.quarter_start_month, p.calendar, l.created_at, l.carried_from, l.carried_until,
    now()) AS starts`

// selectNear looks each current window up by its key, so that windows of the past cost nothing, and finds names for
// the few rows that are shown. There is a row without a budget when none is shown. A budget of nothing is used up from
// the beginning.
const selectNear = `
WITH line AS MATERIALIZED (?0), month AS (
    SELECT least(coalesce(sum(most), 0), 9e18)::bigint AS budget FROM (
        SELECT coalesce(sum(max_limit) FILTER (WHERE scope = 'total'), sum(max_limit)) AS most
        FROM line WHERE reset_duration = '1M' GROUP BY copy_id
    ) AS c
), near AS (
    SELECT line.*, greatest(line.starts, line.created_at, w.cleared_at) AS paced,
        coalesce(w.used - w.cleared, 0) AS used, line.max_limit + coalesce(o.amount, 0) AS "limit"
    FROM line LEFT JOIN LATERAL (
        SELECT * FROM limit_windows AS w
        WHERE w.line_id = line.id AND w.kind = line.kind AND w.reset_duration = line.reset_duration
            AND w.window_start = line.starts OFFSET 0
    ) AS w ON true LEFT JOIN budget_overrides AS o ON o.budget_id = line.id AND o.kind = line.kind
        AND (o.ends_at IS NULL OR o.ends_at > now())
), placed AS (
    SELECT *, count(*) FILTER (WHERE used >= "limit") OVER () AS used_up,
           used >= "limit" OR now() - paced >= window_span(reset_duration) / 20
               AND ("limit" - used)::float * extract(epoch FROM now() - paced) <= used::float * 86400 AS needy,
           row_number() OVER (ORDER BY used >= "limit", used::numeric / greatest("limit", 1) DESC, used DESC,
               id) AS place
    FROM near WHERE used > 0 OR used >= "limit"
), nearest AS (
    SELECT * FROM placed WHERE place <= ?1 OR needy ORDER BY place LIMIT ?2
)
SELECT coalesce(n.id::text, '') AS id, coalesce(n.copy_id, 0) AS copy_id, coalesce(n.user_id, '') AS user_id,
    coalesce(u.name, '') AS "user", coalesce(n.access_profile_id, 0) AS access_profile_id,
    coalesce(t.name, '') AS profile,
    coalesce(n.scope, '') AS scope, coalesce(n.reset_duration, '') AS reset_duration,
    coalesce(n.used, 0) AS used, coalesce(n."limit", 0) AS "limit", coalesce(n.starts, now()) AS starts,
    coalesce(n.paced, now()) AS paced,
    coalesce(n.calendar, '') AS zone, coalesce(n.used_up, 0) AS used_up, month.budget, now() AS read_at,
    CASE WHEN n.carried_until > now() AND n.carried_from <= now() THEN n.carried_until
        ELSE coalesce(window_end(n.reset_duration, n.quarter_start_month, n.calendar, n.created_at, now()), now())
        END AS ends
FROM month LEFT JOIN nearest AS n ON true LEFT JOIN users AS u ON u.id = n.user_id
LEFT JOIN access_profiles AS t ON t.id = n.access_profile_id ORDER BY n.place`

// forecast extrapolates the pace so far; a twentieth of the window is too short for that.
func (n *NearLimit) forecast(now time.Time) {
	whole, gone, left := n.Ends.Sub(n.Starts), now.Sub(n.Paced), n.Ends.Sub(now)
	n.Forecast = n.Used
	if gone > whole/20 && left > 0 {
		n.Forecast += money.Money(float64(n.Used) * float64(left) / float64(gone))
	}
}

// RunsOut is when the budget will be used up at the pace so far; zero when it is already, or will not be.
func (n NearLimit) RunsOut(now time.Time) time.Time {
	gone := now.Sub(n.Paced)
	if n.Used <= 0 || n.Used >= n.Limit || gone < n.Ends.Sub(n.Starts)/20 {
		return time.Time{}
	}
	at := now.Add(time.Duration(float64(gone) * float64(n.Limit-n.Used) / float64(n.Used)))
	if !at.Before(n.Ends) {
		return time.Time{}
	}
	return at
}
