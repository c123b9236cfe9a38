package models

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
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
	Rows   []UsageRow // the most expensive first, days in their order
	Others *UsageSum  // what those beyond maxReportRows come to, if there are any
	Days   []UsageRow // every day of the query, also those without usage
	Series []UsageSeries
	Total  UsageSum
}

// UsageSeries is what one of the most expensive rows cost day by day; the last is of all others together.
type UsageSeries struct {
	Name string
	Days []Money // as many as the report has
}

const (
	maxReportRows = 100
	seriesShown   = 4
)

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
	if q.GroupBy != "day" {
		if err := reportRows(ctx, db, q, column, &report); err != nil {
			return report, err
		}
	}
	shown := []string{}
	for _, row := range report.Rows[:min(seriesShown, len(report.Rows))] {
		shown = append(shown, row.Key)
	}
	var days []seriesDay
	err := q.filter(db.NewSelect()).ColumnExpr("d.day::text AS day").
		ColumnExpr("CASE WHEN "+column[0]+" = ANY (?) THEN "+column[0]+" ELSE '' END AS key", pgdialect.Array(shown)).
		ColumnExpr(usageSums).GroupExpr("1, 2").Scan(ctx, &days)
	if err != nil {
		return report, fmt.Errorf("report usage by day: %w", err)
	}
	report.fill(q, shown, days)
	return report, nil
}

// reportRows reads the most expensive rows, and one more when there are others.
func reportRows(ctx context.Context, db bun.IDB, q UsageQuery, column [2]string, report *UsageReport) error {
	rows := q.filter(db.NewSelect()).ColumnExpr(column[0] + " AS key").ColumnExpr(column[1] + " AS name").ColumnExpr(usageSums).
		Join("LEFT JOIN users AS u ON u.id = d.user_id").Join("LEFT JOIN access_profiles AS p ON p.id = d.access_profile_id")
	if q.GroupBy == "profile" {
		rows = rows.GroupExpr("d.access_profile_id")
	} else {
		rows = rows.GroupExpr("1")
	}
	if err := rows.OrderExpr("sum(d.cost) DESC, 1").Limit(maxReportRows+1).Scan(ctx, &report.Rows); err != nil {
		return fmt.Errorf("report usage: %w", err)
	}
	return nil
}

// seriesDay is what one of the series came to on a day; that of all others has the key "".
type seriesDay struct {
	Day, Key string
	UsageSum
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
func (r *UsageReport) fill(q UsageQuery, shown []string, days []seriesDay) {
	series := make([]UsageSeries, len(shown)+1)
	place := map[string]int{"": len(shown)}
	for i, key := range shown {
		series[i].Name, place[key] = r.Rows[i].Name, i
	}
	at := map[string]int{}
	for day := q.Since; !day.After(q.Until); day = day.AddDate(0, 0, 1) {
		key := day.Format(time.DateOnly)
		at[key] = len(r.Days)
		r.Days = append(r.Days, UsageRow{Key: key, Name: key})
	}
	for i := range series {
		series[i].Days = make([]Money, len(r.Days))
	}
	for _, day := range days {
		r.Days[at[day.Day]].add(day.UsageSum)
		r.Total.add(day.UsageSum)
		series[place[day.Key]].Days[at[day.Day]] += day.Cost
	}
	r.Series = series
	switch {
	case q.GroupBy == "day":
		r.Rows = r.Days
	case len(r.Rows) > maxReportRows:
		r.Rows = r.Rows[:maxReportRows]
		others := r.Total
		for _, row := range r.Rows {
			others.Cost, others.Tokens = others.Cost-row.Cost, others.Tokens-row.Tokens
			others.Requests, others.Unpriced = others.Requests-row.Requests, others.Unpriced-row.Unpriced
		}
		r.Others = &others
	}
	if last := len(shown); last > 0 && len(r.Rows) <= last {
		r.Series = series[:last] // there are no others
	}
}

func (s *UsageSum) add(other UsageSum) {
	s.Cost += other.Cost
	s.Tokens += other.Tokens
	s.Requests += other.Requests
	s.Unpriced += other.Unpriced
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
