package report

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"tollgate/models/database"
	"tollgate/models/money"
)

// NearLimit is a budget of which much is used, with a forecast for the end of its window.
type NearLimit struct {
	UserID, User    string
	AccessProfileID int64
	Profile         string
	ProviderName    string // "" for an overall budget
	ResetDuration   string
	Used, Limit     money.Money
	Starts, Ends    time.Time
	Forecast        money.Money
	UsedUp          int64 // how many budgets are used up in total
}

// BudgetsNearLimit lists the budgets of active copies of which the greatest part is used in the current window, after
// them those that are used up.
func BudgetsNearLimit(ctx context.Context, db bun.IDB, q Query, most int64) ([]NearLimit, error) {
	now, err := database.Clock(ctx, db)
	if err != nil {
		return nil, err
	}
	lines := db.NewSelect().TableExpr("user_access_profiles AS c").Join("JOIN policies AS p ON p.id = c.policy_id").
		Join("JOIN budgets AS l ON l.policy_id = p.id").
		Join("LEFT JOIN provider_configs AS pc ON pc.id = l.provider_config_id").
		Where("c.is_active AND (c.from_role OR c.expires_at IS NULL OR c.expires_at > ?)", now).ColumnExpr(currentLine, now)
	if q.UserID != "" {
		lines = lines.Where("c.user_id = ?", q.UserID)
	}
	if q.ProfileID != 0 {
		lines = lines.Where("c.access_profile_id = ?", q.ProfileID)
	}
	if q.Provider != "" {
		lines = lines.Where("pc.provider_name = ?", q.Provider)
	}
	rows := []NearLimit{}
	if err := db.NewRaw(selectNear, now, lines, most).Scan(ctx, &rows); err != nil {
		return nil, fmt.Errorf("look for budgets near their limit: %w", err)
	}
	for i := range rows {
		rows[i].forecast(now)
	}
	return rows, nil
}

// currentLine is a budget with the start of its current window.
const currentLine = `l.id, l.reset_duration, l.quarter_start_month, l.max_limit, l.created_at, l.carried_from, l.carried_until, p.calendar,
c.user_id, c.access_profile_id, coalesce(pc.provider_name, '') AS provider_name,
window_start(l.reset_duration, l.quarter_start_month, p.calendar, l.created_at, l.carried_from, l.carried_until, ?) AS starts`

// selectNear looks each current window up by its key, so that windows of the past cost nothing, and finds names for
// the few rows that are shown.
const selectNear = `
WITH line AS MATERIALIZED (?1), near AS (
    SELECT line.*, w.used - w.cleared AS used, line.max_limit + coalesce(o.amount, 0) AS "limit"
    FROM line CROSS JOIN LATERAL (
        SELECT * FROM limit_windows AS w
        WHERE w.line_id = line.id AND w.kind = 'spend' AND w.reset_duration = line.reset_duration AND w.window_start = line.starts
          AND w.used > w.cleared OFFSET 0
    ) AS w LEFT JOIN budget_overrides AS o ON o.budget_id = line.id AND (o.ends_at IS NULL OR o.ends_at > ?0)
), nearest AS (
    SELECT *, count(*) FILTER (WHERE used >= "limit") OVER () AS used_up FROM near
    ORDER BY used >= "limit", used::numeric / greatest("limit", 1) DESC, used DESC, id LIMIT ?2
)
SELECT n.user_id, u.name AS "user", n.access_profile_id, t.name AS profile, n.provider_name, n.reset_duration, n.used, n."limit", n.starts, n.used_up,
       CASE WHEN n.carried_until > ?0 AND n.carried_from <= ?0 THEN n.carried_until
            ELSE window_end(n.reset_duration, n.quarter_start_month, n.calendar, n.created_at, ?0) END AS ends
FROM nearest AS n JOIN users AS u ON u.id = n.user_id JOIN access_profiles AS t ON t.id = n.access_profile_id
ORDER BY n.used >= n."limit", n.used::numeric / greatest(n."limit", 1) DESC, n.used DESC, n.id`

// forecast extrapolates the pace of the window so far; its first twentieth is too short for that.
func (n *NearLimit) forecast(now time.Time) {
	whole, gone := n.Ends.Sub(n.Starts), now.Sub(n.Starts)
	n.Forecast = n.Used
	if gone > whole/20 && gone < whole {
		n.Forecast = money.Money(float64(n.Used) * float64(whole) / float64(gone))
	}
}
