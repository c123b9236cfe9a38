package assignment

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"tollgate/models/database"
	"tollgate/models/input"
)

// RoleNamed returns the id of a role, 0 when no role has that name.
func RoleNamed(ctx context.Context, tx database.Tx, name string) (id int64, err error) {
	err = tx.NewRaw("SELECT id FROM roles WHERE name = ?0 OR name_key = ?1 ORDER BY name = ?0 DESC LIMIT 1",
		name, input.NameKey(name)).
		Scan(ctx, &id)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return 0, fmt.Errorf("look up the role: %w", err)
	}
	return id, nil
}
