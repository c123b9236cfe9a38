package models

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
)

// Plan is what a push would do, copy by copy. Copies that are in the same state are told together.
type Plan struct {
	Profile    AccessProfile // the template that would be pushed
	Fields     []string
	ResetUsage bool
	Changes    []PlannedChange
	Unchanged  []Target
	Skipped    []SkippedTarget
	Over       []OverLimit
}

// PlannedChange is what happens to the copies of one state.
type PlannedChange struct {
	Before, After AccessProfile // the template with the policy that the copies have, and will have
	Groups        []string      // that differ
	Targets       []Target
}

// SkippedTarget is somebody who was chosen but gets nothing, and why.
type SkippedTarget struct {
	UserID string `json:"user_id"`
	Name   string `json:"-"`
	Email  string `json:"-"`
	Reason string `json:"reason"` // "inactive", "expired", "no_copy", "gone", or what went wrong
}

// OverLimit is a limit that refuses its holder the moment the push applies.
type OverLimit struct {
	Target        Target
	Scope         string // "total", "provider:openai"
	Kind          string // "spend", "tokens", "requests"
	ResetDuration string
	Used, Limit   int64 // nano-dollars, tokens or requests
	Already       bool  // it does so now
}

// Affected is how many copies the push is for.
func (p Plan) Affected() int {
	n := len(p.Unchanged)
	for _, change := range p.Changes {
		n += len(change.Targets)
	}
	return n
}

// AffectedUsers are the holders of those copies.
func (p Plan) AffectedUsers() []string {
	users := make([]string, 0, p.Affected())
	for _, change := range p.Changes {
		for _, t := range change.Targets {
			users = append(users, t.UserID)
		}
	}
	for _, t := range p.Unchanged {
		users = append(users, t.UserID)
	}
	return users
}

// PlanPropagation tells what a push would do; it changes nothing. Refusals: NotFound, Stale, Invalid.
func PlanPropagation(ctx context.Context, db bun.IDB, id int64, ifVersion *int64, in PropagationInput) (Plan, error) {
	profile, err := templateNow(ctx, db, id)
	if err != nil {
		return Plan{}, err
	}
	if err := (stored{AccessProfile: profile}).fresh(ifVersion); err != nil {
		return Plan{}, err
	}
	p, err := in.read(ctx, db)
	if err != nil {
		return Plan{}, err
	}
	now, err := databaseClock(ctx, db)
	if err != nil {
		return Plan{}, err
	}
	targets, err := p.targets(ctx, db, id)
	if err != nil {
		return Plan{}, err
	}
	plan := Plan{Profile: profile, Fields: p.fields, ResetUsage: p.reset}
	going := plan.leaveOut(targets, now)
	if err := plan.nameThoseWithout(ctx, db, p.withoutCopy(targets)); err != nil {
		return plan, err
	}
	h := &history{profileID: id, known: map[int64]AccessProfile{profile.Version: profile}}
	shapes, err := h.shapesOf(ctx, db, going)
	if err != nil {
		return plan, err
	}
	plan.compare(shapes)
	return plan, plan.findOver(ctx, db, shapes, now)
}

// leaveOut notes the copies that are skipped, and returns the others.
func (p *Plan) leaveOut(targets []Target, now time.Time) []Target {
	var going []Target
	for _, t := range targets {
		if reason := t.skip(now); reason != "" {
			p.Skipped = append(p.Skipped, SkippedTarget{t.UserID, t.Name, t.Email, reason})
			continue
		}
		going = append(going, t)
	}
	return going
}

func (p *Plan) nameThoseWithout(ctx context.Context, db bun.IDB, users []string) error {
	if len(users) == 0 {
		return nil
	}
	var rows []struct{ ID, Name, Email string }
	if err := db.NewRaw("SELECT id, name, email FROM users WHERE id = ANY (?) ORDER BY email_key", pgdialect.Array(users)).Scan(ctx, &rows); err != nil {
		return fmt.Errorf("look up users without a copy: %w", err)
	}
	for _, row := range rows {
		p.Skipped = append(p.Skipped, SkippedTarget{row.ID, row.Name, row.Email, skipNoCopy})
	}
	return nil
}

