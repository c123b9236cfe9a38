package database

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/uptrace/bun"
	"golang.org/x/text/unicode/norm"

	"tollgate/models/input"
	"tollgate/models/problem"
)

// Contains is the LIKE pattern of texts that contain search, folded; % and _ are literal.
func Contains(search string) string {
	return "%" + strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(input.Fold(search)) + "%"
}

// CatalogueQuery says which part of a list of providers, MCP servers or tool groups is shown.
type CatalogueQuery struct {
	Limit, Offset int64 // Limit is 1 to 100
	Search        string
	After         string // the id of the last row of the page before: the place of Offset, without reading up to it
	CountTo       int64  // count no further than one more than this; 0 counts all
}

// Count counts the rows that match, as far as is asked for.
func (q CatalogueQuery) Count(ctx context.Context, db bun.IDB, matching *bun.SelectQuery) (n int64, err error) {
	if q.CountTo > 0 {
		matching = matching.Limit(q.CountTo + 1)
	}
	if err := db.NewSelect().TableExpr("(?) AS matching", matching).ColumnExpr("count(*)").Scan(ctx, &n); err != nil {
		return 0, fmt.Errorf("count rows: %w", err)
	}
	return n, nil
}

// Page limits rows of a table to one page in an order that is unique.
func (q CatalogueQuery) Page(rows *bun.SelectQuery, table, order string) *bun.SelectQuery {
	rows = rows.OrderExpr(order).Limit(q.Limit)
	if q.After == "" {
		return rows.Offset(q.Offset)
	}
	return rows.Where("("+order+") > (SELECT "+order+" FROM "+table+" WHERE id = ?)", q.After)
}

// ListCatalogue reads one page of T and how many rows match in all. The condition has ?0 for the text searched.
func ListCatalogue[T any](
	ctx context.Context, db bun.IDB, q CatalogueQuery, order, condition string,
) ([]T, int64, error) {
	rows := []T{}
	query := db.NewSelect().Model(&rows)
	if q.Search != "" {
		query = query.Where(condition, LikeAnywhere(q.Search))
	}
	total, err := query.Order(order).Limit(q.Limit).Offset(q.Offset).ScanAndCount(ctx)
	if err != nil {
		return nil, 0, fmt.Errorf("list %T: %w", rows, err)
	}
	return rows, total, nil
}

// LikeAnywhere is the ILIKE pattern of texts that contain search; % and _ are literal.
func LikeAnywhere(search string) string {
	escape := strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)
	return "%" + escape.Replace(norm.NFC.String(search)) + "%"
}

// Clock reads the database's clock, which dates all rows.
func Clock(ctx context.Context, db bun.IDB) (time.Time, error) {
	var now time.Time
	if err := db.NewRaw("SELECT clock_timestamp()").Scan(ctx, &now); err != nil {
		return now, fmt.Errorf("read the clock: %w", err)
	}
	return now.Truncate(time.Microsecond), nil
}

// AllowLong lets one transaction take long enough to change thousands of copies.
func AllowLong(ctx context.Context, tx bun.IDB) error {
	if _, err := tx.ExecContext(ctx, "SET LOCAL statement_timeout = '60s'"); err != nil {
		return fmt.Errorf("allow a long statement: %w", err)
	}
	return nil
}

// Briefly runs queries in a snapshot, each for no longer than a limit and without compiling them. It reports whether
// all of them ended in time.
func Briefly(
	ctx context.Context, db bun.IDB, limit time.Duration, do func(context.Context, bun.IDB) error,
) (ended bool, err error) {
	err = InSnapshot(ctx, db, func(ctx context.Context, db bun.IDB) error {
		_, err := db.ExecContext(ctx, "SELECT set_config('statement_timeout', ?, true), set_config('jit', 'off', true)",
			strconv.FormatInt(limit.Milliseconds(), 10))
		if err != nil {
			return fmt.Errorf("limit the time of a statement: %w", err)
		}
		return do(ctx, db)
	})
	code := problem.SQLState(err)
	if ctx.Err() == nil && (code == queryCanceled || code == lockNotAvailable) {
		return false, nil
	}
	return err == nil, err
}

const (
	queryCanceled    = "57014"
	lockNotAvailable = "55P03"
)

// Named is a row of which only the name matters.
type Named struct {
	ID   int64
	Name string
}

// UseShown is how many of each are listed by name.
const UseShown = 10

// Names are the names of rows, in their order.
func Names(rows []Named, count int64) string {
	names := make([]string, len(rows))
	for i, row := range rows {
		names[i] = problem.Clip(row.Name)
	}
	list := strings.Join(names, ", ")
	if more := count - int64(len(rows)); more > 0 {
		list += fmt.Sprintf(" and %d more", more)
	}
	return " (" + list + ")"
}

// NamedRows reads the first rows of an id and a name, and counts all.
func NamedRows(ctx context.Context, q *bun.SelectQuery) (rows []Named, count int64, err error) {
	var found []struct {
		Named
		Count int64
	}
	if err := q.ColumnExpr("count(*) OVER () AS count").Limit(UseShown).Scan(ctx, &found); err != nil {
		return nil, 0, fmt.Errorf("look up dependents: %w", err)
	}
	rows = make([]Named, len(found))
	for i, row := range found {
		rows[i], count = row.Named, row.Count
	}
	return rows, count, nil
}
