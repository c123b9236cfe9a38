package adjustment

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/uptrace/bun"

	"tollgate/models/access"
	"tollgate/models/database"
	"tollgate/models/identity"
	"tollgate/models/input"
	"tollgate/models/ledger"
	"tollgate/models/money"
	"tollgate/models/permission"
	"tollgate/models/problem"
)

// Adjust takes a part of an event's charge back, also from its counters and its day, and reports whether it is new:
// with an id it is idempotent. Refusals: Invalid, NotFound without such an event, Conflict when less is left than is
// taken back, when it repeats an adjustment without an id, or when another adjustment has its id.
func Adjust(
	ctx context.Context, db *bun.DB, cache *access.Cache, actor permission.Actor, in Input,
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
			cache.Counted(id)
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
	if week, err = ledger.LockEvent(ctx, tx, key); err != nil {
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
	taken, err := takenBack(ctx, tx, key, week)
	if err != nil {
		return nil, "", err
	}
	amount := money.Money(left.Int64) + taken
	return &amount, week, nil
}

// takenBack is what earlier adjustments took of an event's charge, as a negative amount.
func takenBack(ctx context.Context, tx database.Tx, key, week string) (money.Money, error) {
	var taken int64
	err := tx.NewRaw("SELECT coalesce(sum(amount), 0)::bigint "+
		"FROM usage_adjustments WHERE event_id = ? AND week = ?::date",
		key, week).Scan(ctx, &taken)
	if err != nil {
		return 0, fmt.Errorf("add up what was taken back of an event: %w", err)
	}
	return money.Money(taken), nil
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
