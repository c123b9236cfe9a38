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
	pollInterval = 250 * time.Millisecond
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
	byHash    map[secret.Hash]cachedKey
	users    map[uuid.UUID]cachedUser
	terms     termsPool
	catalogue *catalogue.Catalogue
	granted   map[*policy.Policy][]policy.Grant
	actors    map[secret.Hash]cachedActor
	seen      databaseHistory   // of the database, at the last poll
	polls  int               // how often
	touched     map[uuid.UUID]int // the last time when a user had changed: what was read before may be older than what was dropped then
	lastReset int               // the last time when everybody was forgotten
	fresh     time.Time         // when it was followed last, by this machine's clock
	clock     time.Time         // the database's at that moment; since then time has passed, whatever this machine's clock was set to

	polling  sync.Mutex
	changing atomic.Int64 // requests under way here that may change access
	changes  atomic.Int64 // that have ended
	rewinds  atomic.Int64 // how often the database has gone back
	covered  atomic.Int64 // how many of those the last poll that has ended knows of

	keyReads     batch.Batcher[secret.Hash, cachedKey]
	entitlementReads batch.Batcher[uuid.UUID, *Entitlements]
	uses          *identity.KeyUses
}

// person is what is in memory of a user.
type cachedUser struct {
	entitlements *Entitlements // nil when it has to be read
	stale   bool          // something was counted since
	evictions   uint32        // how often everything of the user was dropped
}

type cachedKey struct {
	ID, User uuid.UUID
	evictions    uint32 // of the user when it was read: after another it is read anew
	until    int64  // microseconds; when this value ceases to work, 0 for never
}

const (
	// keysKept bounds the memory: past it everything is read anew when it is asked for.
	keysKept = 500_000
	// notesKept bounds what is only for those who are reading at this moment.
	touchesKept = 10_000
)

// NewCache makes one; Run keeps it true.
func NewCache(db *bun.DB, keys secret.Keys, log *slog.Logger) *Cache {
	c := &Cache{
		DB: db, Keys: keys, log: log, uses: identity.NewKeyUses(db, log), virtualKeys: secret.NewHasher(keys.VirtualKey), apiKeys: secret.NewHasher(keys.APIKey),
	}
	c.keyReads.Read, c.entitlementReads.Read = c.loadKeys, c.readEntitlements
	c.reset()
	return c
}

// reset drops everything; the caller holds the lock, or nobody else knows d.
func (c *Cache) reset() {
	c.byHash, c.users = map[secret.Hash]cachedKey{}, map[uuid.UUID]cachedUser{}
	c.touched, c.lastReset = map[uuid.UUID]int{}, c.polls
	c.catalogue, c.granted, c.terms = nil, map[*policy.Policy][]policy.Grant{}, nil
}

// Run follows the database, and notes which API keys were used, until ctx ends.
func (c *Cache) Run(ctx context.Context) {
	var keyUses sync.WaitGroup
	defer keyUses.Wait()
	keyUses.Go(func() { c.uses.Run(ctx) })
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for {
		polling, cancel := context.WithTimeout(ctx, oldest)
		_ = c.poll(polling, time.Now()) // a decision meanwhile polls itself, and gets the error
		cancel()
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// evict forgets a user; the caller holds the lock.
func (c *Cache) evict(user string) {
	if user == database.Everybody {
		c.catalogue, c.granted = nil, map[*policy.Policy][]policy.Grant{}
		c.touch(uuid.Nil) // which is nobody's id
		return
	}
	id, ok := identity.ParseUserID(user)
	if !ok {
		return
	}
	if p, known := c.users[id]; known {
		c.users[id] = cachedUser{evictions: p.evictions + 1}
	}
	c.touch(id)
}

// markStale notes that what was counted for a user has to be read again; the caller holds the lock.
func (c *Cache) markStale(user uuid.UUID) {
	if p := c.users[user]; p.entitlements != nil && !p.stale {
		p.stale = true
		c.users[user] = p
	}
}

// Counted notes that something was counted for the users here, so that the next decision knows.
func (c *Cache) Counted(users ...uuid.UUID) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	for _, user := range users {
		c.markStale(user)
	}
}

// Changing says that access may be changed here until the function returned is called: decisions behind that know of it
// at once.
func (c *Cache) Changing() (done func()) {
	c.changing.Add(1)
	return func() {
		c.changes.Add(1)
		c.changing.Add(-1)
	}
}

// Now is the database's clock.
func (c *Cache) Now() time.Time {
	c.mutex.RLock()
	defer c.mutex.RUnlock()
	return c.clock.Add(time.Since(c.fresh))
}

// CatalogueNow is the catalogue.
func (c *Cache) CatalogueNow(ctx context.Context) (*catalogue.Catalogue, error) {
	c.mutex.RLock()
	offered, polls := c.catalogue, c.polls
	c.mutex.RUnlock()
	if offered != nil {
		return offered, nil
	}
	loaded, err := catalogue.LoadCatalogue(ctx, c.DB)
	if err != nil {
		return nil, err
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.unchanged(uuid.Nil, polls) {
		c.catalogue = &loaded
	}
	return &loaded, nil
}

// Grants are the tools that a copy may use.
func (c *Cache) Grants(ctx context.Context) (func(*Copy) []policy.Grant, error) {
	catalogue, err := c.CatalogueNow(ctx)
	if err != nil {
		return nil, err
	}
	return func(userCopy *Copy) []policy.Grant {
		c.mutex.RLock()
		grants, known := c.granted[userCopy.Policy]
		c.mutex.RUnlock()
		if known {
			return grants
		}
		grants = policy.Grants(*catalogue, *userCopy.Policy)
		c.mutex.Lock()
		defer c.mutex.Unlock()
		if c.catalogue == catalogue {
			c.granted[userCopy.Policy] = grants
		}
		return grants
	}, nil
}
