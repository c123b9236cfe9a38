package keptevent

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"tollgate/models/database"
)

// Stored is an event of the quarantine with what became of it; null while it is open.
type Stored struct {
	Event           Event
	Outcome, UserID *string
}

// Insert keeps events, all or none, under the keys of their ids, and tells which of them were not there yet. Of several
// with one key the first is kept.
func Insert(ctx context.Context, db *bun.DB, keys []string, events []Event) (inserted []bool, err error) {
	documents := make([]string, len(events))
	for i, e := range events {
		document, err := json.Marshal(e)
		if err != nil {
			return nil, fmt.Errorf("write an event of an unknown key: %w", err)
		}
		documents[i] = string(document)
	}
	var stored []string
	err = database.InTx(ctx, db, func(ctx context.Context, tx database.Tx) error {
		// In the order of their keys, so that batches with the same events wait for each other in turn.
		err := tx.NewRaw(`
INSERT INTO usage_quarantine (event_id, event, received_at)
SELECT key, event, clock_timestamp() FROM unnest(?::uuid[], ?::text[]) WITH ORDINALITY AS e(key, event, n)
ORDER BY key, n ON CONFLICT DO NOTHING RETURNING event_id::text`,
			pgdialect.Array(keys), pgdialect.Array(documents)).Scan(ctx, &stored)
		if len(stored) > 0 {
			tx.FeedUsage()
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("keep events of unknown keys: %w", err)
	}
	first := map[string]bool{}
	for _, key := range stored {
		first[key] = true
	}
	inserted = make([]bool, len(events))
	for i, key := range keys {
		inserted[i] = first[key]
		delete(first, key)
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
