package signin

import (
	"context"
	"fmt"

	"tollgate/models/database"
	"tollgate/models/identity"
	"tollgate/models/identityprovider"
	"tollgate/models/input"
	"tollgate/models/oidc"
)

// provisioned links the user whom the directory of a provider knows by the claim that matches, who is not linked yet.
// Refusals: NotProvisioned for none or several, Deactivated.
func provisioned(
	ctx context.Context, tx database.Tx, p identityprovider.Provider, who oidc.Issued,
) (u identity.User, err error) {
	value := who.Claims.Text(p.MatchClaim)
	if value == "" {
		return u, refuse(NotProvisioned, "the claim "+p.MatchClaim+" is absent, or not a text")
	}
	var found []string
	err = tx.NewRaw(`SELECT s.user_id FROM scim_users AS s JOIN users AS u ON u.id = s.user_id
WHERE s.connection_id = ? AND s.external_id = ? AND u.left_at IS NULL
AND NOT EXISTS (SELECT FROM user_identities AS i WHERE i.user_id = s.user_id AND i.provider_id = ?) LIMIT 2`,
		*p.ConnectionID, value, p.ID).Scan(ctx, &found)
	switch {
	case err != nil:
		return u, fmt.Errorf("look for a provisioned user: %w", err)
	case len(found) == 0:
		// Another sign-in of the same person may have linked them just now.
		id, err := linked(ctx, tx, p.ID, who.Subject)
		switch {
		case err != nil:
			return u, err
		case id == "":
			return u, refuse(NotProvisioned, "no user of the directory has this external id: "+value)
		}
		return known(ctx, tx, p, who, id)
	case len(found) > 1:
		return u, refuse(NotProvisioned, "several users of the directory have this external id: "+value)
	}
	if u, err = identity.GetUser(ctx, tx, found[0]); err != nil {
		return u, err
	}
	if u.DeactivatedAt != nil {
		return u, refuse(Deactivated, u.Email+" is deactivated")
	}
	return u, link(ctx, tx, actorOf(p), p, who, u, who.Claims.Text("email"))
}

// isRemoved reports that the user of a subject was deleted here, and that no directory has sent them since: an admin
// and a directory bring users back, a sign-in does not.
func isRemoved(
	ctx context.Context, tx database.Tx, p identityprovider.Provider, who oidc.Issued, email string,
) (removed bool, err error) {
	err = tx.NewRaw(`
SELECT EXISTS (SELECT FROM identity_tombstones AS t WHERE t.provider_id = ?0 AND t.subject = ?1 AND NOT EXISTS (
    SELECT FROM scim_users AS s JOIN users AS u ON u.id = s.user_id WHERE s.created_at > t.at AND CASE
        WHEN ?2::bigint IS NULL THEN u.email_key = ?4
        ELSE s.connection_id = ?2::bigint AND s.external_id = ?3 END))`,
		p.ID, who.Subject, p.ConnectionID, who.Claims.Text(p.MatchClaim), input.FoldCase(email)).Scan(ctx, &removed)
	if err != nil {
		return false, fmt.Errorf("look for a removed identity: %w", err)
	}
	return removed, nil
}
