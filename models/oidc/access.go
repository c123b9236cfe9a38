package oidc

import (
	"context"
	"encoding/base64"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
)

const (
	// maxAccessToken is more than a header of a request can have.
	maxAccessToken = 16 << 10
	// longestAccess is how long an access token may be valid: one that lives longer is a key, and not revoked in time.
	longestAccess = 24 * time.Hour
	// ClockSkew is how far the clock of a provider may be off.
	ClockSkew = clockSkew
)

// accessTypes are what the header of an access token may call it, in small letters.
var accessTypes = []string{"", "jwt", "at+jwt", "application/at+jwt"}

// IssuerOf is the issuer that a token names. Nothing of the token has been checked then.
func IssuerOf(raw string) (string, error) {
	if len(raw) > maxAccessToken {
		return "", refuse(AccessTokenInvalid, "it is too long")
	}
	parts := strings.Split(raw, ".")
	if len(parts) != 3 {
		return "", refuse(AccessTokenInvalid, "it is no JWT in the compact form")
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return "", refuse(AccessTokenInvalid, "it is no JWT in the compact form")
	}
	claims, err := readClaims(payload)
	if err != nil {
		return "", err
	}
	return claims.Text("iss"), nil
}

// CheckAccess returns the claims of an access token of an issuer, and when it ends. What it is for, and to whom it was
// issued, is left to the caller. An ID token, a refresh token and one that is bound to a key are refused.
func (p *Providers) CheckAccess(ctx context.Context, issuer, raw string) (Claims, time.Time, error) {
	var ends time.Time
	if kind, err := headerType(raw); err != nil || !slices.Contains(accessTypes, kind) {
		return nil, ends, refuse(AccessTokenInvalid, "it is another kind of token")
	}
	of, err := p.of(ctx, issuer)
	if err != nil {
		return nil, ends, err
	}
	if _, err := of.ring.current(ctx); err != nil {
		return nil, ends, err
	}
	payload, err := of.ring.VerifySignature(ctx, raw)
	if err != nil {
		return nil, ends, refuse(AccessTokenInvalid, "no key of the provider has signed it")
	}
	claims, err := readClaims(payload)
	if err != nil {
		return nil, ends, err
	}
	ends, why := accessTimes(claims)
	switch kind := claims.Text("typ"); {
	case claims.Text("iss") != issuer:
		why = "it is of another issuer"
	case !isSubject(claims.Text("sub")):
		why = "its subject is empty or too long"
	case claims.Has("nonce"), claims.Has("at_hash"), claims.Has("events"):
		why = "it is another kind of token"
	case kind != "" && !strings.EqualFold(kind, "Bearer"):
		why = "it is another kind of token"
	case claims.Has("cnf"):
		why = "it is bound to a key of its client, which cannot be checked here"
	}
	if why != "" {
		return nil, ends, refuse(AccessTokenInvalid, why)
	}
	return claims, ends, nil
}

// headerType is what the header of a token calls it, in small letters.
func headerType(raw string) (string, error) {
	signed, err := jose.ParseSignedCompact(raw, algorithms)
	if err != nil {
		return "", err
	}
	kind, _ := signed.Signatures[0].Header.ExtraHeaders[jose.HeaderType].(string)
	return strings.ToLower(kind), nil
}

// accessTimes is when a token ends, and why its times are not accepted.
func accessTimes(claims Claims) (ends time.Time, why string) {
	now := time.Now()
	ends, hasEnd, endErr := claims.moment("exp")
	made, hasMade, madeErr := claims.moment("iat")
	begins, hasBegin, beginErr := claims.moment("nbf")
	if !hasMade {
		made = now
	}
	switch {
	case endErr != nil || madeErr != nil || beginErr != nil || !hasEnd:
		return ends, "it does not say when it ends"
	case now.After(ends.Add(clockSkew)):
		return ends, "it has expired"
	case made.After(now.Add(clockSkew)), hasBegin && begins.After(now.Add(clockSkew)):
		return ends, "it is not valid yet; compare the clocks"
	case ends.Sub(made) > longestAccess:
		return ends, "it lives longer than a day"
	}
	return ends, ""
}
