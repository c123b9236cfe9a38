package webtest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/uuid"
)

// OP is an OpenID provider that says and signs what a test wants.
type OP struct {
	*httptest.Server
	Key      *rsa.PrivateKey
	EC       *ecdsa.PrivateKey
	KeyID    string
	Issuer   string // the address, unless a test wants another
	Metadata Object // beside the usual members, or in their place

	// Payload and Token replace the text that is signed, and the whole token. UserInfo is what it answers.
	Payload  func(claims Object) string
	Token    func(payload string) string
	UserInfo Object
	KeySet   func(w http.ResponseWriter) // instead of the keys

	Discovered, KeysRead, TokensAsked atomic.Int64
	Verifier                          atomic.Value // the last one that was sent

	mutex sync.Mutex
	codes map[string]begunThere
}

type begunThere struct {
	claims    Object
	challenge string
}

var opKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

// NewOP starts one.
func NewOP(t testing.TB) *OP {
	t.Helper()
	op := &OP{Key: opKey(), KeyID: "k1", codes: map[string]begunThere{}}
	var err error
	if op.EC, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", op.discovery)
	mux.HandleFunc("GET /keys", op.keys)
	mux.HandleFunc("POST /token", op.token)
	mux.HandleFunc("GET /userinfo", func(w http.ResponseWriter, _ *http.Request) { op.write(w, 200, op.UserInfo) })
	op.Server = httptest.NewServer(mux)
	op.Issuer = op.URL
	t.Cleanup(op.Close)
	return op
}

func (op *OP) write(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func (op *OP) discovery(w http.ResponseWriter, _ *http.Request) {
	op.Discovered.Add(1)
	about := Object{
		"issuer": op.Issuer, "authorization_endpoint": op.URL + "/authorize", "token_endpoint": op.URL + "/token",
		"jwks_uri": op.URL + "/keys", "end_session_endpoint": op.URL + "/end", "authorization_response_iss_parameter_supported": true,
	}
	if op.UserInfo != nil {
		about["userinfo_endpoint"] = op.URL + "/userinfo"
	}
	for name, value := range op.Metadata {
		about[name] = value
	}
	op.write(w, 200, about)
}

func (op *OP) keys(w http.ResponseWriter, _ *http.Request) {
	op.KeysRead.Add(1)
	if op.KeySet != nil {
		op.KeySet(w)
		return
	}
	op.write(w, 200, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{
		{Key: op.Key.Public(), KeyID: op.KeyID, Use: "sig"},
		{Key: op.EC.Public(), KeyID: "e1", Use: "sig", Algorithm: "ES256"},
		{Key: []byte("a secret of 32 bytes, for nothing"), KeyID: "s1"},
	}})
}

func (op *OP) token(w http.ResponseWriter, r *http.Request) {
	op.TokensAsked.Add(1)
	op.Verifier.Store(r.FormValue("code_verifier"))
	op.mutex.Lock()
	begun, known := op.codes[r.FormValue("code")]
	delete(op.codes, r.FormValue("code"))
	op.mutex.Unlock()
	sum := sha256.Sum256([]byte(r.FormValue("code_verifier")))
	id, key, _ := r.BasicAuth()
	key, _ = url.QueryUnescape(key)
	if !known || id != "console" || key != "a client secret" ||
		base64.RawURLEncoding.EncodeToString(sum[:]) != begun.challenge {
		op.write(w, 400, Object{"error": "invalid_grant"})
		return
	}
	op.write(w, 200, Object{"access_token": "an access token", "token_type": "Bearer", "id_token": op.IDToken(begun.claims)})
}

// IDToken signs claims.
func (op *OP) IDToken(claims Object) string {
	text, _ := json.Marshal(claims)
	payload := string(text)
	if op.Payload != nil {
		payload = op.Payload(claims)
	}
	if op.Token != nil {
		return op.Token(payload)
	}
	return op.Sign(payload)
}

// Sign signs a payload with the key that is published.
func (op *OP) Sign(payload string) string {
	return SignedBy(jose.RS256, jose.JSONWebKey{Key: op.Key, KeyID: op.KeyID}, payload)
}

