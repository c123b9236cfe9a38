package assignment

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"tollgate/models/database"
	"tollgate/models/money"
	"tollgate/models/permission"
	"tollgate/models/policy"
	"tollgate/models/problem"
	"tollgate/models/window"
)

// BudgetOverride is an override as it was set: it ends by itself and is never restored. When a propagation changes the
// calendar, an override for a number of windows moves its end to the new end of its last window.
type BudgetOverride struct {
	bun.BaseModel `bun:"table:budget_overrides"`

	BudgetID string      `json:"-" bun:",pk"`
	Amount   money.Money `json:"amount"`
	Cycles   *int64      `json:"cycles"`
	Anchor   time.Time   `json:"anchor"`  // start of its first window
	EndsAt   *time.Time  `json:"ends_at"` // null when it is permanent
	Until    *time.Time  `json:"until,omitempty"`
}

// untilDate reports whether the override ends on a date. Its windows are counted only for consoles of an older release,
// which know no such date.
func (o BudgetOverride) untilDate() bool {
	return o.Until != nil && o.EndsAt != nil && o.Until.Equal(*o.EndsAt)
}

// SetOverride raises one budget of a user's copy; a second override replaces the first. It returns the budget after the
// change. Refusals: NotFound, Invalid.
func SetOverride(
	ctx context.Context, db bun.IDB, actor permission.Actor, user string, copyID int64, budgetID string, in OverrideInput,
) (policy.Budget, error) {
	now, err := database.Clock(ctx, db)
	if err != nil {
		return policy.Budget{}, err
	}
	return changeOverride(
		ctx, db, actor, permission.UpdateAccessProfiles, user, copyID, budgetID, "override_set",
		func(ctx context.Context, tx database.Tx, line overriddenLine) (bool, error) {
			o, problems := in.check(line.OverrideExpiresAt, now)
			if err := problem.InvalidInput(problems); err != nil {
				return false, err
			}
			o.BudgetID, o.Anchor = budgetID, line.LastReset
			o.end(line)
			_, err := tx.NewInsert().Model(&o).On("CONFLICT (budget_id) DO UPDATE").
				Set("amount = excluded.amount, cycles = excluded.cycles, anchor = excluded.anchor").
				Set("ends_at = excluded.ends_at, until = excluded.until").
				Exec(ctx)
			if err != nil {
				return false, fmt.Errorf("set override: %w", err)
			}
			return true, nil
		},
	)
}

// end sets when the override ends, and how many windows that is.
func (o *BudgetOverride) end(line overriddenLine) {
	switch {
	case o.Until != nil:
		windows := window.Until(
			line.ResetDuration, line.QuarterStart(), line.calendar, line.anchor, line.WindowEnds, *o.Until, policy.MaxCycles,
		)
		o.EndsAt, o.Cycles = o.Until, &windows
	case o.Cycles != nil:
		ends := window.After(
			line.ResetDuration, line.QuarterStart(), line.calendar, line.anchor, line.WindowEnds, *o.Cycles,
		)
		o.EndsAt = &ends
	}
}

// ClearOverride removes an override. It is idempotent. Refusal: NotFound.
func ClearOverride(
	ctx context.Context, db bun.IDB, actor permission.Actor, user string, copyID int64, budgetID string,
) (policy.Budget, error) {
	const needed = permission.UpdateAccessProfiles + " or " + permission.DeleteAccessProfiles
	return changeOverride(
		ctx, db, actor, needed, user, copyID, budgetID, "override_clear",
		func(ctx context.Context, tx database.Tx, line overriddenLine) (bool, error) {
			if line.OverrideAmount == nil {
				return false, nil // there is none, or it has ended
			}
			if _, err := tx.NewDelete().Model(line.stored).WherePK().Exec(ctx); err != nil {
				return false, fmt.Errorf("clear override: %w", err)
			}
			return true, nil
		},
	)
}

// overriddenLine is a budget of a copy with the calendar and anchor of its override's windows.
type overriddenLine struct {
	policy.Budget
	calendar window.Calendar
	anchor   time.Time
	stored   *BudgetOverride // also one that has ended
}

