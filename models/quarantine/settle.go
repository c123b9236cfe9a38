package quarantine

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"tollgate/models/audit"
	"tollgate/models/database"
	"tollgate/models/identity"
	"tollgate/models/input"
	"tollgate/models/money"
	"tollgate/models/permission"
	"tollgate/models/problem"
)

// Dismissal is the reason why a quarantined event is not charged.
type Dismissal struct {
	input.Row
	Reason input.Value `json:"reason"`
	Alike  input.Value `json:"alike"`
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
