package policy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"tollgate/models/database"
	"tollgate/models/window"
)

// Adopt gives each limit of p that matches one of old its id; the others are new. Providers match by name, budgets by
// scope and window, limits by scope.
func (p *Policy) Adopt(old Policy, now time.Time) {
	known := map[string]ProviderConfig{}
	for _, config := range old.ProviderConfigs {
		known[config.ProviderName] = config
	}
	for i := range p.ProviderConfigs {
		config := &p.ProviderConfigs[i]
		before := known[config.ProviderName]
		config.ID = before.ID
		adoptBudgets(config.Budgets, before.Budgets, now)
		config.RateLimit.adopt(before.RateLimit, now)
	}
	adoptBudgets(p.Budgets, old.Budgets, now)
	p.RateLimit.adopt(old.RateLimit, now)
}

func adoptBudgets(budgets, old []Budget, now time.Time) {
	known := map[LimitKey]Budget{}
	for _, budget := range old {
		known[budget.limit(Scope{}, 0).Key()] = budget
	}
	for i := range budgets {
		if before, ok := known[budgets[i].limit(Scope{}, 0).Key()]; ok {
			budgets[i].ID, budgets[i].LastReset = before.ID, before.LastReset
		} else {
			budgets[i].ID, budgets[i].LastReset = uuid.NewString(), now
		}
	}
}

func (r *RateLimit) adopt(old *RateLimit, now time.Time) {
	if r == nil {
		return
	}
	r.ID = uuid.NewString()
	for _, k := range RateKinds {
		k.of(r).window.Start = now
	}
	if old != nil {
		r.ID = old.ID
	}
}

// Insert stores a policy that allows nothing yet, and returns its id.
func Insert(ctx context.Context, tx database.Tx, c window.Calendar) (id int64, err error) {
	err = database.ScanPlanned(ctx, tx, []any{&id},
		"INSERT INTO policies (calendar_aligned, time_zone) VALUES ($1, $2) RETURNING id", c.CalendarAligned, c.TimeZone)
	if err != nil {
		return 0, fmt.Errorf("insert policy: %w", err)
	}
	return id, nil
}

// Save writes what differs between old and p, which must have adopted old's ids, and fills in the ids of new providers.
func Save(ctx context.Context, tx database.Tx, id int64, old Policy, p *Policy) error {
	if old.Calendar != p.Calendar {
		if _, err := tx.NewRaw("UPDATE policies SET calendar_aligned = ?, time_zone = ? WHERE id = ?",
			p.CalendarAligned, p.TimeZone, id).Exec(ctx); err != nil {
			return fmt.Errorf("update policy %d: %w", id, err)
		}
	}
	if old.FailOpenFor != p.FailOpenFor {
		_, err := tx.NewRaw("UPDATE policies SET fail_open_for = ? WHERE id = ?", p.FailOpenFor, id).Exec(ctx)
		if err != nil {
			return fmt.Errorf("update policy %d: %w", id, err)
		}
	}
	if err := saveProviders(ctx, tx, id, old, p); err != nil {
		return fmt.Errorf("save provider configs: %w", err)
	}
	d := differences{tx: tx}
	collect(&d, old.limitRows(id), p.limitRows(id), limitRow.key, limitRow.same, "(id, kind)",
		"max_limit", "reset_duration", "quarter_start_month", "position")
	collectSelections(&d, id, old, *p)
	return d.save(ctx)
}

func saveProviders(ctx context.Context, tx database.Tx, id int64, old Policy, p *Policy) error {
	for _, policy := range []*Policy{&old, p} {
		for i := range policy.ProviderConfigs {
			policy.ProviderConfigs[i].PolicyID, policy.ProviderConfigs[i].Position = id, i
		}
	}
	changed, gone := Difference(
		old.ProviderConfigs, p.ProviderConfigs, func(c ProviderConfig) string { return c.ProviderName },
		func(a, b ProviderConfig) bool {
			return a.AllModelsAllowed == b.AllModelsAllowed && a.RefuseUnpriced == b.RefuseUnpriced &&
				a.Position == b.Position &&
				slices.Equal(a.AllowedModels, b.AllowedModels)
		},
	)
	switch {
	case len(changed) > 0:
		insert := tx.NewInsert().Model(&changed).On("CONFLICT (id) DO UPDATE").Returning("id")
		for _, column := range []string{"all_models_allowed", "allowed_models", "refuse_unpriced", "position"} {
			insert = insert.Set("? = EXCLUDED.?", bun.Ident(column), bun.Ident(column))
		}
		if len(gone) > 0 {
			insert = insert.With("gone", tx.NewDelete().Model(&gone).WherePK())
		}
		if _, err := insert.Exec(ctx); err != nil {
			return err
		}
	case len(gone) > 0:
		if _, err := tx.NewDelete().Model(&gone).WherePK().Exec(ctx); err != nil {
			return err
		}
	}
	for _, config := range changed {
		p.ProviderConfigs[config.Position].ID = config.ID
	}
	return nil
}

// Difference returns the rows of after that are new or not the same as in before, and the rows of before that are gone.
func Difference[T any](before, after []T, key func(T) string, same func(a, b T) bool) (changed, gone []T) {
	known, kept := map[string]T{}, map[string]bool{}
	for _, row := range before {
		known[key(row)] = row
	}
	for _, row := range after {
		kept[key(row)] = true
		if old, ok := known[key(row)]; !ok || !same(old, row) {
			changed = append(changed, row)
		}
	}
	for _, row := range before {
		if !kept[key(row)] {
			gone = append(gone, row)
		}
	}
	return changed, gone
}

// SaveRows turns the rows of before into those of after. Of rows that exist only the columns named change.
func SaveRows[T comparable](
	ctx context.Context, tx database.Tx, before, after []T, key func(T) string, conflict string, columns ...string,
) error {
	d := differences{tx: tx}
	collect(&d, before, after, key, same[T], conflict, columns...)
	return d.save(ctx)
}

// differences are the statements that turn the rows of tables into others: first those that delete.
type differences struct {
	tx     database.Tx
	gone   []bun.Query
	stored []database.Statement
	err    error
}

// save executes them; those that store go together.
func (d *differences) save(ctx context.Context) error {
	if d.err != nil {
		return d.err
	}
	if err := execBatch(ctx, d.tx, d.gone); err != nil {
		return err
	}
	if err := d.tx.ExecPlanned(ctx, d.stored...); err != nil {
		return fmt.Errorf("save what differs: %w", err)
	}
	return nil
}

// execBatch runs queries as one statement; none of them may read what another writes.
func execBatch(ctx context.Context, tx database.Tx, queries []bun.Query) error {
	if len(queries) == 0 {
		return nil
	}
	all := tx.NewSelect().ColumnExpr("1")
	for i, query := range queries {
		all = all.With("part_"+strconv.Itoa(i), query)
	}
	if _, err := all.Exec(ctx); err != nil {
		return fmt.Errorf("delete what is gone: %w", err)
	}
	return nil
}

// collect adds the statements that turn the rows of before into those of after, none when nothing differs. Of rows that
// exist only the columns named change.
func collect[T any](
	d *differences, before, after []T, key func(T) string, same func(a, b T) bool, conflict string, columns ...string,
) {
	changed, gone := Difference(before, after, key, same)
	if len(gone) > 0 {
		d.gone = append(d.gone, d.tx.NewDelete().Model(&gone).WherePK())
	}
	if len(changed) > 0 {
		stored, err := database.Store(d.tx, changed, conflict, columns...)
		d.stored, d.err = append(d.stored, stored), errors.Join(d.err, err)
	}
}
