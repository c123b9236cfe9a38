package database

import (
	"context"
	"maps"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"
)

// FeedWriter numbers the transactions of one worker at a time, so that its numbers are in the order of commits.
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
	c.fed[writer.ID] = Fed{writer.Seq, time.Now()}
}

// Fed is the last row of a writer that was committed here, and when.
type Fed struct {
	Seq int64
	At  time.Time
}

// FedUsage is what the writers of a pool have committed last, as far as it is no older than a time.
func FedUsage(db *bun.DB, oldest time.Time) map[uuid.UUID]Fed {
	c := poolOf(db)
	c.mutex.Lock()
	defer c.mutex.Unlock()
	maps.DeleteFunc(c.fed, func(_ uuid.UUID, f Fed) bool { return f.At.Before(oldest) })
	return maps.Clone(c.fed)
}

// ForgetFed forgets what was committed, because the database has lost it.
func ForgetFed(db *bun.DB) {
	c := poolOf(db)
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.fed = nil
}

// PurgeFeed deletes the rows of usage_feed that every console has read.
func PurgeFeed(ctx context.Context, db *bun.DB) error {
	_, err := db.ExecContext(ctx, "DELETE FROM usage_feed WHERE at < clock_timestamp() - interval '10 minutes'")
	return err
}
