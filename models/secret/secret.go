package secret

import (
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
)

// Keys are the derived secrets, one for each purpose.
type Keys struct {
	APIKey     []byte // peppers the hashes of management API keys
	VirtualKey []byte // peppers the hashes of virtual keys
	SCIM       []byte // peppers the hashes of SCIM tokens
	Sealing    []byte // encrypts what has to be read again
	Audit      []byte // signs where the audit log begins
	Check      []byte // is stored, to tell whether two programs have the same secret
}

const secretBytes = 32

// NewSecret makes a secret in the form that ParseSecret reads.
func NewSecret() string {
	return base64.StdEncoding.EncodeToString(randomBytes())
}

// ParseSecret reads the console's secret: at least 32 bytes in base64, with either alphabet, padded or not.
func ParseSecret(text string) ([]byte, error) {
	plain := strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(strings.TrimSpace(text), "="))
	secret, err := base64.RawStdEncoding.DecodeString(plain)
	switch {
	case err != nil:
		return nil, errors.New("it is not base64") // the cause would quote a position in the secret, and does not help
	case len(secret) < secretBytes:
		return nil, fmt.Errorf("it has %d bytes; at least %d are needed", len(secret), secretBytes)
	}
	return secret, nil
}

// DeriveKeys makes the keys of all purposes from the one secret. The purposes are versioned: another key needs another
// name.
func DeriveKeys(secret []byte) (Keys, error) {
	var keys Keys
	for purpose, key := range map[string]*[]byte{
		"tollgate/api-key/v1":     &keys.APIKey,
		"tollgate/virtual-key/v1": &keys.VirtualKey,
		"tollgate/scim/v1":        &keys.SCIM,
		"tollgate/sealing/v1":     &keys.Sealing,
		"tollgate/audit/v1":       &keys.Audit,
		"tollgate/check/v1":       &keys.Check,
	} {
		var err error
		if *key, err = hkdf.Key(sha256.New, secret, nil, purpose, sha256.Size); err != nil {
			return Keys{}, fmt.Errorf("derive the keys: %w", err)
		}
	}
	return keys, nil
}

// randomBytes is 256 random bits from a cryptographic source.
func randomBytes() []byte {
	b := make([]byte, secretBytes)
	rand.Read(b) // never fails: the program ends rather than continue without randomness
	return b
}

// NewToken makes a secret for an address or a cookie, and the hash under which it is stored.
func NewToken() (token string, hash []byte) {
	token = base64.RawURLEncoding.EncodeToString(randomBytes())
	return token, HashToken(token)
}

// HashToken is what is stored of a token.
func HashToken(token string) []byte {
	sum := sha256.Sum256([]byte(token))
	return sum[:]
}

// TokenLength is the length of every token of NewToken.
var TokenLength = base64.RawURLEncoding.EncodedLen(secretBytes)
