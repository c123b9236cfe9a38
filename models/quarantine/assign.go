package quarantine

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"tollgate/models/database"
	"tollgate/models/decision"
	"tollgate/models/identity"
	"tollgate/models/input"
	"tollgate/models/keptevent"
	"tollgate/models/permission"
	"tollgate/models/problem"
	"tollgate/models/usage"
)

// Assignment names the user that a quarantined event is charged to, by their id or email address.
type Assignment struct {
	input.Row
	UserID input.Value `json:"user_id"`
	Email  input.Value `json:"email"`
	Alike  input.Value `json:"alike"` // also the other open events that came with the same key or user_id
}

// settledAtOnce is how many events are settled in a batch.
const settledAtOnce = usage.MaxEvents

// user finds the user. Refusal: Invalid.
func (in Assignment) user(ctx context.Context, db bun.IDB) (id string, alike bool, err error) {
	c := &input.Reader{}
	alike, _ = c.Bool("alike", in.Alike)
	field, query, wanted := "user_id", "SELECT id FROM users WHERE id = ?", ""
	switch {
	case in.UserID.Given() && in.Email.Given():
		c.Add("email", "ambiguous_user", "Give the user_id or the email, not both.")
	case in.Email.Given():
		field, query = "email", "SELECT id FROM users WHERE email_key = ?"
		if wanted, _ = identity.ReadEmail(c, field, in.Email); wanted != "" {
			wanted = input.FoldCase(wanted)
		}
	case in.UserID.Given():
		wanted, _ = c.Text(field, in.UserID, input.TextRule{
			What: "the id of a user", Max: decision.LongestSource,
			Exact: true,
		})
	default:
		if in.UserID.FromForm || in.Email.FromForm {
			field = "email"
		}
		c.Add(field, "required", "Choose the user to charge.")
	}
	if err := problem.InvalidInput(c.Problems); err != nil {
		return "", false, err
	}
	err = db.NewRaw(query, wanted).Scan(ctx, &id)
	if errors.Is(err, sql.ErrNoRows) {
		c.Add(field, "unknown_user", "Choose a user of this console; there is none with "+problem.Clip(wanted)+".")
		return "", false, problem.InvalidInput(c.Problems)
	}
	if err != nil {
		return "", false, fmt.Errorf("look up whom a quarantined event is charged to: %w", err)
	}
	return id, alike, nil
}

// Assign charges a quarantined event to a user as if it had been reported for them, once, however often and by whom it
// is assigned. It returns how many events were settled. Refusals: NotFound, Invalid, Forbidden, Conflict when it is
// settled or was counted already.
func Assign(
	ctx context.Context, db *bun.DB, recorder *usage.Recorder, actor permission.Actor, id string, in Assignment,
) (settled int, err error) {
	if _, err := Get(ctx, db, actor, id); err != nil {
		return 0, err
	}
	userID, alike, err := in.user(ctx, db)
	if err != nil {
		return 0, err
	}
	charges, err := chargesFor(ctx, db, recorder, id, alike, userID)
	if err != nil {
		return 0, err
	}
	err = database.InTx(ctx, db, func(ctx context.Context, tx database.Tx) error {
		if _, err := identity.LockAccess(ctx, tx, actor, permission.UpdateUsage, userID); err != nil {
			return err
		}
		events, err := lockOpen(ctx, tx, id, alike)
		if err != nil {
			return err
		}
		if events, err = charge(ctx, tx, events, charges); err != nil {
			return err
		}
		settled = len(events)
		return settle(ctx, tx, actor, events, settlement{outcome: "assigned", userID: &userID})
	})
	if err != nil {
		return 0, err
	}
	if user, ok := identity.ParseUserID(userID); ok {
		recorder.Counted(user)
	}
	return settled, nil
}

// chargesFor finds the copies of a user that pay for open events, by their ids, before anything is locked.
func chargesFor(
	ctx context.Context, db *bun.DB, recorder *usage.Recorder, id string, alike bool, userID string,
) (map[string]*usage.Event, error) {
	events, err := readOpen(ctx, selectEvents(db), id, alike)
	if err != nil {
		return nil, err
	}
	kept := make([]keptevent.Event, len(events))
	for i, event := range events {
		kept[i] = event.Event
	}
	charged, err := recorder.ChargeTo(ctx, userID, kept)
	if err != nil {
		return nil, err
	}
	charges := map[string]*usage.Event{}
	for i, event := range events {
		charges[event.ID] = charged[i]
	}
	return charges, nil
}

// charge counts events and returns those that were counted. It leaves out events that were reported again
// with a known key, and counted then. Refusal: Conflict when none is left.
func charge(
	ctx context.Context, tx database.Tx, events []Event, charges map[string]*usage.Event,
) ([]Event, error) {
	before, err := countedBefore(ctx, tx, events)
	if err != nil {
		return nil, err
	}
	counted := []*usage.Event{}
	for _, event := range events {
		if charge := charges[event.ID]; charge != nil && !before[event.ID] {
			counted = append(counted, charge)
		}
	}
	stored, err := usage.StoreEvents(ctx, tx, counted)
	if err != nil {
		return nil, fmt.Errorf("count quarantined events: %w", err)
	}
	events = slices.DeleteFunc(events, func(event Event) bool { return !stored[event.ID] })
	if len(events) == 0 {
		return nil, problem.Refuse(problem.Conflict, "", "already_counted",
			"This call was reported again with a key that is known, and counted then. Dismiss it here.")
	}
	return events, nil
}

// countedBefore finds the events that were counted, in whichever week that was: an event may wait here for longer than
// its id is looked up when it is counted. An id that was counted 36 days before the event came may be that of another.
func countedBefore(ctx context.Context, tx database.Tx, events []Event) (map[string]bool, error) {
	ids, found := make([]string, len(events)), []string{}
	for i, event := range events {
		ids[i] = event.ID
	}
	err := tx.NewRaw(`
SELECT q.event_id::text FROM usage_quarantine AS q
CROSS JOIN LATERAL (
    SELECT received_at FROM counted_events AS c WHERE c.event_id = q.event_id ORDER BY week DESC LIMIT 1
) AS counted
WHERE q.event_id = ANY (?::uuid[]) AND counted.received_at > q.received_at - interval '36 days'`,
		pgdialect.Array(ids)).Scan(ctx, &found)
	if err != nil {
		return nil, fmt.Errorf("look for quarantined events that were counted: %w", err)
	}
	before := make(map[string]bool, len(found))
	for _, id := range found {
		before[id] = true
	}
	return before, nil
}
