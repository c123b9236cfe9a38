package report

import (
	"context"
	"fmt"
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
	Parts  []Row       // the most expensive of it by the second grouping
	Others *Sum        // the rest of it; nil when there is none
}

// Page is one page of a report, beside what is true of the whole.
type Page struct {
	Report
	Rows         []PageRow
	Count        int64 // of rows on all pages
	Before, Week money.Money
}

// PeriodBefore is as many days as the report has, just before them; for days of one month, those of the month before.
func (q Query) PeriodBefore() (since, until time.Time) {
	if q.Since.Day() == 1 && q.Until.Month() == q.Since.Month() && q.Until.Year() == q.Since.Year() {
		since = q.Since.AddDate(0, -1, 0)
		until = since.AddDate(0, 0, q.Until.Day()-1)
		if end := q.Since.AddDate(0, 0, -1); until.After(end) || q.Until.AddDate(0, 0, 1).Day() == 1 {
			until = end
		}
		return since, until
	}
	days := int(q.Until.Sub(q.Since).Hours()/24) + 1
	return q.Since.AddDate(0, 0, -days), q.Since.AddDate(0, 0, -1)
}

// LoadPage reads a page of a report, in one snapshot and at most five statements. Refusal: as of LoadReport.
func LoadPage(ctx context.Context, db bun.IDB, q PageQuery) (Page, error) {
	var page Page
	err := database.InSnapshot(ctx, db, func(ctx context.Context, db bun.IDB) error {
		page = Page{}
		if err := q.prepare(ctx, db); err != nil {
			return err
		}
		page.AsOf = q.sums.asOf(q.Query)
		top, err := page.loadRows(ctx, db, q)
		if err != nil {
			return err
		}
		if err := page.load(ctx, db, q.Query, top); err != nil {
			return err
		}
		if q.GroupBy == "day" {
			page.Rows = pageRows(page.Days)
		}
		if err := page.compare(ctx, db, q); err != nil {
			return err
		}
		return page.breakDown(ctx, db, q)
	})
	return page, q.tooMuch(err)
}

func pageRows(rows []Row) []PageRow {
	shown := make([]PageRow, len(rows))
	for i, row := range rows {
		shown[i].Row = row
	}
	return shown
}

// loadRows reads the rows of the page, and returns those of which the plot is.
func (p *Page) loadRows(ctx context.Context, db bun.IDB, q PageQuery) ([]Row, error) {
	if q.GroupBy == "day" {
		return nil, nil
	}
	column, descending := strings.CutPrefix(q.Sort, "-")
	order := sortColumns[column]
	if descending {
		order += " DESC"
	}
	var rows []struct {
		Row
		Count int64
	}
	if err := q.named(db).ColumnExpr("count(*) OVER () AS count").OrderExpr(order+", r.cost DESC, r.key").Limit(q.Limit).
		Offset(q.Offset).Scan(ctx, &rows); err != nil {
		return nil, fmt.Errorf("report a page of usage: %w", err)
	}
	var top []Row
	for _, row := range rows {
		p.Rows, p.Count = append(p.Rows, PageRow{Row: row.Row}), row.Count
		if len(top) < seriesShown {
			top = append(top, row.Row)
		}
	}
	if q.Sort == "-spend" && q.Offset == 0 {
		return top, nil
	}
	top = nil
	if err := q.rows(db).Limit(seriesShown).Scan(ctx, &top); err != nil {
		return nil, fmt.Errorf("report what cost most: %w", err)
	}
	return top, nil
}

func (p *Page) keys() []string {
	keys := make([]string, len(p.Rows))
	for i, row := range p.Rows {
		keys[i] = row.Key
	}
	return keys
}

const costFrom = "least(coalesce(sum(d.cost) FILTER (WHERE d.day BETWEEN ?::date AND ?::date), 0), 9e18)::bigint"

// compare adds what the rows cost in the period before, and in the last whole days.
func (p *Page) compare(ctx context.Context, db bun.IDB, q PageQuery) error {
	today := q.Today
	since, until := q.PeriodBefore()
	week := q.Today.AddDate(0, 0, -paceDays)
	over := q.Query
	over.Since, over.Until = since, q.Today.AddDate(0, 0, -1)
	if week.Before(since) {
		over.Since = week
	}
	if until.After(over.Until) {
		over.Until = until
	}
	sums := func(q Query, from source, key string) *bun.SelectQuery {
		return q.filter(db.NewSelect(), from).ColumnExpr(key+" AS key").
			ColumnExpr(costFrom+" AS before", date(since), date(until)).
			ColumnExpr(costFrom+" AS week", date(week), date(today.AddDate(0, 0, -1))).
			GroupExpr("1")
	}
	query := sums(over, over.source("day"), "''")
	if q.GroupBy != "day" && len(p.Rows) > 0 {
		ofRows, column := over, groupColumns[q.GroupBy]
		if q.GroupBy == "user" {
			ofRows.users = p.keys()
		}
		query = query.UnionAll(sums(ofRows, ofRows.source(q.GroupBy), column).
			Where(column+" = ANY (?)", pgdialect.Array(p.keys())))
	}
	var found []struct {
		Key          string
		Before, Week money.Money
	}
	if err := query.Scan(ctx, &found); err != nil {
		return fmt.Errorf("compare usage with the period before: %w", err)
	}
	at := map[string]int{}
	for i, row := range p.Rows {
		at[row.Key] = i
	}
	for _, one := range found {
		if one.Key == "" {
			p.Before, p.Week = one.Before, one.Week
		} else if i, ok := at[one.Key]; ok {
			p.Rows[i].Before, p.Rows[i].Week = one.Before, one.Week
		}
	}
	return nil
}

// breakDown adds the most expensive parts of each row.
func (p *Page) breakDown(ctx context.Context, db bun.IDB, q PageQuery) error {
	if q.Then == "" || q.Then == q.GroupBy || len(p.Rows) == 0 {
		return nil
	}
	from, column := q.Query, groupColumns[q.GroupBy]
	source := from.source(q.Then)
	if q.GroupBy == "user" {
		from.users, source = p.keys(), fromDays
	} else if q.Then == "user" {
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
