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

// assignTries is how often an event is read and charged. It changes once at most: from an estimate to the exact event.
const assignTries = 3

// errChanged says that an event was read before its exact usage was reported.
var errChanged = problem.Refuse(problem.Conflict, "", "changed_meanwhile",
	"Look again before you assign it: its exact usage was reported meanwhile.")

// charging names an open event, whether those alike are charged too, and who is charged.
type charging struct {
	id, userID string
	alike      bool
}

// Assign charges a quarantined event to a user as if it had been reported for them, once, however often and by whom it
// is assigned. It returns how many events were settled. Refusals: NotFound, Invalid, Forbidden, Conflict when it is
// settled, was counted already or changed meanwhile.
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
	for range assignTries {
		settled, err = assign(ctx, db, recorder, actor, charging{id, userID, alike})
		if !errors.Is(err, errChanged) {
			break
		}
	}
	if err != nil {
		return 0, err
	}
	if user, ok := identity.ParseUserID(userID); ok {
		recorder.Counted(user)
	}
	return settled, nil
}

// assign charges and settles events as they are now. Refusals: those of Assign.
func assign(
	ctx context.Context, db *bun.DB, recorder *usage.Recorder, actor permission.Actor, of charging,
) (settled int, err error) {
	charges, err := chargesFor(ctx, db, recorder, of)
	if err != nil {
		return 0, err
	}
	err = database.InTx(ctx, db, func(ctx context.Context, tx database.Tx) error {
		if _, err := identity.LockAccess(ctx, tx, actor, permission.UpdateUsage, of.userID); err != nil {
			return err
		}
		events, err := lockOpen(ctx, tx, of.id, of.alike)
		if err != nil {
			return err
		}
		if events, err = charge(ctx, tx, events, charges); err != nil {
			return err
		}
		settled = len(events)
		return settle(ctx, tx, actor, events, settlement{outcome: "assigned", userID: &of.userID})
	})
	return settled, err
}

// chargeOf is an event of a user that was made of what an event of the quarantine said.
type chargeOf struct {
	document string
	*usage.Event
}

// chargesFor finds the copies of a user that pay for open events, by their ids, before anything is locked.
func chargesFor(
	ctx context.Context, db *bun.DB, recorder *usage.Recorder, of charging,
) (map[string]chargeOf, error) {
	events, err := readOpen(ctx, selectEvents(db), of.id, of.alike)
	if err != nil {
		return nil, err
	}
	kept := make([]keptevent.Event, len(events))
	for i, event := range events {
		kept[i] = event.Event
	}
	charged, err := recorder.ChargeTo(ctx, of.userID, kept)
	if err != nil {
		return nil, err
	}
	charges := map[string]chargeOf{}
	for i, event := range events {
		charges[event.ID] = chargeOf{event.document, charged[i]}
	}
	return charges, nil
}

// charge counts locked events and returns those that were counted, each with the cost that was charged. It leaves out
// events that changed since their charges were found, and those that were reported again with a known key, and counted
// then. Refusals: Conflict when the first has changed, or none is left.
func charge(
	ctx context.Context, tx database.Tx, events []Event, charges map[string]chargeOf,
) ([]Event, error) {
	if charges[events[0].ID].document != events[0].document {
		return nil, errChanged
	}
	before, err := countedBefore(ctx, tx, events)
	if err != nil {
		return nil, err
	}
	counted := []*usage.Event{}
	for i := range events {
		event := &events[i]
		if charge := charges[event.ID]; charge.document == event.document && !before[event.ID] {
			counted, event.Cost = append(counted, charge.Event), charge.Cost
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

// countedBefore finds the events that were counted in any week: an event may wait here for longer than its id is looked
// up when it is counted. An id that was counted 36 days before the event came may be that of another.
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
