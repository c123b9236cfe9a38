package web_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"

	"tollgate/web/webtest"
)

// callers starts a gateway with a provider that vouches for Ada, whose subject there is "ada".
func callers(t *testing.T, more ...any) (g webtest.Gateway, op *webtest.OP, path string) {
	t.Helper()
	g, op = webtest.NewGateway(t), webtest.NewOP(t)
	path = g.Vouches(op, "company", more...)
	g.Identified(path, "ada", g.Ada)
	return g, op, path
}

// An access token says who makes a call, in place of a virtual key: in decisions and at every door.
func TestCallersByAccessToken(t *testing.T) {
	g, op, path := callers(t, "token_audience", "")
	token := op.AccessToken("ada")
	call := webtest.Tokened(token)
	// None is accepted before an admin says for which audience.
	said := g.Admin.Decides(call, "access_not_found", 401)
	if !strings.Contains(fmt.Sprint(said["message"]), "no identity provider here accepts access tokens of its issuer") {
		t.Errorf("the message is %v", said["message"])
	}
	g.Admin.API("PUT", path, webtest.Object{"token_audience": webtest.LLM, "token_scope": "llm.call", "token_clients": []string{"chat"}}).Is(200)
	d := g.Admin.Decides(call, "allowed", 200)
	if d["user_id"] != g.Ada || d["virtual_key_id"] != nil || d["access_profile_id"] != float64(g.Work) {
		t.Errorf("decided: %v", d)
	}
	held := g.Admin.Decides(webtest.With(call, "reserve", true, "estimated_cost", 1), "allowed", 200)
	event := webtest.Event(nil, "virtual_key", nil, "user_id", d["user_id"], "reservation_id", held["reservation_id"], "cost", 0.5)
	g.Admin.Counted(event)
	g.Balanced()
	g.Admin.Decides(webtest.With(call, "model", "o3"), "model_blocked", 403)

	caller := g.APIKey(webtest.Calls)
	subject := webtest.Entity("access_token", token)
	evaluated := caller.API("POST", "/access/v1/evaluation", webtest.Evaluation(subject, webtest.Modelled)).Is(200).JSON()
	webtest.Same(t, "AuthZEN", evaluated["decision"], any(true))
	found := caller.API("POST", "/access/v1/search/resource", webtest.Evaluation(subject, webtest.Object{"type": "model"})).Is(200).JSON()["results"]
	webtest.Same(t, "models found", len(found.([]any)), 2)
	for _, door := range webtest.Asking("model=openai%2Fgpt-4o") {
		a := g.Bearer(token).Get(door).Opened()
		if a.Header.Get("X-Access-User-Id") != g.Ada || a.Header.Get("X-Access-Key-Id") != "" {
			t.Errorf("%s: %v", door, a.Header)
		}
		refused := g.Bearer(op.AccessToken("nobody")).Get(door).Closed("access_not_found", 401)
		webtest.Same(t, "challenge", refused.Header.Get("WWW-Authenticate"), `Bearer realm="gateway", error="invalid_token"`)
		if !strings.Contains(string(refused.Body), "no user here has signed in as its subject") {
			t.Errorf("%s: %s", door, refused.Body)
		}
	}
	if strings.Contains(g.Dump()+g.Log.String(), token[:40]) {
		t.Error("a token is kept, or in the log")
	}
}

