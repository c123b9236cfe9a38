package report

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"tollgate/models/database"
	"tollgate/models/money"
)

// Sorts are what the rows of a page can be ordered by, each also with a leading "-".
var Sorts = []string{"spend", "name", "tokens", "requests"}

var sortColumns = map[string]string{
	"spend": "r.cost", "name": "name", "tokens": "r.tokens", "requests": "r.requests",
}

const (
	paceDays  = 7 // a forecast goes on like these
	partsSent = 5 // of a row, by the second grouping
)

// PageQuery is one page of the rows of a report.
type PageQuery struct {
	Query
	Sort          string // one of Sorts
	Limit, Offset int64
	Then          string    // breaks each row down once more; "" for not at all
	Today         time.Time // in the zone of the report
}

// PageRow is a row with what it is compared with.
type PageRow struct {
	Row
	Before money.Money // in the period before
	Week   money.Money // in the last seven whole days
	Today  money.Money
	Parts  []Row // the most expensive of it by the second grouping
	Others *Sum  // the rest of it; nil when there is none
}

// Page is one page of a report, beside what is true of the whole.
type Page struct {
	Report
	Rows                []PageRow
	Count               int64 // of rows on all pages
	Before, Week, Today money.Money
	Needs               Needs

	UserName, ProfileName string // of those that the report is narrowed to, also when they were deleted; "" for none
	Quarantined           int64  // events that wait in the quarantine
}

// PeriodBefore is as many days as the report has, just before them; for days of one month, those of the month before,
// all of them for a month that is over.
func (q Query) PeriodBefore(today time.Time) (since, until time.Time) {
	if q.Since.Day() == 1 && q.Until.Month() == q.Since.Month() && q.Until.Year() == q.Since.Year() {
		since = q.Since.AddDate(0, -1, 0)
		until = since.AddDate(0, 0, q.Until.Day()-1)
		over := q.Until.Before(today) && q.Until.AddDate(0, 0, 1).Day() == 1
		if end := q.Since.AddDate(0, 0, -1); over || until.After(end) {
			until = end
		}
		return since, until
	}
	days := int(q.Until.Sub(q.Since).Hours()/24) + 1
	return q.Since.AddDate(0, 0, -days), q.Since.AddDate(0, 0, -1)
}

// LoadPage reads a page of a report in one snapshot, then who needs an administrator, in at most eight statements.
// Refusal: as of LoadReport.
func (w *Watch) LoadPage(ctx context.Context, db bun.IDB, q PageQuery) (Page, error) {
	var page Page
	err := database.InSnapshot(ctx, db, func(ctx context.Context, db bun.IDB) error {
		page = Page{}
		if err := q.prepare(ctx, db); err != nil {
			return err
		}
		page.AsOf = q.sums.asOf(q.Query)
		page.UserName, page.ProfileName, page.Quarantined = q.sums.UserName, q.sums.ProfileName, q.sums.Quarantined
		top, ok, err := page.loadPeople(ctx, db, &w.people, q)
		if err == nil && !ok {
			top, err = page.loadRows(ctx, db, q)
		}
		if err != nil {
			return err
		}
		if err := page.loadDays(ctx, db, q, top); err != nil {
			return err
		}
		return page.breakDown(ctx, db, q)
	})
	if err != nil {
		return page, q.tooMuch(err)
	}
	page.Needs, err = w.loadNeeds(ctx, db, q.Query)
	return page, err
}

func pageRows(rows []Row) []PageRow {
	shown := make([]PageRow, len(rows))
	for i, row := range rows {
		shown[i].Row = row
	}
	return shown
}

