package propagation

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"tollgate/models/assignment"
	"tollgate/models/audit"
	"tollgate/models/database"
	"tollgate/models/fieldgroup"
	"tollgate/models/policy"
)

// push changes a batch of copies in one transaction, with their new state in the job and the audit row.
func (p Job) push(ctx context.Context, db bun.IDB, h *history, ids []int64) error {
	return database.InTx(ctx, db, func(ctx context.Context, tx database.Tx) error {
		if err := database.AllowLong(ctx, tx); err != nil {
			return err
		}
		if err := p.lockLease(ctx, tx); err != nil {
			return err
		}
		ids, err := p.undone(ctx, tx, ids)
		if err != nil || len(ids) == 0 {
			return err
		}
		if err := h.load(ctx, tx, []int64{p.ToVersion}); err != nil {
			return err
		}
		if err := assignment.LockCopies(ctx, tx, "id = ANY (?)", pgdialect.Array(ids)); err != nil {
			return err
		}
		now, err := database.Clock(ctx, tx) // after the wait for the locks
		if err != nil {
			return err
		}
		changeable, err := p.changeable(ctx, tx, ids, now)
		if err != nil {
			return err
		}
		shapes, err := h.shapesOf(ctx, tx, changeable)
		if err != nil {
			return err
		}
		changed := []string{}
		for _, s := range shapes {
			some, err := p.pushShape(ctx, tx, s, h.known[p.ToVersion].Policy, now)
			if err != nil {
				return err
			}
			changed = append(changed, some...)
		}
		done := make([]int64, len(changeable))
		for i, t := range changeable {
			done[i] = t.ID
		}
		_, err = tx.NewRaw("UPDATE propagation_items SET state = 'done' WHERE job_id = ? AND copy_id = ANY (?)", p.ID,
			pgdialect.Array(done)).Exec(ctx)
		if err != nil {
			return fmt.Errorf("record finished copies: %w", err)
		}
		return p.recordChanged(tx, h.known[p.ToVersion].Name, changed, now)
	})
}

// undone are those of a batch that still wait: it may be repeated because the outcome of its commit is unknown.
func (p Job) undone(ctx context.Context, tx database.Tx, ids []int64) (left []int64, err error) {
	err = tx.NewRaw("SELECT copy_id FROM propagation_items WHERE job_id = ? AND copy_id = ANY (?) AND state = 'waiting'",
		p.ID, pgdialect.Array(ids)).Scan(ctx, &left)
	if err != nil {
		return nil, fmt.Errorf("look which copies wait: %w", err)
	}
	return left, nil
}

// recordChanged invalidates the users whose copies were changed, and writes the audit row.
func (p Job) recordChanged(tx database.Tx, profileName string, users []string, now time.Time) error {
	if len(users) == 0 {
		return nil
	}
	tx.Invalidate(users...)
	c := audit.Change{ProfileID: &p.AccessProfileID, Actor: p.Actor, Origin: p.Origin, Action: "propagate", At: now}
	if len(users) == 1 {
		c.UserID = &users[0]
	}
	if err := c.Documents(nil, nil, map[string]any{
		"access_profile": profileName, "propagation_id": p.ID, "to_version": p.ToVersion, "fields": p.Fields,
		"reset_usage": p.ResetUsage, "user_ids": users,
	}); err != nil {
		return err
	}
	return audit.Record(tx, c)
}

// changeable are those of the locked copies that may be changed. Those that were deleted or may not change any more are
// recorded as skipped, with the reason.
func (p Job) changeable(ctx context.Context, tx database.Tx, ids []int64, now time.Time) ([]Target, error) {
	var targets []Target
	if err := withShapes(selectCopies(tx, now)).Where("c.id = ANY (?)", pgdialect.Array(ids)).
		Scan(ctx, &targets); err != nil {
		return nil, fmt.Errorf("load the locked copies: %w", err)
	}
	there := make(map[int64]bool, len(targets))
	var changeable []Target
	skipped := map[string][]int64{}
	for _, t := range targets {
		there[t.ID] = true
		if t.Skip != "" {
			skipped[t.Skip] = append(skipped[t.Skip], t.ID)
			continue
		}
		changeable = append(changeable, t)
	}
	for _, id := range ids {
		if !there[id] {
			skipped[skipGone] = append(skipped[skipGone], id)
		}
	}
	for reason, some := range skipped {
		_, err := tx.NewRaw("UPDATE propagation_items SET state = 'skipped', reason = ? "+
			"WHERE job_id = ? AND copy_id = ANY (?)",
			reason, p.ID, pgdialect.Array(some)).Exec(ctx)
		if err != nil {
			return nil, fmt.Errorf("record skipped copies: %w", err)
		}
	}
	return changeable, nil
}

