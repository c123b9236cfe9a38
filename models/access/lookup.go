package access

import (
	"context"
	"maps"
	"time"

	"github.com/google/uuid"

	"tollgate/models/entitlement"
	"tollgate/models/secret"
	"tollgate/models/virtualkey"
)

// UserOfKey finds the owner of a key value; ok is false for an unknown, revoked or expired one.
func (c *Cache) UserOfKey(ctx context.Context, value string) (key cachedKey, ok bool, err error) {
	hash := c.virtualKeys.Sum(value)
	c.mutex.RLock()
	now := c.now()
	key, ok = c.cachedKey(hash)
	c.mutex.RUnlock()
	if !ok {
		if !virtualkey.IsValue(value) {
			return key, false, nil
		}
		if key, ok, err = c.keyReads.Get(ctx, hash); err != nil {
			return key, false, err
		}
	}
	return key, ok && key.works(now), nil
}

// cachedKey finds a key in the cache; the caller has the lock.
func (c *Cache) cachedKey(hash secret.Hash) (cachedKey, bool) {
	key, ok := c.byHash[hash]
	owner, known := c.users[key.User]
	return key, ok && known && key.evictions == owner.evictions
}

func (key cachedKey) works(now time.Time) bool { return key.until == 0 || key.until > now.UnixMicro() }

// EntitlementsOf is the entitlements of a user, at most a second old. With older set, the counters last read will do.
func (c *Cache) EntitlementsOf(ctx context.Context, user uuid.UUID, older bool) (*entitlement.Entitlements, error) {
	c.mutex.RLock()
	now, p := c.now(), c.users[user]
	if p.entitlements != nil {
		p.entitlements.Use(c.polls)
	}
	c.mutex.RUnlock()
	if p.entitlements != nil && (older || p.current(now)) {
		return p.entitlements, nil
	}
	h, _, err := c.entitlementReads.Get(ctx, user)
	return h, err
}

// current reports whether no usage is known to have been counted since it was read.
func (p cachedUser) current(now time.Time) bool {
	return p.entitlements != nil && !p.stale() && p.entitlements.Fresh(now)
}

// readEntitlements reads the entitlements of users, or only their counters when the rest is cached.
func (c *Cache) readEntitlements(
	ctx context.Context, users []uuid.UUID,
) (map[uuid.UUID]*entitlement.Entitlements, error) {
	found, recount := make(map[uuid.UUID]*entitlement.Entitlements, len(users)), map[uuid.UUID]*entitlement.Entitlements{}
	missing, now := []uuid.UUID{}, c.Now()
	taken := map[uuid.UUID]map[UsedOf]int64{}
	c.mutex.RLock()
	began := c.moment()
	for _, user := range users {
		switch p := c.users[user]; {
		case p.entitlements == nil:
			missing = append(missing, user)
		case p.current(now): // a concurrent read has refreshed it
			found[user] = p.entitlements
		default:
			recount[user], taken[user] = p.entitlements.Clone(), maps.Clone(p.since)
		}
	}
	c.mutex.RUnlock()
	if len(recount) > 0 {
		if err := entitlement.CountUsed(ctx, c.DB, recount, now); err != nil {
			return nil, err
		}
	}
	if len(missing) > 0 {
		loaded, err := entitlement.LoadEntitlements(ctx, c.DB, missing, now)
		if err != nil {
			return nil, err
		}
		maps.Copy(recount, loaded)
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	for user, h := range recount {
		found[user] = h
		if c.keep(h, began) {
			c.forgetUsed(user, taken[user])
		}
	}
	return found, nil
}
