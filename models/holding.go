package models

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
)

// holding is what decisions need to know of a user: what they hold, and how much of it is used.
type holding struct {
	userID  string
	copies  []heldCopy // the first assigned first
	recount time.Time  // when a reservation ends; zero without one
}

// heldCopy is one copy; its policy is shared with all copies in the same state.
type heldCopy struct {
	id, profileID int64
	name          string
	active        bool
	expiresAt     *time.Time
	pool          poolKey
	policy        *Policy // without ids
	total         scopeLines
	providers     map[string]scopeLines
}

// scopeLines are the limits in all, or of one provider.
type scopeLines []countedLine

// countedLine is one limit that counts something, with what was counted in the window that was current when it was read.
type countedLine struct {
	line, kind, duration string
	quarter              int
	calendar             Calendar
	anchor               time.Time
	from, until          *time.Time
	max, raised          int64
	raisedUntil          *time.Time // nil with a raise: for good
	scope                string
	start                time.Time // of the window that used and reserved are for
	used, reserved       int64
}

// window is the one that a moment falls into.
func (l *countedLine) window(at time.Time) (start, end time.Time) {
	return carriedWindow(l.duration, l.quarter, l.calendar, l.anchor, l.from, l.until, at)
}

// limit is what may be used in all, at a moment.
func (l *countedLine) limit(at time.Time) int64 {
	if l.raised > 0 && (l.raisedUntil == nil || l.raisedUntil.After(at)) {
		return l.max + l.raised
	}
	return l.max
}

// counted is what was used and is reserved in the window of a moment; of a window that was not read, nothing.
func (l *countedLine) counted(at time.Time) (used, reserved int64, start, end time.Time) {
	start, end = l.window(at)
	if start.Equal(l.start) {
		return l.used, l.reserved, start, end
	}
	return 0, 0, start, end
}

// loadHoldings reads what users hold, in a fixed number of statements.
func loadHoldings(ctx context.Context, db bun.IDB, users []string, now time.Time) (holdings map[string]*holding, err error) {
	err = inSnapshot(ctx, db, func(ctx context.Context, db bun.IDB) error {
		holdings, err = readHoldings(ctx, db, users, now)
		return err
	})
	return holdings, err
}

func readHoldings(ctx context.Context, db bun.IDB, users []string, now time.Time) (map[string]*holding, error) {
	holdings := make(map[string]*holding, len(users))
	for _, user := range users {
		holdings[user] = &holding{userID: user}
	}
	copies := []UserAccessProfile{}
	err := selectCopies(db).Where("c.user_id = ANY (?)", pgdialect.Array(users)).Order("c.assigned_at", "c.id").Scan(ctx, &copies)
	if err != nil {
		return nil, fmt.Errorf("load what users hold: %w", err)
	}
	ids := make([]int64, len(copies))
	for i, c := range copies {
		ids[i] = c.PolicyID
	}
	policies, err := loadPolicies(ctx, db, ids)
	if err != nil {
		return nil, err
	}
	overrides, err := loadOverrides(ctx, db, copies)
	if err != nil {
		return nil, err
	}
	for _, c := range copies {
		policy := policies[c.PolicyID]
		if policy == nil {
			continue // it is being taken away
		}
		held := heldCopy{
			id: c.ID, profileID: c.ParentProfileID, name: c.Name, active: c.IsActive, expiresAt: c.ExpiresAt,
			total: linesOf("total", policy.Budgets, policy.RateLimit, policy.Calendar, overrides), providers: map[string]scopeLines{},
		}
		for _, config := range policy.ProviderConfigs {
			held.providers[config.ProviderName] = linesOf("provider:"+config.ProviderName, config.Budgets, config.RateLimit, policy.Calendar, overrides)
		}
		held.policy, held.pool = policy, poolKey{c.ParentProfileID, shape{fmt.Sprint(c.GroupVersions), policy.Calendar}}
		holdings[c.UserID].copies = append(holdings[c.UserID].copies, held)
	}
	return holdings, countHoldings(ctx, db, holdings, now)
}

