package report

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/uptrace/bun"

	"tollgate/models/database"
	"tollgate/models/money"
	"tollgate/models/window"
)

const (
	standingKept   = 30 * time.Second
	standingFactor = 20 // a result is kept for this many times as long as its read took
	standingLive   = 50 * time.Millisecond
	needsPatience  = 4 * time.Second // a report does without, past it
	unusualTimes   = 3
	unusualLeast   = money.Money(1_000_000_000) // a dollar: less is not worth a look
)

// Unusual is a user who spent several times as much in the last seven days as they usually do.
type Unusual struct {
	UserID, User string
	Week, Usual  money.Money
}

// Needs is who needs an administrator now.
type Needs struct {
	Lines    []NearLimit // those used up, running out today, or nearest to their limit
	Unusual  []Unusual
	Budget   money.Money // of a month, of all active copies
	ReadAt   time.Time
	Outdated bool // an earlier result, because reading takes long
	Unknown  bool // there are too many budgets to look through
}

// Blocked are the budgets that are used up, the largest first.
func (n Needs) Blocked() []NearLimit {
	return slices.DeleteFunc(slices.Clone(n.Lines), func(l NearLimit) bool { return l.Used < l.Limit })
}

// RunningOut are the budgets that will be used up today at their pace, soonest first. Today is a day of the zone that
// decides when the budget resets.
func (n Needs) RunningOut() []NearLimit {
	lines := slices.DeleteFunc(slices.Clone(n.Lines), func(l NearLimit) bool {
		at := l.RunsOut(n.ReadAt)
		return at.IsZero() || window.In(at, l.Zone).Format(time.DateOnly) != window.In(n.ReadAt, l.Zone).Format(time.DateOnly)
	})
	slices.SortStableFunc(lines, func(a, b NearLimit) int { return a.RunsOut(n.ReadAt).Compare(b.RunsOut(n.ReadAt)) })
	return lines
}

// Watch reads who needs an administrator. While a read is slow, every reader gets the last result, so that reading
// takes at most a twentieth of the time.
type Watch struct {
	mutex  sync.Mutex
	needs  Needs
	readAt time.Time
	until  time.Time
	people people
}

// loadNeeds reads them for a report: all, or those of a user, profile or provider.
func (w *Watch) loadNeeds(ctx context.Context, db bun.IDB, q Query) (Needs, error) {
	if q.UserID == "" && q.ProfileID == 0 && q.Provider == "" {
		return w.all(ctx, db, q.sums)
	}
	needs, err := loadNeeds(ctx, db, q)
	if q.Provider != "" {
		needs.Unusual, needs.Budget = nil, 0
	}
	return needs, err
}

// all reads them without making others wait.
func (w *Watch) all(ctx context.Context, db bun.IDB, from sums) (Needs, error) {
	w.mutex.Lock()
	needs, until := w.needs, w.until
	w.mutex.Unlock()
	if time.Now().Before(until) {
		needs.Outdated = true
		return needs, nil
	}
	begin := time.Now()
	needs, err := loadNeeds(ctx, db, Query{sums: from})
	if took := time.Since(begin); err == nil && took > standingLive {
		w.mutex.Lock()
		defer w.mutex.Unlock()
		if begin.After(w.readAt) {
			w.needs, w.readAt, w.until = needs, begin, time.Now().Add(min(standingKept, standingFactor*took))
		}
	}
	return needs, err
}

// loadNeeds takes three statements.
func loadNeeds(ctx context.Context, db bun.IDB, q Query) (needs Needs, err error) {
	ended, err := database.Briefly(ctx, db, needsPatience, func(ctx context.Context, db bun.IDB) (err error) {
		if err := needs.loadLimits(ctx, db, q); err != nil {
			return err
		}
		if q.ProfileID == 0 {
			needs.Unusual, err = unusual(ctx, db, q, needs.ReadAt)
		}
		return err
	})
	if !ended {
		needs = Needs{Lines: []NearLimit{}, ReadAt: time.Now(), Unknown: true}
	}
	return needs, err
}

// unusual compares the last seven whole days with the four weeks before them.
func unusual(ctx context.Context, db bun.IDB, q Query, now time.Time) ([]Unusual, error) {
	users := []Unusual{}
	today := now.Truncate(24 * time.Hour)
	over := Query{
		Since: today.AddDate(0, 0, -5*paceDays), Until: today.AddDate(0, 0, -1), UserID: q.UserID, sums: q.sums,
	}
	week := date(today.AddDate(0, 0, -paceDays))
	weeks := over.filter(db.NewSelect(), over.source("user")).Column("d.user_id").
		ColumnExpr("sum(d.cost) FILTER (WHERE d.day >= ?::date) AS week", week).
		ColumnExpr("sum(d.cost) FILTER (WHERE d.day < ?::date) / 4 AS usual", week).
		GroupExpr("1")
	err := db.NewSelect().TableExpr("(?) AS r", weeks).Join("JOIN users AS u ON u.id = r.user_id").
		Where("r.week >= ? AND r.week >= ? * r.usual AND r.usual > 0", int64(unusualLeast), unusualTimes).
		Column("r.user_id").ColumnExpr(`u.name AS "user"`).ColumnExpr("least(r.week, 9e18)::bigint AS week").
		ColumnExpr("r.usual::bigint AS usual").OrderExpr("r.week DESC, r.user_id").Limit(10).Scan(ctx, &users)
	if err != nil {
		return nil, fmt.Errorf("look for unusual weeks: %w", err)
	}
	return users, nil
}
