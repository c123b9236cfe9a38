package signin

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"tollgate/models/database"
	"tollgate/models/identity"
	"tollgate/models/identityprovider"
	"tollgate/models/oidc"
	"tollgate/models/permission"
	"tollgate/models/problem"
	"tollgate/models/secret"
)

// SignOut ends the session of a token. It returns where the browser signs out at the provider by which the session
// began, "" when there is nothing to do there.
func (s *Service) SignOut(ctx context.Context, token string) (address string, err error) {
	var ended struct {
		UserID     string
		ProviderID *int64
		IDToken    []byte `bun:"id_token"`
	}
	var p identityprovider.Provider
	err = database.InTx(ctx, s.DB, func(ctx context.Context, tx database.Tx) error {
		err := tx.NewRaw("DELETE FROM sessions WHERE token_hash = ? RETURNING user_id, provider_id, id_token", secret.HashToken(token)).
			Scan(ctx, &ended)
		if errors.Is(err, sql.ErrNoRows) || err == nil && ended.ProviderID == nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("end the session: %w", err)
		}
		if p, err = identityprovider.Get(ctx, tx, *ended.ProviderID); err != nil {
			return err
		}
		user, err := identity.GetUser(ctx, tx, ended.UserID)
		if err != nil {
			return err
		}
		return recordUser(ctx, tx, user.Actor().At(permission.DoorConsole), "sign_out", user.ID, p)
	})
	if err != nil || p.ID == 0 || !p.SignOutThere {
		return "", err
	}
	hint, err := s.Keys.Open(ended.IDToken, idTokenFor, ended.UserID)
	if err != nil {
		hint = nil // it was not kept, or sealed with an earlier secret
	}
	client := oidc.Client{Issuer: p.Issuer, ID: p.ClientID}
	return s.Providers.SignOut(ctx, client, string(hint), s.BaseURL+"/login"), nil
}

// EndThere ends the sessions that a logout token of a provider names, and uses it up in the same transaction: while the
// sessions have not ended, the provider may send it again. Refusals: those of the token, StateUsed when it was sent
// before.
func (s *Service) EndThere(ctx context.Context, p identityprovider.Provider, raw string) error {
	out, err := s.CheckLogout(ctx, oidc.Client{Issuer: p.Issuer, ID: p.ClientID}, raw)
	if err != nil {
		return err
	}
	return database.InTx(ctx, s.DB, func(ctx context.Context, tx database.Tx) error {
		if err := burn(ctx, tx, p.ID, "logout "+out.TokenID, out.Ends); err != nil {
			return err
		}
		_, err := tx.NewRaw(`
DELETE FROM sessions WHERE provider_id = ?0 AND (?1 = '' OR sid = ?1) AND (?2 = '' OR subject = ?2)`,
			p.ID, out.SessionID, out.Subject).Exec(ctx)
		if err != nil {
			return fmt.Errorf("end the sessions of an identity: %w", err)
		}
		return nil
	})
}

// IsAway reports whether a refusal may be over in a moment, so that the provider should send its token again.
func IsAway(err error) bool {
	var refusal *oidc.Refusal
	var unavailable *problem.Refusal
	if errors.As(err, &refusal) {
		return refusal.Code == oidc.ProviderAway || refusal.Code == oidc.DiscoveryFailed
	}
	return errors.As(problem.Classify(err), &unavailable) && unavailable.Reason == problem.Unavailable
}
