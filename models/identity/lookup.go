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

// Holder is a user who gets, has or loses copies.
type Holder struct{ ID, Email string }
