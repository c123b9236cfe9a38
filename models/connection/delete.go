package connection

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"

	"tollgate/models/database"
	"tollgate/models/permission"
	"tollgate/models/problem"
)

// Delete removes a connection with its tokens. Its users stay as they are and belong to the console from then on; those
// who are deactivated stay so. Refusals: NotFound, Forbidden for a connection of a user who may do more than the actor,
// Conflict while a provider finds its users by it.
func Delete(ctx context.Context, db bun.IDB, actor permission.Actor, id int64) (Connection, error) {
	var old Connection
	err := database.InTx(ctx, db, func(ctx context.Context, tx database.Tx) (err error) {
		if err := database.AllowLong(ctx, tx); err != nil {
			return err
		}
		if old, err = Lock(ctx, tx, id); err != nil {
			return err
		}
		if err := coversUsers(ctx, tx, actor, "", id); err != nil {
			return err
		}
		var released []string
		err = tx.NewRaw(`
WITH locked AS (SELECT id FROM users WHERE connection_id = ? ORDER BY id FOR UPDATE)
UPDATE users AS u SET connection_id = NULL, left_at = NULL, updated_at = clock_timestamp() FROM locked
WHERE u.id = locked.id RETURNING u.id`, id).Scan(ctx, &released)
		if err != nil {
			return fmt.Errorf("release the users of SCIM connection %d: %w", id, err)
		}
		for _, query := range []string{
			"DELETE FROM scim_users WHERE connection_id = ?", "DELETE FROM scim_connections WHERE id = ?",
		} {
			_, err := tx.NewRaw(query, id).Exec(ctx)
			if problem.Violates(err, "identity_providers_connection") {
				return problem.Refuse(problem.Conflict, "", "in_use",
					"An identity provider finds its users by this connection. Choose another there first, or none.")
			}
			if err != nil {
				return fmt.Errorf("delete SCIM connection %d: %w", id, err)
			}
		}
		before := old.record()
		before["released_users"] = len(released)
		return record(ctx, tx, actor, "delete", id, before, nil)
	})
	return old, err
}
