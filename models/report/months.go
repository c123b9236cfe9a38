package report

import (
	"slices"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
)

// rollup says how days are read from the sums of months by user: whole months, and days that are added or taken away.
type rollup struct {
	months, added, taken, live []string
}

// byMonth reports whether sums of months can answer the report.
func (q Query) byMonth() bool {
	return q.sums.RolledUp && q.GroupBy == "user" && q.source("user") == fromUsers && q.Zone == nil && q.UserID == "" &&
		q.users == nil && !q.Since.After(q.sums.Through.Time)
}

// rollup finds the least to read: a month of which most days are in the report is read whole, without the others.
func (q Query) rollup() (r rollup) {
	through := q.sums.Through.Time
	summed := q.Until
	if through.Before(summed) {
		summed = through
	}
	for first := q.Since.AddDate(0, 0, 1-q.Since.Day()); !first.After(summed); first = first.AddDate(0, 1, 0) {
		last := first.AddDate(0, 1, -1)
		if last.After(through) {
			last = through
		}
		var inside, outside []string
		for day := first; !day.After(last); day = day.AddDate(0, 0, 1) {
			if day.Before(q.Since) || day.After(summed) {
				outside = append(outside, date(day))
			} else {
				inside = append(inside, date(day))
			}
		}
		if len(outside) < len(inside) {
			r.months, r.taken = append(r.months, date(first)), append(r.taken, outside...)
		} else {
			r.added = append(r.added, inside...)
		}
	}
	for _, day := range q.sums.Revised {
		if day < date(q.Since) || day > date(summed) {
			continue
		}
		r.live = append(r.live, day)
		if at := slices.Index(r.added, day); at >= 0 {
			r.added = slices.Delete(r.added, at, at+1)
		} else {
			r.taken = append(r.taken, day)
		}
	}
	return r
}

// selectByMonth reads the parts of a rollup, and the days that are not added up yet.
const selectByMonth = `
SELECT user_id, cost, tokens, requests, unpriced FROM usage_months WHERE month = ANY (?0::date[])
UNION ALL SELECT user_id, cost, tokens, requests, unpriced FROM usage_people WHERE day = ANY (?1::date[])
UNION ALL SELECT user_id, -cost, -tokens, -requests, -unpriced FROM usage_people WHERE day = ANY (?2::date[])
UNION ALL SELECT user_id, cost, tokens, requests, unpriced FROM usage_days WHERE day = ANY (?3::date[])
UNION ALL SELECT user_id, cost, tokens, requests, unpriced FROM usage_days WHERE day BETWEEN ?4::date AND ?5::date`

// ofUsers are what each user used, in parts that have to be added up.
func (q Query) ofUsers(db bun.IDB) *bun.SelectQuery {
	r := q.rollup()
	return db.NewSelect().TableExpr("("+selectByMonth+") AS d", pgdialect.Array(r.months), pgdialect.Array(r.added),
		pgdialect.Array(r.taken), pgdialect.Array(r.live), date(q.sums.Through.Time.AddDate(0, 0, 1)), date(q.Until))
}
