package signin

import (
	"context"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/uptrace/bun/dialect/pgdialect"

	"tollgate/models/database"
	"tollgate/models/identityprovider"
	"tollgate/models/oidc"
)

// keepGroups remembers the groups that a provider names at a sign-in, so that a preview of rules can say what they
// would do. Groups that could not be read are forgotten.
func keepGroups(ctx context.Context, tx database.Tx, p identityprovider.Provider, who oidc.Issued) error {
	var kept []string
	if groups, err := groupsOf(p.GroupsClaim, who.Claims); err == nil && p.GroupsClaim != "" {
		kept = nameable(groups)
	}
	_, err := tx.NewRaw(`UPDATE user_identities SET groups = ?0, groups_at = CASE WHEN ?0::text[] IS NOT NULL THEN now() END
WHERE provider_id = ?1 AND subject = ?2`, pgdialect.Array(kept), p.ID, who.Subject).Exec(ctx)
	if err != nil {
		return fmt.Errorf("keep the groups of an identity: %w", err)
	}
	return nil
}

// nameable are the groups that a rule can name.
func nameable(groups []string) []string {
	kept := []string{}
	for _, group := range groups {
		if utf8.RuneCountInString(group) <= identityprovider.MaxValue && !strings.ContainsRune(group, 0) {
			kept = append(kept, group)
		}
	}
	return kept
}
