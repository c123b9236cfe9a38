package models

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
)

// loadHoldings reads what users hold, in a fixed number of statements.
func loadHoldings(ctx context.Context, db bun.IDB, users []uuid.UUID, now time.Time) (holdings map[uuid.UUID]*holding, err error) {
	err = inSnapshot(ctx, db, func(ctx context.Context, db bun.IDB) error {
		holdings, err = readHoldings(ctx, db, users, now)
		return err
	})
	return holdings, err
}

func readHoldings(ctx context.Context, db bun.IDB, users []uuid.UUID, now time.Time) (map[uuid.UUID]*holding, error) {
	holdings, byText, texts := make(map[uuid.UUID]*holding, len(users)), make(map[string]*holding, len(users)), make([]string, len(users))
	for i, user := range users {
		texts[i] = user.String()
		holdings[user] = &holding{user: user}
		byText[texts[i]] = holdings[user]
	}
	copies := []UserAccessProfile{}
	err := selectCopies(db).Where("c.user_id = ANY (?)", pgdialect.Array(texts)).Order("c.assigned_at", "c.id").Scan(ctx, &copies)
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
		held, err := heldOf(c, policy, overrides)
		if err != nil {
			return nil, err
		}
		byText[c.UserID].copies = append(byText[c.UserID].copies, held)
	}
	return holdings, countHoldings(ctx, db, holdings, now)
}

// heldOf takes from a copy and its policy what decisions need.
func heldOf(c UserAccessProfile, policy *Policy, overrides map[string]budgetOverride) (heldCopy, error) {
	f := &form{
		of: formKey{c.ParentProfileID, shape{fmt.Sprint(c.GroupVersions), policy.Calendar}}, name: c.Name, policy: policy,
		providers: make(map[string]places, len(policy.ProviderConfigs)),
	}
	held := heldCopy{form: f, id: c.ID, profileID: c.ParentProfileID, active: c.IsActive, expiresAt: c.ExpiresAt}
	err := held.add("total", policy.Budgets, policy.RateLimit, overrides)
	f.total.to = len(f.limits)
	for _, config := range policy.ProviderConfigs {
		if err == nil {
			from := len(f.limits)
			err = held.add("provider:"+config.ProviderName, config.Budgets, config.RateLimit, overrides)
			f.providers[config.ProviderName] = places{from, len(f.limits)}
		}
	}
	held.counters = slices.Clip(held.counters)
	return held, err
}

// add appends the lines of a scope.
func (held *heldCopy) add(scope string, budgets []Budget, rate *RateLimit, overrides map[string]budgetOverride) error {
	calendar := held.policy.Calendar
	for _, b := range budgets {
		special := special{from: b.CarriedFrom, until: b.CarriedUntil}
		if o, ok := overrides[b.ID]; ok {
			special.raised, special.raisedUntil = int64(o.Amount), o.EndsAt
		}
		line := lineForm{kind: kindSpend, duration: b.ResetDuration, scope: scope, quarter: b.quarterStart(), calendar: calendar, max: int64(b.MaxLimit)}
		if err := held.count(b.ID, b.LastReset, line, special); err != nil {
			return err
		}
	}
	if rate != nil && rate.TokenMaxLimit != nil {
		line := lineForm{kind: kindTokens, duration: *rate.TokenResetDuration, scope: scope, calendar: calendar, max: *rate.TokenMaxLimit}
		if err := held.count(rate.ID, rate.CreatedAt, line, special{from: rate.TokenCarriedFrom, until: rate.TokenCarriedUntil}); err != nil {
			return err
		}
	}
	if rate != nil && rate.RequestMaxLimit != nil {
		line := lineForm{kind: kindRequests, duration: *rate.RequestResetDuration, scope: scope, calendar: calendar, max: *rate.RequestMaxLimit}
		return held.count(rate.ID, rate.CreatedAt, line, special{from: rate.RequestCarriedFrom, until: rate.RequestCarriedUntil})
	}
	return nil
}

// count appends a line with its counter.
func (held *heldCopy) count(line string, anchor time.Time, l lineForm, s special) error {
	id, err := uuid.Parse(line)
	if err != nil {
		return fmt.Errorf("read the id of a limit: %w", err)
	}
	c := counter{line: id, anchor: anchor.UnixMicro()}
	if s != (special{}) {
		held.specials = append(held.specials, s)
		c.nth = int32(len(held.specials)) //nolint:gosec // there are as many as lines at most
	}
	held.limits, held.counters = append(held.limits, l), append(held.counters, c)
	return nil
}

// countHoldings reads what was counted and is reserved in the windows of now.
func countHoldings(ctx context.Context, db bun.IDB, holdings map[uuid.UUID]*holding, now time.Time) error {
	lines, kinds, durations, starts, copies := [][16]byte{}, []string{}, []string{}, []time.Time{}, []int64{}
	var targets []*counter
	var owners []*holding
	for _, h := range holdings {
		h.recount = time.Time{}
		h.each(func(l countedLine) {
			start, _ := l.window(now)
			l.start, l.used, l.reserved = start.UnixMicro(), 0, 0
			lines, kinds, durations, starts = append(lines, l.line), append(kinds, l.kind), append(durations, l.duration), append(starts, start)
			targets, owners = append(targets, l.counter), append(owners, h)
		})
		for i := range h.copies {
			copies = append(copies, h.copies[i].id)
		}
	}
	if len(lines) == 0 {
		return nil
	}
	rows, err := queryPlanned(ctx, db, readCounters, lines, kinds, durations, starts, copies)
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
		targets[n-1].used += used
		targets[n-1].reserved += reserved
		if h := owners[n-1]; ends != nil && (h.recount.IsZero() || ends.Before(h.recount)) {
			h.recount = ends.UTC()
		}
	}
	return rows.Err()
}

// readCounters has a row for what was used of a line, and one for what is held of it. Holds are looked up copy by copy: by their expiry those
// of everybody would be read.
const readCounters = `
WITH wanted AS (
    SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::timestamptz[]) WITH ORDINALITY
        AS wanted(line_id, kind, reset_duration, window_start, n)
), held AS (
    SELECT l.line_id, l.kind, l.reset_duration, l.window_start, sum(l.amount)::bigint AS amount, min(r.expires_at) AS expires_at
    FROM unnest($5::bigint[]) AS of_copy(id)
        CROSS JOIN LATERAL (SELECT * FROM reservations AS r WHERE r.copy_id = of_copy.id AND r.expires_at > clock_timestamp() OFFSET 0) AS r
        CROSS JOIN LATERAL unnest(r.line_ids, r.kinds, r.reset_durations, r.window_starts, r.amounts)
            AS l(line_id, kind, reset_duration, window_start, amount)
    GROUP BY 1, 2, 3, 4
)
SELECT n, w.used - w.cleared, 0::bigint, NULL::timestamptz FROM wanted JOIN limit_windows AS w USING (line_id, kind, reset_duration, window_start)
UNION ALL
SELECT n, 0::bigint, amount, expires_at FROM wanted JOIN held USING (line_id, kind, reset_duration, window_start)`