// selectRows reads a page of the rows in some order, and those of which the plot is, all from the same sums. Names are
// found for the rows shown, but for an order by name.
const selectRows = `
WITH sums AS MATERIALIZED (?0), page AS (
    SELECT key, cost, tokens, requests, unpriced FROM (?1) AS r ORDER BY ?2, r.cost DESC, r.key LIMIT ?3 OFFSET ?4
), shown AS (
    SELECT *, false AS plotted FROM page
    UNION ALL SELECT * FROM (SELECT *, true FROM sums ORDER BY cost DESC, key LIMIT ?5) AS top
)
?6 ORDER BY r.plotted, ?2, r.cost DESC, r.key`

// loadRows reads the rows of the page, and returns those of which the plot is.
func (p *Page) loadRows(ctx context.Context, db bun.IDB, q PageQuery) (top []Row, err error) {
	if q.GroupBy == "day" {
		return nil, nil
	}
	column, descending := strings.CutPrefix(q.Sort, "-")
	order := db.NewRaw("?", bun.Ident(sortColumns[column]))
	if descending {
		order = db.NewRaw("? DESC", bun.Ident(sortColumns[column]))
	}
	sorted := db.NewSelect().TableExpr("sums AS r").ColumnExpr("r.*")
	if column == "name" {
		sorted = nameRows(sorted, q.GroupBy)
	}
	shown := nameRows(db.NewSelect().TableExpr("shown AS r").ColumnExpr("r.*, (SELECT count(*) FROM sums) AS count"), q.GroupBy)
	var rows []struct {
		Row
		Plotted bool
		Count   int64
	}
	err = db.NewRaw(selectRows, q.sumsByKey(db), sorted, order, q.Limit, q.Offset, seriesShown, shown).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("report a page of usage: %w", err)
	}
	for _, row := range rows {
		p.Count = row.Count
		if row.Plotted {
			top = append(top, row.Row)
		} else {
			p.Rows = append(p.Rows, PageRow{Row: row.Row})
		}
	}
	slices.SortStableFunc(top, func(a, b Row) int { return cmp.Compare(b.Cost, a.Cost) })
	return top, nil
}

func (p *Page) keys() []string {
	keys := make([]string, len(p.Rows))
	for i, row := range p.Rows {
		keys[i] = row.Key
	}
	return keys
}

// daysAndBefore reads the days of the report, and what rows cost in the period before, in the last whole days and
// today, from the same parts.
const daysAndBefore = `
WITH parts AS MATERIALIZED (?0)
SELECT p.day::text AS day, p.key, p.cost, p.tokens, p.requests, p.unpriced, 0 AS before, 0 AS week, 0 AS today
FROM parts AS p WHERE p.day BETWEEN ?1::date AND ?2::date AND (p.key = '' OR p.key = ANY (?3))
UNION ALL
SELECT '', p.key, 0, 0, 0, 0,
    least(coalesce(sum(p.cost) FILTER (WHERE p.day BETWEEN ?4::date AND ?5::date), 0), 9e18)::bigint,
    least(coalesce(sum(p.cost) FILTER (WHERE p.day >= ?6::date AND p.day < ?7::date), 0), 9e18)::bigint,
    least(coalesce(sum(p.cost) FILTER (WHERE p.day = ?7::date), 0), 9e18)::bigint
FROM parts AS p GROUP BY p.key`

// loadDays reads the days, and what the rows cost in the period before, in the last whole days and today.
func (p *Page) loadDays(ctx context.Context, db bun.IDB, q PageQuery, top []Row) error {
	plotted := make([]string, len(top))
	for i, row := range top {
		plotted[i] = row.Key
	}
	var found []struct {
		seriesDay
		Before, Week, Today money.Money
	}
	since, until := q.PeriodBefore(q.Today)
	week := q.Today.AddDate(0, 0, -paceDays)
	parts := p.dayParts(db, q, slices.Concat(plotted, p.keys()), since, until, week)
	err := db.NewRaw(daysAndBefore, parts, date(q.Since), date(q.Until), pgdialect.Array(plotted),
		date(since), date(until), date(week), date(q.Today)).Scan(ctx, &found)
	if err != nil {
		return fmt.Errorf("report usage by day and before: %w", err)
	}
	at := map[string]int{}
	for i, row := range p.Rows {
		at[row.Key] = i
	}
	var days []seriesDay
	for _, one := range found {
		i, shown := at[one.Key]
		switch {
		case one.Day != "":
			days = append(days, one.seriesDay)
		case one.Key == "":
			p.Before, p.Week, p.Today = one.Before, one.Week, one.Today
		case shown:
			p.Rows[i].Before, p.Rows[i].Week, p.Rows[i].Today = one.Before, one.Week, one.Today
		}
	}
	p.fill(q.Query, top, days)
	if q.GroupBy == "day" {
		p.Rows = pageRows(p.Days)
	}
	return nil
}

