package entitlement

import (
	"context"
	"errors"
	"fmt"
	"strconv"
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

// poll evicts what has changed since the last poll. A concurrent poll will do if it was sent later than after.
func (c *Cache) poll(ctx context.Context, after time.Time) error {
	c.polling.Lock()
	defer c.polling.Unlock()
	c.mutex.RLock()
	done := c.fresh.After(after)
	c.mutex.RUnlock()
	if done {
		return nil
	}
	sentAt, covers := time.Now(), c.changes.Load()
	news, err := c.readChanges(ctx)
	if err != nil {
		return fmt.Errorf("poll for changes of access: %w", err)
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.polls++
	switch rewound := c.seen.rewound(news); {
	case rewound:
		c.log.ErrorContext(ctx, "the database went back to an earlier state: "+
			"transactions that this console has seen are gone; the cache is reset",
			"transaction", c.seen.next, "transaction_now", news.next, "audit_row", c.seen.row, "audit_row_now", news.row)
		c.rewinds.Add(1)
		c.actors = nil
		c.reset()
	case !c.seen.any, max(len(c.byHash), len(c.users)) > keysKept:
		c.reset()
	}
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

// databaseHistory is the position of the database at a poll.
type databaseHistory struct {
	any  bool   // there was one
	next uint64 // transactions from this one on have not been read
	row  int64  // the last of the audit log, 0 for none
	hash string // its hash, which covers all rows before
}

// news is what a poll reads.
type news struct {
	databaseHistory
	clock         time.Time
	kept          bool     // the audit row of the last poll is in the log, unchanged
	access, usage []string // users whose access or usage changed
}

// rewound reports whether the database has lost what was seen of it, as after a failover or a restore: its transactions
// count from an earlier number, or the audit row that was the last is not in the log. The numbers alone would pass a
// history that has grown longer since.
func (seen databaseHistory) rewound(now news) bool {
	return seen.any && (now.next < seen.next || seen.row > 0 && !now.kept)
}

// readChanges reads what has changed since the last poll.
func (c *Cache) readChanges(ctx context.Context) (news, error) {
	read := news{databaseHistory: databaseHistory{any: true}}
	rows, err := database.QueryPlanned(ctx, c.DB, `
SELECT '' AS kind, pg_snapshot_xmin(pg_current_snapshot())::text AS id, clock_timestamp() AS now, 0::bigint AS row
UNION ALL SELECT 'access', user_id, now(), 0 FROM access_changes WHERE xact >= $1::text::xid8
UNION ALL SELECT 'usage', user_id, now(), 0 FROM usage_changes WHERE xact >= $1::text::xid8
UNION ALL SELECT 'kept', '', now(), id FROM audit_logs WHERE id = $2 AND encode(hash, 'hex') = $3
UNION ALL SELECT * FROM (SELECT 'last', encode(hash, 'hex'), now(), id FROM audit_logs ORDER BY id DESC
    LIMIT 1) AS last`,
		strconv.FormatUint(c.seen.next, 10), c.seen.row, c.seen.hash)
	if err != nil {
		return read, err
	}
	defer rows.Close()
	for rows.Next() {
		var kind, id string
		var now time.Time
		var row int64
		if err := rows.Scan(&kind, &id, &now, &row); err != nil {
			return read, err
		}
		switch kind {
		case "":
			read.clock = now
			if read.next, err = strconv.ParseUint(id, 10, 64); err != nil {
				return read, err
			}
		case "access":
			read.access = append(read.access, id)
		case "usage":
			read.usage = append(read.usage, id)
		case "kept":
			read.kept = true
		case "last":
			read.row, read.hash = row, id
		}
	}
	return read, errors.Join(rows.Err(), rows.Close())
}
