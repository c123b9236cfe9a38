package propagation

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"tollgate/models/policy"
)

// counted is what was used of a copy's limit in its current window, and what an override adds to it.
type counted struct{ used, raised int64 }

// counters are those of many policies, by the policies' ids and the limits with their windows.
type counters map[int64]map[policy.LimitKey]counted

// findOver finds propagated limits that are used up by what was counted already.
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

// overLimit is the limit with its counter when it blocks calls; none else. Had are the limits that the copy has now.
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

// least is the smallest limit of a kind.
func (l limits) least(kind string) int64 {
	least := int64(math.MaxInt64)
	for _, one := range l {
		if one.Kind == kind {
			least = min(least, one.Max)
		}
	}
	return least
}

// refuseUnused reports whether one of the limits is used up before anything is counted.
func (l limits) refuseUnused() bool { return l.least(policy.KindSpend) == 0 }

// counterRow is the counter of one limit of a policy.
type counterRow struct {
	PolicyID      int64
	ProviderName  string
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
		Scope: policy.Scope{Provider: row.ProviderName}, Kind: row.Kind, Duration: row.ResetDuration, Quarter: row.Quarter,
	}
	before := c[row.PolicyID][key]
	c[row.PolicyID][key] = counted{before.used + row.Used, before.raised + row.Raised}
}

// readCounters reads the counters of many policies: those where the used amount reaches the smallest limit of
// their kind, and those that are raised. None of the others is used up.
func readCounters(ctx context.Context, db bun.IDB, policies []int64, pushed limits, now time.Time) (counters, error) {
	found := counters{}
	for _, query := range []string{selectCounted, selectRaised} {
		var rows []counterRow
		err := db.NewRaw(query, pgdialect.Array(policies), now, pushed.least(policy.KindSpend),
			pushed.least(policy.KindTokens), pushed.least(policy.KindRequests)).Scan(ctx, &rows)
		if err != nil {
			return nil, fmt.Errorf("read what was used: %w", err)
		}
		for _, row := range rows {
			found.add(row)
		}
	}
	return found, nil
}

// selectCounted filters by the current window last, and by an expression that is no join key: computing its start is
// expensive, and few windows are left by then.
const selectCounted = `
WITH lines AS (
    SELECT id, policy_id, provider_config_id, 'spend' AS kind, reset_duration, quarter_start_month AS quarter, created_at, carried_from, carried_until
    FROM budgets WHERE policy_id = ANY (?0)
    UNION ALL
    SELECT id, policy_id, provider_config_id, 'tokens', token_reset_duration, NULL, created_at, token_carried_from, token_carried_until
    FROM rate_limits WHERE policy_id = ANY (?0) AND token_reset_duration IS NOT NULL
    UNION ALL
    SELECT id, policy_id, provider_config_id, 'requests', request_reset_duration, NULL, created_at, request_carried_from, request_carried_until
    FROM rate_limits WHERE policy_id = ANY (?0) AND request_reset_duration IS NOT NULL
)
SELECT l.policy_id, coalesce(c.provider_name, '') AS provider_name, l.kind, l.reset_duration, coalesce(l.quarter, 0) % 3 AS quarter,
       w.used - w.cleared AS used
FROM lines AS l
JOIN limit_windows AS w ON w.line_id = l.id AND w.kind = l.kind AND w.reset_duration = l.reset_duration
    AND w.used - w.cleared >= CASE w.kind WHEN 'spend' THEN ?2 WHEN 'tokens' THEN ?3 ELSE ?4 END
JOIN policies AS p ON p.id = l.policy_id
LEFT JOIN provider_configs AS c ON c.id = l.provider_config_id
WHERE w.window_start IS NOT DISTINCT FROM window_start(l.reset_duration, l.quarter, p.calendar, l.created_at, l.carried_from, l.carried_until, ?1)`

const selectRaised = `
SELECT b.policy_id, coalesce(c.provider_name, '') AS provider_name, 'spend' AS kind, b.reset_duration,
       coalesce(b.quarter_start_month, 0) % 3 AS quarter, o.amount AS raised
FROM budget_overrides AS o
JOIN budgets AS b ON b.id = o.budget_id
LEFT JOIN provider_configs AS c ON c.id = b.provider_config_id
WHERE b.policy_id = ANY (?0) AND (o.ends_at IS NULL OR o.ends_at > ?1)`
