package entitlement

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"tollgate/models/identity"
	"tollgate/models/permission"
	"tollgate/models/secret"
)

// knownActor is whom an API key acts as.
type cachedActor struct {
	actor   permission.Actor
	read    time.Time
	changes int64 // that had ended here when it was read
}

// actorsKept bounds the memory; past it they are read anew.
const actorsKept = 10_000

// KeyActorNow is whom an API key acts as at this moment, as db says. Refusal: Unauthenticated.
func (c *Cache) KeyActorNow(ctx context.Context, db bun.IDB, secret string) (permission.Actor, error) {
	return identity.ReadKeyActor(ctx, db, c.Keys, secret, c.uses.Add)
}

// KeyActor is whom an API key acts as, for what gateways call over and over: as it was a second ago at most, and never
// before a change that has ended here. Refusal: Unauthenticated.
func (c *Cache) KeyActor(ctx context.Context, value string) (permission.Actor, error) {
	hash := c.apiKeys.Sum(value)
	changes := c.changes.Load()
	c.mutex.RLock()
	known, ok := c.actors[hash]
	c.mutex.RUnlock()
	if ok && known.changes == changes && time.Since(known.read) < oldest && c.changing.Load() == 0 {
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