func linesOf(scope string, budgets []Budget, rate *RateLimit, calendar Calendar, overrides map[string]budgetOverride) scopeLines {
	var lines scopeLines
	for _, b := range budgets {
		line := countedLine{
			line: b.ID, kind: kindSpend, duration: b.ResetDuration, quarter: b.quarterStart(), calendar: calendar, anchor: b.LastReset,
			from: b.CarriedFrom, until: b.CarriedUntil, max: int64(b.MaxLimit), scope: scope,
		}
		if o, ok := overrides[b.ID]; ok {
			line.raised, line.raisedUntil = int64(o.Amount), o.EndsAt
		}
		lines = append(lines, line)
	}
	if rate != nil && rate.TokenMaxLimit != nil {
		lines = append(lines, countedLine{
			line: rate.ID, kind: kindTokens, duration: *rate.TokenResetDuration, calendar: calendar, anchor: rate.CreatedAt,
			from: rate.TokenCarriedFrom, until: rate.TokenCarriedUntil, max: *rate.TokenMaxLimit, scope: scope,
		})
	}
	if rate != nil && rate.RequestMaxLimit != nil {
		lines = append(lines, countedLine{
			line: rate.ID, kind: kindRequests, duration: *rate.RequestResetDuration, calendar: calendar, anchor: rate.CreatedAt,
			from: rate.RequestCarriedFrom, until: rate.RequestCarriedUntil, max: *rate.RequestMaxLimit, scope: scope,
		})
	}
	return lines
}

// each visits every line of what a user holds.
func (h *holding) each(visit func(*countedLine)) {
	for i := range h.copies {
		for j := range h.copies[i].total {
			visit(&h.copies[i].total[j])
		}
		for _, lines := range h.copies[i].providers {
			for j := range lines {
				visit(&lines[j])
			}
		}
	}
}

// countHoldings reads what was counted and is reserved in the windows of now.
func countHoldings(ctx context.Context, db bun.IDB, holdings map[string]*holding, now time.Time) error {
	lines, kinds, durations, starts := []string{}, []string{}, []string{}, []time.Time{}
	var targets []*countedLine
	var owners []*holding
	for _, h := range holdings {
		h.recount = time.Time{}
		h.each(func(l *countedLine) {
			l.start, _ = l.window(now)
			l.used, l.reserved = 0, 0
			lines, kinds, durations, starts = append(lines, l.line), append(kinds, l.kind), append(durations, l.duration), append(starts, l.start)
			targets, owners = append(targets, l), append(owners, h)
		})
	}
	if len(lines) == 0 {
		return nil
	}
	rows, err := queryPlanned(ctx, db, `
SELECT wanted.n, w.used - w.cleared,
       coalesce(r.amount, 0)::bigint, r.expires_at
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::timestamptz[]) WITH ORDINALITY AS wanted(line_id, kind, reset_duration, window_start, n)
JOIN limit_windows AS w USING (line_id, kind, reset_duration, window_start)
LEFT JOIN LATERAL (
    SELECT sum(r.amount) AS amount, min(r.expires_at) AS expires_at FROM reservations AS r
    WHERE r.line_id = w.line_id AND r.kind = w.kind AND r.reset_duration = w.reset_duration AND r.window_start = w.window_start
      AND (r.expires_at > clock_timestamp()) IS TRUE
) AS r ON true`, lines, kinds, durations, starts)
	if err != nil {
		return fmt.Errorf("read what was counted: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var n int
		var used, reserved int64
		var ends *time.Time
		if err := rows.Scan(&n, &used, &reserved, &ends); err != nil {
			return fmt.Errorf("read what was counted: %w", err)
		}
		targets[n-1].used, targets[n-1].reserved = used, reserved
		if h := owners[n-1]; ends != nil && (h.recount.IsZero() || ends.Before(h.recount)) {
			h.recount = ends.UTC()
		}
	}
	return rows.Err()
}

// policyPool lets copies of the same template in the same state share one policy in memory.
type policyPool struct{ known map[poolKey]*Policy }

type poolKey struct {
	profileID int64
	shape     shape
}

const policiesShared = 10_000

func (p *policyPool) share(held heldCopy) *Policy {
	if known, ok := p.known[held.pool]; ok {
		return known
	}
	if p.known == nil || len(p.known) >= policiesShared {
		p.known = map[poolKey]*Policy{}
	}
	p.known[held.pool] = held.policy
	return held.policy
}

// clone is a copy whose counts can be changed without changing h, which others may be reading.
func (h *holding) clone() *holding {
	c := *h
	c.copies = slices.Clone(h.copies)
	for i := range c.copies {
		held := &c.copies[i]
		held.total = slices.Clone(held.total)
		held.providers = maps.Clone(held.providers)
		for name, lines := range held.providers {
			held.providers[name] = slices.Clone(lines)
		}
	}
	return &c
}
