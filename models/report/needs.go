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
)

const (
	standingKept   = 30 * time.Second
	standingFactor = 20 // a look that took a millisecond is kept for so many
	standingLive   = 50 * time.Millisecond
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
	Outdated bool // read a moment ago, since reading takes long
}

// Blocked are the budgets that are used up, the largest first.
func (n Needs) Blocked() []NearLimit {
	return slices.DeleteFunc(slices.Clone(n.Lines), func(l NearLimit) bool { return l.Used < l.Limit })
}

// RunningOut are the budgets that will be used up today at their pace, the first to be so first.
func (n Needs) RunningOut() []NearLimit {
	lines := slices.DeleteFunc(slices.Clone(n.Lines), func(l NearLimit) bool {
		at := l.RunsOut(n.ReadAt)
		return at.IsZero() || at.Truncate(24*time.Hour).After(n.ReadAt)
	})
	slices.SortStableFunc(lines, func(a, b NearLimit) int { return a.RunsOut(n.ReadAt).Compare(b.RunsOut(n.ReadAt)) })
	return lines
}

// Watch reads who needs an administrator. Where that takes long, what was read a moment ago is read again by all who
// ask meanwhile, so that it costs at most a twentieth of the time.
type Watch struct {
	mutex sync.Mutex
	needs Needs
	until time.Time
}

// Needs reads them, all or those of a user, profile or provider.
func (w *Watch) Needs(ctx context.Context, db bun.IDB, q Query) (Needs, error) {
	if q.UserID != "" || q.ProfileID != 0 {
		return loadNeeds(ctx, db, q)
	}
	needs, err := w.all(ctx, db)
	if q.Provider != "" {
		needs.Unusual, needs.Budget = nil, 0
		others := func(l NearLimit) bool { return l.ProviderName != q.Provider }
		needs.Lines = slices.DeleteFunc(slices.Clone(needs.Lines), others)
	}
	return needs, err
}

func (w *Watch) all(ctx context.Context, db bun.IDB) (Needs, error) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if time.Now().Before(w.until) {
		needs := w.needs
		needs.Outdated = true
		return needs, nil
	}
	begin := time.Now()
	needs, err := loadNeeds(ctx, db, Query{})
	if took := time.Since(begin); err == nil && took > standingLive {
		w.needs, w.until = needs, time.Now().Add(min(standingKept, standingFactor*took))
	}
	return needs, err
}

func loadNeeds(ctx context.Context, db bun.IDB, q Query) (needs Needs, err error) {
	if needs.ReadAt, err = database.Clock(ctx, db); err != nil {
		return needs, err
	}
	if needs.Lines, err = nearLimits(ctx, db, q, needs.ReadAt); err != nil {
		return needs, err
	}
	if q.ProfileID == 0 {
		if needs.Unusual, err = unusual(ctx, db, q, needs.ReadAt); err != nil {
			return needs, err
		}
	}
	needs.Budget, err = monthBudget(ctx, db, q)
	return needs, err
}

// unusual compares the last seven whole days with the four weeks before them.
func unusual(ctx context.Context, db bun.IDB, q Query, now time.Time) ([]Unusual, error) {
	users := []Unusual{}
	err := database.InSnapshot(ctx, db, func(ctx context.Context, db bun.IDB) error {
		today := now.Truncate(24 * time.Hour)
		over := Query{Since: today.AddDate(0, 0, -5*paceDays), Until: today.AddDate(0, 0, -1), UserID: q.UserID}
		week := date(today.AddDate(0, 0, -paceDays))
		if err := over.prepare(ctx, db); err != nil {
			return err
		}
		sums := over.filter(db.NewSelect(), over.source("user")).Column("d.user_id").
			ColumnExpr("sum(d.cost) FILTER (WHERE d.day >= ?::date) AS week", week).
			ColumnExpr("sum(d.cost) FILTER (WHERE d.day < ?::date) / 4 AS usual", week).
			GroupExpr("1")
		return db.NewSelect().TableExpr("(?) AS r", sums).Join("JOIN users AS u ON u.id = r.user_id").
			Where("r.week >= ? AND r.week >= ? * r.usual AND r.usual > 0", int64(unusualLeast), unusualTimes).
			Column("r.user_id").ColumnExpr(`u.name AS "user"`).ColumnExpr("least(r.week, 9e18)::bigint AS week").
			ColumnExpr("r.usual::bigint AS usual").OrderExpr("r.week DESC, r.user_id").Limit(10).Scan(ctx, &users)
	})
	if err != nil {
		return nil, fmt.Errorf("look for unusual weeks: %w", err)
	}
	return users, nil
}

// monthBudget adds up what active copies may spend in a month: what they may spend overall, else of each provider.
func monthBudget(ctx context.Context, db bun.IDB, q Query) (sum money.Money, err error) {
	lines := activeLines(db, q, time.Now()).Where("l.reset_duration = '1M'").Column("l.policy_id").
		ColumnExpr("coalesce(sum(l.max_limit) FILTER (WHERE l.provider_name IS NULL), sum(l.max_limit)) AS most").GroupExpr("1")
	err = db.NewSelect().TableExpr("(?) AS c", lines).ColumnExpr("least(coalesce(sum(c.most), 0), 9e18)::bigint").
		Scan(ctx, &sum)
	if err != nil {
		return 0, fmt.Errorf("add up the budgets of a month: %w", err)
	}
	return sum, nil
}
