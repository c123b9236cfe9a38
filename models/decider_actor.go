package models

import (
	"context"
	"time"

	"github.com/uptrace/bun"
)

// knownActor is whom an API key acts as.
type knownActor struct {
	actor   Actor
	read    time.Time
	changes int64 // that had ended here when it was read
}

// actorsKept bounds the memory; past it they are read anew.
const actorsKept = 10_000

// KeyActorNow is whom an API key acts as at this moment, as db says. Refusal: Unauthenticated.
func (d *Decider) KeyActorNow(ctx context.Context, db bun.IDB, secret string) (Actor, error) {
	return readKeyActor(ctx, db, d.keys, secret, d.uses.add)
}

// KeyActor is whom an API key acts as, for what gateways call over and over: as it was a second ago at most, and never before a change that
// has ended here. Refusal: Unauthenticated.
func (d *Decider) KeyActor(ctx context.Context, secret string) (Actor, error) {
	hash := d.apiKeys.sum(secret)
	changes := d.changes.Load()
	d.mutex.RLock()
	known, ok := d.actors[hash]
	d.mutex.RUnlock()
	if ok && known.changes == changes && time.Since(known.read) < oldest && d.changing.Load() == 0 {
		return known.actor, nil
	}
	read := time.Now()
	actor, err := d.KeyActorNow(ctx, d.db, secret)
	if err != nil {
		return actor, err
	}
	d.mutex.Lock()
	defer d.mutex.Unlock()
	if d.actors == nil || len(d.actors) >= actorsKept {
		d.actors = map[secretHash]knownActor{}
	}
	d.actors[hash] = knownActor{actor, read, changes}
	return actor, nil
}
