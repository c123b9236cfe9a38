package entitlement

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"tollgate/models/batch"
	"tollgate/models/catalogue"
	"tollgate/models/database"
	"tollgate/models/identity"
	"tollgate/models/policy"
	"tollgate/models/secret"
)

const (
	followEvery = 250 * time.Millisecond
	// oldest is how old what is decided by may be: past it the database is asked, and without it nothing is decided.
	oldest = time.Second
)

// Cache answers whether calls may go on. It keeps what it has read of keys and people in memory and follows what
// changes in the database, so that nothing it decides by is older than a second, whichever console changed it.
type Cache struct {
	DB   *bun.DB
	Keys secret.Keys
	log  *slog.Logger

	virtualKeys, apiKeys secret.Hasher

	mutex     sync.RWMutex
	byHash    map[secret.Hash]knownKey
	people    map[uuid.UUID]person
	forms     formPool
	catalogue *catalogue.Catalogue
	granted   map[*policy.Policy][]policy.Grant
	actors    map[secret.Hash]knownActor
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

	keysAsked     batch.Batcher[secret.Hash, knownKey]
	holdingsAsked batch.Batcher[uuid.UUID, *Entitlements]
	uses          *identity.KeyUses
}

// person is what is in memory of a user.
type person struct {
	holding *Entitlements // nil when it has to be read
	dirty   bool          // something was counted since
	drops   uint32        // how often everything of the user was dropped
}

type knownKey struct {
	ID, User uuid.UUID
	drops    uint32 // of the user when it was read: after another it is read anew
	until    int64  // microseconds; when this value ceases to work, 0 for never
}

const (
	// keysKept bounds the memory: past it everything is read anew when it is asked for.
	keysKept = 500_000
	// notesKept bounds what is only for those who are reading at this moment.
	notesKept = 10_000
)

// NewCache makes one; Run keeps it true.
func NewCache(db *bun.DB, keys secret.Keys, log *slog.Logger) *Cache {
	d := &Cache{
		DB: db, Keys: keys, log: log, uses: identity.NewKeyUses(db, log), virtualKeys: secret.NewHasher(keys.VirtualKey), apiKeys: secret.NewHasher(keys.APIKey),
	}
	d.keysAsked.Read, d.holdingsAsked.Read = d.loadKeys, d.readHoldings
	d.reset()
	return d
}

// reset drops everything; the caller holds the lock, or nobody else knows d.
func (d *Cache) reset() {
	d.byHash, d.people = map[secret.Hash]knownKey{}, map[uuid.UUID]person{}
	d.noted, d.forgotten = map[uuid.UUID]int{}, d.followed
	d.catalogue, d.granted, d.forms = nil, map[*policy.Policy][]policy.Grant{}, nil
}

// Run follows the database, and notes which API keys were used, until ctx ends.
func (d *Cache) Run(ctx context.Context) {
	var noting sync.WaitGroup
	defer noting.Wait()
	noting.Go(func() { d.uses.Run(ctx) })
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

// evict forgets a user; the caller holds the lock.
func (d *Cache) evict(user string) {
	if user == database.Everybody {
		d.catalogue, d.granted = nil, map[*policy.Policy][]policy.Grant{}
		d.touch(uuid.Nil) // which is nobody's id
		return
	}
	id, ok := identity.ParseUserID(user)
	if !ok {
		return
	}
	if p, known := d.people[id]; known {
		d.people[id] = person{drops: p.drops + 1}
	}
	d.touch(id)
}

// markStale notes that what was counted for a user has to be read again; the caller holds the lock.
func (d *Cache) markStale(user uuid.UUID) {
	if p := d.people[user]; p.holding != nil && !p.dirty {
		p.dirty = true
		d.people[user] = p
	}
}

// Counted notes that something was counted for the users here, so that the next decision knows.
func (d *Cache) Counted(users ...uuid.UUID) {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	for _, user := range users {
		d.markStale(user)
	}
}

// Changing says that access may be changed here until the function returned is called: decisions behind that know of it
// at once.
func (d *Cache) Changing() (done func()) {
	d.changing.Add(1)
	return func() {
		d.changes.Add(1)
		d.changing.Add(-1)
	}
}

// Now is the database's clock.
func (d *Cache) Now() time.Time {
	d.mutex.RLock()
	defer d.mutex.RUnlock()
	return d.clock.Add(time.Since(d.fresh))
}

// CatalogueNow is the catalogue.
func (d *Cache) CatalogueNow(ctx context.Context) (*catalogue.Catalogue, error) {
	d.mutex.RLock()
	offered, followed := d.catalogue, d.followed
	d.mutex.RUnlock()
	if offered != nil {
		return offered, nil
	}
	loaded, err := catalogue.LoadCatalogue(ctx, d.DB)
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

// Grants are the tools that a copy may use.
func (d *Cache) Grants(ctx context.Context) (func(*Copy) []policy.Grant, error) {
	catalogue, err := d.CatalogueNow(ctx)
	if err != nil {
		return nil, err
	}
	return func(held *Copy) []policy.Grant {
		d.mutex.RLock()
		grants, known := d.granted[held.Policy]
		d.mutex.RUnlock()
		if known {
			return grants
		}
		grants = policy.Grants(*catalogue, *held.Policy)
		d.mutex.Lock()
		defer d.mutex.Unlock()
		if d.catalogue == catalogue {
			d.granted[held.Policy] = grants
		}
		return grants
	}, nil
}
