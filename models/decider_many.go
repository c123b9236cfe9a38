package models

import (
	"context"
	"fmt"
	"time"
)

// usersOfKeys finds whose keys the values are, those that are not known yet with one query. What is not in the answer is nobody's any more.
func (d *Decider) usersOfKeys(ctx context.Context, values map[string]bool) (map[string]*knownKey, error) {
	found, missing, now := make(map[string]*knownKey, len(values)), map[string]string{}, d.now()
	d.mutex.RLock()
	followed := d.followed
	for value := range values {
		if !isKeySecret(virtualKeyPrefix, value) {
			continue
		}
		hash := string(hashSecret(d.keys.VirtualKey, value))
		if known := d.byHash[hash]; known != nil {
			found[value] = known
			continue
		}
		missing[hash] = value
	}
	d.mutex.RUnlock()
	if err := d.loadKeys(ctx, missing, followed, found); err != nil {
		return nil, err
	}
	for value, known := range found {
		if known.until != nil && !known.until.After(now) {
			delete(found, value)
		}
	}
	return found, nil
}

// loadKeys reads keys, by their hashes and values, into found.
func (d *Decider) loadKeys(ctx context.Context, missing map[string]string, followed int, found map[string]*knownKey) error {
	if len(missing) == 0 {
		return nil
	}
	hashes := make([][]byte, 0, len(missing))
	for hash := range missing {
		hashes = append(hashes, []byte(hash))
	}
	rows, err := queryPlanned(ctx, d.db, `
SELECT w.hash, k.id, k.user_id, CASE WHEN k.key_hash = w.hash THEN k.expires_at ELSE least(k.previous_until, k.expires_at) END
FROM unnest($1::bytea[]) AS w(hash) JOIN virtual_keys AS k ON k.key_hash = w.hash OR k.previous_hash = w.hash`, hashes)
	if err != nil {
		return fmt.Errorf("look up virtual keys: %w", err)
	}
	defer rows.Close()
	d.mutex.Lock()
	defer d.mutex.Unlock()
	for rows.Next() {
		var hash []byte
		var known knownKey
		if err := rows.Scan(&hash, &known.id, &known.userID, &known.until); err != nil {
			return fmt.Errorf("look up virtual keys: %w", err)
		}
		found[missing[string(hash)]] = &known
		if d.unchanged(known.userID, followed) {
			d.byHash[string(hash)] = &known
			d.keysOf[known.userID] = append(d.keysOf[known.userID], string(hash))
		}
	}
	return rows.Err()
}

// payersOf is what users hold, read in a fixed number of statements. What was counted may be older than a second for those with one copy: it
// pays whatever was counted.
func (d *Decider) payersOf(ctx context.Context, users map[string]bool, now time.Time) (map[string]*holding, error) {
	found, dirty, missing := make(map[string]*holding, len(users)), map[string]*holding{}, []string{}
	d.mutex.RLock()
	followed := d.followed
	for user := range users {
		switch h := d.holdings[user]; {
		case h == nil:
			missing = append(missing, user)
		case len(h.copies) > 1 && (d.dirty[user] || !h.recount.IsZero() && !now.Before(h.recount)):
			dirty[user] = h.clone()
		default:
			found[user] = h
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
	if !d.unchanged(h.userID, followed) {
		d.dirty[h.userID] = d.holdings[h.userID] != nil
		return
	}
	for i := range h.copies {
		h.copies[i].policy = d.shared.share(h.copies[i])
	}
	d.holdings[h.userID] = h
}

// unchanged reports whether nothing of a user has been dropped or marked since d was followed so many times; the caller holds the lock.
func (d *Decider) unchanged(user string, followed int) bool {
	return d.forgotten <= followed && d.noted[user] <= followed
}

// note remembers that something of a user changed; the caller holds the lock.
func (d *Decider) note(user string) {
	if len(d.noted) >= keysKept {
		d.noted, d.forgotten = map[string]int{}, d.followed
	}
	d.noted[user] = d.followed
}
