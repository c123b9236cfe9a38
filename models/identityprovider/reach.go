package identityprovider

import (
	"context"
	"fmt"
	"slices"

	"tollgate/models/database"
	"tollgate/models/identity"
	"tollgate/models/permission"
	"tollgate/models/problem"
)

// reach is a way in which who controls a provider gets at users who exist: signs in as them, or calls in their place.
type reach struct {
	field string // what opened it
	query string // of the roles of these users, and of those that they can have
	weak  bool   // users of administrative roles are out of reach
	roles []int64
}

const (
	rolesOfDirectory = `SELECT role_id FROM users WHERE connection_id = ?0
UNION SELECT role_id FROM scim_rules WHERE connection_id = ?0
UNION SELECT default_role_id FROM scim_connections WHERE id = ?0 ORDER BY 1`
	rolesOfLinked = `SELECT DISTINCT u.role_id FROM user_identities AS i JOIN users AS u ON u.id = i.user_id
WHERE i.provider_id = ?1 ORDER BY 1`
	allRoles = "SELECT id FROM roles ORDER BY id"
)

// openedBy are the ways that a change of a provider opens. Users who connect it themselves decide that on their own.
func openedBy(old, p Provider) []reach {
	all := []reach{}
	switch {
	case p.ConnectionID != nil:
		all = append(all, reach{query: rolesOfDirectory, field: firstChange(old, p, "connection_id", "match_claim", "issuer",
			"client_id", "token_audience", "token_scope", "token_clients", "is_enabled")})
	case p.LinkByEmail:
		all = append(all, reach{query: allRoles, weak: true, field: firstChange(old, p, "link_by_email", "connection_id",
			"issuer", "email_domains", "trust_email", "is_enabled")})
	}
	if old.Users > 0 {
		all = append(all, reach{query: rolesOfLinked, field: firstChange(old, p, "token_audience", "token_scope",
			"token_clients")})
	}
	return slices.DeleteFunc(all, func(r reach) bool { return r.field == "" })
}

// reaches are the ways that a change opens, with the roles that they lead to.
func reaches(ctx context.Context, tx database.Tx, old, p Provider) ([]reach, error) {
	opened := openedBy(old, p)
	for i, r := range opened {
		if err := tx.NewRaw(r.query, p.ConnectionID, p.ID).Scan(ctx, &opened[i].roles); err != nil {
			return nil, fmt.Errorf("look up the roles of users whom identity provider %d lets in: %w", p.ID, err)
		}
	}
	return opened, nil
}

// firstChange is the first of these fields of which a change lets others in, "" for none.
func firstChange(old, p Provider, fields ...string) string {
	vouches := p.TokenAudience != ""
	differs := map[string]bool{
		"connection_id":  !sameID(p.ConnectionID, old.ConnectionID),
		"match_claim":    p.MatchClaim != old.MatchClaim,
		"issuer":         p.Issuer != old.Issuer,
		"client_id":      p.ClientID != old.ClientID,
		"link_by_email":  p.LinkByEmail != old.LinkByEmail,
		"email_domains":  !slices.Equal(p.EmailDomains, old.EmailDomains),
		"trust_email":    p.TrustEmail != old.TrustEmail,
		"token_audience": vouches && p.TokenAudience != old.TokenAudience,
		"token_scope":    vouches && p.TokenScope != old.TokenScope,
		"token_clients":  vouches && !slices.Equal(p.TokenClients, old.TokenClients),
		"is_enabled":     p.IsEnabled && !old.IsEnabled,
	}
	for _, field := range fields {
		if differs[field] {
			return field
		}
	}
	return ""
}

// permit refuses an actor who may do less than the users, or may not make virtual keys of theirs. Refusal: Forbidden.
func (r reach) permit(auth *identity.Authorization) error {
	if !auth.Actor.May(permission.CreateVirtualKeys) {
		return problem.Refuse(problem.Forbidden, r.field, "forbidden",
			"You need the permission "+string(permission.CreateVirtualKeys)+" too: with this, the provider can let others in "+
				"as users who exist, and they can make virtual keys of theirs. Ask an admin of this console for it.")
	}
	for _, id := range r.roles {
		role := auth.Roles[id]
		if r.weak && permission.Administrative(role.Permissions) || identity.Covers(auth.Actor, role.Permissions) {
			continue
		}
		return problem.Refuse(problem.Forbidden, r.field, "forbidden",
			"Ask a user who may do all that the role "+problem.Clip(role.Name)+" permits: with this, the provider can let "+
				"others in as its users, and they may do more than you.")
	}
	return nil
}
