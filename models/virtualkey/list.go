package virtualkey

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/uptrace/bun"

	"tollgate/models/database"
)

// Sorts are the orders of a list of keys, each also with a leading "-". The first is the default.
var Sorts = []string{"name", "spend", "last_used"}

// UnusedDays are how long a key is not used before it counts as unused.
const UnusedDays = 30

// ListQuery is one page of keys.
type ListQuery struct {
	database.CatalogueQuery
	Unused bool   // only keys that are as old as UnusedDays and were not used since
	Usage  bool   // read what they spent, and when they were last used
	Sort   string // one of Sorts; "" for the first; by name alone without Usage
}

const (
	joinUsage = "LEFT JOIN usage_latest AS used ON used.id = k.id"
	// spent passes over what a key spent in an earlier month.
	spent = "CASE WHEN used.month = date_trunc('month', now() AT TIME ZONE 'UTC')::date THEN used.cost ELSE 0 END"
)

var keyOrder = map[string]string{
	"name": "k.name_key", "-name": "k.name_key DESC",
	"spend": spent + ", k.name_key", "-spend": spent + " DESC, k.name_key",
	"last_used":  "used.last_used_at NULLS FIRST, k.name_key",
	"-last_used": "used.last_used_at DESC NULLS LAST, k.name_key",
}

// List returns a page of keys, and how many match. Search covers names, users and the last four characters. Rows are
// sorted and limited by what is needed for that alone; the rest is read for those of the page.
func List(ctx context.Context, db bun.IDB, q ListQuery) ([]Key, int64, error) {
	keys := []Key{}
	sort := cmp.Or(q.Sort, Sorts[0])
	if sort != Sorts[0] {
		q.After = ""
	}
	matching, order := q.matching(db), keyOrder[sort]
	if q.Usage && !q.Unused && strings.TrimPrefix(sort, "-") != "name" {
		matching = matching.Join(joinUsage)
	}
	page := q.Page(matching.ColumnExpr("k.*"), "virtual_keys AS k", order)
	selected := SelectKeys(db.NewSelect().Model(&keys).ModelTableExpr("(?) AS k", page)).OrderExpr(order)
	if q.Usage {
		selected = selected.Join(joinUsage).ColumnExpr("used.last_used_at").
			ColumnExpr("least(" + spent + ", 9e18)::bigint AS spent")
	}
	if err := selected.Scan(ctx); err != nil {
		return nil, 0, fmt.Errorf("list virtual keys: %w", err)
	}
	total, err := q.Count(ctx, db, q.matching(db).ColumnExpr("1"))
	return keys, total, err
}

func (q ListQuery) matching(db bun.IDB) *bun.SelectQuery {
	keys := db.NewSelect().TableExpr("virtual_keys AS k")
	if q.Search != "" {
		keys = keys.Where("k.id IN (?)", searchKeys(db, q.Search))
	}
	if q.Unused {
		keys = keys.Join(joinUsage).
			Where("coalesce(used.last_used_at, k.created_at) < now() - ? * interval '1 day'", UnusedDays)
	}
	return keys
}

// searchKeys finds the ids of keys, each part by an index of its own.
func searchKeys(db bun.IDB, search string) *bun.RawQuery {
	return db.NewRaw(`SELECT id FROM virtual_keys WHERE name ILIKE ?0 UNION SELECT id FROM virtual_keys
    WHERE last_four = ?1
UNION SELECT k.id FROM users JOIN virtual_keys AS k ON k.user_id = users.id WHERE users.name ILIKE ?0
    OR users.email ILIKE ?0`,
		database.LikeAnywhere(search), search)
}