// pushShape changes copies that are in the same state, and returns their holders when anything changed.
func (p Job) pushShape(
	ctx context.Context, tx database.Tx, s shaped, to policy.Policy, now time.Time,
) ([]string, error) {
	copies, policies, users := make([]int64, len(s.targets)), make([]int64, len(s.targets)), make([]string, len(s.targets))
	for i, t := range s.targets {
		copies[i], policies[i], users[i] = t.ID, t.PolicyID, t.UserID
	}
	had := s.versions
	groups := []string{}
	for i, group := range fieldgroup.Named(fieldgroup.Names) {
		// A copy that is newer than this propagation, since it was assigned meanwhile, stays so.
		if had[i] <= p.ToVersion && slices.Contains(p.Fields, group.Name) && !group.Equal(s.before, to) {
			groups = append(groups, group.Name)
		}
	}
	if err := fieldgroup.Sync(ctx, tx, policies, s.before, to, groups, now); err != nil {
		return nil, err
	}
	versions, oldest := pushedVersions(had, fieldgroup.Taken(s.before, to, groups), to, p.ToVersion)
	changed := len(groups) > 0 || !slices.Equal(versions, had)
	if changed {
		if err := storeVersions(ctx, tx, copies, versions, oldest); err != nil {
			return nil, err
		}
	}
	if p.ResetUsage {
		cleared, err := clearUsage(ctx, tx, policies, p.Fields)
		if err != nil {
			return nil, err
		}
		changed = changed || cleared > 0
	}
	if !changed {
		return nil, nil
	}
	return users, nil
}

// storeVersions records which versions the groups of copies come from, and the oldest of them.
func storeVersions(ctx context.Context, tx database.Tx, copies, versions []int64, oldest int64) error {
	_, err := tx.NewRaw("UPDATE user_access_profiles SET group_versions = ?, template_version = ? WHERE id = ANY (?)",
		pgdialect.Array(versions), oldest, pgdialect.Array(copies)).Exec(ctx)
	if err != nil {
		return fmt.Errorf("store the versions of copies: %w", err)
	}
	return nil
}

// clearUsage resets the used amounts of the limits in the groups named, and returns how many counters show less now.
// The ledger keeps what was counted.
func clearUsage(ctx context.Context, tx database.Tx, policies []int64, groups []string) (n int64, err error) {
	err = tx.NewRaw(`
WITH counters AS (
    SELECT w.line_id, w.kind, w.reset_duration, w.window_start, w.cleared < w.used AS shows
    FROM limit_lines AS l JOIN limit_windows AS w ON w.line_id = l.id AND w.kind = l.kind
    WHERE l.policy_id = ANY (?0) AND `+fieldgroup.Clearable+`
      AND CASE WHEN l.provider_name IS NOT NULL THEN 'provider_configs' WHEN l.kind = 'spend' THEN 'budgets'
          ELSE 'rate_limit' END = ANY (?1)
    ORDER BY 1, 2, 3, 4 FOR UPDATE OF w
), cleared AS (
    UPDATE limit_windows AS w SET cleared = w.used, cleared_at = clock_timestamp()
    FROM counters AS c
    WHERE (w.line_id, w.kind, w.reset_duration, w.window_start) = (c.line_id, c.kind, c.reset_duration, c.window_start)
)
SELECT count(*) FROM counters WHERE shows`, pgdialect.Array(policies), pgdialect.Array(groups)).Scan(ctx, &n)
	if err != nil {
		return 0, fmt.Errorf("reset usage: %w", err)
	}
	return n, nil
}
