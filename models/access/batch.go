package access

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"tollgate/models/database"
	"tollgate/models/entitlement"
	"tollgate/models/secret"
	"tollgate/models/virtualkey"
)

// UsersOfKeys finds the owners of key values, those that are not cached with one query. A value that is not in the
// result is unknown, revoked or expired.
func (c *Cache) UsersOfKeys(ctx context.Context, values map[string]bool) (map[string]cachedKey, error) {
	found, missing := make(map[string]cachedKey, len(values)), []secret.Hash{}
	valueOf, now := make(map[secret.Hash]string, len(values)), c.Now()
	for value := range values {
		valueOf[c.virtualKeys.Sum(value)] = value
	}
	c.mutex.RLock()
	for hash, value := range valueOf {
		if key, ok := c.cachedKey(hash); ok {
			found[value] = key
		} else if virtualkey.IsValue(value) {
			missing = append(missing, hash)
		}
	}
	c.mutex.RUnlock()
	loaded, err := c.loadKeys(ctx, missing)
	if err != nil {
		return nil, err
	}
	for hash, key := range loaded {
		found[valueOf[hash]] = key
	}
	for value, key := range found {
		if !key.works(now) {
			delete(found, value)
		}
	}
	return found, nil
}

// loadKeys reads keys by their hashes.
func (c *Cache) loadKeys(ctx context.Context, missing []secret.Hash) (map[secret.Hash]cachedKey, error) {
	found, hashes := make(map[secret.Hash]cachedKey, len(missing)), make([][]byte, len(missing))
	if len(missing) == 0 {
		return found, nil
	}
	for i := range missing {
		hashes[i] = missing[i][:]
	}
	c.mutex.RLock()
	polls := c.polls
	c.mutex.RUnlock()
	rows, err := database.QueryPlanned(ctx, c.DB, `
SELECT w.hash, k.id, k.user_id, CASE WHEN k.key_hash = w.hash THEN k.expires_at ELSE least(k.previous_until,
    k.expires_at) END
FROM unnest($1::bytea[]) AS w(hash) JOIN virtual_keys AS k ON k.key_hash = w.hash OR k.previous_hash = w.hash`, hashes)
	if err != nil {
		return nil, fmt.Errorf("look up virtual keys: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var hash []byte
		var key cachedKey
		var until *time.Time
		if err := rows.Scan(&hash, &key.ID, &key.User, &until); err != nil {
			return nil, fmt.Errorf("look up virtual keys: %w", err)
		}
		if until != nil {
			key.until = until.UnixMicro()
		}
		found[secret.Hash(hash)] = key
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("look up virtual keys: %w", err)
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	for hash, key := range found {
		c.keepKey(hash, key, polls)
		// A key that was made on another console was often made together with the copy that it is for.
		if p := c.users[key.User]; p.entitlements != nil {
			c.users[key.User] = cachedUser{evictions: p.evictions}
		}
	}
	return found, nil
}

// keepKey caches a key that was read, unless its user changed meanwhile; the caller has the lock.
func (c *Cache) keepKey(hash secret.Hash, key cachedKey, polls int) {
	if !c.unchanged(key.User, polls) {
		return
	}
	owner := c.entry(key.User)
	key.evictions = owner.evictions
	c.byHash[hash], c.users[key.User] = key, owner
}

// PayersOf is the entitlements of users, read in a fixed number of statements. For users with one copy the counters may
// be older than a second: that copy pays in any case.
func (c *Cache) PayersOf(
	ctx context.Context, users map[uuid.UUID]bool, now time.Time,
) (map[uuid.UUID]*entitlement.Entitlements, error) {
	found := make(map[uuid.UUID]*entitlement.Entitlements, len(users))
	stale, missing := map[uuid.UUID]*entitlement.Entitlements{}, []uuid.UUID{}
	c.mutex.RLock()
	began := c.moment()
	for user := range users {
		switch p := c.users[user]; {
		case p.entitlements == nil:
			missing = append(missing, user)
		case len(p.entitlements.Copies) > 1 && (p.stale() || !p.entitlements.Fresh(now)):
			stale[user] = p.entitlements.Clone()
		default:
			p.entitlements.Use(c.polls)
			found[user] = p.entitlements
		}
	}
	c.mutex.RUnlock()
	if len(stale) > 0 { // the cached ones stay stale: these counts only choose the payer
		if err := entitlement.CountUsed(ctx, c.DB, stale, now); err != nil {
			return nil, err
		}
		for user, h := range stale {
			found[user] = h
		}
	}
	if len(missing) == 0 {
		return found, nil
	}
	loaded, err := entitlement.LoadEntitlements(ctx, c.DB, missing, now)
	if err != nil {
		return nil, err
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	for user, h := range loaded {
		found[user] = h
		c.keep(h, began)
	}
	return found, nil
}

// keep caches what was read, unless it changed meanwhile, and reports whether it did; the caller has the lock.
func (c *Cache) keep(h *entitlement.Entitlements, began moment) (kept bool) {
	if !c.unchanged(h.User, began.polls) {
		c.markStale(h.User)
		return false
	}
	if p := c.users[h.User]; p.entitlements != nil && began.marks < p.read {
		return false // a later read has ended first
	}
	for i := range h.Copies {
		h.Copies[i].Terms = c.terms.Share(h.Copies[i].Terms)
	}
	h.Use(c.polls)
	if c.longestGrace(h) > 0 {
		c.opens.Store(true)
	}
	p := c.entry(h.User)
	p.entitlements, p.read = h, began.marks
	c.users[h.User] = p
	return true
}

// moment is when a read began.
type moment struct {
	polls int
	marks uint64
}

// moment is now; the caller has the lock.
func (c *Cache) moment() moment { return moment{c.polls, c.marks} }

// unchanged reports whether a user has not been evicted or touched since the poll of that number; the caller has the
// lock.
func (c *Cache) unchanged(user uuid.UUID, polls int) bool {
	return c.lastReset <= polls && c.touched[user] <= polls
}

// touch records that a user changed; the caller has the lock.
func (c *Cache) touch(user uuid.UUID) {
	if len(c.touched) >= touchesKept {
		c.touched, c.lastReset = map[uuid.UUID]int{}, c.polls
	}
	c.touched[user] = c.polls
}
