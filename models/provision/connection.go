package provision

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"

	"tollgate/models/connection"
	"tollgate/models/database"
	"tollgate/models/identity"
	"tollgate/models/permission"
)

// UpdateConnection changes the fields sent of a connection, and the roles of its users that follow from another default
// role. Refusals: those of connection.Update and Settle.
func UpdateConnection(
	ctx context.Context, db bun.IDB, actor permission.Actor, id int64, in connection.Input,
) (connection.Connection, error) {
	var changed connection.Connection
	err := database.InTx(ctx, db, func(ctx context.Context, tx database.Tx) error {
		if err := database.AllowLong(ctx, tx); err != nil {
			return err
		}
		before, err := connection.Lock(ctx, tx, id)
		if err != nil {
			return err
		}
		changed, err = connection.Update(ctx, tx, actor, id, in)
		if err != nil || changed.DefaultRoleID == before.DefaultRoleID {
			return err
		}
		auth, err := identity.Claim{Needed: permission.UpdateSettings, Shared: true}.Lock(ctx, tx, actor)
		if err != nil {
			return err
		}
		everyone, err := usersOf(ctx, tx, id)
		if err != nil {
			return err
		}
		return Settle(ctx, tx, auth.Actor, changed, everyone)
	})
	return changed, err
}

// usersOf are the ids of all users of a connection.
func usersOf(ctx context.Context, db bun.IDB, id int64) (ids []string, err error) {
	if err := db.NewRaw("SELECT id FROM users WHERE connection_id = ?", id).Scan(ctx, &ids); err != nil {
		return nil, fmt.Errorf("look up the users of a directory: %w", err)
	}
	return ids, nil
}
