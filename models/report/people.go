package report

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"tollgate/models/database"
	"tollgate/models/money"
)

const (
	peopleKept   = 4 // reports have their sums in memory
	peopleWanted = 24 * time.Hour
	mostCost     = money.Money(9e18) // as usageSums has it
)

// people keeps what each user used on the days of a report that are added up already: adding that up by month takes
// long with many users. What came since is read and added with each report, so that nothing is older than without.
type people struct {
	mutex sync.Mutex
	known map[period]keptPeople
}

// period names a report by its days.
type period struct{ since, until string }

type keptPeople struct {
	revision time.Time // of the sums that these were read from
	through  time.Time // the last day that they have
	users    map[string]Sum
	query    Query
	asked    time.Time
}

// summed are the sums of the days that are added up, by user. They are read again once those days changed.
func (k *people) summed(ctx context.Context, db bun.IDB, q Query) (map[string]Sum, error) {
	key, now := period{date(q.Since), date(q.Until)}, time.Now()
	kept, ok := k.ask(key, now)
	if ok && kept.current(q) {
		return kept.users, nil
	}
	users, err := q.closed(ctx, db)
	if err == nil {
		k.keep(key, q.keptPeople(users, now))
	}
	return users, err
}

func (q Query) keptPeople(users map[string]Sum, asked time.Time) keptPeople {
	return keptPeople{revision: q.sums.Revision.Time, through: q.sums.Through.Time, users: users, query: q, asked: asked}
}

// current reports whether the days that are added up are those that were read. One run that adds up many days does so
// in steps, all with one time.
func (kept keptPeople) current(q Query) bool {
	return kept.revision.Equal(q.sums.Revision.Time) && kept.through.Equal(q.sums.Through.Time)
}

// closed reads the days of a report that are added up, as they were when that was done.
func (q Query) closed(ctx context.Context, db bun.IDB) (map[string]Sum, error) {
	q.sums.Revised = nil
	r := q.rollup()
	parts := selectParts(db, r.months, r.added, r.taken, nil, "infinity", "infinity")
	return scanPeople(ctx, parts.ColumnExpr(usageSums).GroupExpr("1"))
}

func (k *people) ask(key period, now time.Time) (keptPeople, bool) {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	kept, ok := k.known[key]
	if ok {
		kept.asked = now
		k.known[key] = kept
	}
	return kept, ok
}

// keep makes room by the report that was not asked for the longest.
func (k *people) keep(key period, kept keptPeople) {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	if k.known == nil {
		k.known = map[period]keptPeople{}
	}
	k.known[key] = kept
	for len(k.known) > peopleKept {
		oldest := key
		for other, one := range k.known {
			if one.asked.Before(k.known[oldest].asked) {
				oldest = other
			}
		}
		delete(k.known, oldest)
	}
}

// refresh reads again what changed of the reports that were asked for, so that the next reader does not wait for it.
func (k *people) refresh(ctx context.Context, db bun.IDB, now time.Time) error {
	k.mutex.Lock()
	maps.DeleteFunc(k.known, func(_ period, kept keptPeople) bool { return now.Sub(kept.asked) > peopleWanted })
	wanted := maps.Clone(k.known)
	k.mutex.Unlock()
	for key, kept := range wanted {
		err := database.InSnapshot(ctx, db, func(ctx context.Context, db bun.IDB) error {
			q := kept.query
			if err := q.prepare(ctx, db); err != nil || !q.byMonth() || kept.current(q) {
				return err
			}
			users, err := q.closed(ctx, db)
			if err == nil {
				k.keep(key, q.keptPeople(users, kept.asked))
			}
			return err
		})
		if err != nil {
			return fmt.Errorf("add up the usage of users from %s to %s: %w", key.since, key.until, err)
		}
	}
	return nil
}

// since are what each user used on days that are not added up yet, and by how much revised days differ from their sums.
// There are hardly more rows than users: the server would take longer to add them up than to send them.
func (q Query) since(ctx context.Context, db bun.IDB) (map[string]Sum, error) {
	through := date(q.sums.Through.Time)
	revised := slices.DeleteFunc(slices.Clone(q.sums.Revised), func(day string) bool {
		return day < date(q.Since) || day > min(date(q.Until), through)
	})
	parts := selectParts(db, nil, nil, revised, revised, date(q.sums.Through.Time.AddDate(0, 0, 1)), date(q.Until))
	return scanPeople(ctx, parts.ColumnExpr("d.cost, d.tokens, d.requests, d.unpriced"))
}

// selectParts selects the users of the parts of a rollup.
func selectParts(db bun.IDB, months, added, taken, live []string, from, until string) *bun.SelectQuery {
	return db.NewSelect().TableExpr("("+selectByMonth+") AS d", pgdialect.Array(months), pgdialect.Array(added),
		pgdialect.Array(taken), pgdialect.Array(live), from, until).ColumnExpr("d.user_id")
}

