package entitlement

import (
	"context"
	"time"

	"tollgate/models/apikey"
	"tollgate/models/permission"
	"tollgate/models/secret"

	"github.com/uptrace/bun"
)

// cachedActor is the actor of an API key.
type cachedActor struct {
	actor   permission.Actor
	read    time.Time
	changes int64 // how many were made here when it was read
}

// actorsKept bounds the memory; past it the cache of actors is reset.
const actorsKept = 10_000

// KeyActorNow reads the actor of an API key from db. Refusal: Unauthenticated.
func (c *Cache) KeyActorNow(ctx context.Context, db bun.IDB, secret string) (permission.Actor, error) {
	return apikey.ReadActor(ctx, db, c.Keys, secret, c.uses.Add)
}

// KeyActor is the cached actor of an API key, for what gateways call often: at most a second old, and never older than
// a change that was made here. Refusal: Unauthenticated.
func (c *Cache) KeyActor(ctx context.Context, value string) (permission.Actor, error) {
	hash := c.apiKeys.Sum(value)
	changes := c.changes.Load()
	c.mutex.RLock()
	known, ok := c.actors[hash]
	c.mutex.RUnlock()
	if ok && known.changes == changes && time.Since(known.read) < oldest {
		return known.actor, nil
	}
	read := time.Now()
	actor, err := c.KeyActorNow(ctx, c.DB, value)
	if err != nil {
		return actor, err
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.actors == nil || len(c.actors) >= actorsKept {
		c.actors = map[secret.Hash]cachedActor{}
	}
	c.actors[hash] = cachedActor{actor, read, changes}
	return actor, nil
}
