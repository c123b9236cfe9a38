package usage

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"tollgate/models/audit"
	"tollgate/models/database"
	"tollgate/models/decision"
	"tollgate/models/identity"
	"tollgate/models/input"
	"tollgate/models/money"
	"tollgate/models/permission"
	"tollgate/models/problem"
)

// Adjustment is a refund of a part of an event's charge. Charge is what was left of it then.
type Adjustment struct {
	ID        string      `json:"id"`
	EventID   string      `json:"event_id"`
	Amount    money.Money `json:"amount"` // negative
	Charge    money.Money `json:"charge"`
	Reason    string      `json:"reason"`
	Actor     string      `json:"actor"`
	CreatedAt time.Time   `json:"created_at"`
}

// MaxReason is how long the reason of an adjustment or a settlement may be.
const MaxReason = 500

// AdjustmentInput is what a client may send for one. Without an id, an equal one is refused as a repeat.
type AdjustmentInput struct {
	input.Row
	ID      input.Value `json:"adjustment_id"`
	EventID input.Value `json:"event_id"`
	Amount  input.Value `json:"amount"`
	Reason  input.Value `json:"reason"`
}

func (in AdjustmentInput) read() (Adjustment, error) {
	c := &input.Reader{}
	var a Adjustment
	if in.ID.Given() {
		a.ID = c.GatewayID("adjustment_id", in.ID, "invalid_adjustment_id")
	}
	a.EventID = readEventID(c, "event_id", in.EventID)
	a.Amount = readRefund(c, "amount", in.Amount)
	c.Required("reason", in.Reason, "a reason")
	a.Reason, _ = c.Text("reason", in.Reason, input.TextRule{What: "a reason", Max: MaxReason, Newlines: true})
	return a, problem.InvalidInput(c.Problems)
}

// readRefund reads negative dollars, rounded as costs are, so that the cost that was reported takes all of its charge
// back.
func readRefund(c *input.Reader, field string, v input.Value) money.Money {
	switch {
	case v.Kind == input.Absent, v.Kind == input.Null:
		c.Add(field, "required", "Give the dollars to take back as a negative number, such as -0.25.")
		return 0
	case v.Kind != input.Number:
		c.Add(field, "wrong_type", "Give the dollars to take back as a negative number, such as -0.25.")
		return 0
	}
	literal, negative := strings.CutPrefix(v.Text, "-")
	amount, err := money.ParseCost(literal)
	if err != nil || !negative || amount == 0 || amount > decision.MaxEventCost {
		c.Add(field, "number_out_of_range", "Give the dollars to take back as a negative number down to -1000000.")
		return 0
	}
	return -amount
}

// key is what an adjustment is stored by: its id, or its content.
func (a Adjustment) key() input.GatewayID {
	if a.ID != "" {
		return input.NewGatewayID(a.ID)
	}
	said, _ := json.Marshal([]any{input.NewGatewayID(a.EventID).Key, a.Amount, a.Reason}) // these types always encode
	return input.GatewayID{Key: input.NewGatewayID(string(said)).Key}
}

// Adjust takes a part of an event's charge back, also from its counters and its day, and reports whether it is new:
// with an id it is idempotent. Refusals: Invalid, NotFound without such an event, Conflict when less is left than is
// taken back, when it repeats an adjustment without an id, or when another adjustment has its id.
func (r *Recorder) Adjust(
	ctx context.Context, db *bun.DB, actor permission.Actor, in AdjustmentInput,
) (a Adjustment, created bool, err error) {
	wanted, err := in.read()
	if err != nil {
		return wanted, false, err
	}
	var user string
	err = database.InTx(ctx, db, func(ctx context.Context, tx database.Tx) error {
		if _, err := identity.Lock(ctx, tx, actor, permission.UpdateUsage, nil, nil); err != nil {
			return err
		}
		charge, week, err := lockCharge(ctx, tx, wanted.EventID, &user)
		if err != nil {
			return err
		}
		if a, err = adjustedBefore(ctx, tx, wanted); err == nil || !errors.Is(err, sql.ErrNoRows) {
			created = false
			return err
		}
		a, created = wanted, true
		return a.store(ctx, tx, actor, user, week, charge)
	})
	switch {
	case problem.Violates(err, "usage_adjustments_pkey"):
		err = anotherAdjustment()
	case err == nil && created:
		if id, ok := identity.ParseUserID(user); ok {
			r.decider.Counted(id)
		}
	}
	return a, created, err
}

