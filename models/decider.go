package models

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/uptrace/bun"
)

const (
	followEvery = 250 * time.Millisecond
	// oldest is how old what is decided by may be: past it the database is asked, and without it nothing is decided.
	oldest = time.Second
)

// Decider answers whether calls may go on. It keeps what it has read of keys and people in memory and follows what changes in the database,
// so that nothing it decides by is older than a second, whichever console changed it.
type Decider struct {
	db   *bun.DB
	keys Keys

	virtualKeys, apiKeys hasher

	mutex     sync.RWMutex
	byHash    map[secretHash]knownKey
	people    map[uuid.UUID]person
	forms     formPool
	catalogue *Catalogue
	granted   map[*Policy][]Grant
	actors    map[secretHash]knownActor
	since     string            // transactions from this one on have not been followed
	followed  int               // how often
	noted     map[uuid.UUID]int // the last time when a user had changed: what was read before may be older than what was dropped then
	forgotten int               // the last time when everybody was forgotten
	fresh     time.Time         // when it was followed last, by this machine's clock
	clock     time.Time         // the database's at that moment; since then time has passed, whatever this machine's clock was set to

	following sync.Mutex
	changing  atomic.Int64 // requests under way here that may change access
	changed   atomic.Bool  // one has ended since it was followed last
	changes   atomic.Int64 // that have ended

	keysAsked     together[secretHash, knownKey]
	holdingsAsked together[uuid.UUID, *holding]
	reserver      reserver
	decided       *prometheus.HistogramVec
}

// person is what is in memory of a user.
type person struct {
	holding *holding // nil when it has to be read
	dirty   bool     // something was counted since
	drops   uint32   // how often everything of the user was dropped
}

type knownKey struct {
	id, user uuid.UUID
	drops    uint32 // of the user when it was read: after another it is read anew
	until    int64  // microseconds; when this value ceases to work, 0 for never
}

const (
	// keysKept bounds the memory: past it everything is read anew when it is asked for.
	keysKept = 500_000
	// notesKept bounds what is only for those who are reading at this moment.
	notesKept = 10_000
)

// NewDecider makes one; Run keeps it true.
func NewDecider(db *bun.DB, keys Keys) *Decider {
	d := &Decider{db: db, keys: keys, virtualKeys: newHasher(keys.VirtualKey), apiKeys: newHasher(keys.APIKey), decided: newDecisionSeconds()}
	d.keysAsked.read, d.holdingsAsked.read, d.reserver.db = d.loadKeys, d.readHoldings, db
	d.forget()
	return d
}

// forget drops everything; the caller holds the lock, or nobody else knows d.
func (d *Decider) forget() {
	d.byHash, d.people = map[secretHash]knownKey{}, map[uuid.UUID]person{}
	d.noted, d.forgotten = map[uuid.UUID]int{}, d.followed
	d.catalogue, d.granted, d.forms = nil, map[*Policy][]Grant{}, nil
}

