package usage

import (
	"context"
	"encoding/json"
	"fmt"

	"tollgate/models/database"
	"tollgate/models/keptevent"
	"tollgate/models/problem"
)

// eventConflict is what is wrong with an event whose id is that of another one.
var eventConflict = problem.Problem{
	Field: "event_id", Code: "event_conflict",
	Message: "Give another call another event_id: this one was reported with other content.",
}

// keep stores an event of an unknown key or user in the quarantine, and says what became of it. Of an event whose id is
// there, an exact one takes the place of an open estimate. When that was assigned, it counts for the user who was
// charged.
func (r *Recorder) keep(ctx context.Context, e *Event) (Result, error) {
	kept, result := e.kept(), Result{EventID: e.ID, Status: "quarantined"}
	document, err := json.Marshal(kept)
	if err != nil {
		return result, fmt.Errorf("write an event of an unknown key: %w", err)
	}
	inserted, err := r.keepNew(ctx, e.GatewayID.Key, string(document))
	if err != nil || inserted {
		return result, err
	}
	before, replaced, err := r.keepExact(ctx, e.GatewayID.Key, kept, string(document))
	switch {
	case err != nil || replaced:
		return result, err
	case before.Outcome != nil && *before.Outcome == "assigned" && before.UserID != nil:
		return r.countAssigned(ctx, *before.UserID, kept)
	case before.event.Conflicts(kept):
		return conflicting(e), nil
	}
	result.Duplicate = true
	return result, nil
}

// keepNew keeps an event unless its id is there.
func (r *Recorder) keepNew(ctx context.Context, id, document string) (inserted bool, err error) {
	err = database.InTx(ctx, r.db, func(ctx context.Context, tx database.Tx) error {
		result, err := tx.NewRaw("INSERT INTO usage_quarantine (event_id, event, received_at) "+
			"VALUES (?, ?, clock_timestamp()) ON CONFLICT DO NOTHING", id, document).Exec(ctx)
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

// keptRow is an event of the quarantine as it is stored.
type keptRow struct {
	Event           string
	Outcome, UserID *string
	event           keptevent.Event
}

// keepExact puts an exact event into the place of its estimate, if that is open.
func (r *Recorder) keepExact(
	ctx context.Context, id string, exact keptevent.Event, document string,
) (before keptRow, replaced bool, err error) {
	err = database.InTx(ctx, r.db, func(ctx context.Context, tx database.Tx) error {
		before = keptRow{}
		err := tx.NewRaw("SELECT event, outcome, user_id FROM usage_quarantine WHERE event_id = ? FOR UPDATE", id).
			Scan(ctx, &before)
		if err != nil {
			return err
		}
		if err := database.ReadDocument([]byte(before.Event), &before.event); err != nil {
			return err
		}
		replaced = before.Outcome == nil && before.event.Estimated && !exact.Estimated && before.event.SameCall(exact)
		if replaced {
			tx.FeedUsage()
			_, err = tx.NewRaw("UPDATE usage_quarantine SET event = ? WHERE event_id = ?", document, id).Exec(ctx)
		}
		return err
	})
	if err != nil {
		return before, false, fmt.Errorf("compare an event with that in the quarantine: %w", err)
	}
	return before, replaced, nil
}

// countAssigned says what became of an event that an admin has assigned to a user, and that is reported again.
func (r *Recorder) countAssigned(ctx context.Context, userID string, kept keptevent.Event) (Result, error) {
	result := Result{EventID: kept.EventID, Status: "duplicate", Duplicate: true}
	events, err := r.ChargeTo(ctx, userID, []keptevent.Event{kept})
	if err != nil {
		return result, err
	}
	replaced, err := r.replace(ctx, events)
	if err != nil {
		return result, err
	}
	conflicts, err := r.conflicts(ctx, events)
	switch {
	case err != nil:
		return result, err
	case conflicts[0]:
		return conflicting(events[0]), nil
	case replaced[0]:
		result.Status, result.Duplicate = "counted", false
	}
	return result, nil
}

func conflicting(e *Event) Result {
	return Result{EventID: e.ID, Status: "conflict", Errors: problem.Problems{eventConflict}}
}