// lockCharge finds the user of an event, its week, and what is left of its charge, nil when its cost is unknown. It
// locks the event's row against concurrent adjustments, and reads earlier ones after that.
func lockCharge(
	ctx context.Context, tx database.Tx, eventID string, user *string,
) (charge *money.Money, week string, err error) {
	key := input.NewGatewayID(eventID).Key
	if week, err = lockEvent(ctx, tx, key); err != nil {
		return nil, "", err
	}
	if week == "" {
		return nil, "", problem.Refuse(problem.NotFound, "event_id", "not_found", "No event with this id was counted.")
	}
	var left sql.NullInt64
	err = tx.NewRaw("SELECT user_id, cost FROM counted_events WHERE event_id = ? AND week = ?::date", key, week).
		Scan(ctx, user, &left)
	if err != nil {
		return nil, "", fmt.Errorf("read an event: %w", err)
	}
	if !left.Valid {
		return nil, week, nil
	}
	var taken int64
	err = tx.NewRaw("SELECT coalesce(sum(amount), 0)::bigint FROM usage_adjustments WHERE event_id = ? AND week = ?::date",
		key, week).Scan(ctx, &taken)
	if err != nil {
		return nil, "", fmt.Errorf("add up what was taken back of an event: %w", err)
	}
	amount := money.Money(left.Int64 + taken)
	return &amount, week, nil
}

// lockEvent locks the event that has an id, the latest if its id was used again after a time, and returns its week; ""
// when there is none. What it has is to be read after that.
func lockEvent(ctx context.Context, tx database.Tx, key string) (week string, err error) {
	err = tx.NewRaw(`
WITH before AS (
    SELECT date '1970-01-05' AS week FROM usage_events WHERE event_id = ?0::uuid FOR UPDATE
), weekly AS (
    SELECT week FROM weekly_events WHERE event_id = ?0::uuid ORDER BY week DESC LIMIT 1 FOR UPDATE
)
SELECT coalesce(max(week)::text, '') FROM (SELECT * FROM before UNION ALL SELECT * FROM weekly) AS found`, key).
		Scan(ctx, &week)
	if err != nil {
		return "", fmt.Errorf("lock an event: %w", err)
	}
	return week, nil
}

// adjustedBefore finds the adjustment that one repeats.
func adjustedBefore(ctx context.Context, tx database.Tx, wanted Adjustment) (Adjustment, error) {
	key := wanted.key()
	a := wanted
	var eventKey string
	err := tx.NewRaw("SELECT event_id, amount, charge, reason, actor, created_at FROM usage_adjustments WHERE id = ?",
		key.Key).
		Scan(ctx, &eventKey, &a.Amount, &a.Charge, &a.Reason, &a.Actor, &a.CreatedAt)
	switch {
	case err != nil:
		return a, err
	case wanted.ID == "":
		return a, problem.Refuse(problem.Conflict, "", "already_adjusted",
			"This was taken back already. Give an adjustment_id of its own to take the same back once more.")
	case eventKey != input.NewGatewayID(wanted.EventID).Key || a.Amount != wanted.Amount || a.Reason != wanted.Reason:
		return a, anotherAdjustment()
	}
	return a, nil
}

func anotherAdjustment() error {
	return problem.Refuse(problem.Conflict, "adjustment_id", "adjustment_conflict",
		"Give another adjustment another adjustment_id: this one was made with other content.")
}

