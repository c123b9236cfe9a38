package adjustment

import (
	"context"
	"fmt"

	"tollgate/models/audit"
	"tollgate/models/database"
	"tollgate/models/input"
	"tollgate/models/ledger"
	"tollgate/models/money"
	"tollgate/models/permission"
	"tollgate/models/problem"
)

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
// order of their keys, from its user and key, and from the event's day.
const storeAdjustment = `
WITH event AS (
    SELECT * FROM counted_events WHERE event_id = ?2::uuid AND week = ?8::date
), added AS (
    INSERT INTO usage_adjustments (id, name, event_id, amount, charge, reason, actor, created_at, week)
    VALUES (?0, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8::date)
), counters AS (
    SELECT w.line_id, w.kind, w.reset_duration, w.window_start, ?3::bigint AS more, event.received_at
    FROM event CROSS JOIN LATERAL unnest(event.line_ids, event.line_kinds, event.line_durations,
        event.window_starts) AS l(line_id, kind, reset_duration, window_start)
    JOIN limit_windows AS w USING (line_id, kind, reset_duration, window_start)
    WHERE l.kind = 'spend' ORDER BY 1, 2, 3, 4 FOR UPDATE OF w
), counted AS (
    UPDATE limit_windows AS w SET used = w.used + c.more, cleared = ` + ledger.ClearedWith + `
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
