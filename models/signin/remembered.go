package signin

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"

	"golang.org/x/oauth2"

	"tollgate/models/oidc"
	"tollgate/models/secret"
)

// Why a browser is led to a provider.
const (
	ToSignIn  = "sign-in"
	ToTry     = "try"
	ToConnect = "connect"
)

// Lasts is how long a sign-in at a provider may take.
const Lasts = 10 * time.Minute

// Remembered is what a browser brings back from a provider, in a sealed cookie.
type Remembered struct {
	Purpose  string `json:"p"`
	Slug     string `json:"g"`
	State    string `json:"s"`
	Nonce    string `json:"n"`
	Verifier string `json:"v"`
	Next     string `json:"x,omitempty"` // where to go afterwards
	Session  []byte `json:"h,omitempty"` // hash of the token of the session that began it, but to sign in
	Until    int64  `json:"u"`
}

// Remember begins a sign-in. Session is the token of the session that it is for, "" to sign in.
func Remember(purpose, slug, next, session string) Remembered {
	r := Remembered{
		Purpose: purpose, Slug: slug, State: random(), Nonce: random(), Verifier: oauth2.GenerateVerifier(), Next: next,
		Until: time.Now().Add(Lasts).Unix(),
	}
	if session != "" {
		r.Session = secret.HashToken(session)
	}
	return r
}

// random is 256 bits as text.
func random() string {
	b := make([]byte, 32)
	rand.Read(b) // never fails
	return base64.RawURLEncoding.EncodeToString(b)
}

const sealedFor = "sign-in/v1"

// Seal is the value of the cookie.
func (r Remembered) Seal(keys secret.Keys) (string, error) {
	plain, err := json.Marshal(r)
	if err != nil {
		return "", fmt.Errorf("remember a sign-in: %w", err)
	}
	sealed, err := keys.Seal(plain, sealedFor)
	if err != nil {
		return "", fmt.Errorf("remember a sign-in: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(sealed), nil
}

// Recall reads a cookie; ok is false when this console did not make it, or it is over.
func Recall(keys secret.Keys, value string) (r Remembered, ok bool) {
	sealed, err := base64.RawURLEncoding.DecodeString(value)
	if err != nil {
		return r, false
	}
	plain, err := keys.Open(sealed, sealedFor)
	if err != nil || json.Unmarshal(plain, &r) != nil {
		return Remembered{}, false
	}
	return r, time.Now().Unix() < r.Until
}

// Key is the part of a state by which its cookie is found.
func Key(state string) string { return state[:min(len(state), 8)] }

// IsFor reports whether it was made for this state, slug and session.
func (r Remembered) IsFor(state, slug, session string) bool {
	if subtle.ConstantTimeCompare([]byte(r.State), []byte(state)) != 1 || r.Slug != slug {
		return false
	}
	return r.Session == nil || subtle.ConstantTimeCompare(r.Session, secret.HashToken(session)) == 1
}

func (r Remembered) begun() oidc.Begun {
	return oidc.Begun{State: r.State, Nonce: r.Nonce, Verifier: r.Verifier}
}

// Who is what a provider said about a user.
type Who = oidc.Issued

// Mismatch is the refusal for an answer that was not asked for in this browser.
func Mismatch() error { return Shown(refuse(StateMismatch, "")) }
