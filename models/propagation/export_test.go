package propagation

import (
	"context"

	"github.com/uptrace/bun"

	"tollgate/models/profile"
)

// PushTo does a part of a push's work.
func (p Job) PushTo(ctx context.Context, db bun.IDB, copies ...int64) error {
	return p.push(ctx, db, &history{profileID: p.AccessProfileID, known: map[int64]profile.Profile{}}, copies)
}
