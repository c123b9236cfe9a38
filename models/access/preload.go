package access

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"tollgate/models/database"
	"tollgate/models/entitlement"
	"tollgate/models/secret"
)

// preloadedAtOnce is how many users a step of Preload reads.
const preloadedAtOnce = 4000

// Preload reads keys and entitlements in bulk, from where it stopped before, until all are cached, the cache is full,
// or ctx ends. Until then the rest is read when it is asked for.
func (c *Cache) Preload(ctx context.Context) error {
	c.preloading.Lock()
	defer c.preloading.Unlock()
	for !c.preloaded {
		if err := c.preloadSome(ctx); err != nil {
			return fmt.Errorf("read keys in bulk: %w", err)
		}
	}
	return nil
}

// goOnPreloading preloads the rest, and all again whenever the cache was emptied.
func (c *Cache) goOnPreloading(ctx context.Context) {
	for {
		switch err := c.Preload(ctx); {
		case err == nil && c.Preloaded != nil:
			c.Preloaded(c.KeysInMemory())
		case err != nil && ctx.Err() == nil:
			c.log.WarnContext(ctx, "keys are read when they are asked for: reading them in bulk failed", "error", err.Error())
		}
		select {
		case <-ctx.Done():
			return
		case <-c.emptied:
			c.preloading.Lock()
			c.preloaded, c.preloadedTo = false, ""
			c.preloading.Unlock()
		}
	}
}

func (c *Cache) preloadSome(ctx context.Context) error {
	if err := c.Current(ctx); err != nil {
		return err
	}
	now := c.Now()
	c.mutex.RLock()
	began, full := c.moment(), len(c.users) >= keysKept
	c.mutex.RUnlock()
	if full {
		c.preloaded = true
		return nil
	}
	var ids []string
	var byHash map[secret.Hash]cachedKey
	var byUser map[uuid.UUID]*entitlement.Entitlements
	err := database.InSnapshot(ctx, c.DB, func(ctx context.Context, db bun.IDB) (err error) {
		if ids, err = usersAfter(ctx, db, c.preloadedTo); err != nil || len(ids) == 0 {
			return err
		}
		if byHash, err = keysOf(ctx, db, ids); err != nil {
			return err
		}
		byUser, err = entitlement.ReadBulk(ctx, db, ids, c.knownTerms, now)
		return err
	})
	if err != nil {
		return err
	}
	if len(ids) == 0 {
		c.preloaded = true
		return nil
	}
	c.preloadedTo = ids[len(ids)-1]
	c.mutex.Lock()
	defer c.mutex.Unlock()
	for user, h := range byUser {
		// A user without a copy may get the first one on another console, and use it at once.
		if len(h.Copies) > 0 && c.users[user].entitlements == nil {
			c.keep(h, began)
		}
	}
	for hash, key := range byHash {
		c.keepKey(hash, key, began.polls)
	}
	return nil
}

func (c *Cache) knownTerms(of entitlement.TermsKey) *entitlement.Terms {
	c.mutex.RLock()
	defer c.mutex.RUnlock()
	return c.terms[of]
}

func usersAfter(ctx context.Context, db bun.IDB, after string) (ids []string, err error) {
	rows, err := database.QueryPlanned(ctx, db, "SELECT id FROM users WHERE id > $1 ORDER BY id LIMIT $2",
		after, preloadedAtOnce)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, rows.Err()
}

func keysOf(ctx context.Context, db bun.IDB, users []string) (map[secret.Hash]cachedKey, error) {
	byHash := make(map[secret.Hash]cachedKey, len(users))
	rows, err := database.QueryPlanned(ctx, db, `
SELECT key_hash, id, user_id, expires_at FROM virtual_keys WHERE user_id = ANY ($1::text[])
UNION ALL SELECT previous_hash, id, user_id, least(previous_until, expires_at) FROM virtual_keys
    WHERE user_id = ANY ($1::text[]) AND previous_hash IS NOT NULL`, users)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var hash []byte
		var key cachedKey
		var until *time.Time
		if err := rows.Scan(&hash, &key.ID, &key.User, &until); err != nil {
			return nil, err
		}
		if until != nil {
			key.until = until.UnixMicro()
		}
		byHash[secret.Hash(hash)] = key
	}
	return byHash, rows.Err()
}
