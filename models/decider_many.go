package models

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// usersOfKeys finds whose keys the values are, those that are not known yet with one query. What is not in the answer is nobody's any more.
func (d *Decider) usersOfKeys(ctx context.Context, values map[string]bool) (map[string]knownKey, error) {
	found, missing, valueOf, now := make(map[string]knownKey, len(values)), []secretHash{}, make(map[secretHash]string, len(values)), d.now()
	for value := range values {
		valueOf[d.virtualKeys.sum(value)] = value
	}
	d.mutex.RLock()
	for hash, value := range valueOf {
		if key, ok := d.knownKey(hash); ok {
			found[value] = key
		} else if isKeySecret(VirtualKeyPrefix, value) {
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
func (d *Decider) loadKeys(ctx context.Context, missing []secretHash) (map[secretHash]knownKey, error) {
	found, hashes := make(map[secretHash]knownKey, len(missing)), make([][]byte, len(missing))
	if len(missing) == 0 {
		return found, nil
	}
	for i := range missing {
		hashes[i] = missing[i][:]
	}
	d.mutex.RLock()
	followed := d.followed
	d.mutex.RUnlock()
	rows, err := queryPlanned(ctx, d.db, `
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
		if err := rows.Scan(&hash, &key.id, &key.user, &until); err != nil {
			return nil, fmt.Errorf("look up virtual keys: %w", err)
		}
		if until != nil {
			key.until = until.UnixMicro()
		}
		found[secretHash(hash)] = key
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("look up virtual keys: %w", err)
	}
	d.mutex.Lock()
	defer d.mutex.Unlock()
	for hash, key := range found {
		owner := d.people[key.user]
		key.drops = owner.drops
		found[hash] = key
		if d.unchanged(key.user, followed) {
			d.byHash[hash], d.people[key.user] = key, owner
		}
	}
	return found, nil
}

// payersOf is what users hold, read in a fixed number of statements. What was counted may be older than a second for those with one copy: it
// pays whatever was counted.
func (d *Decider) payersOf(ctx context.Context, users map[uuid.UUID]bool, now time.Time) (map[uuid.UUID]*holding, error) {
	found, dirty, missing := make(map[uuid.UUID]*holding, len(users)), map[uuid.UUID]*holding{}, []uuid.UUID{}
	d.mutex.RLock()
	followed := d.followed
	for user := range users {
		switch p := d.people[user]; {
		case p.holding == nil:
			missing = append(missing, user)
		case len(p.holding.copies) > 1 && (p.dirty || !p.holding.fresh(now)):
			dirty[user] = p.holding.clone()
		default:
			found[user] = p.holding
		}
	}
	d.mutex.RUnlock()
	if len(dirty) > 0 { // they stay marked: this is for who pays now
		if err := countHoldings(ctx, d.db, dirty, now); err != nil {
			return nil, err
		}
		for user, h := range dirty {
			found[user] = h
		}
	}
	if len(missing) == 0 {
		return found, nil
	}
	loaded, err := loadHoldings(ctx, d.db, missing, now)
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
func (d *Decider) keep(h *holding, followed int) {
	if !d.unchanged(h.user, followed) {
		d.mark(h.user)
		return
	}
	for i := range h.copies {
		h.copies[i].form = d.forms.share(h.copies[i].form)
	}
	p := d.people[h.user]
	p.holding = h
	d.people[h.user] = p
}

// unchanged reports whether nothing of a user has been dropped or marked since d was followed so many times; the caller holds the lock.
func (d *Decider) unchanged(user uuid.UUID, followed int) bool {
	return d.forgotten <= followed && d.noted[user] <= followed
}

// note remembers that something of a user changed; the caller holds the lock.
func (d *Decider) note(user uuid.UUID) {
	if len(d.noted) >= notesKept {
		d.noted, d.forgotten = map[uuid.UUID]int{}, d.followed
	}
	d.noted[user] = d.followed
}
