package entitlement

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"tollgate/models/assignment"
	"tollgate/models/money"
)

// OfCopy is a copy that was read with its usage, as decisions would see it now: with what is held for calls under way.
// It takes one statement.
func OfCopy(ctx context.Context, db bun.IDB, held assignment.Assignment, now time.Time) (*Copy, error) {
	overrides := map[string]assignment.BudgetOverride{}
	for _, l := range held.Limits() {
		if l.Raise != nil {
			overrides[l.ID] = assignment.BudgetOverride{Amount: money.Money(l.Raise.Amount), EndsAt: l.Raise.Ends}
		}
	}
	userCopy, err := newCopy(held, &held.Policy, overrides)
	if err != nil {
		return nil, err
	}
	user, err := uuid.Parse(held.UserID)
	if err != nil {
		return nil, fmt.Errorf("read the user of a copy: %w", err)
	}
	read := &Entitlements{User: user, Copies: []Copy{userCopy}}
	err = CountUsed(ctx, db, map[uuid.UUID]*Entitlements{user: read}, now)
	return &read.Copies[0], err
}

// AddFresh adds a copy as if nothing of it had been used; one of a deactivated user allows nothing.
func (h *Entitlements) AddFresh(held assignment.Assignment) error {
	userCopy, err := newCopy(held, &held.Policy, nil)
	if err == nil {
		h.Copies, h.Frozen = append(h.Copies, userCopy), held.HolderDeactivatedAt
	}
	return err
}
