package webtest

import (
	"encoding/json"
	"fmt"
	"time"
)

// LLM is the audience of the access tokens of tests.
const LLM = "https://llm.example.com"

// AccessClaims are those of an access token for a subject; more replace or, when nil, remove them.
func (op *OP) AccessClaims(subject string, more ...any) Object {
	now := time.Now().Unix()
	return With(Object{
		"iss": op.Issuer, "sub": subject, "aud": LLM, "iat": now, "exp": now + 300, "scope": "openid llm.call", "client_id": "chat",
	}, more...)
}

// AccessToken signs such claims.
func (op *OP) AccessToken(subject string, more ...any) string {
	text, _ := json.Marshal(op.AccessClaims(subject, more...))
	return op.Sign(string(text))
}

// Vouches adds an identity provider whose access tokens are accepted, and returns its path at the API.
func (c *Console) Vouches(op *OP, slug string, more ...any) string {
	c.T.Helper()
	made := c.APIKey().API("POST", "/api/identity-providers", With(Object{
		"slug": slug, "name": slug, "issuer": op.URL, "client_id": slug, "token_audience": LLM,
	}, more...)).Is(201).Object("identity_provider")
	return "/api/identity-providers/" + fmt.Sprint(Int64ID(made))
}

// Identified lets a user be known as a subject at a provider.
func (c *Console) Identified(path, subject, user string) {
	c.T.Helper()
	c.Exec("INSERT INTO user_identities (provider_id, subject, user_id) SELECT id, ?, ? FROM identity_providers WHERE '/api/identity-providers/' || id = ?",
		subject, user, path)
}

// Tokened is a call by an access token.
func Tokened(token string) Object {
	return Object{"access_token": token, "provider": "openai", "model": "gpt-4o"}
}

// TokenChanges are those that let access tokens be accepted, or not any more.
func TokenChanges(g Gateway, add func(name, actions string, call Object, before, after string, do func())) {
	op, n := NewOP(g.T), 0
	named := func() (path, user string, call Object) {
		n++
		slug := fmt.Sprint("vouching", n)
		path = g.Vouches(op, slug, "token_audience", LLM+slug)
		user = g.Member(slug+"@example.com", "Viewer")
		g.Give(user, g.Work)
		g.Identified(path, slug, user)
		return path, user, Tokened(op.AccessToken(slug, "aud", LLM+slug))
	}
	off, _, call := named()
	add("a provider that vouches no more", "UpdateIdentityProvider", call, "allowed", "access_not_found", func() {
		g.Admin.API("PUT", off, Object{"token_audience": ""}).Is(200)
	})
	disabled, _, call := named()
	add("a provider that is disabled", "UpdateIdentityProvider", call, "allowed", "access_not_found", func() {
		g.Admin.API("PUT", disabled, Object{"is_enabled": false}).Is(200)
	})
	gone, _, call := named()
	add("a provider that is deleted", "DeleteIdentityProvider", call, "allowed", "access_not_found", func() { g.Admin.API("DELETE", gone, nil).Is(200) })
	_, apart, call := named()
	add("a user who is disconnected", "DeleteIdentities", call, "allowed", "access_not_found", func() {
		g.Admin.API("DELETE", "/api/users/"+apart+"/identities", nil).Is(200)
	})
	_, left, call := named()
	add("a user of tokens who is deactivated", "DeactivateUser", call, "allowed", "access_blocked", func() {
		g.Admin.API("PUT", "/api/users/"+left+"/deactivate", nil).Is(200)
	})
}