// SignedBy signs a payload.
func SignedBy(algorithm jose.SignatureAlgorithm, key any, payload string, more ...any) string {
	options := &jose.SignerOptions{}
	for i := 0; i < len(more); i += 2 {
		options = options.WithHeader(jose.HeaderKey(more[i].(string)), more[i+1])
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: key}, options)
	if err != nil {
		panic(err)
	}
	signed, err := signer.Sign([]byte(payload))
	if err != nil {
		panic(err)
	}
	token, err := signed.CompactSerialize()
	if err != nil {
		panic(err)
	}
	return token
}

// Unsigned is a token with a header as it is given, and any signature.
func Unsigned(header, payload, signature string) string {
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(header)) + "." + encode([]byte(payload)) + "." + encode([]byte(signature))
}

// Agrees is the path to which the provider leads a browser back that was led to location: a user with these claims
// has signed in there.
func (op *OP) Agrees(t testing.TB, location string, claims Object) string {
	t.Helper()
	address, err := url.Parse(location)
	if err != nil || !strings.HasPrefix(location, op.URL+"/authorize?") {
		t.Fatalf("the browser is led to %q", location)
	}
	q := address.Query()
	if q.Get("response_type") != "code" || q.Get("code_challenge_method") != "S256" || len(q.Get("nonce")) < 43 || len(q.Get("state")) < 43 {
		t.Fatalf("it asks for %v", q)
	}
	now := time.Now().Unix()
	all := Object{"iss": op.Issuer, "aud": "console", "iat": now, "exp": now + 300, "nonce": q.Get("nonce")}
	for name, value := range claims {
		if all[name] = value; value == nil {
			delete(all, name)
		}
	}
	code := uuid.NewString()
	op.mutex.Lock()
	op.codes[code] = begunThere{all, q.Get("code_challenge")}
	op.mutex.Unlock()
	back, err := url.Parse(q.Get("redirect_uri"))
	if err != nil {
		t.Fatal(err)
	}
	return back.Path + "?" + url.Values{"code": {code}, "state": {q.Get("state")}, "iss": {op.Issuer}}.Encode()
}

// Company is a console with an identity provider.
type Company struct {
	*Console
	OP   *OP
	Path string // of the provider at the API
}

// NewCompany starts both. More are further members of the provider.
func NewCompany(t testing.TB, more ...any) Company {
	t.Helper()
	c := Company{Console: NewConsole(t), OP: NewOP(t)}
	made := c.APIKey().API("POST", "/api/identity-providers", With(Object{
		"slug": "company", "name": "Company", "issuer": c.OP.URL, "client_id": "console", "client_secret": "a client secret",
		"email_domains": []string{"example.com"}, "create_users": true, "groups_claim": "groups", "default_role_id": c.RoleID("Viewer"),
	}, more...)).Is(201)
	c.Path = "/api/identity-providers/" + fmt.Sprint(Int64ID(made.Object("identity_provider")))
	return c
}

// Leads begins a sign-in and returns the browser, which remembers it, and where it is led.
func (c Company) Leads(v Client, path string) (Client, string) {
	c.T.Helper()
	a := v.Get(path).Is(http.StatusSeeOther)
	for _, cookie := range a.Cookies() {
		if strings.HasPrefix(cookie.Name, "signin-") && cookie.MaxAge > 0 {
			before := v.Header.Get("Cookie")
			v = v.With("Cookie", strings.TrimPrefix(before+"; "+cookie.Name+"="+cookie.Value, "; "))
		}
	}
	return v, a.Header.Get("Location")
}

// Returns signs a user in at the provider, and is the answer to the browser that comes back.
func (c Company) Returns(claims Object) Answer {
	c.T.Helper()
	c.Exec("DELETE FROM login_throttles")
	browser, location := c.Leads(c.Anonymous(), "/login/company")
	return browser.Get(c.OP.Agrees(c.T, location, claims))
}

// Person are the claims of a user.
func Person(subject, email string, groups ...string) Object {
	return Object{"sub": subject, "email": email, "email_verified": true, "name": "Person " + subject, "groups": groups}
}

// Admin is a program that may do everything.
func (c Company) Admin() Client { return c.APIKey() }

// Reread lets the console forget what the provider published.
func (c Company) Reread() { c.H.SignIns.AllowPrivate(false); c.H.SignIns.AllowPrivate(true) }