// A token counts only as the Bearer of one Authorization header, or as the member of a decision; nowhere else.
func TestAccessTokensStandInOnePlace(t *testing.T) {
	g, op, _ := callers(t)
	g.Identified("/api/identity-providers/1", "bob", g.Bob)
	token, other := op.AccessToken("ada"), op.AccessToken("bob")
	for _, door := range webtest.Asking("model=openai%2Fgpt-4o") {
		g.Bearer(token).Also("Authorization", "Bearer "+other).Get(door).Closed("ambiguous_key", 403)
		g.Bearer(token).Also("Authorization", "Bearer "+token).Get(door).Opened()
		g.Anonymous().With("Authorization", "Bearer "+token+", Bearer "+other).Get(door).Closed("access_not_found", 401)
		for _, name := range []string{"X-Bf-Vk", "X-Api-Key", "Api-Key", "X-Goog-Api-Key", "X-Access-Token"} {
			g.Anonymous().With(name, token).Get(door).Closed("access_not_found", 401)
		}
		// A token beside a virtual key is meant for the provider behind.
		a := g.Bearer(other).With("X-Bf-Vk", g.Key).Get(door).Opened()
		webtest.Same(t, "user", a.Header.Get("X-Access-User-Id"), g.Ada)
	}
	for _, door := range webtest.Asking("model=openai%2Fgpt-4o&access_token=" + token) {
		if a := g.Anonymous().Get(door); a.StatusCode == 200 {
			t.Errorf("%s takes a token of the query", door)
		}
	}
	g.Admin.API("POST", "/api/decisions?access_token="+token, webtest.With(webtest.Model(g.Key), "virtual_key", nil)).Is(400)
	for _, bad := range []struct {
		body        webtest.Object
		code, param string
	}{
		{webtest.With(webtest.Model(g.Key), "access_token", token), "ambiguous_user", "access_token"},
		{webtest.With(webtest.Tokened(token), "user_id", g.Ada), "ambiguous_user", "access_token"},
		{webtest.Tokened(""), "required", "access_token"},
		{webtest.With(webtest.Tokened(token), "access_token", 1), "wrong_type", "access_token"},
		{webtest.Object{"access_token": json.RawMessage("null"), "model": "openai/gpt-4o"}, "null_not_allowed", "access_token"},
	} {
		g.Admin.API("POST", "/api/decisions", bad.body).Refuses(400, bad.code, bad.param)
	}
	// It is no credential of the console itself.
	g.Bearer(token).Get("/api/me").Is(401)
	g.Bearer(token).Get("/api/access-profiles").Is(401)
}

// badToken is a token that is not accepted, and a part of the reason.
type badToken struct{ name, token, why string }

// badTokens are those that a client may send, each made from one that is accepted.
func badTokens(op *webtest.OP) []badToken {
	now, keyed := time.Now().Unix(), jose.JSONWebKey{Key: op.Key, KeyID: op.KeyID}
	text := func(more ...any) string {
		content, _ := json.Marshal(op.AccessClaims("ada", more...))
		return string(content)
	}
	changed := func(more ...any) string { return op.AccessToken("ada", more...) }
	twice := strings.Replace(text(), `{`, `{"sub":"bob",`, 1)
	good := strings.Split(changed(), ".")
	return []badToken{
		{"an ID token", changed("aud", "company", "nonce", "n"), "another kind"},
		{"an ID token for several", changed("aud", []string{"company", webtest.LLM}, "nonce", "n"), "another kind"},
		{"an ID token with the hash of an access token", changed("at_hash", "x"), "another kind"},
		{"a nonce in another case", changed("NONCE", "n"), "another case"},
		{"a subject twice", op.Sign(twice), "twice"},
		{"a subject in another case", changed("Sub", "bob"), "another case"},
		{"no subject", changed("sub", nil), "subject"},
		{"another audience", changed("aud", "https://other.example.com"), "another audience"},
		{"an audience that contains ours", changed("aud", webtest.LLM+".evil.example"), "another audience"},
		{"no audience", changed("aud", nil), "another audience"},
		{"another issuer", changed("iss", "https://evil.example"), "issuer"},
		{"an issuer with a slash more", changed("iss", op.Issuer+"/"), "issuer"},
		{"a refresh token", changed("typ", "Refresh"), "another kind"},
		{"a payload that calls itself an ID token", changed("typ", "ID"), "another kind"},
		{"a logout token", changed("events", webtest.Object{"x": webtest.Object{}}), "another kind"},
		{"a header that says logout", webtest.SignedBy(jose.RS256, keyed, text(), "typ", "logout+jwt"), "another kind"},
		{"a token bound to a key", changed("cnf", webtest.Object{"jkt": "x"}), "bound"},
		{"one that lives a year", changed("exp", now+365*86400), "longer than a day"},
		{"one that lives a year, without iat", changed("iat", nil, "exp", now+365*86400), "longer than a day"},
		{"no end", changed("exp", nil), "when it ends"},
		{"an end that is text", changed("exp", "tomorrow"), "when it ends"},
		{"over for two minutes", changed("iat", now-600, "exp", now-120), "expired"},
		{"not valid yet", changed("nbf", now+300), "not valid yet"},
		{"made in the future", changed("iat", now+300, "exp", now+600), "not valid yet"},
		{"no scope", changed("scope", nil), "lacks the scope"},
		{"a scope that contains ours", changed("scope", "llm.calls"), "lacks the scope"},
		{"another client", changed("client_id", "evil"), "another client"},
		{"another azp", changed("azp", "evil"), "another client"},
		{"an unknown subject with Ada's address", changed("sub", "eve", "email", "ada@example.com", "email_verified", true), "no user here"},
		{"alg none", webtest.Unsigned(`{"alg":"none"}`, text(), ""), "another kind"},
		{"alg NoNe", webtest.Unsigned(`{"alg":"NoNe"}`, text(), "x"), "another kind"},
		{"HS256 by the public key", webtest.SignedBy(jose.HS256, op.Key.N.Bytes(), text(), "kid", op.KeyID), "another kind"},
		{"another signature", good[0] + "." + good[1] + "." + strings.Repeat("A", len(good[2])), "no key"},
		{"the payload of another", good[0] + "." + strings.Split(op.AccessToken("bob"), ".")[1] + "." + good[2], "no key"},
		{"too long", changed("more", strings.Repeat("x", 17<<10)), "too long"},
		{"no JWT", "a.b.c", "no JWT"},
		{"two parts", "a.b", "no JWT"},
	}
}

