package report

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"tollgate/models/database"
	"tollgate/models/money"
	"tollgate/models/problem"
)

// Groupings are what a report can be broken down by. The first is the default.
var Groupings = []string{"provider", "model", "user", "profile", "day"}

// Query selects the usage of a report: whole days of a time zone, from Since to Until inclusive.
type Query struct {
	Since, Until    time.Time      // dates
	Zone            *time.Location // nil for UTC
	GroupBy         string         // one of Groupings
	Provider, Model string
	UserID          string
	ProfileID       int64 // 0 for all

	users []string // of several alone; nil for all
	sums  sums
}

// Sum is what was used, added up. Unpriced is how many events have an unknown cost: they count in tokens and requests
// alone.
type Sum struct {
	Cost     money.Money `json:"cost"`
	Tokens   int64       `json:"tokens"`
	Requests int64       `json:"requests"`
	Unpriced int64       `json:"unpriced_events"`
}

// IsUnpriced reports whether nothing of it has a price: then its cost is unknown, not 0.
func (s Sum) IsUnpriced() bool { return s.Cost == 0 && s.Unpriced > 0 }

// Row is one line of a report. Key is an id, or the name itself.
type Row struct {
	Key  string `json:"key"`
	Name string `json:"name"`
	Sum
}

// Report is what was used in some days.
type Report struct {
	Rows   []Row // the most expensive first, days in their order
	Others *Sum  // the sum of those beyond maxReportRows, if there are any
	Days   []Row // every day of the query, also those without usage
	Series []Series
	Total  Sum
	AsOf   *time.Time // what was reported later for days that are over may be missing; nil when nothing is
}

// Series is what one of the most expensive rows cost day by day; the last is the sum of all others.
type Series struct {
	Name string
	Days []money.Money // as many as the report has
}

const (
	maxReportRows = 100
	seriesShown   = 8
)

// groupColumns are how a row of each grouping is keyed.
var groupColumns = map[string]string{
	"provider": "d.provider", "model": "d.provider || '/' || d.model", "user": "d.user_id",
	"profile": "d.access_profile_id::text", "day": "d.day::text",
}

// LoadReport adds up what was used, in one snapshot and three statements however many events there are. Refusal:
// Unreadable when that takes too long.
func LoadReport(ctx context.Context, db bun.IDB, q Query) (Report, error) {
	var report Report
	err := database.InSnapshot(ctx, db, func(ctx context.Context, db bun.IDB) error {
		report = Report{}
		if err := q.prepare(ctx, db); err != nil {
			return err
		}
		report.AsOf = q.sums.asOf(q)
		if q.GroupBy != "day" {
			if err := q.rows(db).Limit(maxReportRows+1).Scan(ctx, &report.Rows); err != nil {
				return fmt.Errorf("report usage: %w", err)
			}
		}
		if err := report.load(ctx, db, q, report.Rows[:min(seriesShown, len(report.Rows))]); err != nil {
			return err
		}
		report.addOthers(q)
		return nil
	})
	return report, q.tooMuch(err)
}

// load reads the days, and on each what was used of the rows shown.
func (r *Report) load(ctx context.Context, db bun.IDB, q Query, shown []Row) error {
	keys := make([]string, len(shown))
	for i, row := range shown {
		keys[i] = row.Key
	}
	days, err := q.series(ctx, db, keys)
	if err == nil {
		r.fill(q, shown, days)
	}
	return err
}

// series reads what was used each day, under the key "", and of that each of the rows shown.
func (q Query) series(ctx context.Context, db bun.IDB, shown []string) ([]seriesDay, error) {
	var rows []seriesDay
	if err := q.seriesOf(db, shown).Scan(ctx, &rows); err != nil {
		return nil, fmt.Errorf("report usage by day: %w", err)
	}
	return rows, nil
}

func (q Query) seriesOf(db bun.IDB, shown []string) *bun.SelectQuery {
	days := q.filter(db.NewSelect(), q.source("day")).ColumnExpr("d.day::text AS day").ColumnExpr("'' AS key").
		ColumnExpr(usageSums).GroupExpr("1, 2")
	if len(shown) > 0 {
		ofShown := q
		if q.GroupBy == "user" {
			ofShown.users = shown
		}
		from := ofShown.source(q.GroupBy)
		key := q.key(from, q.GroupBy)
		days = days.UnionAll(ofShown.filter(db.NewSelect(), from).ColumnExpr("d.day::text AS day").
			ColumnExpr(key+" AS key").ColumnExpr(usageSums).Where(key+" = ANY (?)", pgdialect.Array(shown)).GroupExpr("1, 2"))
	}
	return days
}

// rows reads every row of a report, the most expensive first, with its name.
func (q Query) rows(db bun.IDB) *bun.SelectQuery {
	return q.named(db).OrderExpr("r.cost DESC, r.key")
}

// named reads them in no order.
func (q Query) named(db bun.IDB) *bun.SelectQuery {
	return nameRows(db.NewSelect().TableExpr("(?) AS r", q.sumsByKey(db)).ColumnExpr("r.*"), q.GroupBy)
}

