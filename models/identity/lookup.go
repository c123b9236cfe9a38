package identity

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"

	"tollgate/models/database"
)

// FirstRole is the role of the first user.
const FirstRole = "Admin"

// DefaultRole is the role of a new user for whom none is chosen.
const DefaultRole = "Member"

// IsUser reports whether a user exists.
func IsUser(ctx context.Context, db bun.IDB, id string) (known bool, err error) {
	err = database.ScanPlanned(ctx, db, []any{&known}, "SELECT EXISTS (SELECT FROM users WHERE id = $1)", id)
	if err != nil {
		return false, fmt.Errorf("look up a user: %w", err)
	}
	return known, nil
}

// LinkedByEmail reports whether a provider that is enabled lets users in by their address. Those with a directory find
// their users by it instead.
func LinkedByEmail(ctx context.Context, db bun.IDB) (linked bool, err error) {
	err = db.NewRaw("SELECT EXISTS (SELECT FROM identity_providers "+
		"WHERE is_enabled AND link_by_email AND connection_id IS NULL)").Scan(ctx, &linked)
	if err != nil {
		return false, fmt.Errorf("look for identity providers that link accounts by address: %w", err)
	}
	return linked, nil
}

// Holder is a user who gets, has or loses copies.
type Holder struct{ ID, Email string }

// AdminRole is the id of the built-in role of admins.
func AdminRole(ctx context.Context, db bun.IDB) (id int64, err error) {
	err = db.NewRaw("SELECT id FROM roles WHERE name = ? AND is_system_role", FirstRole).Scan(ctx, &id)
	if err != nil {
		return 0, fmt.Errorf("look up the role of admins: %w", err)
	}
	return id, nil
}
