package session

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"

	"tollgate/models/identity"
	"tollgate/models/problem"
	"tollgate/models/secret"
)

// KeepLinkOut refuses a change of how a user signs in, in a session that a link began, once the user's role permits
// more than when the link was made: the maker of the link, who may have the session, could sign in as them from then
// on. The user's row is locked when the change follows in the same transaction. Refusal: Forbidden.
func KeepLinkOut(ctx context.Context, db bun.IDB, user identity.User, token string) error {
	if !user.ByLink {
		return nil
	}
	var same bool
	err := db.NewRaw(`
SELECT EXISTS (SELECT FROM sessions AS s JOIN users AS u ON u.id = s.user_id WHERE s.token_hash = ? AND u.id = ?
AND NOT EXISTS (
    SELECT FROM role_permissions AS p
    WHERE p.role_id = u.role_id AND p.permission <> ALL (coalesce(s.permitted, '{}'))))`,
		secret.HashToken(token), user.ID).Scan(ctx, &same)
	if err != nil {
		return fmt.Errorf("compare a role with that of a sign-in link: %w", err)
	}
	if !same {
		return problem.Refuse(problem.Forbidden, "", "link_outdated",
			"Ask an admin for another link: you may do more than when the one by which you signed in was made.")
	}
	return nil
}