// What is no access token for this console, of a client and with a scope that it accepts, names no user.
func TestAccessTokensThatAreRefused(t *testing.T) {
	g, op, path := callers(t, "token_scope", "llm.call", "token_clients", []string{"chat"})
	for _, bad := range badTokens(op) {
		said := g.Admin.Ask(webtest.Tokened(bad.token))
		if said["type"] != "access_not_found" || said["status_code"] != 401.0 || !strings.Contains(fmt.Sprint(said["message"]), bad.why) {
			t.Errorf("%s: %v, want a reason with %q", bad.name, said, bad.why)
		}
	}
	now := time.Now().Unix()
	for name, token := range map[string]string{
		"over for half a minute": op.AccessToken("ada", "exp", now-30),
		"several audiences":      op.AccessToken("ada", "aud", []string{"x", webtest.LLM}),
		"scp as a list":          op.AccessToken("ada", "scope", nil, "scp", []string{"a", "llm.call"}),
		"azp":                    op.AccessToken("ada", "azp", "chat", "client_id", nil),
		"typ Bearer":             op.AccessToken("ada", "typ", "Bearer"),
		"an elliptic curve": webtest.SignedBy(jose.ES256, jose.JSONWebKey{Key: op.EC, KeyID: "e1"},
			strings.TrimSpace(string(must(json.Marshal(op.AccessClaims("ada")))))),
		"a header of RFC 9068": webtest.SignedBy(jose.RS256, jose.JSONWebKey{Key: op.Key, KeyID: op.KeyID},
			string(must(json.Marshal(op.AccessClaims("ada")))), "typ", "at+jwt"),
	} {
		if d := g.Admin.Ask(webtest.Tokened(token)); d["type"] != "allowed" {
			t.Errorf("%s: %v", name, d)
		}
	}
	// Any client and any scope will do where none is named.
	g.Admin.API("PUT", path, webtest.Object{"token_scope": "", "token_clients": []string{}}).Is(200)
	g.Admin.Decides(webtest.Tokened(op.AccessToken("ada", "scope", nil, "client_id", "evil")), "allowed", 200)
}

