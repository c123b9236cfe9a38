package access

import (
	"context"
	"errors"
	"maps"
	"math"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun/dialect/pgdialect"

	"tollgate/models/database"
	"tollgate/models/problem"
)

// databaseHistory is the position of the database at a poll.
type databaseHistory struct {
	any     bool   // there was one
	seq     int64  // of the last change of access
	row     int64  // the last of the audit log, 0 for none
	hash    string // its hash, which covers all rows before
	writers map[uuid.UUID]feedRow
}

// feedRow is the last row of usage that a writer is known to have committed.
type feedRow struct {
	seq int64
	at  time.Time
}

// feedKept is how long a row of usage is sure to be there: a minute less than until it is deleted.
const feedKept = 9 * time.Minute

// news is what a poll reads.
type news struct {
	databaseHistory
	clock         time.Time
	kept          bool // the audit row of the last poll is in the log, unchanged
	keptWriters   map[uuid.UUID]bool
	own           map[uuid.UUID]database.Fed // what this console had committed between the polls
	rows          map[uuid.UUID]int64        // how many rows a writer has after the last that was known of it
	access, usage []string                   // users whose access or usage changed
}

// rewound reports whether the database has lost what was seen of it, as after a failover or a restore: its changes
// count from an earlier number, the audit row that was the last is not in the log, or the last usage of a writer is
// gone. The numbers alone would pass a history that has grown longer since. What no poll has seen, usage or a change of
// access, is missed by the numbers of its writer, unless its rows may have been deleted since the last poll.
func (seen databaseHistory) rewound(now news, deleted bool) bool {
	if !seen.any {
		return false
	}
	for writer, row := range seen.writers {
		if !now.keptWriters[writer] && now.clock.Sub(row.at) < feedKept {
			return true
		}
	}
	return now.seq < seen.seq || seen.row > 0 && !now.kept || !deleted && now.lacksUsage(seen)
}

// lacksUsage reports whether a number is missing after the last that is known of a writer.
func (n *news) lacksUsage(seen databaseHistory) bool {
	for writer, numbers := range n.own {
		if n.writers[writer].seq < numbers.Last {
			return true
		}
	}
	for writer, row := range n.writers {
		last, known := n.lastKnown(seen, writer)
		if known && numbered(writer) && row.seq-last > n.rows[writer] {
			return true
		}
	}
	return false
}

// numbered reports whether a writer numbers its rows without gaps, as consoles of this release do. A trigger writes
// those of the release before, under ids of another version and with the numbers of transactions.
func numbered(writer uuid.UUID) bool { return writer.Version() == 4 }

// lastKnown is the last number of a writer that polls before were to find.
func (n *news) lastKnown(seen databaseHistory, writer uuid.UUID) (seq int64, known bool) {
	if row, ok := seen.writers[writer]; ok {
		return row.seq, true
	}
	numbers, known := n.own[writer]
	return numbers.First - 1, known
}

// readNews is what has changed since the last poll. The writers of usage are found one by one in the index; of each
// the row that was the last is read again, to see that it is still there.
const readNews = `
WITH RECURSIVE writers AS (
    (SELECT writer FROM usage_feed ORDER BY writer LIMIT 1)
    UNION ALL
    SELECT (SELECT f.writer FROM usage_feed AS f WHERE f.writer > w.writer ORDER BY f.writer LIMIT 1)
    FROM writers AS w WHERE w.writer IS NOT NULL
)
SELECT CASE WHEN pg_is_in_recovery() THEN 'standby' ELSE '' END AS kind, '' AS id, seq AS n,
    clock_timestamp() AS at, NULL::text[] AS users FROM audit_head
UNION ALL SELECT 'access', user_id, seq, now(), NULL FROM access_changes WHERE seq > $1
UNION ALL SELECT 'kept', '', id, now(), NULL FROM audit_logs WHERE id = $2 AND encode(hash, 'hex') = $3
UNION ALL SELECT * FROM (SELECT 'last', encode(hash, 'hex'), id, now(), NULL::text[] FROM audit_logs ORDER BY id DESC
    LIMIT 1) AS last
UNION ALL SELECT 'usage', w.writer::text, f.seq, f.at, f.users::text[]
FROM writers AS w LEFT JOIN unnest($4::uuid[], $5::bigint[]) AS known(writer, seq) USING (writer)
    CROSS JOIN LATERAL (SELECT * FROM usage_feed AS f WHERE f.writer = w.writer AND f.seq >= coalesce(known.seq, 0)) AS f`

// readChanges reads what has changed since the last poll.
func (c *Cache) readChanges(ctx context.Context) (news, error) {
	read := news{
		databaseHistory: databaseHistory{any: true, writers: map[uuid.UUID]feedRow{}}, keptWriters: map[uuid.UUID]bool{},
		own: map[uuid.UUID]database.Fed{}, rows: map[uuid.UUID]int64{},
	}
	c.mutex.RLock()
	pools := c.followed
	c.mutex.RUnlock()
	for _, pool := range pools {
		maps.Copy(read.own, database.FedUsage(pool))
	}
	since, writers, numbers := c.seen.seq, []string{}, []int64{}
	if !c.seen.any {
		since = math.MaxInt64 // nothing is cached yet
	}
	for writer, row := range c.seen.writers {
		writers, numbers = append(writers, writer.String()), append(numbers, row.seq)
	}
	rows, err := database.QueryPlanned(ctx, c.DB, readNews, since, c.seen.row, c.seen.hash, writers, numbers)
	if err != nil {
		return read, err
	}
	defer rows.Close()
	for rows.Next() {
		var kind, id string
		var n int64
		var at time.Time
		var users []string
		if err := rows.Scan(&kind, &id, &n, &at, pgdialect.Array(&users)); err != nil {
			return read, err
		}
		switch kind {
		case "standby": // behind a pooler, connections outlive a primary
			return read, problem.StandbyError{}
		case "":
			read.seq, read.clock = n, at
		case "access":
			read.access = append(read.access, id)
		case "kept":
			read.kept = true
		case "last":
			read.row, read.hash = n, id
		case "usage":
			if err := read.note(c.seen, id, feedRow{n, at}, users); err != nil {
				return read, err
			}
		}
	}
	return read, errors.Join(rows.Err(), rows.Close())
}

// note takes a row of usage in, which may be the one that was the last of its writer.
func (n *news) note(seen databaseHistory, id string, row feedRow, users []string) error {
	writer, err := uuid.Parse(id)
	if err != nil {
		return err
	}
	if row.seq > n.writers[writer].seq {
		n.writers[writer] = row
	}
	if known, ok := seen.writers[writer]; ok && known.seq == row.seq && known.at.Equal(row.at) {
		n.keptWriters[writer] = true
		return nil
	}
	if last, known := n.lastKnown(seen, writer); known && row.seq > last {
		n.rows[writer]++
	}
	n.usage = append(n.usage, users...)
	return nil
}
