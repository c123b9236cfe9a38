package signin

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/uptrace/bun"

	"tollgate/models/account"
	"tollgate/models/database"
	"tollgate/models/identity"
	"tollgate/models/identityprovider"
	"tollgate/models/input"
	"tollgate/models/oidc"
	"tollgate/models/permission"
	"tollgate/models/problem"
	"tollgate/models/secret"
	"tollgate/models/session"
)

// Service signs users in by identity providers.
type Service struct {
	oidc.Providers

	DB      *bun.DB
	Keys    secret.Keys
	BaseURL string
	counted *prometheus.CounterVec
}

// NewService makes the one of a console. Private lets providers be on loopback and private networks.
func NewService(db *bun.DB, keys secret.Keys, baseURL string, private bool) *Service {
	s := &Service{DB: db, Keys: keys, BaseURL: baseURL, counted: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "tollgate_sign_ins_total", Help: "Sign-ins by identity provider and result.",
	}, []string{"provider", "result"})}
	s.AllowPrivate(private)
	return s
}

var providerUp = prometheus.NewDesc("tollgate_provider_up",
	"Whether an identity provider that was asked within the last hour answered the last time.", []string{"issuer"}, nil)

// Describe and Collect are those of its metrics.
func (s *Service) Describe(ch chan<- *prometheus.Desc) {
	s.counted.Describe(ch)
	ch <- providerUp
}

// Collect sends the counts, and which providers answer.
func (s *Service) Collect(ch chan<- prometheus.Metric) {
	s.counted.Collect(ch)
	for issuer, came := range s.Answered() {
		up := 0.0
		if came {
			up = 1
		}
		ch <- prometheus.MustNewConstMetric(providerUp, prometheus.GaugeValue, up, issuer)
	}
}

// Check reads what the provider of an issuer publishes. Refusal: Invalid with the reason.
func (s *Service) Check(ctx context.Context, issuer string) error {
	_, err := s.Read(ctx, issuer)
	var refusal *oidc.Refusal
	if errors.As(err, &refusal) {
		return problem.Refuse(problem.Invalid, "issuer", refusal.Code, "This issuer cannot be used: "+refusal.Detail+".")
	}
	return err
}

// Callback is the address to which a provider leads back.
func (s *Service) Callback(slug string) string { return s.BaseURL + "/login/" + slug + "/callback" }

// Backchannel is the address at which a provider says that a user signed out there.
func (s *Service) Backchannel(slug string) string {
	return s.BaseURL + "/login/" + slug + "/backchannel"
}

// client is this console as the provider knows it. Refusal: SecretUnread.
func (s *Service) client(p identityprovider.Provider) (oidc.Client, error) {
	value, ok := p.Secret(s.Keys)
	if !ok {
		return oidc.Client{}, refuse(SecretUnread, "the client secret was sealed with another secret of the console")
	}
	return oidc.Client{
		Issuer: p.Issuer, ID: p.ClientID, Secret: value, InHeader: p.AuthStyle == identityprovider.StyleBasic,
		Scopes: p.Scopes, Redirect: s.Callback(p.Slug),
	}, nil
}

// Lead returns the address to lead a browser to. The event is that of the request, for the log of refusals.
func (s *Service) Lead(ctx context.Context, p identityprovider.Provider, r Remembered, event string) (string, error) {
	c, err := s.client(p)
	if err != nil {
		return "", s.refused(ctx, p, oidc.Issued{}, event, err)
	}
	address, err := s.Begin(ctx, c, r.begun(), r.Purpose != ToSignIn)
	if err != nil {
		return "", s.refused(ctx, p, oidc.Issued{}, event, err)
	}
	return address, nil
}

// Return is what a browser brings back from a provider.
type Return struct {
	Remembered
	Query          url.Values
	Network, Event string
}

// Confirm checks what a browser brings back, and gets from the provider who signed in. A state is used once, also
// when nothing comes of it. Refusals as Shown; TooMany.
func (s *Service) Confirm(ctx context.Context, p identityprovider.Provider, back Return) (oidc.Issued, error) {
	forgive, err := session.CountTry(ctx, s.DB, back.Network)
	if err != nil {
		return oidc.Issued{}, err
	}
	who, err := s.confirm(ctx, p, back)
	if err != nil {
		return who, s.refused(ctx, p, who, back.Event, err)
	}
	return who, forgive(ctx)
}

func (s *Service) confirm(ctx context.Context, p identityprovider.Provider, back Return) (who oidc.Issued, err error) {
	if err := s.Answers(ctx, p.Issuer, back.Query); err != nil {
		return who, err
	}
	if failed := back.Query.Get("error"); failed != "" {
		return who, refuse(ProviderError, "the provider answered with an error: "+oidc.Clip(failed))
	}
	if err := burn(ctx, s.DB, p.ID, back.State, time.Now().Add(Lasts)); err != nil {
		return who, err
	}
	c, err := s.client(p)
	if err != nil {
		return who, err
	}
	return s.Exchange(ctx, c, back.begun(), back.Query.Get("code"), "email", p.GroupsClaim)
}

