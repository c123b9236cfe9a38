package entitlement

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"tollgate/models/database"
	"tollgate/models/secret"
	"tollgate/models/virtualkey"
)

// UsersOfKeys finds whose keys the values are, those that are not known yet with one query. What is not in the answer
// is nobody's any more.
func (d *Cache) UsersOfKeys(ctx context.Context, values map[string]bool) (map[string]knownKey, error) {
	found, missing, valueOf, now := make(map[string]knownKey, len(values)), []secret.Hash{}, make(map[secret.Hash]string, len(values)), d.Now()
	for value := range values {
		valueOf[d.virtualKeys.Sum(value)] = value
	}
	d.mutex.RLock()
	for hash, value := range valueOf {
		if key, ok := d.knownKey(hash); ok {
			found[value] = key
		} else if secret.IsKeySecret(virtualkey.Prefix, value) {
			missing = append(missing, hash)
		}
	}
	d.mutex.RUnlock()
	loaded, err := d.loadKeys(ctx, missing)
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
func (d *Cache) loadKeys(ctx context.Context, missing []secret.Hash) (map[secret.Hash]knownKey, error) {
	found, hashes := make(map[secret.Hash]knownKey, len(missing)), make([][]byte, len(missing))
	if len(missing) == 0 {
		return found, nil
	}
	for i := range missing {
		hashes[i] = missing[i][:]
	}
	d.mutex.RLock()
	followed := d.followed
	d.mutex.RUnlock()
	rows, err := database.QueryPlanned(ctx, d.DB, `
SELECT w.hash, k.id, k.user_id, CASE WHEN k.key_hash = w.hash THEN k.expires_at ELSE least(k.previous_until, k.expires_at) END
FROM unnest($1::bytea[]) AS w(hash) JOIN virtual_keys AS k ON k.key_hash = w.hash OR k.previous_hash = w.hash`, hashes)
	if err != nil {
		return nil, fmt.Errorf("look up virtual keys: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var hash []byte
		var key knownKey
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
	d.mutex.Lock()
	defer d.mutex.Unlock()
	for hash, key := range found {
		owner := d.people[key.User]
		key.drops = owner.drops
		found[hash] = key
		if d.unchanged(key.User, followed) {
			d.byHash[hash], d.people[key.User] = key, owner
		}
	}
	return found, nil
}

// PayersOf is what users hold, read in a fixed number of statements. What was counted may be older than a second for
// those with one copy: it pays whatever was counted.
func (d *Cache) PayersOf(ctx context.Context, users map[uuid.UUID]bool, now time.Time) (map[uuid.UUID]*Entitlements, error) {
	found, dirty, missing := make(map[uuid.UUID]*Entitlements, len(users)), map[uuid.UUID]*Entitlements{}, []uuid.UUID{}
	d.mutex.RLock()
	followed := d.followed
	for user := range users {
		switch p := d.people[user]; {
		case p.holding == nil:
			missing = append(missing, user)
		case len(p.holding.Copies) > 1 && (p.dirty || !p.holding.fresh(now)):
			dirty[user] = p.holding.Clone()
		default:
			found[user] = p.holding
		}
	}
	d.mutex.RUnlock()
	if len(dirty) > 0 { // they stay marked: this is for who pays now
		if err := CountUsed(ctx, d.DB, dirty, now); err != nil {
			return nil, err
		}
		for user, h := range dirty {
			found[user] = h
		}
	}
	if len(missing) == 0 {
		return found, nil
	}
	loaded, err := LoadEntitlements(ctx, d.DB, missing, now)
	if err != nil {
		return nil, err
	}
	d.mutex.Lock()
	defer d.mutex.Unlock()
	for user, h := range loaded {
		found[user] = h
		d.keep(h, followed)
	}
	return found, nil
}

// keep puts what was read into the memory, unless it changed meanwhile; the caller holds the lock.
func (d *Cache) keep(h *Entitlements, followed int) {
	if !d.unchanged(h.User, followed) {
		d.markStale(h.User)
		return
	}
	for i := range h.Copies {
		h.Copies[i].Terms = d.forms.share(h.Copies[i].Terms)
	}
	p := d.people[h.User]
	p.holding = h
	d.people[h.User] = p
}

// unchanged reports whether nothing of a user has been dropped or marked since d was followed so many times; the caller
// holds the lock.
func (d *Cache) unchanged(user uuid.UUID, followed int) bool {
	return d.forgotten <= followed && d.noted[user] <= followed
}

// touch remembers that something of a user changed; the caller holds the lock.
func (d *Cache) touch(user uuid.UUID) {
	if len(d.noted) >= notesKept {
		d.noted, d.forgotten = map[uuid.UUID]int{}, d.followed
	}
	d.noted[user] = d.followed
}
