package access

import (
	"context"
	"crypto/sha256"
	"time"

	"github.com/google/uuid"

	"tollgate/models/caller"
	"tollgate/models/oidc"
	"tollgate/models/secret"
)

const (
	// tokenFor is how long a checked access token is cached, so that a key that its provider withdrew goes.
	tokenFor = time.Minute
	// tokensKept bounds the memory.
	tokensKept = 100_000
)

// cachedToken is whom a checked access token names.
type cachedToken struct {
	user      uuid.UUID
	evictions uint32 // of the user when it was checked: with another number it is checked again
	until     int64  // microseconds
}

// UserOfToken finds the user whom an access token names; why says why there is none. A check is cached for a minute at
// most, until the user or a provider changes. Refusal: Unavailable when the provider does not answer.
func (c *Cache) UserOfToken(ctx context.Context, token string) (user uuid.UUID, why string, err error) {
	if c.Tokens == nil {
		return user, "access tokens are not accepted here", nil
	}
	hash := sha256.Sum256([]byte(token))
	c.mutex.RLock()
	now, polls := c.now(), c.polls
	user, ok := c.cachedToken(hash, now)
	c.mutex.RUnlock()
	if ok {
		return user, "", nil
	}
	rules, err := c.tokenRules(ctx)
	if err != nil {
		return user, "", err
	}
	found, err := c.Tokens.Check(ctx, rules, token)
	if err != nil || found.Why != "" {
		return user, found.Why, err
	}
	until := now.Add(tokenFor)
	if ends := found.Ends.Add(oidc.ClockSkew); ends.Before(until) {
		until = ends
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.unchanged(found.User, polls) && c.unchanged(uuid.Nil, polls) {
		c.keepToken(hash, found.User, until)
	}
	return found.User, "", nil
}

// cachedToken finds a token in the cache; the caller has the lock.
func (c *Cache) cachedToken(hash secret.Hash, now time.Time) (uuid.UUID, bool) {
	token, ok := c.tokens[hash]
	owner, known := c.users[token.user]
	return token.user, ok && known && token.evictions == owner.evictions && token.until > now.UnixMicro()
}

// keepToken caches a token; the caller has the lock. When there are too many, all go: each is checked anew within a
// minute anyway.
func (c *Cache) keepToken(hash secret.Hash, user uuid.UUID, until time.Time) {
	if len(c.tokens) >= tokensKept {
		clear(c.tokens)
	}
	owner := c.entry(user)
	c.users[user], c.tokens[hash] = owner, cachedToken{user, owner.evictions, until.UnixMicro()}
}

// tokenRules say which access tokens are accepted, cached.
func (c *Cache) tokenRules(ctx context.Context) ([]caller.Rule, error) {
	c.mutex.RLock()
	rules, polls := c.accepts, c.polls
	c.mutex.RUnlock()
	if rules != nil {
		return rules, nil
	}
	rules, err := caller.Rules(ctx, c.DB)
	if err != nil {
		return nil, err
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.unchanged(uuid.Nil, polls) {
		c.accepts = rules
	}
	return rules, nil
}

// forgetTokens evicts what is known of access tokens; the caller has the lock.
func (c *Cache) forgetTokens() { c.tokens, c.accepts = map[secret.Hash]cachedToken{}, nil }