// dayParts are what everything, under the key "", and each of some rows were on each day of the report and of the times
// that it is compared with.
func (p *Page) dayParts(
	db bun.IDB, q PageQuery, keys []string, since, until, week time.Time,
) *bun.SelectQuery {
	wide := q.Query
	for _, day := range []time.Time{since, week} {
		if day.Before(wide.Since) {
			wide.Since = day
		}
	}
	for _, day := range []time.Time{until, q.Today} {
		if day.After(wide.Until) {
			wide.Until = day
		}
	}
	parts := wide.filter(db.NewSelect(), wide.source("day")).Column("d.day").ColumnExpr("'' AS key").ColumnExpr(usageSums).
		GroupExpr("1")
	if q.GroupBy == "day" || len(keys) == 0 {
		return parts
	}
	if q.GroupBy == "user" {
		wide.users = keys
	}
	from := wide.source(q.GroupBy)
	key := wide.key(from, q.GroupBy)
	ofRows := wide.filter(db.NewSelect(), from).Column("d.day").ColumnExpr(key + " AS key").ColumnExpr(usageSums)
	return parts.UnionAll(ofRows.Where(key+" = ANY (?)", pgdialect.Array(keys)).GroupExpr("1, 2"))
}

// breakDown adds the most expensive parts of each row.
func (p *Page) breakDown(ctx context.Context, db bun.IDB, q PageQuery) error {
	if q.Then == "" || q.Then == q.GroupBy || len(p.Rows) == 0 {
		return nil
	}
	from, column := q.Query, groupColumns[q.GroupBy]
	source := fromTotals // has what both groupings need
	switch {
	case q.GroupBy == "user":
		from.users, source = p.keys(), fromDays
	case q.Then == "user" || q.UserID != "":
		source = fromDays
	}
	sums := from.filter(db.NewSelect(), source).ColumnExpr(column+" AS parent").ColumnExpr(groupColumns[q.Then]+" AS key").
		ColumnExpr(usageSums).
		ColumnExpr("row_number() OVER (PARTITION BY "+column+" ORDER BY sum(d.cost) DESC, "+groupColumns[q.Then]+") AS place").
		Where(column+" = ANY (?)", pgdialect.Array(p.keys())).GroupExpr("1, 2").Having(isUsed)
	rows := nameRows(db.NewSelect().TableExpr("(?) AS r", sums).ColumnExpr("r.*"), q.Then).Where("r.place <= ?", partsSent).
		OrderExpr("r.parent, r.place")
	var found []struct {
		Parent string
		Place  int
		Row
	}
	if err := rows.Scan(ctx, &found); err != nil {
		return fmt.Errorf("break a report down: %w", err)
	}
	parts := map[string][]Row{}
	for _, one := range found {
		parts[one.Parent] = append(parts[one.Parent], one.Row)
	}
	for i := range p.Rows {
		row := &p.Rows[i]
		row.Parts = parts[row.Key]
		others := row.Sum
		for _, part := range row.Parts {
			others.take(part.Sum)
		}
		if others != (Sum{}) {
			row.Others = &others
		}
	}
	return nil
}