func changeOverride(
	ctx context.Context, db bun.IDB, actor permission.Actor, needed permission.Permission, user string, copyID int64,
	budgetID, action string,
	edit func(context.Context, database.Tx, overriddenLine) (changed bool, err error),
) (policy.Budget, error) {
	var after policy.Budget
	err := database.InTx(ctx, db, func(ctx context.Context, tx database.Tx) error {
		if err := lockCopy(ctx, tx, actor, needed, user, copyID); err != nil {
			return err
		}
		before, err := findLine(ctx, tx, user, copyID, budgetID)
		if err != nil {
			return err
		}
		after = before.Budget
		if changed, err := edit(ctx, tx, before); err != nil || !changed {
			return err
		}
		line, err := findLine(ctx, tx, user, copyID, budgetID)
		if err != nil {
			return err
		}
		after = line.Budget
		tx.Invalidate(user)
		return recordOverride(ctx, tx, actor, action, user, copyID, before, line)
	})
	return after, err
}

// findLine reads one budget of a user's copy with its override. Refusal: NotFound, also for a budget of another
// copy.
func findLine(
	ctx context.Context, tx database.Tx, user string, copyID int64, budgetID string,
) (line overriddenLine, err error) {
	assigned, err := Get(ctx, tx, user, copyID)
	if err != nil {
		return line, err
	}
	budget, ok := assigned.Budget(budgetID)
	if !ok {
		return line, problem.Missing("budget of this copy")
	}
	line = overriddenLine{Budget: budget, calendar: assigned.Calendar}
	if err := tx.NewRaw("SELECT created_at FROM limit_lines WHERE id = ? AND kind = 'spend'", budgetID).Scan(ctx, &line.anchor); err != nil {
		return line, fmt.Errorf("load budget: %w", err)
	}
	var stored []BudgetOverride
	if err := tx.NewSelect().Model(&stored).Where("budget_id = ?", budgetID).Scan(ctx); err != nil {
		return line, fmt.Errorf("load override: %w", err)
	}
	if len(stored) > 0 {
		line.stored = &stored[0]
	}
	return line, nil
}

func recordOverride(
	ctx context.Context, tx database.Tx, actor permission.Actor, action, user string, copyID int64,
	before, after overriddenLine,
) error {
	now, err := database.Clock(ctx, tx)
	if err != nil {
		return err
	}
	assigned, err := Get(ctx, tx, user, copyID)
	if err != nil {
		return err
	}
	metadata := map[string]any{
		"budget_id": after.ID, "scope": after.Scope, "reset_duration": after.ResetDuration, "max_limit": after.MaxLimit,
	}
	var previous, current any
	if before.stored != nil {
		previous = before.stored
	}
	if after.stored != nil {
		current = after.stored
	}
	return RecordCopy(ctx, tx, actor, action, assigned, now, previous, current, metadata)
}

// LoadOverrides reads the overrides of the copies' budgets, also those that have ended.
func LoadOverrides(ctx context.Context, db bun.IDB, copies []Assignment) (map[string]BudgetOverride, error) {
	policies := make([]int64, len(copies))
	for i, c := range copies {
		policies[i] = c.PolicyID
	}
	var rows []BudgetOverride
	if err := overridesOf(db, &rows, "= ANY (?)", pgdialect.Array(policies)).Scan(ctx); err != nil {
		return nil, fmt.Errorf("load overrides: %w", err)
	}
	return byBudget(rows), nil
}

// overridesOf reads the overrides of policies that a condition selects.
func overridesOf(db bun.IDB, rows *[]BudgetOverride, condition string, of ...any) *bun.SelectQuery {
	return db.NewSelect().Model(rows).
		Where("(budget_id, kind) IN (SELECT id, kind FROM limit_lines WHERE policy_id "+condition+")", of...)
}

func byBudget(rows []BudgetOverride) map[string]BudgetOverride {
	overrides := make(map[string]BudgetOverride, len(rows))
	for _, row := range rows {
		overrides[row.BudgetID] = row
	}
	return overrides
}

// raise is what an active override adds to its limit; nil when it has ended.
func (o BudgetOverride) raise(l policy.Limit, calendar window.Calendar, anchor, now time.Time) *policy.Raise {
	if o.EndsAt == nil {
		return &policy.Raise{Amount: int64(o.Amount)}
	}
	if !o.EndsAt.After(now) {
		return nil
	}
	ends := o.EndsAt.UTC()
	if o.untilDate() {
		return &policy.Raise{Amount: int64(o.Amount), Ends: &ends}
	}
	left := window.Until(l.Duration, l.Quarter, calendar, anchor, l.Ends, ends, policy.MaxCycles)
	return &policy.Raise{Amount: int64(o.Amount), Ends: &ends, Cycles: &left}
}
