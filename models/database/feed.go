package database

import (
	"context"
	"maps"

	"github.com/google/uuid"
	"github.com/uptrace/bun"
)

// FeedWriter numbers the transactions of one worker at a time, so that its numbers are in the order of commits, and
// none is left out.
type FeedWriter struct {
	ID  uuid.UUID
	Seq int64 // of the transaction under way
}

// AsFeedWriter runs a transaction that adds one row of its own to usage_feed. After a failure, which may be a commit of
// unknown outcome, its writer is not used again.
func AsFeedWriter(db *bun.DB, do func(FeedWriter) error) error {
	pool := poolOf(db)
	writer := pool.takeWriter()
	if err := do(writer); err != nil {
		return err
	}
	pool.returnWriter(writer)
	return nil
}

// FeedUsage adds the row of a transaction to usage_feed: $1 the writer, $2 its number, $3 the users.
const FeedUsage = "INSERT INTO usage_feed (writer, seq, users, at) " +
	"VALUES ($1::uuid, $2::bigint, $3::uuid[], clock_timestamp())"

func (c *connector) takeWriter() FeedWriter {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	writer := FeedWriter{ID: uuid.New()}
	if n := len(c.writers); n > 0 {
		writer, c.writers = c.writers[n-1], c.writers[:n-1]
	}
	writer.Seq++
	return writer
}

func (c *connector) returnWriter(writer FeedWriter) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.writers = append(c.writers, writer)
	if c.fed == nil {
		c.fed = map[uuid.UUID]Fed{}
	}
	fed, more := c.fed[writer.ID]
	if !more {
		fed.First = writer.Seq
	}
	fed.Last = writer.Seq
	c.fed[writer.ID] = fed
}

// Fed is the numbers of a writer that were committed here and that no poll was to find yet.
type Fed struct{ First, Last int64 }

// FedUsage is what the writers of a pool have committed since the polls before.
func FedUsage(db *bun.DB) map[uuid.UUID]Fed {
	c := poolOf(db)
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return maps.Clone(c.fed)
}

// PolledUsage says that a poll was to find what FedUsage returned before it.
func PolledUsage(db *bun.DB, polled map[uuid.UUID]Fed) {
	c := poolOf(db)
	c.mutex.Lock()
	defer c.mutex.Unlock()
	for writer, numbers := range polled {
		if now := c.fed[writer]; now.Last > numbers.Last {
			c.fed[writer] = Fed{numbers.Last + 1, now.Last}
			continue
		}
		delete(c.fed, writer)
	}
}

// PurgeFeed deletes the rows of usage_feed that every console has read.
func PurgeFeed(ctx context.Context, db *bun.DB) error {
	_, err := db.ExecContext(ctx, "DELETE FROM usage_feed WHERE at < clock_timestamp() - interval '10 minutes'")
	return err
}
