package models

import (
	"context"

	"github.com/uptrace/bun"
)

// Tests of pushes look at one step at a time; these are for them.
var (
	CarriedWindow    = carriedWindow
	WindowAfter      = windowAfter
	PushPolicy       = push
	LoadPolicies     = loadPolicies
	ClaimPropagation = claimPropagation
	ErrLeaseLost     = errLeaseLost
)

// PushTo does a part of a push's work.
func (p Propagation) PushTo(ctx context.Context, db bun.IDB, copies ...int64) error {
	return p.push(ctx, db, &history{profileID: p.AccessProfileID, known: map[int64]AccessProfile{}}, copies)
}
