package entitlement

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"tollgate/models/assignment"
	"tollgate/models/database"
	"tollgate/models/policy"
)

// LoadEntitlements reads the entitlements of users, in a fixed number of statements.
func LoadEntitlements(
	ctx context.Context, db bun.IDB, users []uuid.UUID, now time.Time,
) (byUser map[uuid.UUID]*Entitlements, err error) {
	err = database.InSnapshot(ctx, db, func(ctx context.Context, db bun.IDB) error {
		byUser, err = readEntitlements(ctx, db, users, now)
		return err
	})
	return byUser, err
}

func readEntitlements(
	ctx context.Context, db bun.IDB, users []uuid.UUID, now time.Time,
) (map[uuid.UUID]*Entitlements, error) {
	byUser := make(map[uuid.UUID]*Entitlements, len(users))
	byText, texts := make(map[string]*Entitlements, len(users)), make([]string, len(users))
	for i, user := range users {
		texts[i] = user.String()
		byUser[user] = &Entitlements{User: user}
		byText[texts[i]] = byUser[user]
	}
	copies := []assignment.Assignment{}
	err := assignment.SelectCopies(db).Where("c.user_id = ANY (?)", pgdialect.Array(texts)).
		Order("c.assigned_at", "c.id").Scan(ctx, &copies)
	if err != nil {
		return nil, fmt.Errorf("load the copies of users: %w", err)
	}
	ids := make([]int64, len(copies))
	for i, c := range copies {
		ids[i] = c.PolicyID
	}
	policies, err := policy.LoadPolicies(ctx, db, ids)
	if err != nil {
		return nil, err
	}
	overrides, err := assignment.LoadOverrides(ctx, db, copies)
	if err != nil {
		return nil, err
	}
	for _, c := range copies {
		policy := policies[c.PolicyID]
		if policy == nil {
			continue // it is being deleted
		}
		userCopy, err := newCopy(c, policy, overrides)
		if err != nil {
			return nil, err
		}
		h := byText[c.UserID]
		h.Copies, h.Frozen = append(h.Copies, userCopy), c.HolderDeactivatedAt
	}
	return byUser, CountUsed(ctx, db, byUser, now)
}

// newCopy takes from a copy and its policy what decisions need.
func newCopy(
	c assignment.Assignment, rules *policy.Policy, overrides map[string]assignment.BudgetOverride,
) (Copy, error) {
	f := &Terms{
		of: TermsKey{c.ParentProfileID, assignment.Shape{
			Versions: fmt.Sprint(c.GroupVersions), Calendar: rules.Calendar, FailOpenFor: rules.FailOpenFor,
		}},
		Name: c.Name, Policy: rules, Scopes: make(map[policy.Scope]Range, len(rules.ProviderConfigs)+1),
	}
	userCopy := Copy{Terms: f, ID: c.ID, ProfileID: c.ParentProfileID, Active: c.IsActive, ExpiresAt: c.ExpiresAt}
	for _, l := range rules.Limits() {
		if err := userCopy.add(l, overrides); err != nil {
			return userCopy, err
		}
	}
	userCopy.Counters = slices.Clip(userCopy.Counters)
	return userCopy, nil
}

