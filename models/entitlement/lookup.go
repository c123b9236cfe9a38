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
func (d *Cache) UserOfKey(ctx context.Context, value string) (key knownKey, ok bool, err error) {
	hash := d.virtualKeys.Sum(value)
	now := d.Now()
	d.mutex.RLock()
	key, ok = d.knownKey(hash)
	d.mutex.RUnlock()
	if !ok {
		if !secret.IsKeySecret(virtualkey.Prefix, value) {
			return key, false, nil
		}
		if key, ok, err = d.keysAsked.Get(ctx, hash); err != nil {
			return key, false, err
		}
	}
	return key, ok && key.works(now), nil
}

// knownKey finds a key in memory; the caller holds the lock.
func (d *Cache) knownKey(hash secret.Hash) (knownKey, bool) {
	key, ok := d.byHash[hash]
	return key, ok && key.drops == d.people[key.User].drops
}

func (key knownKey) works(now time.Time) bool { return key.until == 0 || key.until > now.UnixMicro() }

// EntitlementsOf is what a user holds, as true as a second ago. When older counts will do, they are those read last.
func (d *Cache) EntitlementsOf(ctx context.Context, user uuid.UUID, older bool) (*Entitlements, error) {
	now := d.Now()
	d.mutex.RLock()
	p := d.people[user]
	d.mutex.RUnlock()
	if p.holding != nil && (older || p.current(now)) {
		return p.holding, nil
	}
	h, _, err := d.holdingsAsked.Get(ctx, user)
	return h, err
}

// current reports whether nothing was counted since it was read, as far as is known.
func (p person) current(now time.Time) bool {
	return p.holding != nil && !p.dirty && p.holding.fresh(now)
}

// readHoldings reads what users hold, or only what was counted of it when the rest is known.
func (d *Cache) readHoldings(ctx context.Context, users []uuid.UUID) (map[uuid.UUID]*Entitlements, error) {
	found, recount, missing, now := make(map[uuid.UUID]*Entitlements, len(users)), map[uuid.UUID]*Entitlements{}, []uuid.UUID{}, d.Now()
	d.mutex.Lock()
	followed := d.followed
	for _, user := range users {
		switch p := d.people[user]; {
		case p.holding == nil:
			missing = append(missing, user)
		case p.current(now): // others have read it meanwhile
			found[user] = p.holding
		default:
			recount[user] = p.holding.Clone()
			p.dirty = false // no more before it is read: what is counted from here on marks it again
			d.people[user] = p
		}
	}
	d.mutex.Unlock()
	if len(recount) > 0 {
		if err := CountUsed(ctx, d.DB, recount, now); err != nil {
			d.Counted(slices.Collect(maps.Keys(recount))...)
			return nil, err
		}
	}
	if len(missing) > 0 {
		loaded, err := LoadEntitlements(ctx, d.DB, missing, now)
		if err != nil {
			d.Counted(slices.Collect(maps.Keys(recount))...)
			return nil, err
		}
		maps.Copy(recount, loaded)
	}
	d.mutex.Lock()
	defer d.mutex.Unlock()
	for user, h := range recount {
		found[user] = h
		d.keep(h, followed)
	}
	return found, nil
}
