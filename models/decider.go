package models

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
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
	log  *slog.Logger

	virtualKeys, apiKeys hasher

	mutex     sync.RWMutex
	byHash    map[secretHash]knownKey
	people    map[uuid.UUID]person
	forms     formPool
	catalogue *Catalogue
	granted   map[*Policy][]Grant
	actors    map[secretHash]knownActor
	seen      databaseHistory   // of the database, at the last poll
	followed  int               // how often
	noted     map[uuid.UUID]int // the last time when a user had changed: what was read before may be older than what was dropped then
	forgotten int               // the last time when everybody was forgotten
	fresh     time.Time         // when it was followed last, by this machine's clock
	clock     time.Time         // the database's at that moment; since then time has passed, whatever this machine's clock was set to

	polling  sync.Mutex
	changing atomic.Int64 // requests under way here that may change access
	changes  atomic.Int64 // that have ended
	rewinds  atomic.Int64 // how often the database has gone back
	covered  atomic.Int64 // how many of those the last poll that has ended knows of

	keysAsked     together[secretHash, knownKey]
	holdingsAsked together[uuid.UUID, *holding]
	uses          *keyUses
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
func NewDecider(db *bun.DB, keys Keys, log *slog.Logger) *Decider {
	d := &Decider{
		db: db, keys: keys, log: log, uses: newKeyUses(db, log), virtualKeys: newHasher(keys.VirtualKey), apiKeys: newHasher(keys.APIKey),
	}
	d.keysAsked.read, d.holdingsAsked.read = d.loadKeys, d.readHoldings
	d.forget()
	return d
}

// forget drops everything; the caller holds the lock, or nobody else knows d.
func (d *Decider) forget() {
	d.byHash, d.people = map[secretHash]knownKey{}, map[uuid.UUID]person{}
	d.noted, d.forgotten = map[uuid.UUID]int{}, d.followed
	d.catalogue, d.granted, d.forms = nil, map[*Policy][]Grant{}, nil
}

// Run follows the database, and notes which API keys were used, until ctx ends.
func (d *Decider) Run(ctx context.Context) {
	var noting sync.WaitGroup
	defer noting.Wait()
	noting.Go(func() { d.uses.run(ctx) })
	ticker := time.NewTicker(followEvery)
	defer ticker.Stop()
	for {
		polling, cancel := context.WithTimeout(ctx, oldest)
		_ = d.poll(polling, time.Now()) // a decision meanwhile polls itself, and gets the error
		cancel()
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
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
		d.changing.Add(-1)
	}
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
