package access

import (
	"crypto/sha256"
	"fmt"
	"log/slog"
	"testing"

	"github.com/google/uuid"

	"tollgate/models/entitlement"
	"tollgate/models/secret"
)

// A full cache evicts what was not used for longest. A key of an evicted user is read again, also once the user is
// cached again.
func TestFullCacheEvictsTheLeastUsed(t *testing.T) {
	c := &Cache{log: slog.New(slog.DiscardHandler)}
	c.reset()
	const all, hot, most = 20_000, 2_000, 10_000
	users, hashes := make([]uuid.UUID, all), make([]secret.Hash, all)
	for i := range users {
		users[i], hashes[i] = uuid.New(), sha256.Sum256(fmt.Append(nil, i))
		c.keep(&entitlement.Entitlements{User: users[i]}, c.moment())
		c.keepKey(hashes[i], cachedKey{User: users[i]}, c.polls)
	}
	for i := range hot { // used at a later poll than the others
		c.users[users[i]].entitlements.Use(9)
	}
	c.trim(most)
	if len(c.users) > most || len(c.users) < most-sampled || len(c.byHash) > most {
		t.Errorf("%d users and %d keys are left of %d, %d are the most", len(c.users), len(c.byHash), all, most)
	}
	lost, stale := 0, 0
	for i, user := range users {
		if _, kept := c.users[user]; !kept && i < hot {
			lost++
		} else if !kept {
			c.keep(&entitlement.Entitlements{User: user}, c.moment())
			if _, works := c.cachedKey(hashes[i]); works {
				stale++
			}
		}
	}
	if lost > hot/50 || stale > 0 {
		t.Errorf("%d of %d users in use were evicted, and %d keys of evicted ones are used", lost, hot, stale)
	}
}
