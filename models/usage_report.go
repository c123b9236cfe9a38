package models

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun"
)

// UsageGroupings are what a report can be broken down by. The first is the default.
var UsageGroupings = []string{"provider", "model", "user", "profile", "day"}

// UsageQuery says what a report of usage shows: whole days in UTC, from Since to Until inclusive.
type UsageQuery struct {
	Since, Until    time.Time
	GroupBy         string // one of UsageGroupings
	Provider, Model string
	UserID          string
	ProfileID       int64 // 0 for all
}

// UsageSum is what was used, added up. Unpriced is how many events nobody knows the cost of: they are in tokens and requests alone.
type UsageSum struct {
	Cost     Money `json:"cost"`
	Tokens   int64 `json:"tokens"`
	Requests int64 `json:"requests"`
	Unpriced int64 `json:"unpriced_events"`
}

// UsageRow is one line of a report. Key is an id, or the name itself.
type UsageRow struct {
	Key  string `json:"key"`
	Name string `json:"name"`
	UsageSum
}

// UsageReport is what was used in some days.
type UsageReport struct {
	Rows  []UsageRow // the most expensive first, days in their order
	Days  []UsageRow // every day of the query, also those without usage
	Total UsageSum
}

const maxReportRows = 100

// groupColumns are how a row of each grouping is keyed and named.
var groupColumns = map[string][2]string{
	"provider": {"d.provider", "d.provider"},
	"model":    {"d.provider || '/' || d.model", "d.provider || '/' || d.model"},
	"user":     {"d.user_id", "coalesce(max(u.name), 'A user who is gone')"},
	"profile":  {"d.access_profile_id::text", "coalesce(max(p.name), CASE WHEN d.access_profile_id = 0 THEN 'Without a profile' ELSE 'A profile that is gone' END)"},
	"day":      {"d.day::text", "d.day::text"},
}

// ReportUsage adds up what was used, in two statements however many events there are.
func ReportUsage(ctx context.Context, db bun.IDB, q UsageQuery) (UsageReport, error) {
	var report UsageReport
	column := groupColumns[q.GroupBy]
	rows := q.filter(db.NewSelect()).ColumnExpr(column[0] + " AS key").ColumnExpr(column[1] + " AS name").ColumnExpr(usageSums).
		Join("LEFT JOIN users AS u ON u.id = d.user_id").Join("LEFT JOIN access_profiles AS p ON p.id = d.access_profile_id")
	if q.GroupBy == "profile" {
		rows = rows.GroupExpr("d.access_profile_id")
	} else {
		rows = rows.GroupExpr("1")
	}
	if q.GroupBy == "day" {
		rows = rows.OrderExpr("1")
	} else {
		rows = rows.OrderExpr("sum(d.cost) DESC, 1")
	}
	if err := rows.Limit(maxReportRows).Scan(ctx, &report.Rows); err != nil {
		return report, fmt.Errorf("report usage: %w", err)
	}
	var days []UsageRow
	err := q.filter(db.NewSelect()).ColumnExpr("d.day::text AS key").ColumnExpr(usageSums).GroupExpr("1").Scan(ctx, &days)
	if err != nil {
		return report, fmt.Errorf("report usage by day: %w", err)
	}
	report.fill(q, days)
	return report, nil
}

const usageSums = `least(sum(d.cost), 9e18)::bigint AS cost, least(sum(d.tokens), 9e15)::bigint AS tokens, sum(d.requests)::bigint AS requests,
sum(d.unpriced)::bigint AS unpriced`

func (q UsageQuery) filter(s *bun.SelectQuery) *bun.SelectQuery {
	s = s.TableExpr("usage_days AS d").Where("d.day BETWEEN ?::date AND ?::date", q.Since.Format(time.DateOnly), q.Until.Format(time.DateOnly))
	if q.Provider != "" {
		s = s.Where("d.provider = ?", q.Provider)
	}
	if q.Model != "" {
		s = s.Where("d.model = ?", q.Model)
	}
	if q.UserID != "" {
		s = s.Where("d.user_id = ?", q.UserID)
	}
	if q.ProfileID != 0 {
		s = s.Where("d.access_profile_id = ?", q.ProfileID)
	}
	return s
}

