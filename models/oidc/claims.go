package oidc

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// Claims are the members of a token's payload, by their exact names.
type Claims map[string]json.RawMessage

// protocolNames are the claims that decide whether a token is valid. Written twice, or in another case, they are
// ambiguous: other readers may see another value.
var protocolNames = []string{
	"iss", "sub", "aud", "exp", "iat", "nbf", "nonce", "azp", "sid", "jti", "events", "at_hash", "email_verified",
}

// readClaims reads a JSON object. Refusal: "ambiguous" when a name occurs twice, or one of the protocol in another case.
func readClaims(payload []byte) (Claims, error) {
	decoder := json.NewDecoder(bytes.NewReader(payload))
	if start, err := decoder.Token(); err != nil || start != json.Delim('{') {
		return nil, refuse(IDTokenInvalid, "the payload is not an object")
	}
	claims := Claims{}
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return nil, refuse(IDTokenInvalid, "the payload is not JSON")
		}
		text, _ := name.(string)
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return nil, refuse(IDTokenInvalid, "the payload is not JSON")
		}
		if _, twice := claims[text]; twice {
			return nil, refuse(IDTokenAmbiguous, "the claim "+text+" is there twice")
		}
		claims[text] = value
		if strings.ContainsRune(claims.Text(text), 0) {
			return nil, refuse(IDTokenInvalid, "the claim "+text+" has a NUL character, which the database cannot store")
		}
	}
	for _, name := range claims.Names() {
		for _, known := range protocolNames {
			if name != known && strings.EqualFold(name, known) {
				return nil, refuse(IDTokenAmbiguous, "the claim "+name+" is written in another case than "+known)
			}
		}
	}
	return claims, nil
}

// Text is a claim that is text, "" when it is absent or something else.
func (c Claims) Text(name string) string {
	var text string
	if json.Unmarshal(c[name], &text) != nil {
		return ""
	}
	return text
}

// Has reports whether a claim is there, and not null.
func (c Claims) Has(name string) bool {
	value, there := c[name]
	return there && string(value) != "null"
}

// True reports whether a claim says yes: true, or "true" as some providers write it.
func (c Claims) True(name string) bool {
	return string(c[name]) == "true" || c.Text(name) == "true"
}

var errNotTexts = errors.New("not a list of texts")

// Texts is a claim that is a list of texts, or one text.
func (c Claims) Texts(name string) ([]string, error) {
	if !c.Has(name) {
		return nil, nil
	}
	var list []string
	if json.Unmarshal(c[name], &list) == nil {
		return list, nil
	}
	var one string
	if json.Unmarshal(c[name], &one) == nil {
		return []string{one}, nil
	}
	return nil, errNotTexts
}

// moment is a claim that is a time.
func (c Claims) moment(name string) (at time.Time, there bool, err error) {
	if !c.Has(name) {
		return at, false, nil
	}
	var seconds float64
	if err := json.Unmarshal(c[name], &seconds); err != nil || math.Abs(seconds) > 1e12 {
		return at, true, fmt.Errorf("%s is not a time", name)
	}
	return time.UnixMilli(int64(seconds * 1000)), true, nil
}

// Names are the names of the claims, in order.
func (c Claims) Names() []string {
	names := make([]string, 0, len(c))
	for name := range c {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
