package access

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"tollgate/models/apikey"
	"tollgate/models/entitlement"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"tollgate/models/batch"
	"tollgate/models/caller"
	"tollgate/models/catalogue"
	"tollgate/models/database"
	"tollgate/models/identity"
	"tollgate/models/policy"
	"tollgate/models/secret"
)

const (
	pollInterval = 250 * time.Millisecond
	// oldest is how stale the cache may be for a decision: past it the database is polled, and when that fails nothing is
	// decided.
	oldest = time.Second
)

// Cache keeps keys and the entitlements of users in memory, for decisions. It polls the database for changes, so that
// no decision is based on data older than a second, no matter which console changed it.
type Cache struct {
	DB   *bun.DB
	Keys secret.Keys
	log  *slog.Logger

	virtualKeys, apiKeys secret.Hasher

	Preloaded func(keys int) // is called when all were read in bulk; set before Run, nil for none

	Grace  Grace           // set before Run
	Tokens *caller.Checker // of access tokens, set before Run; nil to accept none

	mutex     sync.RWMutex
	followed  []*bun.DB // pools of this console
	byHash    map[secret.Hash]cachedKey
	users     map[uuid.UUID]cachedUser
	terms     entitlement.TermsPool
	catalogue *catalogue.Catalogue
	granted   map[*policy.Policy][]policy.Grant
	actors    map[secret.Hash]cachedActor
	tokens    map[secret.Hash]cachedToken // access tokens, by their SHA-256
	accepts   []caller.Rule               // which of them are accepted; nil when that has to be read
	seen      databaseHistory             // at the last poll
	polls     int                         // how many there were
	// The poll at which a user last changed: what was read before it may be older than what it evicted.
	touched   map[uuid.UUID]int
	lastReset int       // the poll at which everything was evicted
	evictions uint32    // the number of the last eviction of a user
	marks     uint64    // how often a user was marked
	fresh     time.Time // when the last poll was sent, by this machine's clock
	// The database's clock then. Elapsed time is added to it, so changes of this machine's clock have no effect.
	clock time.Time

	polling  sync.Mutex
	failure  error // of the last poll, and when that was; of who is polling
	failedAt time.Time
	changes  atomic.Int64 // transactions of this console that changed access
	rewinds  atomic.Int64 // how often the database has gone back
	losses   atomic.Int64 // how often it has, or may have, lost something
	away     atomic.Bool  // the last poll failed
	opens    atomic.Bool  // a profile that was seen allows calls from memory, or did
	covered  atomic.Int64 // how many of the changes the last finished poll covers

	keyReads         *batch.Lookup[secret.Hash, cachedKey]
	entitlementReads *batch.Lookup[uuid.UUID, *entitlement.Entitlements]
	actorReads       *apikey.Actors
	uses             *apikey.Uses
	onLoss           []func()
	pending          pendingChanges
	inGrace          graceState

	emptied     chan struct{} // after a rewind
	preloading  sync.Mutex
	preloaded   bool
	preloadedTo string // the last user
}

// cachedUser is what is cached of a user.
type cachedUser struct {
	entitlements *entitlement.Entitlements // nil when they have to be read
	marked, read uint64                    // the last mark, and that when the read of the counters began
	evictions    uint32                    // the number of the user's last eviction
	since        map[UsedOf]int64          // what was used here since the counters were read, for decisions from memory
}

type cachedKey struct {
	ID, User  uuid.UUID
	evictions uint32 // of the user when it was read: with another number it is read again
	until     int64  // microseconds; when this value expires, 0 for never
}

// touchesKept bounds touched, which only matters to reads that are running.
const touchesKept = 10_000

// NewCache makes a Cache, which follows db; Run keeps it up to date.
func NewCache(db *bun.DB, keys secret.Keys, log *slog.Logger) *Cache {
	c := &Cache{
		DB: db, Keys: keys, log: log, uses: apikey.NewUses(db, log), virtualKeys: secret.NewHasher(keys.VirtualKey),
		apiKeys: secret.NewHasher(keys.APIKey), emptied: make(chan struct{}, 1),
	}
	c.keyReads, c.entitlementReads = batch.NewLookup(c.loadKeys), batch.NewLookup(c.readEntitlements)
	c.actorReads = c.ActorsOf(db)
	c.reset()
	c.Follow(db)
	return c
}

// reset evicts everything; the caller has the lock, or the only reference.
func (c *Cache) reset() {
	c.byHash, c.users = map[secret.Hash]cachedKey{}, map[uuid.UUID]cachedUser{}
	c.touched, c.lastReset = map[uuid.UUID]int{}, c.polls
	c.catalogue, c.granted, c.terms = nil, map[*policy.Policy][]policy.Grant{}, nil
	c.forgetTokens()
}

// Run polls the database, and records which API keys were used, until ctx ends.
func (c *Cache) Run(ctx context.Context) {
	var keyUses sync.WaitGroup
	defer keyUses.Wait()
	keyUses.Go(func() { c.uses.Run(ctx) })
	keyUses.Go(func() { c.goOnPreloading(ctx) })
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for {
		polling, cancel := context.WithTimeout(ctx, oldest)
		_ = c.poll(polling, time.Now()) // a decision that needs a newer state polls itself and returns the error
		cancel()
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// evict removes a user from the cache; the caller has the lock.
func (c *Cache) evict(user string) {
	if user == database.Everybody {
		c.catalogue, c.granted = nil, map[*policy.Policy][]policy.Grant{}
		c.forgetTokens()
		c.touch(uuid.Nil) // which is no user's id
		return
	}
	id, ok := identity.ParseUserID(user)
	if !ok {
		return
	}
	if _, known := c.users[id]; known {
		c.evictions++
		c.users[id] = cachedUser{evictions: c.evictions}
	}
	c.touch(id)
}

// markStale makes the next decision read a user's counters again; the caller has the lock.
func (c *Cache) markStale(user uuid.UUID) {
	if p, known := c.users[user]; known {
		c.marks++
		p.marked = c.marks
		c.users[user] = p
	}
}

// stale reports whether usage was counted since the read of the counters began. They are stale until they are read: a
// decision that comes meanwhile waits, too.
func (p cachedUser) stale() bool { return p.marked > p.read }

// Counted marks the counters of users as stale after usage was counted here, so that the next decision reads them.
func (c *Cache) Counted(users ...uuid.UUID) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	for _, user := range users {
		c.markStale(user)
	}
}

// Follow makes decisions see what the transactions of a pool of this console change, as soon as each has ended.
func (c *Cache) Follow(db *bun.DB) {
	c.mutex.Lock()
	c.followed = append(c.followed, db)
	c.mutex.Unlock()
	database.OnChange(db, database.Listener{Commits: c.pending.begin, Changed: func() { c.changes.Add(1) }})
}

// Now is the database's clock.
func (c *Cache) Now() time.Time {
	c.mutex.RLock()
	defer c.mutex.RUnlock()
	return c.now()
}

// now is Now for who has the lock.
func (c *Cache) now() time.Time { return c.clock.Add(time.Since(c.fresh)) }

// CatalogueNow is the catalogue, cached.
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
func (c *Cache) Grants(ctx context.Context) (func(*entitlement.Copy) []policy.Grant, error) {
	catalogue, err := c.CatalogueNow(ctx)
	if err != nil {
		return nil, err
	}
	return func(userCopy *entitlement.Copy) []policy.Grant {
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