func (p *Plan) compare(shapes []shaped) {
	for _, s := range shapes {
		groups := differing(s.before, p.Profile.Policy, p.Fields)
		if len(groups) == 0 {
			p.Unchanged = append(p.Unchanged, s.targets...)
			continue
		}
		change := PlannedChange{Before: p.Profile, After: p.Profile, Groups: groups, Targets: s.targets}
		change.Before.Policy, change.After.Policy = s.before, s.before.with(p.Profile.Policy, groups)
		p.Changes = append(p.Changes, change)
	}
}

// limitKey names a line of a policy by what makes it the same after a push.
type limitKey struct {
	scope, kind, duration string
	quarter               int
}

// standing is how a copy's line stands: what was counted in the window under way, and what an override adds.
type standing struct{ used, raised int64 }

// findOver looks for limits among those pushed that are used up by what was counted already.
func (p *Plan) findOver(ctx context.Context, db bun.IDB, shapes []shaped, now time.Time) error {
	var policies []int64
	for _, s := range shapes {
		for _, t := range s.targets {
			policies = append(policies, t.PolicyID)
		}
	}
	counted, err := countedIn(ctx, db, policies, now)
	if err != nil {
		return err
	}
	for _, s := range shapes {
		had := limitsOf(s.before, FieldGroups)
		for _, t := range s.targets {
			for _, limit := range limitsOf(p.Profile.Policy, p.Fields) {
				before, matches := had.find(limit.key)
				stands := counted[t.PolicyID][limit.key]
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
func limitsOf(p Policy, groups []string) limits {
	var all limits
	add := func(scope string, budgets []Budget, rate *RateLimit) {
		for _, b := range budgets {
			all = append(all, limit{limitKey{scope, kindSpend, b.ResetDuration, b.line().quarter}, int64(b.MaxLimit)})
		}
		if rate != nil && rate.TokenMaxLimit != nil {
			all = append(all, limit{limitKey{scope, kindTokens, *rate.TokenResetDuration, 0}, *rate.TokenMaxLimit})
		}
		if rate != nil && rate.RequestMaxLimit != nil {
			all = append(all, limit{limitKey{scope, kindRequests, *rate.RequestResetDuration, 0}, *rate.RequestMaxLimit})
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

// countedIn reads how the lines of many policies stand, those at which something was counted or raised.
func countedIn(ctx context.Context, db bun.IDB, policies []int64, now time.Time) (map[int64]map[limitKey]standing, error) {
	var rows []struct {
		PolicyID      int64
		ProviderName  string
		Kind          string
		ResetDuration string
		Quarter       int
		Used, Raised  int64
	}
	if err := db.NewRaw(selectCounted, pgdialect.Array(policies), now).Scan(ctx, &rows); err != nil {
		return nil, fmt.Errorf("read what was used: %w", err)
	}
	counted := map[int64]map[limitKey]standing{}
	for _, row := range rows {
		scope := "total"
		if row.ProviderName != "" {
			scope = "provider:" + row.ProviderName
		}
		if counted[row.PolicyID] == nil {
			counted[row.PolicyID] = map[limitKey]standing{}
		}
		counted[row.PolicyID][limitKey{scope, row.Kind, row.ResetDuration, row.Quarter}] = standing{row.Used, row.Raised}
	}
	return counted, nil
}

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
       coalesce(w.used - w.cleared, 0) AS used, coalesce(o.amount, 0) AS raised
FROM lines AS l
JOIN policies AS p ON p.id = l.policy_id
LEFT JOIN provider_configs AS c ON c.id = l.provider_config_id
LEFT JOIN budget_overrides AS o ON o.budget_id = l.id AND (o.ends_at IS NULL OR o.ends_at > ?1)
LEFT JOIN limit_windows AS w ON w.line_id = l.id AND w.kind = l.kind AND w.reset_duration = l.reset_duration
    AND w.window_start = window_start(l.reset_duration, l.quarter, p.calendar, l.created_at, l.carried_from, l.carried_until, ?1)
WHERE w.used > 0 OR o.amount IS NOT NULL`
