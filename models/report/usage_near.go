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
	rows := []NearLimit{}
	err = db.NewSelect().TableExpr("(?) AS b", db.NewRaw(selectNear, now)).
		ColumnExpr("b.*, count(*) FILTER (WHERE b.used >= b.limit) OVER () AS used_up").
		Apply(func(s *bun.SelectQuery) *bun.SelectQuery {
			if q.UserID != "" {
				s = s.Where("b.user_id = ?", q.UserID)
			}
			if q.ProfileID != 0 {
				s = s.Where("b.access_profile_id = ?", q.ProfileID)
			}
			if q.Provider != "" {
				s = s.Where("b.provider_name = ?", q.Provider)
			}
			return s
		}).OrderExpr("b.used >= b.limit, b.used::numeric / greatest(b.limit, 1) DESC, b.used DESC").Limit(most).
		Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("look for budgets near their limit: %w", err)
	}
	for i := range rows {
		rows[i].forecast(now)
	}
	return rows, nil
}

const selectNear = `
SELECT c.user_id, u.name AS "user", c.access_profile_id, t.name AS profile, coalesce(pc.provider_name, '') AS provider_name, l.reset_duration,
       w.used - w.cleared AS used, l.max_limit + coalesce(o.amount, 0) AS "limit", w.window_start AS starts,
       CASE WHEN l.carried_until > ?0 AND l.carried_from <= ?0 THEN l.carried_until
            ELSE window_end(l.reset_duration, l.quarter_start_month, p.calendar, l.created_at, ?0) END AS ends
FROM budgets AS l
JOIN policies AS p ON p.id = l.policy_id
JOIN user_access_profiles AS c ON c.policy_id = p.id
JOIN users AS u ON u.id = c.user_id
JOIN access_profiles AS t ON t.id = c.access_profile_id
LEFT JOIN provider_configs AS pc ON pc.id = l.provider_config_id
LEFT JOIN budget_overrides AS o ON o.budget_id = l.id AND (o.ends_at IS NULL OR o.ends_at > ?0)
JOIN limit_windows AS w ON w.line_id = l.id AND w.kind = 'spend' AND w.reset_duration = l.reset_duration
    AND w.window_start = window_start(l.reset_duration, l.quarter_start_month, p.calendar, l.created_at, l.carried_from, l.carried_until, ?0)
WHERE c.is_active AND (c.from_role OR c.expires_at IS NULL OR c.expires_at > ?0) AND w.used > w.cleared`

// forecast extrapolates the pace of the window so far; its first twentieth is too short for that.
func (n *NearLimit) forecast(now time.Time) {
	n.Starts, n.Ends = n.Starts.UTC(), n.Ends.UTC()
	whole, gone := n.Ends.Sub(n.Starts), now.Sub(n.Starts)
	n.Forecast = n.Used
	if gone > whole/20 && gone < whole {
		n.Forecast = money.Money(float64(n.Used) * float64(whole) / float64(gone))
	}
}
