package keptevent

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/uptrace/bun"

	"tollgate/models/database"
)

// Stored is an event of the quarantine with what became of it; null while it is open.
type Stored struct {
	Event           Event
	Outcome, UserID *string
}

// Insert keeps an event under the key of its id, unless one is there.
func Insert(ctx context.Context, db *bun.DB, key string, e Event) (inserted bool, err error) {
	document, err := json.Marshal(e)
	if err != nil {
		return false, fmt.Errorf("write an event of an unknown key: %w", err)
	}
	err = database.InTx(ctx, db, func(ctx context.Context, tx database.Tx) error {
		result, err := tx.NewRaw("INSERT INTO usage_quarantine (event_id, event, received_at) "+
			"VALUES (?, ?, clock_timestamp()) ON CONFLICT DO NOTHING", key, string(document)).Exec(ctx)
		if err != nil {
			return err
		}
		n, err := result.RowsAffected()
		if inserted = n > 0; inserted {
			tx.FeedUsage()
		}
		return err
	})
	if err != nil {
		return false, fmt.Errorf("keep an event of an unknown key: %w", err)
	}
	return inserted, nil
}

// ReplaceEstimate puts an exact event into the place of its estimate, if that is open, and returns what was there.
func ReplaceEstimate(
	ctx context.Context, db *bun.DB, key string, exact Event,
) (before Stored, replaced bool, err error) {
	document, err := json.Marshal(exact)
	if err != nil {
		return before, false, fmt.Errorf("write an event of an unknown key: %w", err)
	}
	err = database.InTx(ctx, db, func(ctx context.Context, tx database.Tx) error {
		var row struct {
			Event           string
			Outcome, UserID *string
		}
		err := tx.NewRaw("SELECT event, outcome, user_id FROM usage_quarantine WHERE event_id = ? FOR UPDATE", key).
			Scan(ctx, &row)
		if err != nil {
			return err
		}
		before = Stored{Outcome: row.Outcome, UserID: row.UserID}
		if err := database.ReadDocument([]byte(row.Event), &before.Event); err != nil {
			return err
		}
		replaced = before.Outcome == nil && before.Event.Estimated && !exact.Estimated && before.Event.SameCall(exact)
		if replaced {
			tx.FeedUsage()
			_, err = tx.NewRaw("UPDATE usage_quarantine SET event = ? WHERE event_id = ?", string(document), key).Exec(ctx)
		}
		return err
	})
	if err != nil {
		return before, false, fmt.Errorf("compare an event with that in the quarantine: %w", err)
	}
	return before, replaced, nil
}
