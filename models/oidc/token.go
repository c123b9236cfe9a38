package oidc

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/coreos/go-oidc/v3/oidc"
)

const (
	maxToken  = 64 << 10
	clockSkew = time.Minute
	madeSince = 10 * time.Minute
	// maxSubject is what the protocol allows, in characters.
	maxSubject = 255
)

// verifier checks signature, issuer, audience and end of a token; the rest is checked here.
func (of *provider) verifier(clientID string) *oidc.IDTokenVerifier {
	names := make([]string, len(algorithms))
	for i, algorithm := range algorithms {
		names[i] = string(algorithm)
	}
	return oidc.NewVerifier(of.Issuer, of.ring, &oidc.Config{
		ClientID: clientID, SupportedSigningAlgs: names, Now: func() time.Time { return time.Now().Add(-clockSkew) },
	})
}

// checkIDToken returns who an ID token is about.
func (of *provider) checkIDToken(
	ctx context.Context, clientID, raw, nonce, accessToken string,
) (issued Issued, err error) {
	if problem := oddToken(raw); problem != "" {
		return issued, refuse(IDTokenInvalid, problem)
	}
	if _, err := of.ring.current(ctx); err != nil {
		return issued, err // the library would hide that it is not the token's fault
	}
	token, err := of.verifier(clientID).Verify(ctx, raw)
	if err != nil {
		return issued, invalid(err)
	}
	claims, err := payloadOf(token)
	if err != nil {
		return issued, err
	}
	if err := of.checkParties(claims, clientID); err != nil {
		return issued, err
	}
	if err := checkTimes(claims); err != nil {
		return issued, err
	}
	if given := claims.Text("nonce"); given == "" || subtle.ConstantTimeCompare([]byte(given), []byte(nonce)) != 1 {
		return issued, refuse(NonceMismatch, "the token was not made for this sign-in")
	}
	if claims.Has("at_hash") && token.VerifyAccessToken(accessToken) != nil {
		return issued, refuse(IDTokenInvalid, "at_hash is of another access token")
	}
	return Issued{claims.Text("sub"), claims.Text("sid"), raw, claims}, nil
}

// oddToken says what is odd about a token before it is read, "" when nothing is.
func oddToken(raw string) string {
	switch {
	case len(raw) > maxToken:
		return "the token is too long"
	case strings.Count(raw, ".") != 2:
		return "the token is not in the compact form"
	}
	return ""
}

// invalid is the refusal for a token that the library does not accept.
func invalid(err error) error {
	return refuse(IDTokenInvalid, strings.TrimPrefix(err.Error(), "oidc: "))
}

// payloadOf reads a checked token by exact names.
func payloadOf(token interface{ Claims(any) error }) (Claims, error) {
	var payload json.RawMessage
	if err := token.Claims(&payload); err != nil {
		return nil, refuse(IDTokenInvalid, "the payload is not JSON")
	}
	return readClaims(payload)
}

// checkParties checks whom a token is from, about and for, by the exact names of its claims.
func (of *provider) checkParties(claims Claims, clientID string) error {
	audience, err := claims.Texts("aud")
	subject := claims.Text("sub")
	switch {
	case claims.Text("iss") != of.Issuer:
		return refuse(IDTokenInvalid, "the token is of another issuer")
	case err != nil || !slices.Contains(audience, clientID):
		return refuse(IDTokenInvalid, "the token is for another client")
	case !isSubject(subject):
		return refuse(IDTokenInvalid, "the subject is empty or too long")
	case claims.Has("azp") && claims.Text("azp") != clientID:
		return refuse(AzpMismatch, "the token was issued to another client")
	case len(audience) > 1 && !claims.Has("azp"):
		return refuse(AzpMismatch, "the token is for several clients and does not say to which it was issued")
	}
	return nil
}

// isSubject reports whether a text can name a user at a provider.
func isSubject(subject string) bool {
	return subject != "" && utf8.RuneCountInString(subject) <= maxSubject && !strings.ContainsRune(subject, 0)
}

// checkTimes checks that a token is not over and was made just now.
func checkTimes(claims Claims) error {
	now := time.Now()
	ends, hasEnd, endErr := claims.moment("exp")
	made, hasMade, madeErr := claims.moment("iat")
	begins, hasBegin, beginErr := claims.moment("nbf")
	switch {
	case errors.Join(endErr, madeErr, beginErr) != nil || !hasEnd || !hasMade:
		return refuse(IDTokenInvalid, "the token does not say when it was made and when it ends")
	case now.After(ends.Add(clockSkew)):
		return refuse(IDTokenInvalid, "the token has expired")
	case made.After(now.Add(clockSkew)) || hasBegin && begins.After(now.Add(clockSkew)):
		return refuse(IDTokenInvalid, "the token is of the future; compare the clocks")
	case made.Before(now.Add(-madeSince)):
		return refuse(IDTokenInvalid, "the token was made too long ago")
	}
	return nil
}

// LoggedOut is what a provider says in a logout token.
type LoggedOut struct {
	Subject, SessionID, TokenID string
	Ends                        time.Time
}

// CheckLogout returns whose sessions a logout token ends.
func (p *Providers) CheckLogout(ctx context.Context, c Client, raw string) (out LoggedOut, err error) {
	of, err := p.of(ctx, c.Issuer)
	if err != nil {
		return out, err
	}
	if problem := oddToken(raw); problem != "" {
		return out, refuse(IDTokenInvalid, problem)
	}
	if _, err := of.ring.current(ctx); err != nil {
		return out, err
	}
	token, err := of.verifier(c.ID).VerifyLogout(ctx, raw)
	if err != nil {
		return out, invalid(err)
	}
	claims, err := payloadOf(token)
	if err != nil {
		return out, err
	}
	events := Claims{}
	if json.Unmarshal(claims["events"], &events) != nil || !events.Has("http://schemas.openid.net/event/backchannel-logout") {
		return out, refuse(IDTokenInvalid, "the token is of no logout")
	}
	audience, audienceErr := claims.Texts("aud")
	out = LoggedOut{Subject: claims.Text("sub"), SessionID: claims.Text("sid"), TokenID: claims.Text("jti")}
	_, hasNonce := claims["nonce"]
	switch {
	case claims.Text("iss") != of.Issuer || audienceErr != nil || !slices.Contains(audience, c.ID):
		return out, refuse(IDTokenInvalid, "the token is of another issuer, or for another client")
	case hasNonce || out.TokenID == "" || out.Subject == "" && out.SessionID == "":
		return out, refuse(IDTokenInvalid, "the token names no session, or is no logout token")
	}
	out.Ends, _, _ = claims.moment("exp")
	return out, checkTimes(claims)
}
