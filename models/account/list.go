package account

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"tollgate/models/database"
	"tollgate/models/identity"
	"tollgate/models/money"
	"tollgate/models/report"
)

// Sorts are the orders of a list of users, each also with a leading "-". The first is the default.
var Sorts = []string{"name", "spend", "last_used"}

// ListQuery is one page of users.
type ListQuery struct {
	database.CatalogueQuery
	RoleID      int64    // 0 for every role
	ProfileID   int64    // only holders of a copy; 0 for all users
	Among       []string // only users with these ids, unless it is nil
	Deactivated *bool    // only users who are, or only those who are not; nil for all
	Sort        string   // one of Sorts; "" for the first
	Usage       bool     // read what they spent, and when they were last used
}

// Listed is a user in a list.
type Listed struct {
	identity.User
	Spent      money.Money `json:"-"` // this month, in UTC
	LastUsedAt *time.Time  `json:"-"` // when their last call was
}

const (
	byName     = "lower(u.name), u.email_key"
	byNameBack = "lower(u.name) DESC, u.email_key DESC"
	joinUsage  = "LEFT JOIN usage_latest AS used ON used.id = u.id"
	// spent passes over what a user spent in an earlier month.
	spent = "CASE WHEN used.month = " + report.ThisMonth + " THEN used.cost ELSE 0 END"
	// searchUsers has an index for each part.
	searchUsers = "(u.name ILIKE ?0 OR u.email ILIKE ?0)"
)

var byUsage = map[string]string{
	"spend": spent + ", " + byName, "-spend": spent + " DESC, " + byName,
	"last_used":  "used.last_used_at NULLS FIRST, " + byName,
	"-last_used": "used.last_used_at DESC NULLS LAST, " + byName,
}

// ListUsers returns a page of users, and how many match in all. Search looks at names and email addresses. Rows are
// sorted and limited by what is needed for that alone; the rest is read for those of the page.
func ListUsers(ctx context.Context, db bun.IDB, q ListQuery) ([]Listed, int64, error) {
	users := []Listed{}
	page, order := q.page(db)
	selected := identity.SelectUsersOf(db, "(?) AS u", page).OrderExpr(order)
	if q.Usage {
		selected = selected.Join(joinUsage).ColumnExpr("used.last_used_at").
			ColumnExpr("(?) AS spent", report.MonthOf(db, "u.id"))
	}
	if err := selected.Scan(ctx, &users); err != nil {
		return nil, 0, fmt.Errorf("list users: %w", err)
	}
	total, err := q.Count(ctx, db, q.matching(db).ColumnExpr("1"))
	return users, total, err
}

// page selects the users of the page, and returns their order.
func (q ListQuery) page(db bun.IDB) (page *bun.SelectQuery, order string) {
	column, descending := strings.CutPrefix(q.Sort, "-")
	rows := q.matching(db).ColumnExpr("u.*")
	if column == "spend" || column == "last_used" {
		rows, order, q.After = rows.Join(joinUsage), byUsage[q.Sort], ""
	} else if order = byName; descending {
		order, q.After = byNameBack, "" // it leads on by name
	}
	return q.Page(rows, "users AS u", order), order
}

func (q ListQuery) matching(db bun.IDB) *bun.SelectQuery {
	users := db.NewSelect().TableExpr("users AS u")
	if q.Search != "" {
		users = users.Where(searchUsers, database.LikeAnywhere(q.Search))
	}
	if q.RoleID != 0 {
		users = users.Where("u.role_id = ?", q.RoleID)
	}
	if q.ProfileID != 0 {
		users = users.Where("u.id IN (SELECT user_id FROM user_access_profiles WHERE access_profile_id = ?)", q.ProfileID)
	}
	if q.Deactivated != nil {
		users = users.Where("(u.deactivated_at IS NOT NULL) = ?", *q.Deactivated)
	}
	if q.Among != nil {
		users = users.Where("u.id = ANY (?)", pgdialect.Array(q.Among))
	}
	return users
}

// Choice is a role or a profile that a list can be narrowed to.
type Choice struct {
	database.Named
	IsProfile bool
	IsActive  bool // can be assigned
}

// Choices are the roles and profiles that a list of users can be narrowed to, by name.
func Choices(ctx context.Context, db bun.IDB) ([]Choice, error) {
	choices := []Choice{}
	err := db.NewRaw(`
(SELECT id, name, false AS is_profile, false AS is_active FROM roles ORDER BY lower(name) LIMIT 1000)
UNION ALL
(SELECT id, name, true, is_active FROM access_profiles ORDER BY name_key LIMIT 1000)`).Scan(ctx, &choices)
	if err != nil {
		return nil, fmt.Errorf("list what users can be narrowed to: %w", err)
	}
	return choices, nil
}
