package access

import (
	"context"
	"crypto/sha256"
	"log/slog"
	"maps"
	"sync"
	"time"

	"github.com/google/uuid"

	"tollgate/models/catalogue"
	"tollgate/models/entitlement"
	"tollgate/models/identity"
)

// Grace is how long decisions may go on from memory while the database is away, for profiles that want it.
type Grace struct {
	Most     time.Duration // the most that a profile may ask for; 0 for not at all
	Consoles func() int64  // how many there are; nil for one
}

// Remembered is what is in memory of a subject, and may be decided by while the database is away.
type Remembered struct {
	User, Key    uuid.UUID
	Entitlements *entitlement.Entitlements // with the copies that still allow it
	Catalogue    *catalogue.Catalogue
	At           time.Time        // by the database's clock
	Until        time.Time        // by this machine's clock; when the last of the copies stops to allow it
	Since        map[UsedOf]int64 // used here since the counters were read
	Consoles     int64
}

// UsedOf names a window of a limit. Those of tokens and of requests share an id.
type UsedOf struct {
	Limit uuid.UUID
	Kind  string
	Start int64 // microseconds
}

// Used is what was used of a window.
type Used struct {
	User uuid.UUID
	Of   UsedOf
	N    int64
}

// Away reports whether the database did not answer the last poll.
func (c *Cache) Away() bool { return c.away.Load() }

// Remember finds what is in memory of a subject. It is not enough when the key or the user's entitlements are not
// there, when a transaction of this console is changing or has changed the user since the last poll, and when the last
// poll or the counters are older than a profile allows.
func (c *Cache) Remember(subject entitlement.Subject) (r Remembered, ok bool) {
	hash, token := c.virtualKeys.Sum(subject.VirtualKey), sha256.Sum256([]byte(subject.AccessToken))
	user, known := identity.ParseUserID(subject.UserID)
	c.mutex.RLock()
	defer c.mutex.RUnlock()
	now := c.now()
	if subject.VirtualKey != "" {
		key, cached := c.cachedKey(hash)
		user, known, r.Key = key.User, cached && key.works(now), key.ID
	}
	if subject.AccessToken != "" {
		user, known = c.cachedToken(token, now)
	}
	p := c.users[user]
	if !known || p.entitlements == nil || c.catalogue == nil || c.pending.of(user) {
		return r, false
	}
	counted := c.countedAt(p)
	r.User, r.At, r.Catalogue, r.Since, r.Consoles = user, now, c.catalogue, maps.Clone(p.since), 1
	r.Entitlements = &entitlement.Entitlements{User: user, Frozen: p.entitlements.Frozen}
	for _, one := range p.entitlements.Copies {
		if grace := c.graceOf(&one); grace > 0 && time.Since(counted) <= grace+oldest {
			r.Entitlements.Copies = append(r.Entitlements.Copies, one)
			if until := counted.Add(grace + oldest); until.After(r.Until) {
				r.Until = until
			}
		}
	}
	if c.Grace.Consoles != nil {
		r.Consoles = max(1, c.Grace.Consoles())
	}
	return r, len(r.Entitlements.Copies) > 0
}

func (c *Cache) graceOf(userCopy *entitlement.Copy) time.Duration {
	return min(time.Duration(userCopy.Policy.FailOpenFor)*time.Second, c.Grace.Most)
}

// FailsOpen reports whether any profile that was seen here has allowed calls from memory.
func (c *Cache) FailsOpen() bool { return c.opens.Load() }

// GraceLasts reports whether what is in memory of some user is recent enough for their calls to be allowed by it.
func (c *Cache) GraceLasts() bool {
	if !c.FailsOpen() {
		return false
	}
	c.mutex.RLock()
	defer c.mutex.RUnlock()
	for _, p := range c.users {
		if p.entitlements == nil {
			continue
		}
		if grace := c.longestGrace(p.entitlements); grace > 0 && time.Since(c.countedAt(p)) <= grace+oldest {
			return true
		}
	}
	return false
}

// countedAt is by when a user's counters are known; the caller has the lock.
func (c *Cache) countedAt(p cachedUser) time.Time {
	if p.stale() {
		return p.entitlements.CountedAt()
	}
	return c.fresh
}

// AddUsed notes what was used here, for decisions from memory: counters that were read before lack it.
func (c *Cache) AddUsed(all ...Used) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	for _, used := range all {
		p := c.users[used.User]
		if p.entitlements == nil || c.longestGrace(p.entitlements) == 0 {
			continue
		}
		if p.since == nil {
			p.since = map[UsedOf]int64{}
			c.users[used.User] = p
		}
		p.since[used.Of] += used.N
	}
}

// longestGrace is the longest time for which one of a user's copies allows calls from memory; 0 for none.
func (c *Cache) longestGrace(h *entitlement.Entitlements) (longest time.Duration) {
	for i := range h.Copies {
		longest = max(longest, c.graceOf(&h.Copies[i]))
	}
	return longest
}

// forgetUsed forgets what was used here before the counters were read, which have it now; the caller has the lock.
func (c *Cache) forgetUsed(user uuid.UUID, taken map[UsedOf]int64) {
	since := c.users[user].since
	for of, n := range taken {
		if left := since[of] - n; left > 0 {
			since[of] = left
		} else {
			delete(since, of)
		}
	}
}

// graceState says whether calls are being allowed from memory.
type graceState struct {
	mutex   sync.Mutex
	until   time.Time // zero when none are
	allowed int64
	over    *time.Timer
}

// InGrace notes that a call was allowed from memory, as others may be until a time.
func (c *Cache) InGrace(ctx context.Context, until time.Time) {
	g := &c.inGrace
	g.mutex.Lock()
	defer g.mutex.Unlock()
	if g.allowed++; g.until.IsZero() {
		c.log.WarnContext(ctx, "the database is away: calls are allowed from memory", "at_most_until", until)
	}
	if !until.After(g.until) {
		return
	}
	if g.until = until; g.over == nil {
		g.over = time.AfterFunc(time.Until(until), c.graceIsOver)
	} else {
		g.over.Reset(time.Until(until))
	}
}

func (c *Cache) graceIsOver() {
	if until, on := c.GraceUntil(); !on || !time.Now().Before(until) {
		c.endGrace(context.Background(), "the database is still away: calls are not allowed from memory any more")
	}
}

// endGrace notes that no calls are allowed from memory any more.
func (c *Cache) endGrace(ctx context.Context, why string) {
	g := &c.inGrace
	g.mutex.Lock()
	defer g.mutex.Unlock()
	if g.until.IsZero() {
		return
	}
	c.log.LogAttrs(ctx, slog.LevelWarn, why, slog.Int64("allowed", g.allowed))
	g.over.Stop()
	g.until, g.allowed, g.over = time.Time{}, 0, nil
}

// GraceUntil is when the last call that is allowed from memory may come; ok is false when none are.
func (c *Cache) GraceUntil() (until time.Time, ok bool) {
	c.inGrace.mutex.Lock()
	defer c.inGrace.mutex.Unlock()
	return c.inGrace.until, !c.inGrace.until.IsZero()
}
