package decision

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"tollgate/models/assignment"
	"tollgate/models/database"
	"tollgate/models/entitlement"
	"tollgate/models/money"
	"tollgate/models/policy"
	"tollgate/models/problem"
)

// Raise is the smallest raise of one budget of a copy that allows the next call, and what else blocks that call.
type Raise struct {
	// Least is the smallest override, in whole cents, under which the budget allows the call; 0 when it needs none.
	Least    money.Money
	Reserved money.Money // of the budget, for calls under way
	// AlsoBlocking are the other limits of the copy that block calls in the budget's scope.
	AlsoBlocking []RefusedLimit
	Paused       bool
	Expired      bool
}

// NeededRaise works out the raise that a call of an estimated cost needs from a budget of a user's copy, with what is
// held for calls under way. Refusal: NotFound.
func NeededRaise(
	ctx context.Context, db bun.IDB, held assignment.Assignment, budgetID string, estimate money.Money,
) (Raise, error) {
	now, err := database.Clock(ctx, db)
	if err != nil {
		return Raise{}, err
	}
	userCopy, err := entitlement.OfCopy(ctx, db, held, now)
	if err != nil {
		return Raise{}, err
	}
	for l := range userCopy.All() {
		if l.ID.String() == budgetID && l.Kind == policy.KindSpend {
			return neededRaise(userCopy, l, estimate, now), nil
		}
	}
	return Raise{}, problem.Missing("budget of this copy")
}

func neededRaise(userCopy *entitlement.Copy, raised entitlement.Limit, estimate money.Money, now time.Time) Raise {
	call := entitlement.Call{Cost: estimate}
	used, reserved, _, _ := raised.Counted(now)
	expired := userCopy.ExpiresAt != nil && !userCopy.ExpiresAt.After(now)
	need := Raise{
		Least: wholeCents(used + reserved + max(1, int64(estimate)) - raised.Max), Reserved: money.Money(reserved),
		AlsoBlocking: []RefusedLimit{}, Paused: !userCopy.Active, Expired: expired,
	}
	for l := range userCopy.All() {
		if l.Counter == raised.Counter || !l.Scope.Meets(raised.Scope) {
			continue
		}
		used, reserved, _, _ := l.Counted(now)
		if lacksRoom(used+reserved, cost(l, call), l.Cap(now)) {
			need.AlsoBlocking = append(need.AlsoBlocking, newRefusedLimit(l, call, now))
		}
	}
	return need
}

// wholeCents rounds an amount up to cents; 0 for none.
func wholeCents(nanos int64) money.Money {
	const cent = money.Dollar / 100
	return money.Money((max(0, nanos) + cent - 1) / cent * cent)
}
