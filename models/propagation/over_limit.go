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

// limitKey identifies a limit of a policy across a propagation.
type limitKey struct {
	scope, kind, duration string
	quarter               int
}

// standing is the state of a copy's limit: what was used in the current window, and what an override adds.
type standing struct{ used, raised int64 }

// standings are the states of the limits of many policies, by the policies' ids.
type standings map[int64]map[limitKey]standing

// findOver finds propagated limits that are used up by what was counted already.
func (p *Plan) findOver(ctx context.Context, db bun.IDB, shapes []shaped, now time.Time) error {
	var policies []int64
	for _, s := range shapes {
		for _, t := range s.targets {
			policies = append(policies, t.PolicyID)
		}
	}
	pushed := limitsOf(p.Profile.Policy, p.Fields)
	counted, err := countedIn(ctx, db, policies, pushed, now)
	if err != nil {
		return err
	}
	for _, s := range shapes {
		had := limitsOf(s.before, policy.FieldGroups)
		for _, t := range s.targets {
			stand := counted[t.PolicyID]
			if len(stand) == 0 && !pushed.refuseUnused() {
				continue
			}
			for _, limit := range pushed {
				before, matches := had.find(limit.key)
				stands := stand[limit.key]
				kept := stands
				if !matches {
					kept = standing{}
				}
				if p.ResetUsage {
					kept.used = 0
				}
				if kept.used >= limit.max+kept.raised {
					p.Over = append(p.Over, OverLimit{
						Target: t, Scope: limit.key.scope, Kind: limit.key.kind, ResetDuration: limit.key.duration,
						Used: kept.used, Limit: limit.max + kept.raised, Already: matches && stands.used >= before+stands.raised,
					})
				}
			}
		}
	}
	return nil
}

type limit struct {
	key limitKey
	max int64
}

type limits []limit

func (l limits) find(key limitKey) (most int64, ok bool) {
	for _, one := range l {
		if one.key == key {
			return one.max, true
		}
	}
	return 0, false
}

// limitsOf lists the limits in the groups of fields named.
func limitsOf(p policy.Policy, groups []string) limits {
	var all limits
	add := func(scope string, budgets []policy.Budget, rate *policy.RateLimit) {
		for _, b := range budgets {
			all = append(all, limit{limitKey{scope, policy.KindSpend, b.ResetDuration, b.Line().Quarter}, int64(b.MaxLimit)})
		}
		if rate != nil && rate.TokenMaxLimit != nil {
			all = append(all, limit{limitKey{scope, policy.KindTokens, *rate.TokenResetDuration, 0}, *rate.TokenMaxLimit})
		}
		if rate != nil && rate.RequestMaxLimit != nil {
			all = append(all, limit{limitKey{scope, policy.KindRequests, *rate.RequestResetDuration, 0}, *rate.RequestMaxLimit})
		}
	}
	for _, group := range groups {
		switch group {
		case "provider_configs":
			for _, config := range p.ProviderConfigs {
				add("provider:"+config.ProviderName, config.Budgets, config.RateLimit)
			}
		case "budgets":
			add("total", p.Budgets, nil)
		case "rate_limit":
			add("total", nil, p.RateLimit)
		}
	}
	return all
}

// least is the smallest limit of a kind.
func (l limits) least(kind string) int64 {
	least := int64(math.MaxInt64)
	for _, one := range l {
		if one.key.kind == kind {
			least = min(least, one.max)
		}
	}
	return least
}

// refuseUnused reports whether one of the limits is used up before anything is counted.
func (l limits) refuseUnused() bool { return l.least(policy.KindSpend) == 0 }

// standingRow is one limit of a policy.
type standingRow struct {
	PolicyID      int64
	ProviderName  string
	Kind          string
	ResetDuration string
	Quarter       int
	Used, Raised  int64
}

func (s standings) add(row standingRow) {
	scope := "total"
	if row.ProviderName != "" {
		scope = "provider:" + row.ProviderName
	}
	if s[row.PolicyID] == nil {
		s[row.PolicyID] = map[limitKey]standing{}
	}
	key := limitKey{scope, row.Kind, row.ResetDuration, row.Quarter}
	before := s[row.PolicyID][key]
	s[row.PolicyID][key] = standing{before.used + row.Used, before.raised + row.Raised}
}

// countedIn reads the state of the limits of many policies: those where the used amount reaches the smallest limit of
// their kind, and those that are raised. None of the others is used up.
func countedIn(ctx context.Context, db bun.IDB, policies []int64, pushed limits, now time.Time) (standings, error) {
	counted := standings{}
	for _, query := range []string{selectCounted, selectRaised} {
		var rows []standingRow
		err := db.NewRaw(query, pgdialect.Array(policies), now, pushed.least(policy.KindSpend),
			pushed.least(policy.KindTokens), pushed.least(policy.KindRequests)).Scan(ctx, &rows)
		if err != nil {
			return nil, fmt.Errorf("read what was used: %w", err)
		}
		for _, row := range rows {
			counted.add(row)
		}
	}
	return counted, nil
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