// scanPeople adds up rows by user.
func scanPeople(ctx context.Context, parts *bun.SelectQuery) (map[string]Sum, error) {
	rows, err := parts.Rows(ctx)
	if err != nil {
		return nil, fmt.Errorf("add up the usage of users: %w", err)
	}
	defer rows.Close()
	sums := map[string]Sum{}
	for rows.Next() {
		var user string
		var s Sum
		if err := rows.Scan(&user, &s.Cost, &s.Tokens, &s.Requests, &s.Unpriced); err != nil {
			return nil, fmt.Errorf("add up the usage of users: %w", err)
		}
		sums[user] = sums[user].plus(s)
	}
	return sums, rows.Err()
}

// loadPeople is loadRows from sums that are kept; ok is false for a report that cannot be read so.
func (p *Page) loadPeople(ctx context.Context, db bun.IDB, kept *people, q PageQuery) (top []Row, ok bool, err error) {
	column, descending := strings.CutPrefix(q.Sort, "-")
	order := map[string]func(a, b Row) int{
		"spend":    func(a, b Row) int { return cmp.Compare(a.Cost, b.Cost) },
		"tokens":   func(a, b Row) int { return cmp.Compare(a.Tokens, b.Tokens) },
		"requests": func(a, b Row) int { return cmp.Compare(a.Requests, b.Requests) },
	}[column]
	if !q.byMonth() || order == nil {
		return nil, false, nil
	}
	summed, err := kept.summed(ctx, db, q.Query)
	if err != nil {
		return nil, false, err
	}
	since, err := q.since(ctx, db)
	if err != nil {
		return nil, false, err
	}
	rows := addPeople(summed, since)
	byCost := func(a, b Row) int { return cmp.Or(cmp.Compare(b.Cost, a.Cost), cmp.Compare(a.Key, b.Key)) }
	asked := func(a, b Row) int { return cmp.Or(order(a, b), byCost(a, b)) }
	if descending {
		asked = func(a, b Row) int { return cmp.Or(order(b, a), byCost(a, b)) }
	}
	top = firstRows(rows, seriesShown, byCost)
	p.Count = int64(len(rows))
	from := min(q.Offset, p.Count)
	until := min(from+q.Limit, p.Count)
	p.Rows = pageRows(firstRows(rows, int(until), asked)[from:])
	return top, true, p.nameUsers(ctx, db, top)
}

// fewRows is up to how many rows are put in their place one by one, which sorts nothing that is not asked for.
const fewRows = 1000

// firstRows are the first rows in an order.
func firstRows(rows []Row, n int, order func(a, b Row) int) []Row {
	n = min(n, len(rows))
	if n > fewRows {
		sorted := slices.Clone(rows)
		slices.SortFunc(sorted, order)
		return sorted[:n]
	}
	first := make([]Row, 0, n+1)
	for _, row := range rows {
		if len(first) == n && (n == 0 || order(row, first[n-1]) > 0) {
			continue
		}
		at, _ := slices.BinarySearchFunc(first, row, order)
		first = slices.Insert(first, at, row)
		first = first[:min(len(first), n)]
	}
	return first
}

// plus adds to a sum. Like in SQL, a cost stops at what a column holds.
func (s Sum) plus(other Sum) Sum {
	switch {
	case s.Cost > 0 && other.Cost > 0:
		other.Cost = min(other.Cost, mostCost-s.Cost)
	case s.Cost < 0 && other.Cost < 0:
		other.Cost = max(other.Cost, -mostCost-s.Cost)
	}
	s.add(other)
	return s
}

// addPeople adds two sums by user, and leaves out who used nothing.
func addPeople(a, b map[string]Sum) []Row {
	rows := make([]Row, 0, len(a)+len(b))
	add := func(user string, s Sum) {
		if s != (Sum{}) {
			rows = append(rows, Row{Key: user, Sum: s})
		}
	}
	for user, s := range a {
		add(user, s.plus(b[user]))
	}
	for user, s := range b {
		if _, both := a[user]; !both {
			add(user, s)
		}
	}
	return rows
}

// nameUsers finds the names of the rows of the page, and of others.
func (p *Page) nameUsers(ctx context.Context, db bun.IDB, others []Row) error {
	keys := p.keys()
	for _, row := range others {
		keys = append(keys, row.Key)
	}
	var found []Row
	err := nameRows(db.NewSelect().TableExpr("unnest(?::text[]) AS r(key)", pgdialect.Array(keys)).ColumnExpr("r.key"), "user").
		Scan(ctx, &found)
	if err != nil {
		return fmt.Errorf("name the users of a report: %w", err)
	}
	names := map[string]string{}
	for _, row := range found {
		names[row.Key] = row.Name
	}
	for i := range p.Rows {
		p.Rows[i].Name = names[p.Rows[i].Key]
	}
	for i := range others {
		others[i].Name = names[others[i].Key]
	}
	return nil
}
