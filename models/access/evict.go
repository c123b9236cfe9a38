package access

import (
	"cmp"
	"slices"

	"github.com/google/uuid"

	"tollgate/models/secret"
)

// keysKept bounds the memory: past it the keys and users that were not used for longest are evicted.
const keysKept = 1_250_000

const (
	// sampled is how many entries are compared, of which the quarter used longest ago is evicted.
	sampled = 64
	// trimmedAtOnce bounds how long decisions wait for evictions at a poll.
	trimmedAtOnce = 20_000
)

// entry is what is cached of a user, or a new one, which no key that was cached before belongs to; the caller has the
// lock.
func (c *Cache) entry(user uuid.UUID) cachedUser {
	p, known := c.users[user]
	if !known {
		c.evictions++
		p.evictions = c.evictions
	}
	return p
}

// usedAt is when a user was last used; 0 for one without entitlements, or who is not cached.
func (c *Cache) usedAt(user uuid.UUID) uint32 {
	if h := c.users[user].entitlements; h != nil {
		return h.UsedAt()
	}
	return 0
}

// trim evicts what was used longest ago while there is too much; the caller has the lock. Maps are walked from any
// place, so that the first entries are a sample.
func (c *Cache) trim(most int) {
	for evicted := 0; len(c.users) > most && evicted < trimmedAtOnce; {
		evicted += leastUsed(c.users, func(user uuid.UUID, _ cachedUser) uint32 { return c.usedAt(user) })
	}
	for evicted := 0; len(c.byHash) > most && evicted < trimmedAtOnce; {
		evicted += leastUsed(c.byHash, func(_ secret.Hash, key cachedKey) uint32 {
			if p, known := c.users[key.User]; !known || p.evictions != key.evictions {
				return 0
			}
			return c.usedAt(key.User)
		})
	}
}

// leastUsed deletes the quarter of some entries that was used longest ago, and returns how many these are.
func leastUsed[K comparable, V any](entries map[K]V, usedAt func(K, V) uint32) int {
	type use struct {
		key K
		at  uint32
	}
	sample := make([]use, 0, sampled)
	for key, value := range entries {
		if sample = append(sample, use{key, usedAt(key, value)}); len(sample) == sampled {
			break
		}
	}
	slices.SortFunc(sample, func(a, b use) int { return cmp.Compare(a.at, b.at) })
	sample = sample[:(len(sample)+3)/4]
	for _, one := range sample {
		delete(entries, one.key)
	}
	return len(sample)
}
