package propagation

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"tollgate/models/database"
	"tollgate/models/policy"
)

// counted is what was used of a copy's limit in its current window, and what an override adds to it.
type counted struct{ used, raised int64 }

// counters are the counters of many policies, by policy id and by limit with its window.
type counters map[int64]map[policy.LimitKey]counted

// findOver finds the propagated limits that earlier usage has used up already.
func (p *Plan) findOver(ctx context.Context, db bun.IDB, shapes []shaped, now time.Time) error {
	var policies []int64
	for _, s := range shapes {
		for _, t := range s.targets {
			policies = append(policies, t.PolicyID)
		}
	}
	pushed := limitsOf(p.Profile.Policy, p.Fields)
	found, err := readCounters(ctx, db, policies, pushed, now)
	if err != nil {
		return err
	}
	for _, s := range shapes {
		had := map[policy.LimitKey]int64{}
		for _, l := range s.before.Limits() {
			had[l.WindowKey()] = l.Max
		}
		for _, t := range s.targets {
			of := found[t.PolicyID]
			if len(of) == 0 && !pushed.refuseUnused() {
				continue
			}
			for _, l := range pushed {
				p.Over = append(p.Over, p.overLimit(t, l, had, of[l.WindowKey()])...)
			}
		}
	}
	return nil
}

// overLimit returns the limit with its counter if it blocks calls, otherwise nothing. Had are the copy's limits now.
func (p *Plan) overLimit(t Target, l policy.Limit, had map[policy.LimitKey]int64, is counted) []OverLimit {
	before, matches := had[l.WindowKey()]
	after := is
	if !matches {
		after = counted{}
	}
	if p.ResetUsage {
		after.used = 0
	}
	if after.used < l.Max+after.raised {
		return nil
	}
	return []OverLimit{{
		Target: t, Scope: l.Scope, Kind: l.Kind, ResetDuration: l.Duration, Used: after.used, Limit: l.Max + after.raised,
		Already: matches && is.used >= before+is.raised,
	}}
}

type limits []policy.Limit

// limitsOf lists the limits in the groups of fields named, group by group.
func limitsOf(p policy.Policy, groups []string) limits {
	var of limits
	for _, group := range groups {
		for _, l := range p.Limits() {
			if l.Group() == group {
				of = append(of, l)
			}
		}
	}
	return of
}

// least is the smallest limit of a kind; nil when there is none.
func (l limits) least(kind string) (least *int64) {
	for _, one := range l {
		if one.Kind == kind && (least == nil || one.Max < *least) {
			least = &one.Max
		}
	}
	return least
}

// refuseUnused reports whether one of the limits is used up before anything is counted.
func (l limits) refuseUnused() bool {
	return slices.ContainsFunc(l, func(one policy.Limit) bool { return one.Max == 0 })
}

// counterRow is the counter of one limit of a policy.
type counterRow struct {
	PolicyID      int64
	Scope         policy.Scope
	Kind          string
	ResetDuration string
	Quarter       int
	Used, Raised  int64
}

func (c counters) add(row counterRow) {
	if c[row.PolicyID] == nil {
		c[row.PolicyID] = map[policy.LimitKey]counted{}
	}
	key := policy.LimitKey{
		Scope: row.Scope, Kind: row.Kind, Duration: row.ResetDuration, Quarter: row.Quarter,
	}
	before := c[row.PolicyID][key]
	c[row.PolicyID][key] = counted{before.used + row.Used, before.raised + row.Raised}
}

// readCounters reads the counters of many policies: those where the used amount reaches the smallest limit of their
// kind, and those that are raised. No other counter can be used up.
func readCounters(ctx context.Context, db bun.IDB, policies []int64, pushed limits, now time.Time) (counters, error) {
	found := counters{}
	err := database.InSnapshot(ctx, db, func(ctx context.Context, db bun.IDB) error {
		if err := database.AllowLong(ctx, db); err != nil { // a profile may have very many holders
			return err
		}
		for _, query := range []string{selectCounted, selectRaised} {
			var rows []counterRow
			err := db.NewRaw(query, pgdialect.Array(policies), now, pushed.least(policy.KindSpend),
				pushed.least(policy.KindTokens), pushed.least(policy.KindRequests)).Scan(ctx, &rows)
			if err != nil {
				return fmt.Errorf("read what was used: %w", err)
			}
			for _, row := range rows {
				found.add(row)
			}
		}
		return nil
	})
	return found, err
}

// selectCounted filters by the current window last, and by an expression that is no join key: computing its start is
// expensive, and few windows are left by then. The server has statistics of used amounts under these very expressions:
// where few reach a limit, it starts with them and not with all limits.
const selectCounted = `
SELECT l.policy_id, ` + policy.ScopeOf + ` AS scope, l.kind, l.reset_duration,
    coalesce(l.quarter_start_month, 0) % 3 AS quarter,
       w.used - w.cleared AS used
FROM limit_lines AS l
JOIN limit_windows AS w ON w.line_id = l.id AND w.kind = l.kind AND w.reset_duration = l.reset_duration
    AND (CASE WHEN w.kind = 'spend' THEN w.used - w.cleared END >= ?2
        OR CASE WHEN w.kind = 'tokens' THEN w.used - w.cleared END >= ?3
        OR CASE WHEN w.kind = 'requests' THEN w.used - w.cleared END >= ?4)
JOIN policies AS p ON p.id = l.policy_id
WHERE l.policy_id = ANY (?0)
  AND w.window_start IS NOT DISTINCT FROM window_start(l.reset_duration, l.quarter_start_month, p.calendar,
      l.created_at, l.carried_from, l.carried_until, ?1)`

const selectRaised = `
SELECT l.policy_id, ` + policy.ScopeOf + ` AS scope, l.kind, l.reset_duration,
       coalesce(l.quarter_start_month, 0) % 3 AS quarter, o.amount AS raised
FROM budget_overrides AS o
JOIN limit_lines AS l ON l.id = o.budget_id AND l.kind = o.kind
WHERE l.policy_id = ANY (?0) AND (o.ends_at IS NULL OR o.ends_at > ?1)`
