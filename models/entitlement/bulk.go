package entitlement

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"tollgate/models/database"
	"tollgate/models/identity"
	"tollgate/models/policy"
)

// bulkCopy is a copy of which only the ids of its limits are read: copies in the same state have the same terms.
type bulkCopy struct {
	Copy
	user   uuid.UUID
	userID string
	policy int64
	key    TermsKey
	name   string
	placed int // how many of its limits were read
	odd    bool
	frozen *time.Time
}

// bulkRead reads the entitlements of many users.
type bulkRead struct {
	users  []string
	known  func(TermsKey) *Terms // those in memory; nil without them
	byUser map[uuid.UUID]*Entitlements
}

// ReadBulk reads the entitlements of users, in text order, inside a snapshot. Terms that are not known yet, and copies
// that differ from theirs, are read as decisions read them.
func ReadBulk(
	ctx context.Context, db bun.IDB, users []string, known func(TermsKey) *Terms, now time.Time,
) (map[uuid.UUID]*Entitlements, error) {
	b := &bulkRead{users: users, known: known, byUser: make(map[uuid.UUID]*Entitlements, len(users))}
	for _, id := range users {
		if user, ok := identity.ParseUserID(id); ok {
			b.byUser[user] = &Entitlements{User: user}
		}
	}
	if err := b.copies(ctx, db, now); err != nil {
		return nil, err
	}
	return b.byUser, CountUsed(ctx, db, b.byUser, now)
}

func (b *bulkRead) copies(ctx context.Context, db bun.IDB, now time.Time) error {
	copies, err := b.readCopies(ctx, db)
	if err != nil {
		return err
	}
	terms, odd, err := b.terms(ctx, db, copies, now)
	if err != nil {
		return err
	}
	byPolicy, places, ids := make(map[int64]*bulkCopy, len(copies)), map[*Terms]map[policy.LimitKey]int{}, []int64{}
	for _, one := range copies {
		if one.Terms = terms[one.key]; one.Terms == nil || one.Name != one.name {
			odd[one.user] = true
			continue
		}
		if places[one.Terms] == nil {
			places[one.Terms] = one.places()
		}
		one.Counters = make([]Counter, len(one.Limits))
		byPolicy[one.policy], ids = one, append(ids, one.policy)
	}
	if err := b.readLimits(ctx, db, byPolicy, places, ids); err != nil {
		return err
	}
	for _, one := range copies {
		if one.odd || one.placed != len(one.Counters) {
			odd[one.user] = true
		}
		h := b.byUser[one.user]
		h.Copies, h.Frozen = append(h.Copies, one.Copy), one.frozen
	}
	apart, err := readEntitlements(ctx, db, slices.Collect(maps.Keys(odd)), now)
	maps.Copy(b.byUser, apart)
	return err
}

func (b *bulkRead) readCopies(ctx context.Context, db bun.IDB) (copies []*bulkCopy, err error) {
	rows, err := database.QueryPlanned(ctx, db, `
SELECT c.user_id, c.id, c.access_profile_id, c.policy_id, array_to_string(c.group_versions, ' '), c.is_active,
    CASE WHEN NOT c.from_role THEN c.expires_at END, p.name, o.calendar_aligned, o.time_zone, o.fail_open_for,
    u.deactivated_at
FROM user_access_profiles AS c JOIN access_profiles AS p ON p.id = c.access_profile_id
JOIN policies AS o ON o.id = c.policy_id JOIN users AS u ON u.id = c.user_id WHERE c.user_id = ANY ($1::text[]) ORDER BY c.user_id, c.assigned_at, c.id`, b.users)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		one := &bulkCopy{}
		var versions string
		calendar := &one.key.shape.Calendar
		err := rows.Scan(&one.userID, &one.ID, &one.ProfileID, &one.policy, &versions, &one.Active, &one.ExpiresAt, &one.name,
			&calendar.CalendarAligned, &calendar.TimeZone, &one.key.shape.FailOpenFor, &one.frozen)
		if err != nil {
			return nil, err
		}
		one.key.profileID, one.key.shape.Versions = one.ProfileID, "["+versions+"]"
		var ok bool
		if one.user, ok = identity.ParseUserID(one.userID); ok {
			copies = append(copies, one)
		}
	}
	return copies, rows.Err()
}

// terms are those of copies. Those that are not known are read with the user of the first copy that has them.
func (b *bulkRead) terms(
	ctx context.Context, db bun.IDB, copies []*bulkCopy, now time.Time,
) (terms map[TermsKey]*Terms, read map[uuid.UUID]bool, err error) {
	terms, read = map[TermsKey]*Terms{}, map[uuid.UUID]bool{}
	first := map[TermsKey]uuid.UUID{}
	for _, one := range copies {
		if known := b.known(one.key); known != nil && known.Name == one.name {
			terms[one.key] = known
		} else if _, ok := first[one.key]; !ok {
			first[one.key], read[one.user] = one.user, true
		}
	}
	users, err := readEntitlements(ctx, db, slices.Collect(maps.Keys(read)), now)
	for _, h := range users {
		for i := range h.Copies {
			terms[h.Copies[i].of] = h.Copies[i].Terms
		}
	}
	return terms, read, err
}

// places are where the limits of terms stand, by what identifies them.
func (t *Terms) places() map[policy.LimitKey]int {
	places := make(map[policy.LimitKey]int, len(t.Limits))
	for i, l := range t.Limits {
		places[policy.LimitKey{Scope: l.Scope, Kind: l.Kind, Duration: l.Duration, Quarter: l.Quarter}] = i
	}
	return places
}

func (b *bulkRead) readLimits(
	ctx context.Context, db bun.IDB, copies map[int64]*bulkCopy, places map[*Terms]map[policy.LimitKey]int, ids []int64,
) error {
	rows, err := database.QueryPlanned(ctx, db, `
SELECT l.policy_id, l.id, l.kind, `+policy.ScopeOf+`, l.max_limit, l.reset_duration,
    coalesce(l.quarter_start_month, 0), l.created_at, l.carried_from, l.carried_until, coalesce(o.amount, 0), o.ends_at
FROM limit_lines AS l LEFT JOIN budget_overrides AS o ON (o.budget_id, o.kind) = (l.id, l.kind)
WHERE l.policy_id = ANY ($1::bigint[])`, ids)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var of, most int64
		var key policy.LimitKey
		var created time.Time
		var counter Counter
		var exception Exception
		err := rows.Scan(&of, &counter.ID, &key.Kind, &key.Scope, &most, &key.Duration, &key.Quarter, &created,
			&exception.from, &exception.until, &exception.Raised, &exception.RaisedUntil)
		if err != nil {
			return err
		}
		one := copies[of]
		i, ok := places[one.Terms][key]
		if !ok || one.Limits[i].Max != most {
			one.odd = true
			continue
		}
		if counter.Anchor = created.UnixMicro(); exception != (Exception{}) {
			one.Exceptions = append(one.Exceptions, exception)
			counter.Nth = int32(len(one.Exceptions)) //nolint:gosec // there are at most as many as limits
		}
		one.Counters[i] = counter
		one.placed++
	}
	return rows.Err()
}
