package models

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// userOfKey finds whose key a value is; nobody's, or not any more, when ok is false.
func (d *Decider) userOfKey(ctx context.Context, value string) (key knownKey, ok bool, err error) {
	hash := d.virtualKeys.sum(value)
	now := d.now()
	d.mutex.RLock()
	key, ok = d.knownKey(hash)
	followed := d.followed
	d.mutex.RUnlock()
	if !ok {
		if !isKeySecret(virtualKeyPrefix, value) {
			return key, false, nil
		}
		found := map[string]knownKey{}
		if err := d.loadKeys(ctx, map[secretHash]string{hash: value}, followed, found); err != nil {
			return key, false, err
		}
		key, ok = found[value]
	}
	return key, ok && key.works(now), nil
}

// knownKey finds a key in memory; the caller holds the lock.
func (d *Decider) knownKey(hash secretHash) (knownKey, bool) {
	key, ok := d.byHash[hash]
	return key, ok && key.drops == d.people[key.user].drops
}

func (key knownKey) works(now time.Time) bool { return key.until == 0 || key.until > now.UnixMicro() }

// holdingOf is what a user holds, as true as a second ago. When older counts will do, they are those read last.
func (d *Decider) holdingOf(ctx context.Context, user uuid.UUID, older bool) (*holding, error) {
	now := d.now()
	d.mutex.RLock()
	p, followed := d.people[user], d.followed
	d.mutex.RUnlock()
	h := p.holding
	if h != nil && (older || !p.dirty && h.fresh(now)) {
		return h, nil
	}
	if h != nil {
		h = h.clone()
		d.mutex.Lock()
		if p := d.people[user]; p.dirty { // no more before it is read: what is counted from here on marks it again
			p.dirty = false
			d.people[user] = p
		}
		d.mutex.Unlock()
		if err := countHoldings(ctx, d.db, map[uuid.UUID]*holding{user: h}, now); err != nil {
			d.counted(user)
			return nil, err
		}
	} else {
		loaded, err := loadHoldings(ctx, d.db, []uuid.UUID{user}, now)
		if err != nil {
			return nil, err
		}
		h = loaded[user]
	}
	d.mutex.Lock()
	defer d.mutex.Unlock()
	d.keep(h, followed)
	return h, nil
}
