package access

import (
	"context"
	"errors"
	"time"

	"tollgate/models/apikey"
	"tollgate/models/permission"
	"tollgate/models/problem"
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

// ActorsOf reads the actors of API keys from db.
func (c *Cache) ActorsOf(db bun.IDB) *apikey.Actors { return apikey.NewActors(db, c.Keys, c.uses.Add) }

// KeyActor is the cached actor of an API key, for what gateways call often: at most a second old, and never older than
// a change that was made here. While the database is away it may be as old as decisions from memory. Refusal:
// Unauthenticated.
func (c *Cache) KeyActor(ctx context.Context, value string) (permission.Actor, error) {
	return c.KeyActorAway(ctx, value, c.Grace.Most)
}

// KeyActorAway is KeyActor with another limit of how old it may be while the database is away.
func (c *Cache) KeyActorAway(ctx context.Context, value string, most time.Duration) (permission.Actor, error) {
	hash := c.apiKeys.Sum(value)
	changes := c.changes.Load()
	c.mutex.RLock()
	known, ok := c.actors[hash]
	c.mutex.RUnlock()
	unchanged := ok && known.changes == changes
	if unchanged && (time.Since(known.read) < oldest || c.Away() && c.remembers(known, most)) {
		return known.actor, nil
	}
	read := time.Now()
	found, err := c.actorReads.Of(ctx, value)
	var refusal *problem.Refusal
	if err != nil && unchanged && c.remembers(known, most) && errors.As(problem.Classify(err), &refusal) &&
		refusal.Reason == problem.Unavailable {
		return known.actor, nil
	}
	if err != nil {
		return permission.Actor{}, err
	}
	c.keepActor(hash, cachedActor{found.Actor, read, changes})
	return found.Actor, nil
}

func (c *Cache) keepActor(hash secret.Hash, one cachedActor) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.actors == nil || len(c.actors) >= actorsKept {
		c.actors = map[secret.Hash]cachedActor{}
	}
	c.actors[hash] = one
}

// remembers reports whether the actor of a key is recent enough to go on without the database.
func (c *Cache) remembers(known cachedActor, most time.Duration) bool {
	return most > 0 && time.Since(known.read) <= most+oldest &&
		(known.actor.Ends == nil || known.actor.Ends.After(c.Now()))
}
