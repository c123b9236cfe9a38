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
type knownActor struct {
	actor   permission.Actor
	read    time.Time
	changes int64 // that had ended here when it was read
}

// actorsKept bounds the memory; past it they are read anew.
const actorsKept = 10_000

// KeyActorNow is whom an API key acts as at this moment, as db says. Refusal: Unauthenticated.
func (d *Cache) KeyActorNow(ctx context.Context, db bun.IDB, secret string) (permission.Actor, error) {
	return identity.ReadKeyActor(ctx, db, d.Keys, secret, d.uses.Add)
}

// KeyActor is whom an API key acts as, for what gateways call over and over: as it was a second ago at most, and never
// before a change that has ended here. Refusal: Unauthenticated.
func (d *Cache) KeyActor(ctx context.Context, value string) (permission.Actor, error) {
	hash := d.apiKeys.Sum(value)
	changes := d.changes.Load()
	d.mutex.RLock()
	known, ok := d.actors[hash]
	d.mutex.RUnlock()
	if ok && known.changes == changes && time.Since(known.read) < oldest && d.changing.Load() == 0 {
		return known.actor, nil
	}
	read := time.Now()
	actor, err := d.KeyActorNow(ctx, d.DB, value)
	if err != nil {
		return actor, err
	}
	d.mutex.Lock()
	defer d.mutex.Unlock()
	if d.actors == nil || len(d.actors) >= actorsKept {
		d.actors = map[secret.Hash]knownActor{}
	}
	d.actors[hash] = knownActor{actor, read, changes}
	return actor, nil
}
