package access

import (
	"context"
	"errors"
	"fmt"
	"time"

	"tollgate/models/database"
	"tollgate/models/identity"
)

// Current makes sure that the cache is not stale, and covers every change that was made here before the decision
// arrived. Without the database it always fails.
func (c *Cache) Current(ctx context.Context) error {
	ended := c.changes.Load()
	c.mutex.RLock()
	age := time.Since(c.fresh)
	c.mutex.RUnlock()
	if age < oldest && c.covered.Load() >= ended {
		return nil
	}
	arrived := time.Now()
	polling, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	return c.poll(polling, arrived)
}

// poll evicts what has changed since the last poll. A concurrent poll will do if it was sent later than after, or
// failed later: then this one would wait as long for nothing.
func (c *Cache) poll(ctx context.Context, after time.Time) error {
	c.polling.Lock()
	defer c.polling.Unlock()
	c.mutex.RLock()
	done := c.fresh.After(after)
	c.mutex.RUnlock()
	switch {
	case done:
		return nil
	case c.failure != nil && c.failedAt.After(after):
		return c.failure
	}
	sentAt, covers := time.Now(), c.changes.Load()
	news, err := c.readChanges(ctx)
	if err != nil {
		err = fmt.Errorf("poll for changes of access: %w", err)
		if !errors.Is(ctx.Err(), context.Canceled) { // else a client has left
			c.failure, c.failedAt = err, time.Now()
			c.away.Store(true)
		}
		return err
	}
	c.failure = nil
	if c.away.Swap(false) {
		defer c.endGrace(ctx, "the database is back: calls are not allowed from memory any more")
	}
	c.pending.seen(sentAt)
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.polls++
	for _, pool := range c.followed {
		database.PolledUsage(pool, news.own)
	}
	c.resetAfter(ctx, news)
	for _, user := range news.access {
		c.evict(user)
	}
	for _, user := range news.usage {
		if id, ok := identity.ParseUserID(user); ok {
			c.touch(id)
			c.markStale(id)
		}
	}
	c.seen, c.fresh, c.clock = news.databaseHistory, sentAt, news.clock
	c.covered.Store(covers)
	return nil
}

// resetAfter evicts everything at the first poll, and when the database has lost, or may have lost, what was seen of
// it; the caller has the lock.
func (c *Cache) resetAfter(ctx context.Context, news news) {
	missed := c.missedUsage(news)
	switch {
	case c.seen.rewound(news, missed):
		c.log.ErrorContext(ctx, "the database went back to an earlier state: "+
			"changes that this console has seen or made are gone; the cache is reset",
			"change", c.seen.seq, "change_now", news.seq, "audit_row", c.seen.row, "audit_row_now", news.row)
		c.rewinds.Add(1)
		c.actors = nil
		clear(news.writers) // their numbers go on after those that are lost
		c.reset()
		c.tellLost()
	case !c.seen.any:
		c.reset()
	case missed:
		c.log.WarnContext(ctx, "the database was not read for nine minutes: a change that was made just before may be lost; "+
			"usage is stored again")
		c.reset()
		c.tellLost()
	default:
		c.trim(keysKept)
	}
}

// missedUsage reports whether rows of usage may have been deleted that no poll has seen; the caller has the lock.
func (c *Cache) missedUsage(now news) bool { return now.clock.Sub(c.clock) >= feedKept }