// burn uses a token up. Refusal: StateUsed.
func burn(ctx context.Context, db bun.IDB, provider int64, token string, until time.Time) error {
	digest := sha256.Sum256([]byte(token))
	result, err := db.NewRaw(`
WITH over AS (DELETE FROM used_tokens WHERE expires_at < now() - interval '1 hour')
INSERT INTO used_tokens (provider_id, digest, expires_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`,
		provider, digest[:], until).Exec(ctx)
	if err != nil {
		return fmt.Errorf("use a token up: %w", err)
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		return errors.Join(err, refuse(StateUsed, "the state was used before"))
	}
	return nil
}

// refused counts a refusal and keeps it for admins; it returns the one that the person sees.
func (s *Service) refused(
	ctx context.Context, p identityprovider.Provider, who oidc.Issued, event string, err error,
) error {
	var refusal *oidc.Refusal
	if !errors.As(err, &refusal) {
		return err
	}
	s.counted.WithLabelValues(p.Slug, refusal.Code).Inc()
	if err := keepRefusal(ctx, s.DB, p.ID, who, event, err); err != nil {
		return err
	}
	return Shown(err)
}

// SignIn finds or adds the user who signed in at a provider, gives them the role that follows, and starts a session in
// place of the one of the token old. Refusals as Shown.
func (s *Service) SignIn(
	ctx context.Context, p identityprovider.Provider, who oidc.Issued, old, event string,
) (identity.User, string, error) {
	u, token, err := s.signIn(ctx, p, who, old, event)
	if err != nil {
		return u, "", s.refused(ctx, p, who, event, err)
	}
	s.counted.WithLabelValues(p.Slug, "signed_in").Inc()
	return u, token, nil
}

func (s *Service) signIn(
	ctx context.Context, p identityprovider.Provider, who oidc.Issued, old, event string,
) (u identity.User, token string, err error) {
	role := follow(p, who.Claims)
	if u, err = person(ctx, s.DB, p, who, role); err != nil {
		return u, "", err
	}
	if err := s.giveRole(ctx, p, who, u, role, event); err != nil {
		return u, "", err
	}
	there := session.There{ProviderID: p.ID, Subject: who.Subject, SessionID: who.SessionID, Hours: p.MaxSession}
	if len(who.IDToken) <= maxKeptToken {
		if there.IDToken, err = s.Keys.Seal([]byte(who.IDToken), idTokenFor, u.ID); err != nil {
			return u, "", fmt.Errorf("seal an ID token: %w", err)
		}
	}
	err = database.InTx(ctx, s.DB, func(ctx context.Context, tx database.Tx) error {
		if token, err = session.StartOf(ctx, tx, u.ID, old, there); err != nil {
			return err
		}
		if u, err = identity.GetUser(ctx, tx, u.ID); err != nil {
			return err
		}
		return recordUser(ctx, tx, u.Actor().At(permission.DoorConsole), "sign_in", u.ID, p)
	})
	return u, token, err
}

const (
	idTokenFor = "id-token/v1"
	// maxKeptToken is how long an ID token is kept for signing out at the provider.
	maxKeptToken = 4 << 10
)

// giveRole gives a user the role that follows, when there are rules; without rules the console decides, and on users
// of a directory the directory. A user without a role is signed out everywhere and else left as they are. The last
// admin stays one and signs in. Refusals: NoRole, GroupsOverage, GroupsInvalid.
func (s *Service) giveRole(
	ctx context.Context, p identityprovider.Provider, who oidc.Issued, u identity.User, role Followed, event string,
) error {
	switch {
	case u.ConnectionID != nil:
		return nil
	case role.unread != nil:
		return role.unread
	case len(p.Rules) == 0 || role.RoleID != nil && *role.RoleID == u.RoleID:
		return nil
	}
	err := s.setRole(ctx, p, u.ID, role.RoleID)
	if refusal, ok := problem.AsRefusal(err); ok && refusal.Problems[0].Code == LastAdminKept {
		return keepRefusal(ctx, s.DB, p.ID, who, event, refuse(LastAdminKept, u.Email+" stays an admin: "+
			"there is no other one"))
	}
	return err
}

// setRole gives a user another role, or ends their sessions when there is none for them. Refusals: NoRole, Conflict for
// the last admin.
func (s *Service) setRole(ctx context.Context, p identityprovider.Provider, user string, role *int64) error {
	if role != nil {
		_, err := account.SetUserRole(ctx, s.DB, actorOf(p), user, identity.RoleChoice{
			RoleID: input.Value{Kind: input.Number, Text: fmt.Sprint(*role)},
		})
		return err
	}
	err := database.InTx(ctx, s.DB, func(ctx context.Context, tx database.Tx) error {
		auth, err := identity.Lock(ctx, tx, actorOf(p), permission.UpdateUsers, []string{user}, nil)
		if err != nil {
			return err
		}
		if err := auth.KeepAnAdminIn(ctx, tx, user); err != nil {
			return err
		}
		return session.End(ctx, tx, user)
	})
	if err != nil {
		return err
	}
	return refuse(NoRole, "no rule fits, and there is no default role")
}
