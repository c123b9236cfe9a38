package quarantine

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"tollgate/models/audit"
	"tollgate/models/database"
	"tollgate/models/decision"
	"tollgate/models/identity"
	"tollgate/models/input"
	"tollgate/models/keptevent"
	"tollgate/models/money"
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

// Dismissal is the reason why a quarantined event is not charged.
type Dismissal struct {
	input.Row
	Reason input.Value `json:"reason"`
	Alike  input.Value `json:"alike"`
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

// Dismiss settles a quarantined event without a charge. It returns how many events were settled. Refusals: NotFound,
// Invalid, Conflict when it is settled.
func Dismiss(
	ctx context.Context, db bun.IDB, actor permission.Actor, id string, in Dismissal,
) (settled int, err error) {
	if _, err := Get(ctx, db, actor, id); err != nil {
		return 0, err
	}
	c := &input.Reader{}
	c.Required("reason", in.Reason, "a reason")
	reason, _ := c.Text("reason", in.Reason, input.TextRule{What: "a reason", Max: input.MaxReason, Newlines: true})
	alike, _ := c.Bool("alike", in.Alike)
	if err := problem.InvalidInput(c.Problems); err != nil {
		return 0, err
	}
	err = database.InTx(ctx, db, func(ctx context.Context, tx database.Tx) error {
		if _, err := identity.Lock(ctx, tx, actor, permission.UpdateUsage, nil, nil); err != nil {
			return err
		}
		events, err := lockOpen(ctx, tx, id, alike)
		if err != nil {
			return err
		}
		settled = len(events)
		return settle(ctx, tx, actor, events, settlement{outcome: "dismissed", reason: &reason})
	})
	return settled, err
}

// lockOpen is readOpen for events that are to be settled.
func lockOpen(ctx context.Context, tx database.Tx, id string, alike bool) ([]Event, error) {
	return readOpen(ctx, selectEvents(tx).For("UPDATE OF q"), id, alike)
}

// readOpen reads an open event, first, and those that came with the same key or user_id when alike is set.
// Refusal: Conflict when it is settled.
func readOpen(ctx context.Context, open *bun.SelectQuery, id string, alike bool) ([]Event, error) {
	var rows []row
	open = open.Where("q.outcome IS NULL").OrderExpr("q.event_id <> ?0::uuid, q.event_id", id).Limit(settledAtOnce)
	if alike {
		open = open.Where("("+sender+") = (SELECT "+sender+" FROM usage_quarantine AS q WHERE q.event_id = ?::uuid)", id)
	} else {
		open = open.Where("q.event_id = ?::uuid", id)
	}
	if err := open.Scan(ctx, &rows); err != nil {
		return nil, fmt.Errorf("read open quarantined events: %w", err)
	}
	if len(rows) == 0 || rows[0].ID != id {
		return nil, problem.Refuse(problem.Conflict, "", "already_settled",
			"This event was settled meanwhile. Look at its outcome.")
	}
	events := make([]Event, len(rows))
	for i, r := range rows {
		var err error
		if events[i], err = r.read(); err != nil {
			return nil, err
		}
	}
	return events, nil
}

// settlement is the outcome of quarantined events.
type settlement struct {
	outcome        string
	userID, reason *string
}

// settledRecord is how an audit row shows it.
type settledRecord struct {
	Outcome string      `json:"outcome"`
	Reason  *string     `json:"reason,omitempty"`
	Events  []string    `json:"events"`
	Cost    money.Money `json:"cost"`
	Tokens  int64       `json:"tokens"`
}

// settle records the outcome of events, with one audit row.
func settle(
	ctx context.Context, tx database.Tx, actor permission.Actor, events []Event, s settlement,
) error {
	now, err := database.Clock(ctx, tx)
	if err != nil {
		return err
	}
	ids, shown := []string{}, settledRecord{Outcome: s.outcome, Reason: s.reason}
	for _, event := range events {
		ids, shown.Events = append(ids, event.ID), append(shown.Events, event.EventID)
		shown.Tokens += event.Tokens
		if event.Cost != nil {
			shown.Cost += *event.Cost
		}
	}
	_, err = tx.NewRaw("UPDATE usage_quarantine SET outcome = ?, settled_at = ?, settled_by = ?, user_id = ?, reason = ? "+
		"WHERE event_id = ANY (?::uuid[])",
		s.outcome, now, actor.Name, s.userID, s.reason, pgdialect.Array(ids)).Exec(ctx)
	if err != nil {
		return fmt.Errorf("settle quarantined events: %w", err)
	}
	return recordSettlement(ctx, tx, actor, events[0], shown, s.userID, now)
}

func recordSettlement(
	ctx context.Context, tx database.Tx, actor permission.Actor, first Event, shown settledRecord,
	userID *string, now time.Time,
) error {
	c := audit.Change{Actor: actor.Name, Origin: audit.OriginOf(actor), UserID: userID, Action: "assign", At: now}
	if userID == nil {
		c.Action = "delete"
	}
	if err := c.Documents(nil, shown, map[string]string{"resource": "quarantined_usage", "id": first.ID}); err != nil {
		return err
	}
	return audit.Record(tx, c)
}