// Run follows the database until ctx ends.
func (d *Decider) Run(ctx context.Context) {
	ticker := time.NewTicker(followEvery)
	defer ticker.Stop()
	for {
		following, cancel := context.WithTimeout(ctx, oldest)
		_ = d.follow(following) // whoever asks meanwhile follows by themselves, and hears of it
		cancel()
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// follow drops what has changed since the last time.
func (d *Decider) follow(ctx context.Context) error {
	d.following.Lock()
	defer d.following.Unlock()
	asked := time.Now()
	since := d.since
	if since == "" {
		since = "0"
	}
	rows, err := queryPlanned(ctx, d.db, `
SELECT '' AS kind, pg_snapshot_xmin(pg_current_snapshot())::text AS id, clock_timestamp() AS now
UNION ALL SELECT 'access', user_id, now() FROM access_changes WHERE xact >= $1::text::xid8
UNION ALL SELECT 'usage', user_id, now() FROM usage_changes WHERE xact >= $1::text::xid8`, since)
	if err != nil {
		return fmt.Errorf("follow changes of access: %w", err)
	}
	defer rows.Close()
	var access, usage []string
	next, clock := d.since, d.clock
	for rows.Next() {
		var kind, id string
		var now time.Time
		if err := rows.Scan(&kind, &id, &now); err != nil {
			return fmt.Errorf("follow changes of access: %w", err)
		}
		switch kind {
		case "":
			next, clock = id, now.UTC()
		case "access":
			access = append(access, id)
		case "usage":
			usage = append(usage, id)
		}
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return fmt.Errorf("follow changes of access: %w", err)
	}
	d.mutex.Lock()
	defer d.mutex.Unlock()
	d.followed++
	if d.since == "" || max(len(d.byHash), len(d.people)) > keysKept {
		d.forget()
	}
	for _, user := range access {
		d.drop(user)
	}
	for _, user := range usage {
		if id, ok := parseUserID(user); ok {
			d.note(id)
			d.mark(id)
		}
	}
	d.since, d.fresh, d.clock = next, asked, clock
	return nil
}

// drop forgets a user; the caller holds the lock.
func (d *Decider) drop(user string) {
	if user == everybody {
		d.catalogue, d.granted = nil, map[*Policy][]Grant{}
		d.note(uuid.Nil) // which is nobody's id
		return
	}
	id, ok := parseUserID(user)
	if !ok {
		return
	}
	if p, known := d.people[id]; known {
		d.people[id] = person{drops: p.drops + 1}
	}
	d.note(id)
}

// mark notes that what was counted for a user has to be read again; the caller holds the lock.
func (d *Decider) mark(user uuid.UUID) {
	if p := d.people[user]; p.holding != nil && !p.dirty {
		p.dirty = true
		d.people[user] = p
	}
}

// counted notes that something was counted for the users here, so that the next decision knows.
func (d *Decider) counted(users ...uuid.UUID) {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	for _, user := range users {
		d.mark(user)
	}
}

// Changing says that access may be changed here until the function returned is called: decisions behind that know of it at once.
func (d *Decider) Changing() (done func()) {
	d.changing.Add(1)
	return func() {
		d.changes.Add(1)
		d.changed.Store(true)
		d.changing.Add(-1)
	}
}

// current makes sure that what is in memory is not too old. Without the database it never says yes.
func (d *Decider) current(ctx context.Context) error {
	d.mutex.RLock()
	age := time.Since(d.fresh)
	d.mutex.RUnlock()
	if age < oldest && d.changing.Load() == 0 && !d.changed.Load() {
		return nil
	}
	d.changed.Store(false) // before it is followed: what ends from here on is followed again
	following, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	if err := d.follow(following); err != nil {
		d.changed.Store(true)
		return err
	}
	return nil
}

// now is the database's clock.
func (d *Decider) now() time.Time {
	d.mutex.RLock()
	defer d.mutex.RUnlock()
	return d.clock.Add(time.Since(d.fresh))
}

// known is the catalogue.
func (d *Decider) known(ctx context.Context) (*Catalogue, error) {
	d.mutex.RLock()
	catalogue, followed := d.catalogue, d.followed
	d.mutex.RUnlock()
	if catalogue != nil {
		return catalogue, nil
	}
	loaded, err := LoadCatalogue(ctx, d.db)
	if err != nil {
		return nil, err
	}
	d.mutex.Lock()
	defer d.mutex.Unlock()
	if d.unchanged(uuid.Nil, followed) {
		d.catalogue = &loaded
	}
	return &loaded, nil
}

// grants are the tools that a copy may use.
func (d *Decider) grants(ctx context.Context) (func(*heldCopy) []Grant, error) {
	catalogue, err := d.known(ctx)
	if err != nil {
		return nil, err
	}
	return func(held *heldCopy) []Grant {
		d.mutex.RLock()
		grants, known := d.granted[held.policy]
		d.mutex.RUnlock()
		if known {
			return grants
		}
		grants = catalogue.Grants(*held.policy)
		d.mutex.Lock()
		defer d.mutex.Unlock()
		if d.catalogue == catalogue {
			d.granted[held.policy] = grants
		}
		return grants
	}, nil
}
