package models

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

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

	mutex     sync.RWMutex
	byHash    map[string]*knownKey
	holdings  map[string]*holding
	dirty     map[string]bool // users of whom something was counted since
	keysOf    map[string][]string
	shared    policyPool
	catalogue *Catalogue
	granted   map[*Policy][]Grant
	actors    map[string]knownActor
	since     string         // transactions from this one on have not been followed
	followed  int            // how often
	noted     map[string]int // by user, the last time when they had changed: what was read before may be older than what was dropped then
	forgotten int            // the last time when everybody was forgotten
	fresh     time.Time      // when it was followed last, by this machine's clock
	ahead     time.Duration  // of the database's clock before this machine's

	following sync.Mutex
	changing  atomic.Int64 // requests under way here that may change access
	changed   atomic.Bool  // one has ended since it was followed last
	changes   atomic.Int64 // that have ended

	decided *prometheus.HistogramVec
}

type knownKey struct {
	id, userID string
	until      *time.Time // when this value ceases to work
}

// keysKept bounds the memory: past it everything is read anew when it is asked for.
const keysKept = 500_000

// NewDecider makes one; Run keeps it true.
func NewDecider(db *bun.DB, keys Keys) *Decider {
	d := &Decider{db: db, keys: keys, decided: newDecisionSeconds()}
	d.forget()
	return d
}

// forget drops everything; the caller holds the lock, or nobody else knows d.
func (d *Decider) forget() {
	d.byHash, d.holdings, d.dirty, d.keysOf = map[string]*knownKey{}, map[string]*holding{}, map[string]bool{}, map[string][]string{}
	d.noted, d.forgotten = map[string]int{}, d.followed
	d.catalogue, d.granted, d.shared = nil, map[*Policy][]Grant{}, policyPool{}
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
	next, ahead := d.since, d.ahead
	for rows.Next() {
		var kind, id string
		var now time.Time
		if err := rows.Scan(&kind, &id, &now); err != nil {
			return fmt.Errorf("follow changes of access: %w", err)
		}
		switch kind {
		case "":
			next, ahead = id, now.Sub(asked)
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
	if d.since == "" || len(d.byHash) > keysKept {
		d.forget()
	}
	for _, user := range access {
		d.drop(user)
		d.note(user)
	}
	for _, user := range usage {
		d.note(user)
		if d.holdings[user] != nil {
			d.dirty[user] = true
		}
	}
	d.since, d.fresh, d.ahead = next, asked, ahead
	return nil
}

// drop forgets a user; the caller holds the lock.
func (d *Decider) drop(user string) {
	if user == everybody {
		d.catalogue, d.granted = nil, map[*Policy][]Grant{}
		return
	}
	delete(d.holdings, user)
	delete(d.dirty, user)
	for _, hash := range d.keysOf[user] {
		delete(d.byHash, hash)
	}
	delete(d.keysOf, user)
}

// counted notes that something was counted for the users here, so that the next decision knows.
func (d *Decider) counted(users []string) {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	for _, user := range users {
		if d.holdings[user] != nil {
			d.dirty[user] = true
		}
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
	return time.Now().Add(d.ahead).UTC()
}

// userOfKey finds whose key a value is; "" when nobody's, or not any more.
func (d *Decider) userOfKey(ctx context.Context, value string) (user, key string, err error) {
	if !isKeySecret(virtualKeyPrefix, value) {
		return "", "", nil
	}
	hash := string(hashSecret(d.keys.VirtualKey, value))
	now := d.now()
	d.mutex.RLock()
	known, followed := d.byHash[hash], d.followed
	d.mutex.RUnlock()
	if known == nil {
		found := map[string]*knownKey{}
		if err := d.loadKeys(ctx, map[string]string{hash: value}, followed, found); err != nil || found[value] == nil {
			return "", "", err
		}
		known = found[value]
	}
	if known.until != nil && !known.until.After(now) {
		return "", "", nil
	}
	return known.userID, known.id, nil
}

// holdingOf is what a user holds, as true as a second ago. When older counts will do, they are those read last.
func (d *Decider) holdingOf(ctx context.Context, user string, older bool) (*holding, error) {
	now := d.now()
	d.mutex.RLock()
	h, dirty, followed := d.holdings[user], d.dirty[user], d.followed
	d.mutex.RUnlock()
	if h != nil && (older || !dirty && (h.recount.IsZero() || now.Before(h.recount))) {
		return h, nil
	}
	if h != nil {
		h = h.clone()
		d.mutex.Lock()
		delete(d.dirty, user) // before it is read: what is counted from here on marks it again
		d.mutex.Unlock()
		if err := countHoldings(ctx, d.db, map[string]*holding{user: h}, now); err != nil {
			d.counted([]string{user})
			return nil, err
		}
	} else {
		loaded, err := loadHoldings(ctx, d.db, []string{user}, now)
		if err != nil {
			return nil, err
		}
		h = loaded[user]
	}
	d.mutex.Lock()
	defer d.mutex.Unlock()
	d.keep(h, followed)
	return h, nil
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
	if d.unchanged(everybody, followed) {
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