// store takes the amount back. Refusal: Conflict when less is left.
func (a *Adjustment) store(
	ctx context.Context, tx database.Tx, actor permission.Actor, user, week string, charge *money.Money,
) error {
	switch {
	case charge == nil:
		return problem.Refuse(problem.Conflict, "amount", "exceeds_charge",
			"Nothing of this event can be taken back: its cost is unknown, so that nothing was charged.")
	case *charge+a.Amount < 0:
		return problem.Refuse(problem.Conflict, "amount", "exceeds_charge",
			"Take back at most "+charge.String()+" dollars: no more is left of this event's charge.")
	}
	at, err := database.Clock(ctx, tx)
	if err != nil {
		return err
	}
	key := a.key()
	a.Charge, a.Actor, a.CreatedAt = *charge+a.Amount, actor.Name, at
	if a.ID == "" {
		a.ID = key.Key
	}
	_, err = tx.NewRaw(storeAdjustment, key.Key, key.Name, input.NewGatewayID(a.EventID).Key, int64(a.Amount),
		int64(a.Charge), a.Reason, a.Actor, at, week).Exec(ctx)
	if err != nil {
		return fmt.Errorf("take a charge back: %w", err)
	}
	tx.InvalidateUsage(user)
	c := audit.Change{Actor: actor.Name, Origin: audit.OriginOf(actor), UserID: &user, Action: "update", At: at}
	if err := c.Documents(adjustedCharge{Charge: *charge}, adjustedCharge{a.Charge, &a.Amount, a.Reason},
		map[string]string{"resource": "usage_event", "id": a.EventID, "adjustment_id": a.ID}); err != nil {
		return err
	}
	return audit.Record(tx, c)
}

// adjustedCharge is what an audit row shows of an event.
type adjustedCharge struct {
	Charge money.Money  `json:"charge"`
	Amount *money.Money `json:"amount,omitempty"`
	Reason string       `json:"reason,omitempty"`
}

// storeAdjustment adds the row and takes its amount from the counters of spend that its event was counted on, in the
// order of their keys, from its user and key, and from the event's day. What was cleared of a counter is never more
// than what is used.
const storeAdjustment = `
WITH event AS (
    SELECT * FROM counted_events WHERE event_id = ?2::uuid AND week = ?8::date
), added AS (
    INSERT INTO usage_adjustments (id, name, event_id, amount, charge, reason, actor, created_at, week)
    VALUES (?0, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8::date)
), counters AS (
    SELECT w.line_id, w.kind, w.reset_duration, w.window_start
    FROM event CROSS JOIN LATERAL unnest(event.line_ids, event.line_kinds, event.line_durations,
        event.window_starts) AS l(line_id, kind, reset_duration, window_start)
    JOIN limit_windows AS w USING (line_id, kind, reset_duration, window_start)
    WHERE l.kind = 'spend' ORDER BY 1, 2, 3, 4 FOR UPDATE OF w
), counted AS (
    UPDATE limit_windows AS w SET used = w.used + ?3, cleared = least(w.cleared, w.used + ?3)
    FROM counters AS c
    WHERE (w.line_id, w.kind, w.reset_duration, w.window_start) = (c.line_id, c.kind, c.reset_duration, c.window_start)
), latest AS (
    UPDATE usage_latest AS l SET cost = l.cost + ?3 FROM event AS e
    WHERE l.id IN (e.user_id, e.virtual_key_id) AND l.month = date_trunc('month',
        e.occurred_at AT TIME ZONE 'UTC')::date
), revised AS (
    INSERT INTO usage_revised_days SELECT (occurred_at AT TIME ZONE 'UTC')::date FROM event
    WHERE occurred_at < date_trunc('day', clock_timestamp(), 'UTC')
)
UPDATE usage_days AS d SET cost = d.cost + ?3
FROM event AS e
WHERE d.day = (e.occurred_at AT TIME ZONE 'UTC')::date AND d.user_id = e.user_id
    AND d.access_profile_id = coalesce(e.access_profile_id, 0)
  AND d.provider = CASE WHEN e.tool_name = '' THEN e.provider ELSE 'mcp' END
  AND d.model = CASE WHEN e.tool_name = '' THEN e.model ELSE e.mcp_client_id || '/' || e.tool_name END`
