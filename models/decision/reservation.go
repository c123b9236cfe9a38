package decision

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun/dialect/pgdialect"

	"tollgate/models/database"
	"tollgate/models/entitlement"
	"tollgate/models/input"
	"tollgate/models/problem"
)

const shortestLease = 10 // seconds

const longestLease = 3600

// Reservation is a hold that has not expired.
type Reservation struct {
	ID        string    `json:"reservation_id"`
	ExpiresAt time.Time `json:"expires_at"`
}

// RenewalInput is what a client may send to renew a hold.
type RenewalInput struct {
	input.Row
	Lease input.Value `json:"lease_s"`
}

// Read checks the input. Refusal: Invalid.
func (in RenewalInput) Read() (lease time.Duration, err error) {
	c := &input.Reader{}
	lease = readLease(c, in.Lease)
	return lease, problem.InvalidInput(c.Problems)
}

func readHold(c *input.Reader, id, lease input.Value) entitlement.Hold {
	var h entitlement.Hold
	if id.Given() {
		h.ID = c.GatewayID("reservation_id", id, "invalid_reservation_id")
	}
	h.Lease = readLease(c, lease)
	return h
}

// readLease reads how long a hold lasts; 0 when it was left out.
func readLease(c *input.Reader, v input.Value) time.Duration {
	if v.Kind == input.Null {
		c.Add("lease_s", "null_not_allowed", "Give the lease in seconds instead of null, or leave it out.")
	}
	seconds, _ := c.Int("lease_s", v, "the lease in seconds", shortestLease, longestLease)
	return time.Duration(seconds) * time.Second
}

// newEstimate is what a call needs of a copy, to be held under the name that the client chose, or a new one.
func newEstimate(user uuid.UUID, userCopy *entitlement.Copy, call entitlement.Call, at time.Time) *estimate {
	e := &estimate{user: user, userCopy: userCopy, call: call, at: at}
	if call.Hold.ID == "" {
		e.id = uuid.Must(uuid.NewV7()).String()
		e.key = e.id
		return e
	}
	e.id, e.key, e.content = call.Hold.ID, input.NewGatewayID(call.Hold.ID).Key, call.Content(user)
	return e
}

// allow is the answer to an estimate that is held, with what was used and reserved of its limits before.
func allow(
	userCopy *entitlement.Copy, call entitlement.Call, id string, used, reserved []int64, at time.Time,
) Decision {
	d := checkLimits(userCopy, call, at)
	d.Decision, d.Type, d.StatusCode = true, Allowed, decisionStatus[Allowed]
	d.RetryAfter, d.NeverFits, d.RefusedBy = nil, false, nil
	d.Message, d.ReservationID = "Allowed by "+userCopy.Name+"; the estimate is held.", &id
	n := 0
	for _, l := range userCopy.Counting(call) {
		if n < min(len(d.Limits), len(used), len(reserved)) {
			d.Limits[n].Used.N, d.Limits[n].Reserved.N = used[n], reserved[n]+cost(l, call)
		}
		n++
	}
	return d
}

// byLimits reports whether a decision depends on used and reserved amounts, not on what is granted.
func (d Decision) byLimits() bool {
	return d.StatusCode == decisionStatus[RateLimited] || d.StatusCode == decisionStatus[BudgetExceeded]
}

// heldBefore is the decision that a hold of this name got, while it lasts. Refusal: Conflict when it was made with
// other content.
func (e *Engine) heldBefore(ctx context.Context, of decided) (decision Decision, found bool, err error) {
	h, call := of.entitlements, of.call
	var content []byte
	var copyID int64
	var at time.Time
	var used, reserved []int64
	into := []any{&copyID, &content, &at, pgdialect.Array(&used), pgdialect.Array(&reserved)}
	err = database.ScanPlanned(ctx, e.cache.DB, into, `
SELECT copy_id, coalesce(content, ''), coalesce(decided_at, expires_at), coalesce(used, '{}'), coalesce(held, '{}')
FROM reservations WHERE id = $1 AND expires_at > clock_timestamp()`, input.NewGatewayID(call.Hold.ID).Key)
	if errors.Is(err, sql.ErrNoRows) {
		return decision, false, nil
	}
	if err != nil {
		return decision, false, fmt.Errorf("look up a hold: %w", err)
	}
	for i := range h.Copies {
		if userCopy := &h.Copies[i]; userCopy.ID == copyID && string(content) == string(call.Content(h.User)) {
			return of.by(allow(userCopy, call, call.Hold.ID, used, reserved, at)), true, nil
		}
	}
	return decision, true, problem.Refuse(problem.Conflict, "reservation_id", "reservation_conflict",
		"Give another call another reservation_id: this one holds other content.")
}

// heldMeanwhile is the decision for a hold when a concurrent request with the same name was faster.
func (e *Engine) heldMeanwhile(ctx context.Context, of decided) (Decision, error) {
	decision, found, err := e.heldBefore(ctx, of)
	if err == nil && !found {
		err = problem.Refuse(problem.Unavailable, "reservation_id", "retry_later",
			"This reservation has just ended. Try again.")
	}
	return decision, err
}

// Renew makes a hold last for a lease from now on, five minutes when it is 0. Refusal: NotFound when there is none, or
// it has expired.
func (e *Engine) Renew(ctx context.Context, id string, lease time.Duration) (Reservation, error) {
	renewed := Reservation{ID: id}
	found, err := e.changeHold(ctx, []any{&renewed.ExpiresAt}, `
UPDATE reservations SET expires_at = clock_timestamp() + $2 * interval '1 second' WHERE id = $1
    AND expires_at > clock_timestamp()
RETURNING user_id, expires_at`, input.NewGatewayID(id).Key, int64(entitlement.Hold{Lease: lease}.Lasts().Seconds()))
	if err == nil && !found {
		err = problem.Missing("reservation that lasts")
	}
	return renewed, err
}

// Release ends a hold without a charge. It is idempotent.
func (e *Engine) Release(ctx context.Context, id string) error {
	_, err := e.changeHold(ctx, nil, "DELETE FROM reservations WHERE id = $1 RETURNING user_id", input.NewGatewayID(id).Key)
	return err
}

// changeHold runs a statement that returns the user whose hold it changed and more, and reports whether there was one.
func (e *Engine) changeHold(ctx context.Context, more []any, query string, values ...any) (found bool, err error) {
	var user uuid.UUID
	err = database.InTx(ctx, e.cache.DB, func(ctx context.Context, tx database.Tx) error {
		err := database.ScanPlanned(ctx, tx, append([]any{&user}, more...), query, values...)
		if found = err == nil; found {
			tx.InvalidateUsage(user.String())
		}
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		return err
	})
	if err != nil {
		return false, fmt.Errorf("change a hold: %w", err)
	}
	if found {
		e.cache.Counted(user)
	}
	return found, nil
}
