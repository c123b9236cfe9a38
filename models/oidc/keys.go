package oidc

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
)

const (
	// keysFresh is how long keys are used before they are read again, so that a withdrawn one goes.
	keysFresh = 5 * time.Minute
	// keysKept is how long keys are used while the provider is away.
	keysKept = time.Hour
	// keysAgain is how soon an unknown key may cause another read: forged tokens must not flood the provider.
	keysAgain  = 10 * time.Second
	minRSABits = 2048
)

// algorithms are the signatures that are accepted: asymmetric ones.
var algorithms = []jose.SignatureAlgorithm{
	jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512, jose.ES256, jose.ES384, jose.ES512,
	jose.EdDSA,
}

// keyRing has the keys of a provider.
type keyRing struct {
	address string
	client  *http.Client

	reading sync.Mutex // by one at a time
	mutex   sync.RWMutex
	keys    []jose.JSONWebKey
	read    time.Time // when they were read last
	tried   time.Time // when that was tried last
}

var errUnknownKey = errors.New("no key of the provider made this signature")

// VerifySignature returns the payload of a token that a key of the provider has signed.
func (r *keyRing) VerifySignature(ctx context.Context, token string) ([]byte, error) {
	signed, err := jose.ParseSignedCompact(token, algorithms)
	if err != nil {
		return nil, fmt.Errorf("read the signature: %w", err)
	}
	header := signed.Signatures[0].Header
	keys, err := r.current(ctx)
	if err != nil {
		return nil, err
	}
	if payload, ok := verify(signed, header, keys); ok {
		return payload, nil
	}
	// A key may have been added, or replaced under the same id.
	if keys, err = r.again(ctx); err != nil {
		return nil, err
	}
	if payload, ok := verify(signed, header, keys); ok {
		return payload, nil
	}
	return nil, errUnknownKey
}

func verify(signed *jose.JSONWebSignature, header jose.Header, keys []jose.JSONWebKey) ([]byte, bool) {
	for _, key := range keys {
		fits := (header.KeyID == "" || key.KeyID == header.KeyID) && key.Use != "enc" &&
			(key.Algorithm == "" || key.Algorithm == header.Algorithm) && isFor(key.Key, header.Algorithm)
		if !fits {
			continue
		}
		if payload, err := signed.Verify(key.Key); err == nil {
			return payload, true
		}
	}
	return nil, false
}

// isFor reports whether a key is of the kind that the algorithm needs.
func isFor(key any, algorithm string) bool {
	switch key := key.(type) {
	case *rsa.PublicKey:
		return key.N.BitLen() >= minRSABits && (strings.HasPrefix(algorithm, "RS") || strings.HasPrefix(algorithm, "PS"))
	case *ecdsa.PublicKey:
		return strings.HasPrefix(algorithm, "ES")
	case ed25519.PublicKey:
		return algorithm == string(jose.EdDSA)
	}
	return false
}

// current are the keys, at most keysFresh old, or keysKept while the provider is away.
func (r *keyRing) current(ctx context.Context) ([]jose.JSONWebKey, error) {
	r.mutex.RLock()
	keys, age := r.keys, time.Since(r.read)
	r.mutex.RUnlock()
	if age < keysFresh || age < keysKept && !r.due() {
		return keys, nil
	}
	if err := r.update(ctx, keysFresh); err != nil && age >= keysKept {
		return nil, err
	}
	r.mutex.RLock()
	defer r.mutex.RUnlock()
	if time.Since(r.read) >= keysKept {
		return nil, refuse(ProviderAway, "the keys of the provider could not be read")
	}
	return r.keys, nil
}

// due reports whether it is time to read the keys again: no other request is at it, and none was just now.
func (r *keyRing) due() bool {
	if !r.reading.TryLock() {
		return false
	}
	defer r.reading.Unlock()
	return time.Since(r.tried) >= keysAgain
}

// again reads the keys once more, unless that was tried just now.
func (r *keyRing) again(ctx context.Context) ([]jose.JSONWebKey, error) {
	_ = r.update(ctx, keysAgain) // the keys read before decide then
	r.mutex.RLock()
	defer r.mutex.RUnlock()
	return r.keys, nil
}

// update reads the keys when they are older than that, and were not tried just now.
func (r *keyRing) update(ctx context.Context, older time.Duration) error {
	r.reading.Lock()
	defer r.reading.Unlock()
	if time.Since(r.read) < older || time.Since(r.tried) < keysAgain {
		return nil
	}
	r.tried = time.Now()
	keys, err := r.fetch(ctx)
	if err != nil {
		return err
	}
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.keys, r.read = keys, time.Now()
	return nil
}

func (r *keyRing) fetch(ctx context.Context) ([]jose.JSONWebKey, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := fetch(context.WithoutCancel(ctx), r.client, r.address, &set); err != nil {
		return nil, refuse(ProviderAway, "the keys of the provider could not be read: "+err.Error())
	}
	var keys []jose.JSONWebKey
	for _, one := range set.Keys[:min(len(set.Keys), 100)] {
		var key jose.JSONWebKey
		if key.UnmarshalJSON(one) == nil && key.IsPublic() { // others are for something else
			keys = append(keys, key)
		}
	}
	return slices.Clip(keys), nil
}
