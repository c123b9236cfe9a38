package signin

import (
	"context"
	"errors"

	"tollgate/models/database"
	"tollgate/models/identity"
	"tollgate/models/identityprovider"
	"tollgate/models/oidc"
)

// Tried is what a sign-in would lead to.
type Tried struct {
	Provider identityprovider.Provider
	Claims   oidc.Claims
	Followed
	RoleName string
	Email    string
	Trusted  bool
	User     *identity.User // who is linked
	Code     string         // why no user would be signed in, "" when one would
	Refused  string         // the same in a sentence
}

// Try says what a sign-in would lead to, and changes nothing.
func (s *Service) Try(ctx context.Context, p identityprovider.Provider, who oidc.Issued) (Tried, error) {
	t := Tried{Provider: p, Claims: who.Claims}
	t.Email, t.Trusted = address(p, who.Claims)
	t.Followed = follow(p, who.Claims)
	err := s.tryPerson(ctx, p, who, t.Followed)
	var refusal *oidc.Refusal
	if errors.As(err, &refusal) {
		t.Code, t.Refused = refusal.Code, sentences[refusal.Code]
	} else if err != nil {
		return t, err
	}
	if id, err := linked(ctx, s.DB, p.ID, who.Subject); err != nil {
		return t, err
	} else if id != "" {
		user, err := identity.GetUser(ctx, s.DB, id)
		if err != nil {
			return t, err
		}
		t.User = &user
	}
	if t.RoleID != nil {
		role, err := identity.GetRole(ctx, s.DB, *t.RoleID)
		if err != nil {
			return t, err
		}
		t.RoleName = role.Name
	}
	return t, nil
}

var errOnlyTried = errors.New("only tried")

// tryPerson does what a sign-in does, and takes it back.
func (s *Service) tryPerson(
	ctx context.Context, p identityprovider.Provider, who oidc.Issued, role Followed,
) error {
	err := database.InTx(ctx, s.DB, func(ctx context.Context, tx database.Tx) error {
		id, err := linked(ctx, tx, p.ID, who.Subject)
		if err != nil {
			return err
		}
		var u identity.User
		if id == "" {
			u, err = unknown(ctx, tx, p, who, role)
		} else {
			u, err = known(ctx, tx, p, who, id)
		}
		switch {
		case err != nil:
			return err
		case u.ConnectionID == nil && role.unread != nil:
			return role.unread
		case u.ConnectionID == nil && len(p.Rules) > 0 && role.RoleID == nil:
			return refuse(NoRole, "no rule fits, and there is no default role")
		}
		return errOnlyTried
	})
	var refusal *oidc.Refusal
	if errors.As(err, &refusal) {
		return refusal
	}
	if errors.Is(err, errOnlyTried) {
		return nil
	}
	return err
}