// A user whom a directory provisions is known by the external id before they sign in for the first time; two with the
// same one are not, unless the directory deleted all others.
func TestAccessTokensOfProvisionedUsers(t *testing.T) {
	g := webtest.NewGateway(t)
	op, d := webtest.NewOP(t), g.Directory("Entra", "Viewer")
	g.Vouches(op, "entra", "connection_id", d.Connection, "match_claim", "oid")
	user := d.Provision("kim@example.com", webtest.Object{"externalId": "o1"})
	g.Give(user, g.Work)
	call := webtest.Tokened(op.AccessToken("s1", "oid", "o1"))
	webtest.Same(t, "user", g.Admin.Decides(call, "allowed", 200)["user_id"], any(user))
	g.Admin.Decides(webtest.Tokened(op.AccessToken("s1", "oid", "o2")), "access_not_found", 401)
	g.Admin.Decides(webtest.Tokened(op.AccessToken("o1")), "access_not_found", 401)
	lee := d.Provision("lee@example.com", webtest.Object{"externalId": "o1"})
	g.Admin.Decides(webtest.Tokened(op.AccessToken("s2", "oid", "o1")), "access_not_found", 401)
	d.SCIM("DELETE", "/Users/"+user, nil).Is(204)
	g.Admin.Decides(call, "access_blocked", 403) // of lee, who has no copy
	g.Give(lee, g.Work)
	webtest.Same(t, "user", g.Admin.Decides(webtest.Tokened(op.AccessToken("s3", "oid", "o1")), "allowed", 200)["user_id"], any(lee))
	d.SCIM("DELETE", "/Users/"+lee, nil).Is(204)
	g.Admin.Decides(webtest.Tokened(op.AccessToken("s4", "oid", "o1")), "access_not_found", 401)
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

// The twin of TestAccessTokensThatAreRefused: the library's own check of signature, issuer, audience and end takes
// many of those tokens.
func TestTwinOfAccessTokensThatAreRefused(t *testing.T) {
	op := webtest.NewOP(t)
	provider, err := oidc.NewProvider(t.Context(), op.URL)
	if err != nil {
		t.Fatal(err)
	}
	var taken []string
	for _, bad := range badTokens(op) {
		if _, err := provider.Verifier(&oidc.Config{ClientID: webtest.LLM}).Verify(t.Context(), bad.token); err == nil {
			taken = append(taken, bad.name)
		}
	}
	for _, name := range []string{"an ID token for several", "a refresh token", "one that lives a year", "a subject in another case", "a token bound to a key"} {
		if !slices.Contains(taken, name) {
			t.Errorf("the library refuses %s: the test finds nothing", name)
		}
	}
}

// Tokens of unknown keys let the keys be read once, a provider that is away leaves tokens undecided, and what is known
// of a token lasts no longer than its end.
func TestAccessTokensReadKeysOnce(t *testing.T) {
	g, op, _ := callers(t)
	g.Admin.Decides(webtest.Tokened(op.AccessToken("ada")), "allowed", 200)
	before := op.KeysRead.Load()
	content := string(must(json.Marshal(op.AccessClaims("ada"))))
	asks := make([]func() webtest.Answer, 100)
	for i := range asks {
		forged := webtest.SignedBy(jose.RS256, jose.JSONWebKey{Key: op.Key, KeyID: fmt.Sprint("unknown", i)}, content)
		asks[i] = func() webtest.Answer { return g.Admin.API("POST", "/api/decisions", webtest.Tokened(forged)) }
	}
	for _, a := range webtest.Concurrently(asks...) {
		webtest.Same(t, "type", a.Is(200).JSON()["type"], any("access_not_found"))
	}
	if read := op.KeysRead.Load() - before; read > 1 {
		t.Errorf("the keys were read %d times", read)
	}
	away := webtest.NewOP(t)
	g.Vouches(away, "away")
	g.H.SignIns.AllowPrivate(false)
	g.H.SignIns.AllowPrivate(true) // nothing is known of it any more
	token := away.AccessToken("ada")
	away.Metadata = webtest.Object{"issuer": "another"}
	before = away.Discovered.Load()
	for range 3 {
		a := g.Admin.API("POST", "/api/decisions", webtest.Tokened(token))
		if !a.PutsOff() {
			t.Errorf("%d %s", a.StatusCode, a.Body)
		}
	}
	for _, door := range webtest.Asking("model=openai%2Fgpt-4o") {
		if a := g.Bearer(token).Get(door); a.StatusCode == 200 || a.Header.Get("X-Access-Status") != "503" {
			t.Errorf("%s: %d %v", door, a.StatusCode, a.Header)
		}
	}
	webtest.Same(t, "how often the provider was asked", away.Discovered.Load()-before, int64(1))
}

// BenchmarkKnownToken is what an access token costs once it is known.
func BenchmarkKnownToken(b *testing.B) {
	test := func(t *testing.T) {
		g, op, _ := callers(t)
		token := op.AccessToken("ada")
		g.Admin.Decides(webtest.Tokened(token), "allowed", 200)
		b.ReportAllocs()
		for b.Loop() {
			if _, why, err := g.H.Cache.UserOfToken(t.Context(), token); why != "" || err != nil {
				b.Fatal(why, err)
			}
		}
	}
	testing.RunTests(func(_, _ string) (bool, error) { return true, nil }, []testing.InternalTest{{Name: "Known", F: test}})
}
