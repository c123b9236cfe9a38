package web_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"golang.org/x/oauth2"

	"tollgate/web/webtest"
)

// careless signs users in at a provider as the console does, but for the one check that it lacks. It is the twin of the
// tests of hostile answers and tokens: without that check, what they send has to do damage.
type careless struct {
	t     *testing.T
	op    *webtest.OP
	lacks string
	begun map[string]remembered // by state, of all browsers
}

type remembered struct{ state, nonce, verifier, next string }

// leads begins a sign-in, and returns what the browser remembers of it and where it is led.
func (v careless) leads(next string) (remembered, string) {
	r := remembered{oauth2.GenerateVerifier(), oauth2.GenerateVerifier(), oauth2.GenerateVerifier(), next}
	v.begun[r.state] = r
	return r, v.op.URL + "/authorize?" + url.Values{
		"response_type": {"code"}, "client_id": {"console"}, "redirect_uri": {"http://127.0.0.1/callback"}, "state": {r.state},
		"nonce": {r.nonce}, "code_challenge": {oauth2.S256ChallengeFromVerifier(r.verifier)}, "code_challenge_method": {"S256"},
	}.Encode()
}

// finishes says who is signed in and where the browser goes; "" is a refusal.
func (v careless) finishes(r remembered, path string) (who, next string) {
	address, err := url.Parse(path)
	if err != nil {
		v.t.Fatal(err)
	}
	q := address.Query()
	known, fresh := v.begun[q.Get("state")]
	if delete(v.begun, q.Get("state")); !fresh && v.lacks != "burning" {
		return "", ""
	}
	if v.lacks == "state" {
		r = known
	}
	if q.Get("state") != r.state || v.lacks != "issuer" && q.Get("iss") != v.op.Issuer {
		return "", ""
	}
	claims := v.reads(v.exchanges(q.Get("code"), r.verifier))
	if claims["sub"] == "" || v.lacks != "nonce" && claims["nonce"] != r.nonce {
		return "", ""
	}
	if v.lacks != "next" && strings.HasPrefix(r.next, "//") {
		r.next = "/"
	}
	if v.lacks == "subject" {
		return claims["email"], r.next
	}
	return claims["sub"], r.next
}

func (v careless) exchanges(code, verifier string) string {
	body := url.Values{"code": {code}, "code_verifier": {verifier}}.Encode()
	request, _ := http.NewRequestWithContext(v.t.Context(), "POST", v.op.URL+"/token", strings.NewReader(body))
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.SetBasicAuth("console", url.QueryEscape("a client secret"))
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		v.t.Fatal(err)
	}
	defer response.Body.Close()
	var tokens map[string]string
	if err := json.NewDecoder(response.Body).Decode(&tokens); err != nil {
		v.t.Fatal(err)
	}
	return tokens["id_token"]
}

// reads checks the signature of a token and returns its claims, nil for one that is forged.
func (v careless) reads(token string) map[string]string {
	algorithms := []jose.SignatureAlgorithm{jose.RS256}
	if v.lacks == "algorithm" {
		algorithms = append(algorithms, jose.HS256)
	}
	parsed, err := jose.ParseSignedCompact(token, algorithms)
	if err != nil {
		return nil
	}
	public, _ := json.Marshal(jose.JSONWebKey{Key: v.op.Key.Public()})
	for _, key := range []any{v.op.Key.Public(), public} {
		if payload, err := parsed.Verify(key); err == nil {
			return v.claims(payload)
		}
	}
	return nil
}

// claims are read by exact names, or as encoding/json reads them.
func (v careless) claims(payload []byte) map[string]string {
	if v.lacks == "case" {
		var folded struct{ Sub, Nonce, Email string }
		if err := json.Unmarshal(payload, &folded); err != nil {
			v.t.Fatal(err)
		}
		return map[string]string{"sub": folded.Sub, "nonce": folded.Nonce, "email": folded.Email}
	}
	var exact map[string]any
	if err := json.Unmarshal(payload, &exact); err != nil {
		v.t.Fatal(err)
	}
	claims := map[string]string{}
	for name, value := range exact {
		claims[name], _ = value.(string)
	}
	return claims
}

// The twins of TestForgedIDTokens, TestAnswersOfOtherBrowsers and TestAddressesOfProviders: each attack of those tests
// succeeds against the client that lacks the check it is for, and against no other.
func TestTwinsOfHostileSignIns(t *testing.T) {
	const victim, attacker = "bob", "eve"
	attacks := map[string]func(v careless) bool{
		"case": func(v careless) bool { // H-04
			v.op.Payload = func(claims webtest.Object) string {
				text, _ := json.Marshal(claims)
				return strings.Replace(string(text), `"sub":"eve"`, `"sub":"eve","Sub":"bob"`, 1)
			}
			return v.enters(attacker, nil) == victim
		},
		"nonce": func(v careless) bool { // H-04
			return v.enters(victim, "of another sign-in") == victim
		},
		"algorithm": func(v careless) bool { // H-01
			public, _ := json.Marshal(jose.JSONWebKey{Key: v.op.Key.Public()})
			v.op.Token = func(payload string) string { return webtest.SignedBy(jose.HS256, public, payload) }
			return v.enters(victim, nil) == victim
		},
		"subject": func(v careless) bool { // H-09
			return v.enters(attacker, nil) == victim+"@example.com"
		},
		"state": func(v careless) bool { // H-08: the victim's browser opens the attacker's answer
			own, _ := v.leads("/")
			_, location := v.leads("/")
			who, _ := v.finishes(own, v.op.Agrees(v.t, location, webtest.Person(attacker, "eve@example.com")))
			return who == attacker
		},
		"burning": func(v careless) bool { // H-06: the cookies were copied
			own, location := v.leads("/")
			path := v.op.Agrees(v.t, location, webtest.Person(victim, "bob@example.com"))
			v.finishes(own, path)
			asked := v.op.TokensAsked.Load()
			v.finishes(own, path)
			return v.op.TokensAsked.Load() > asked
		},
		"issuer": func(v careless) bool { // H-07
			own, location := v.leads("/")
			path := v.op.Agrees(v.t, location, webtest.Person(victim, "bob@example.com"))
			who, _ := v.finishes(own, strings.Replace(path, url.QueryEscape(v.op.URL), "https%3A%2F%2Fevil.example", 1))
			return who == victim
		},
		"next": func(v careless) bool { // H-16
			own, location := v.leads("//evil.example")
			_, next := v.finishes(own, v.op.Agrees(v.t, location, webtest.Person(victim, "bob@example.com")))
			return next == "//evil.example"
		},
	}
	for attack, succeeds := range attacks {
		var against []string
		for lack := range attacks {
			if succeeds(careless{t, webtest.NewOP(t), lack, map[string]remembered{}}) {
				against = append(against, lack)
			}
		}
		if !slices.Equal(against, []string{attack}) {
			t.Errorf("the attack on %s succeeds against clients that lack %v", attack, against)
		}
	}
}

// enters signs in a subject with bob's address, with the nonce given or the right one, and is who is signed in.
func (v careless) enters(subject string, nonce any) string {
	own, location := v.leads("/")
	claims := webtest.Person(subject, "bob@example.com")
	if nonce != nil {
		claims["nonce"] = nonce
	}
	who, _ := v.finishes(own, v.op.Agrees(v.t, location, claims))
	return who
}
