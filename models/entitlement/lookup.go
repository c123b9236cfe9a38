package entitlement

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"tollgate/models/secret"
	"tollgate/models/virtualkey"
)

// UserOfKey finds whose key a value is; nobody's, or not any more, when ok is false.
func (c *Cache) UserOfKey(ctx context.Context, value string) (key cachedKey, ok bool, err error) {
	hash := c.virtualKeys.Sum(value)
	now := c.Now()
	c.mutex.RLock()
	key, ok = c.cachedKey(hash)
	c.mutex.RUnlock()
	if !ok {
		if !secret.IsKeySecret(virtualkey.Prefix, value) {
			return key, false, nil
		}
		if key, ok, err = c.keyReads.Get(ctx, hash); err != nil {
			return key, false, err
		}
	}
	return key, ok && key.works(now), nil
}

// knownKey finds a key in memory; the caller holds the lock.
func (c *Cache) cachedKey(hash secret.Hash) (cachedKey, bool) {
	key, ok := c.byHash[hash]
	return key, ok && key.evictions == c.users[key.User].evictions
}

func (key cachedKey) works(now time.Time) bool { return key.until == 0 || key.until > now.UnixMicro() }

// EntitlementsOf is what a user holds, as true as a second ago. When older counts will do, they are those read last.
func (c *Cache) EntitlementsOf(ctx context.Context, user uuid.UUID, older bool) (*Entitlements, error) {
	now := c.Now()
	c.mutex.RLock()
	p := c.users[user]
	c.mutex.RUnlock()
	if p.entitlements != nil && (older || p.current(now)) {
		return p.entitlements, nil
	}
	h, _, err := c.entitlementReads.Get(ctx, user)
	return h, err
}

// current reports whether nothing was counted since it was read, as far as is known.
func (p cachedUser) current(now time.Time) bool {
	return p.entitlements != nil && !p.stale && p.entitlements.fresh(now)
}

// readHoldings reads what users hold, or only what was counted of it when the rest is known.
func (c *Cache) readEntitlements(ctx context.Context, users []uuid.UUID) (map[uuid.UUID]*Entitlements, error) {
	found, recount, missing, now := make(map[uuid.UUID]*Entitlements, len(users)), map[uuid.UUID]*Entitlements{}, []uuid.UUID{}, c.Now()
	c.mutex.Lock()
	polls := c.polls
	for _, user := range users {
		switch p := c.users[user]; {
		case p.entitlements == nil:
			missing = append(missing, user)
		case p.current(now): // others have read it meanwhile
			found[user] = p.entitlements
		default:
			recount[user] = p.entitlements.Clone()
			p.stale = false // no more before it is read: what is counted from here on marks it again
			c.users[user] = p
		}
	}
	c.mutex.Unlock()
	if len(recount) > 0 {
		if err := CountUsed(ctx, c.DB, recount, now); err != nil {
			c.Counted(slices.Collect(maps.Keys(recount))...)
			return nil, err
		}
	}
	if len(missing) > 0 {
		loaded, err := LoadEntitlements(ctx, c.DB, missing, now)
		if err != nil {
			c.Counted(slices.Collect(maps.Keys(recount))...)
			return nil, err
		}
		maps.Copy(recount, loaded)
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	for user, h := range recount {
		found[user] = h
		c.keep(h, polls)
	}
	return found, nil
}