// sumsByKey adds the rows up, without their names.
func (q Query) sumsByKey(db bun.IDB) *bun.SelectQuery {
	from := q.source(q.GroupBy)
	parts := q.ofUsers
	if !q.byMonth() {
		parts = func(db bun.IDB) *bun.SelectQuery { return q.filter(db.NewSelect(), from) }
	}
	return parts(db).ColumnExpr(q.key(from, q.GroupBy) + " AS key").ColumnExpr(usageSums).GroupExpr("1").Having(isUsed)
}

// nameRows adds the names of rows.
func nameRows(rows *bun.SelectQuery, groupBy string) *bun.SelectQuery {
	switch groupBy {
	case "user":
		return joinUserNames(rows, "r.key").ColumnExpr("coalesce(u.name, former_user.name, 'A user who is gone') AS name")
	case "profile":
		return joinProfileNames(rows, "r.key::bigint").ColumnExpr(
			"coalesce(p.name, former_profile.name, " +
				"CASE WHEN r.key = '0' THEN 'Without a profile' ELSE 'A profile that is gone' END) AS name")
	}
	return rows.ColumnExpr("r.key AS name")
}

// joinUserNames finds what users are called, or were when they were deleted.
func joinUserNames(s *bun.SelectQuery, id string) *bun.SelectQuery {
	return s.Join("LEFT JOIN users AS u ON u.id = " + id).
		Join("LEFT JOIN former_names AS former_user ON former_user.kind = 'user' AND former_user.id = " + id)
}

// joinProfileNames does the same for access profiles.
func joinProfileNames(s *bun.SelectQuery, id string) *bun.SelectQuery {
	return s.Join("LEFT JOIN access_profiles AS p ON p.id = " + id).
		Join("LEFT JOIN former_names AS former_profile ON former_profile.kind = 'access_profile' AND former_profile.id = (" +
			id + ")::text")
}

// tooMuch turns a statement timeout into a refusal that suggests fewer days, where that is possible.
func (q Query) tooMuch(err error) error {
	if problem.SQLState(err) != "57014" || !q.Until.After(q.Since) {
		return err
	}
	return fmt.Errorf("%w: %w", problem.Refuse(problem.Unreadable, "since", "too_much",
		"Adding up so many days takes too long. Ask for fewer days."), err)
}

// seriesDay is what was used of one of the series on a day; all of it has the key "".
type seriesDay struct {
	Day, Key string
	Sum
}

const usageSums = `least(sum(d.cost), 9e18)::bigint AS cost, least(sum(d.tokens), 9e15)::bigint AS tokens,
    sum(d.requests)::bigint AS requests,
sum(d.unpriced)::bigint AS unpriced`

// fill puts the days in order, with those on which nothing was used, and adds everything up.
func (r *Report) fill(q Query, shown []Row, days []seriesDay) {
	series := make([]Series, len(shown)+1)
	place := map[string]int{"": len(shown)}
	for i, row := range shown {
		series[i].Name, place[row.Key] = row.Name, i
	}
	at := map[string]int{}
	for day := q.Since; !day.After(q.Until); day = day.AddDate(0, 0, 1) {
		key := date(day)
		at[key] = len(r.Days)
		r.Days = append(r.Days, Row{Key: key, Name: key})
	}
	for i := range series {
		series[i].Days = make([]money.Money, len(r.Days))
	}
	var ofShown Sum
	for _, day := range days {
		series[place[day.Key]].Days[at[day.Day]] += day.Cost
		if day.Key == "" {
			r.Days[at[day.Day]].add(day.Sum)
			r.Total.add(day.Sum)
			continue
		}
		series[len(shown)].Days[at[day.Day]] -= day.Cost
		ofShown.add(day.Sum)
	}
	if len(shown) > 0 && ofShown == r.Total {
		series = series[:len(shown)] // there are no others
	}
	r.Series = series
}

// addOthers adds up the rows beyond those listed.
func (r *Report) addOthers(q Query) {
	switch {
	case q.GroupBy == "day":
		r.Rows = r.Days
	case len(r.Rows) > maxReportRows:
		r.Rows = r.Rows[:maxReportRows]
		others := r.Total
		for _, row := range r.Rows {
			others.take(row.Sum)
		}
		r.Others = &others
	}
}

// take is the reverse of add.
func (s *Sum) take(other Sum) {
	s.Cost -= other.Cost
	s.Tokens -= other.Tokens
	s.Requests -= other.Requests
	s.Unpriced -= other.Unpriced
}

func (s *Sum) add(other Sum) {
	s.Cost += other.Cost
	s.Tokens += other.Tokens
	s.Requests += other.Requests
	s.Unpriced += other.Unpriced
}

// unpricedDays is how far back pages look for what a user used without a price.
const unpricedDays = 30

// UnpricedEvents is how many events of a user in the last 30 days have no price, and so are in no amount.
func UnpricedEvents(ctx context.Context, db bun.IDB, userID string) (n int64, err error) {
	err = db.NewRaw("SELECT coalesce(sum(unpriced), 0)::bigint FROM usage_days "+
		"WHERE user_id = ? AND day > current_date - ?::int", userID, unpricedDays).Scan(ctx, &n)
	if err != nil {
		return 0, fmt.Errorf("count what user %s used without a price: %w", userID, err)
	}
	return n, nil
}
