package database

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"
)

// ServerRole is a role of the database server and what it may do beyond serving.
type ServerRole struct {
	Name                  string
	Superuser, OwnsTables bool
}

// CurrentRole returns the role of the connections of db.
func CurrentRole(ctx context.Context, db bun.IDB) (ServerRole, error) {
	var role ServerRole
	err := db.QueryRowContext(ctx, "SELECT current_user, "+
		"(SELECT rolsuper FROM pg_roles WHERE rolname = current_user), "+
		"EXISTS (SELECT FROM pg_tables WHERE schemaname = current_schema() AND tableowner = current_user)",
	).Scan(&role.Name, &role.Superuser, &role.OwnsTables)
	if err != nil {
		return role, fmt.Errorf("read the current role of the database: %w", err)
	}
	return role, nil
}