// add appends a limit with its counter. The limits of a scope follow each other.
func (userCopy *Copy) add(l policy.Limit, overrides map[string]assignment.BudgetOverride) error {
	id, err := uuid.Parse(l.ID)
	if err != nil {
		return fmt.Errorf("read the id of a limit: %w", err)
	}
	counter := Counter{ID: id, Anchor: l.Start.UnixMicro()}
	exception := Exception{from: l.CarriedFrom, until: l.CarriedUntil}
	if o, ok := overrides[l.ID]; ok && l.Kind == policy.KindSpend {
		exception.Raised, exception.RaisedUntil = int64(o.Amount), o.EndsAt
	}
	if exception != (Exception{}) {
		userCopy.Exceptions = append(userCopy.Exceptions, exception)
		counter.Nth = int32(len(userCopy.Exceptions)) //nolint:gosec // there are at most as many as limits
	}
	n := len(userCopy.Limits)
	of, ok := userCopy.Scopes[l.Scope]
	if !ok {
		of.From = n
	}
	of.To = n + 1
	userCopy.Scopes[l.Scope] = of
	userCopy.Counters = append(userCopy.Counters, counter)
	userCopy.Limits = append(userCopy.Limits, LimitTerms{
		Scope: l.Scope, Kind: l.Kind, Duration: l.Duration, Quarter: l.Quarter, Calendar: userCopy.Policy.Calendar,
		Max: l.Max,
	})
	return nil
}

// CountUsed reads what was used and is reserved in the current windows.
func CountUsed(ctx context.Context, db bun.IDB, byUser map[uuid.UUID]*Entitlements, now time.Time) error {
	limitIDs, kinds, durations, starts, copies := [][16]byte{}, []string{}, []string{}, []time.Time{}, []int64{}
	var targets []*Counter
	var owners []*Entitlements
	for _, h := range byUser {
		h.recount, h.from, h.counted = time.Time{}, time.Time{}, time.Now()
		h.each(func(l Limit) {
			start, end := l.Window(now)
			h.recountAt(end) // a gateway's clock may be ahead, so that the next window has usage already
			if start.After(h.from) {
				h.from = start
			}
			l.Start, l.Used, l.Reserved = start.UnixMicro(), 0, 0
			limitIDs, kinds = append(limitIDs, l.ID), append(kinds, l.Kind)
			durations, starts = append(durations, l.Duration), append(starts, start)
			targets, owners = append(targets, l.Counter), append(owners, h)
		})
		for i := range h.Copies {
			copies = append(copies, h.Copies[i].ID)
		}
	}
	if len(limitIDs) == 0 {
		return nil
	}
	rows, err := database.QueryPlanned(ctx, db, readCounters, limitIDs, kinds, durations, starts, copies)
	if err != nil {
		return fmt.Errorf("read counters: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var n int
		var used, reserved int64
		var ends *time.Time
		if err := rows.Scan(&n, &used, &reserved, &ends); err != nil {
			return fmt.Errorf("read counters: %w", err)
		}
		targets[n-1].Used += used
		targets[n-1].Reserved += reserved
		if ends != nil {
			owners[n-1].recountAt(*ends)
		}
	}
	return rows.Err()
}

// readCounters has a row for what was used of a limit, and one for what is reserved. Holds are looked up copy by copy,
// by a condition that no other index fits: by their expiry those of every user would be read.
const readCounters = `
WITH wanted AS (
    SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::timestamptz[]) WITH ORDINALITY
        AS wanted(line_id, kind, reset_duration, window_start, n)
), held AS (
    SELECT l.line_id, l.kind, l.reset_duration, l.window_start, sum(l.amount)::bigint AS amount,
        min(r.expires_at) AS expires_at
    FROM unnest($5::bigint[]) AS of_copy(id)
        CROSS JOIN LATERAL (SELECT * FROM reservations AS r WHERE r.copy_id = of_copy.id
            AND (r.copy_id, r.expires_at) > (of_copy.id, statement_timestamp()) OFFSET 0) AS r
        CROSS JOIN LATERAL unnest(r.line_ids, r.kinds, r.reset_durations, r.window_starts, r.amounts)
            AS l(line_id, kind, reset_duration, window_start, amount)
    GROUP BY 1, 2, 3, 4
)
SELECT n, w.used - w.cleared, 0::bigint, NULL::timestamptz FROM wanted JOIN limit_windows AS w USING (line_id, kind,
    reset_duration, window_start)
UNION ALL
SELECT n, 0::bigint, amount, expires_at FROM wanted JOIN held USING (line_id, kind, reset_duration, window_start)`
