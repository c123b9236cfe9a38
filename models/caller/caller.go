package caller

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"tollgate/models/database"
	"tollgate/models/identity"
	"tollgate/models/oidc"
	"tollgate/models/problem"
)

// Rule is which access tokens of a provider are accepted.
type Rule struct {
	ProviderID int64
	Issuer     string
	Audience   string
	Scope      string   // that they must have, "" for any
	Clients    []string // to which they may be issued, none for any
	Connection int64    // the directory that provisions its users, 0 for none
	MatchClaim string   // whose value is the external id of such a user
}

// Rules are those of the enabled providers that vouch for callers.
func Rules(ctx context.Context, db bun.IDB) ([]Rule, error) {
	rules := []Rule{}
	rows, err := database.QueryPlanned(ctx, db, `
SELECT id, issuer, token_audience, token_scope, array_to_string(token_clients, ' '), coalesce(connection_id, 0),
    match_claim
FROM identity_providers WHERE is_enabled AND token_audience <> '' ORDER BY id`)
	if err != nil {
		return nil, fmt.Errorf("read which access tokens are accepted: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var r Rule
		var clients string
		err := rows.Scan(&r.ProviderID, &r.Issuer, &r.Audience, &r.Scope, &clients, &r.Connection, &r.MatchClaim)
		if err != nil {
			return nil, fmt.Errorf("read which access tokens are accepted: %w", err)
		}
		r.Clients = strings.Fields(clients)
		rules = append(rules, r)
	}
	return rules, rows.Err()
}

// Found is whom a token names: a user until the token ends, or why it is not accepted.
type Found struct {
	User uuid.UUID
	Ends time.Time
	Why  string
}

// Checker checks access tokens.
type Checker struct {
	db        *bun.DB
	providers *oidc.Providers

	mutex sync.Mutex
	away  map[string]time.Time // when a provider did not answer, by its issuer
}

// NewChecker makes a Checker, which reads what providers publish by way of providers.
func NewChecker(db *bun.DB, providers *oidc.Providers) *Checker {
	return &Checker{db: db, providers: providers, away: map[string]time.Time{}}
}

// awayFor is how long a provider that did not answer is not asked again.
const awayFor = 10 * time.Second

// Check finds the user of a token by the rules. Refusal: Unavailable when keys of the provider are needed and cannot be
// read.
func (k *Checker) Check(ctx context.Context, rules []Rule, raw string) (Found, error) {
	issuer, err := oidc.IssuerOf(raw)
	if err != nil {
		return notAccepted(err)
	}
	ofIssuer := slices.DeleteFunc(slices.Clone(rules), func(r Rule) bool { return r.Issuer != issuer })
	if len(ofIssuer) == 0 {
		return Found{Why: "no identity provider here accepts access tokens of its issuer"}, nil
	}
	if k.isAway(issuer) {
		return Found{}, providerAway()
	}
	claims, ends, err := k.providers.CheckAccess(ctx, issuer, raw)
	if err == nil {
		return k.userByRules(ctx, ofIssuer, claims, ends)
	}
	found, err := notAccepted(err)
	if err != nil {
		k.note(issuer)
	}
	return found, err
}

// userByRules finds the user by the first rule that accepts a token, or why the last one does not.
func (k *Checker) userByRules(ctx context.Context, rules []Rule, claims oidc.Claims, ends time.Time) (Found, error) {
	why := ""
	for _, rule := range rules {
		if why = rule.problem(claims); why == "" {
			return k.userOf(ctx, rule, claims, ends)
		}
	}
	return Found{Why: why}, nil
}

// notAccepted tells a token that is not accepted from a provider that does not answer.
func notAccepted(err error) (Found, error) {
	var refusal *oidc.Refusal
	if !errors.As(err, &refusal) {
		return Found{}, err
	}
	switch refusal.Code {
	case oidc.ProviderAway, oidc.DiscoveryFailed, oidc.IssuerMismatch:
		return Found{}, providerAway()
	}
	return Found{Why: refusal.Detail}, nil
}

func providerAway() error {
	return &problem.Refusal{
		Reason: problem.Unavailable, RetryAfter: awayFor, Problems: problem.Problems{{
			Code:    "retry_later",
			Message: "The identity provider of this access token does not answer, so its keys cannot be read. Try again.",
		}},
	}
}

func (k *Checker) isAway(issuer string) bool {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	return time.Since(k.away[issuer]) < awayFor
}

func (k *Checker) note(issuer string) {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	k.away[issuer] = time.Now()
}

// problem says why a checked token is not one of this rule, "" when it is.
func (r Rule) problem(claims oidc.Claims) string {
	audience, err := claims.Texts("aud")
	if err != nil || !slices.Contains(audience, r.Audience) {
		return "it is for another audience"
	}
	if r.Scope != "" && !slices.Contains(scopesOf(claims), r.Scope) {
		return "it lacks the scope " + r.Scope
	}
	client := claims.Text("azp")
	if client == "" {
		client = claims.Text("client_id")
	}
	if len(r.Clients) > 0 && !slices.Contains(r.Clients, client) {
		return "it was issued to another client"
	}
	return ""
}

// scopesOf are the scopes of a token: words in scope, or in scp as Entra and Okta write them.
func scopesOf(claims oidc.Claims) []string {
	scopes := strings.Fields(claims.Text("scope"))
	more, err := claims.Texts("scp")
	if err != nil {
		return scopes
	}
	for _, words := range more {
		scopes = append(scopes, strings.Fields(words)...)
	}
	return scopes
}

// userOf finds the user whom a token names: who has its subject at the provider or, of the users whom its directory
// provisions, the only one without a subject there who has the external id and was not deleted here since.
func (k *Checker) userOf(ctx context.Context, of Rule, claims oidc.Claims, ends time.Time) (Found, error) {
	rows, err := database.QueryPlanned(ctx, k.db, `
WITH linked AS (SELECT user_id FROM user_identities WHERE provider_id = $1 AND subject = $2)
SELECT user_id FROM linked
UNION ALL SELECT s.user_id FROM scim_users AS s JOIN users AS u ON u.id = s.user_id AND u.left_at IS NULL
WHERE s.connection_id = $3 AND s.external_id = $4 AND $4 <> '' AND NOT EXISTS (SELECT FROM linked)
    AND NOT EXISTS (SELECT FROM user_identities AS i WHERE i.user_id = s.user_id AND i.provider_id = $1)
    AND NOT EXISTS (SELECT FROM identity_tombstones AS t
        WHERE t.provider_id = $1 AND t.subject = $2 AND t.at >= s.created_at)`,
		of.ProviderID, claims.Text("sub"), of.Connection, claims.Text(of.MatchClaim))
	if err != nil {
		return Found{}, fmt.Errorf("look up the user of an access token: %w", err)
	}
	defer rows.Close()
	var users []uuid.UUID
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return Found{}, fmt.Errorf("look up the user of an access token: %w", err)
		}
		if user, ok := identity.ParseUserID(id); ok {
			users = append(users, user)
		}
	}
	if err := rows.Err(); err != nil {
		return Found{}, fmt.Errorf("look up the user of an access token: %w", err)
	}
	if len(users) != 1 {
		return Found{Why: "no user here has signed in as its subject"}, nil
	}
	return Found{User: users[0], Ends: ends}, nil
}
