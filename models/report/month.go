package report

import "github.com/uptrace/bun"

// ThisMonth is the first day of the month in UTC, by the clock of the database.
const ThisMonth = "date_trunc('month', now() AT TIME ZONE 'UTC')::date"

// MonthOf is the query for the spending this month of the user of an outer query. It reads few rows.
func MonthOf(db bun.IDB, user string) *bun.RawQuery {
	return db.NewRaw("SELECT least(coalesce(sum(d.cost), 0), 9e18)::bigint "+
		"FROM usage_days AS d WHERE d.user_id = ? AND d.day >= "+
		ThisMonth, bun.Ident(user))
}