// fill puts the days in order, with those on which nothing was used, and adds everything up.
func (r *UsageReport) fill(q UsageQuery, days []UsageRow) {
	for day := q.Since; !day.After(q.Until); day = day.AddDate(0, 0, 1) {
		key := day.Format(time.DateOnly)
		row := UsageRow{Key: key, Name: key}
		if i := slices.IndexFunc(days, func(d UsageRow) bool { return d.Key == key }); i >= 0 {
			row.UsageSum = days[i].UsageSum
		}
		r.Days = append(r.Days, row)
		r.Total.Cost += row.Cost
		r.Total.Tokens += row.Tokens
		r.Total.Requests += row.Requests
		r.Total.Unpriced += row.Unpriced
	}
}

// NearLimit is a budget of which much is used, with what it comes to at the end of its window if it goes on like this.
type NearLimit struct {
	UserID, User    string
	AccessProfileID int64
	Profile         string
	ProviderName    string // "" for a budget in all
	ResetDuration   string
	Used, Limit     Money
	Starts, Ends    time.Time
	Forecast        Money
}

// BudgetsNearLimit lists the budgets of active copies of which the greatest part is used in the window under way.
func BudgetsNearLimit(ctx context.Context, db bun.IDB, q UsageQuery, most int64) ([]NearLimit, error) {
	now, err := databaseClock(ctx, db)
	if err != nil {
		return nil, err
	}
	rows := []NearLimit{}
	err = db.NewSelect().TableExpr("(?) AS b", db.NewRaw(selectNear, now)).
		ColumnExpr("b.*").
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
		}).OrderExpr("b.used::numeric / greatest(b.limit, 1) DESC, b.used DESC").Limit(most).Scan(ctx, &rows)
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

// forecast goes on at the pace of the window so far; in its first twentieth nobody can tell.
func (n *NearLimit) forecast(now time.Time) {
	n.Starts, n.Ends = n.Starts.UTC(), n.Ends.UTC()
	whole, gone := n.Ends.Sub(n.Starts), now.Sub(n.Starts)
	n.Forecast = n.Used
	if gone > whole/20 && gone < whole {
		n.Forecast = Money(float64(n.Used) * float64(whole) / float64(gone))
	}
}

// UsageDay is what one user used of one model on one day.
type UsageDay struct {
	Day             time.Time
	UserID, User    string
	ProfileID       int64
	Profile         string
	Provider, Model string
	UsageSum
}

// EachUsageDay hands every line of the rollup that matches to use, in the order of its key, a page at a time.
func EachUsageDay(ctx context.Context, db bun.IDB, q UsageQuery, use func(UsageDay) error) error {
	const page = 1000
	for offset := int64(0); ; offset += page {
		var rows []UsageDay
		err := q.filter(db.NewSelect()).Column("d.day", "d.user_id", "d.provider", "d.model", "d.requests", "d.unpriced").
			ColumnExpr("d.access_profile_id AS profile_id").ColumnExpr("coalesce(u.name, '') AS \"user\"").ColumnExpr("coalesce(p.name, '') AS profile").
			ColumnExpr("least(d.cost, 9e18)::bigint AS cost").ColumnExpr("least(d.tokens, 9e15)::bigint AS tokens").
			Join("LEFT JOIN users AS u ON u.id = d.user_id").Join("LEFT JOIN access_profiles AS p ON p.id = d.access_profile_id").
			Order("d.day", "d.user_id", "d.access_profile_id", "d.provider", "d.model").Limit(page).Offset(offset).Scan(ctx, &rows)
		if err != nil {
			return fmt.Errorf("read usage day by day: %w", err)
		}
		for _, row := range rows {
			row.Day = row.Day.UTC()
			if err := use(row); err != nil {
				return err
			}
		}
		if len(rows) < page {
			return nil
		}
	}
}
