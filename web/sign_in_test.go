package web_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"tollgate/web/webtest"
)

// sessionOf is the browser after a sign-in that was accepted.
func sessionOf(c webtest.Company, a webtest.Answer) webtest.Client {
	c.T.Helper()
	return c.Anonymous().With("Cookie", webtest.CookieOf(a.Is(303), "session"))
}

// Somebody who signs in at the provider gets an account, with the role of the first rule that fits, and the same
// account the next time; any console finishes what one began.
func TestSignInByProvider(t *testing.T) {
	c := webtest.NewCompany(t)
	c.APIKey().API("PUT", c.Path+"/rules", webtest.Object{"rules": []webtest.Object{
		{"value": "engineering", "role_id": c.RoleID("Developer")}, {"value": "all", "role_id": c.RoleID("Member")},
	}}).Is(200)
	first := c.Returns(webtest.Person("s1", "ada@example.com", "all", "engineering")).Redirects("/")
	session := sessionOf(c, first)
	session.Get("/access-profiles").Is(200)
	id := c.UserID("ada@example.com")
	webtest.Same(t, "role", c.RoleOf("ada@example.com"), "Developer")
	// Another address and other groups: the same user, with another role.
	again := c.Returns(webtest.Person("s1", "ada.l@example.com", "all"))
	again.Redirects("/me") // a member sees only what is theirs
	webtest.Same(t, "id", c.UserID("ada.l@example.com"), id)
	webtest.Same(t, "role", c.RoleOf("ada.l@example.com"), "Member")
	// No group that fits: the default role.
	c.Returns(webtest.Person("s1", "ada.l@example.com", "Admin")).Redirects("/")
	webtest.Same(t, "role", c.RoleOf("ada.l@example.com"), "Viewer")
	// Without a default role there is no entry, and what was open is closed.
	open := sessionOf(c, c.Returns(webtest.Person("s1", "ada.l@example.com", "all")))
	open.Get("/me").Is(200)
	c.APIKey().API("PUT", c.Path, `{"default_role_id":null}`).Is(200)
	c.Returns(webtest.Person("s1", "ada.l@example.com")).Refuses(403, "no_role", "")
	open.Get("/me").Redirects("/login?next=%2Fme")
	webtest.Same(t, "role", c.RoleOf("ada.l@example.com"), "Member")

	other, _ := c.Another(c.AppURL())
	browser, location := c.Leads(c.Anonymous(), "/login/company?next=%2Fme")
	other.H.SignIns.BaseURL = c.Base
	path := c.OP.Agrees(t, location, webtest.Person("s1", "ada.l@example.com", "all"))
	asked := c.OP.TokensAsked.Load()
	browser.At(other).Get(path).Redirects("/me")
	// The same once more, with the cookies that were copied: the provider is not asked.
	browser.Get(path).Refuses(403, "state_used", "")
	webtest.Same(t, "tokens asked for", c.OP.TokensAsked.Load()-asked, int64(1))
	var audited []string
	c.Scan(&audited, "SELECT DISTINCT action || ' ' || actor FROM audit_logs WHERE action IN ('sign_in', 'link') ORDER BY 1")
	webtest.Same(t, "audit", fmt.Sprint(audited), "[link sso: Company sign_in ada.l@example.com sign_in ada@example.com]")
	if n := c.Admin().Metrics()[`tollgate_sign_ins_total{provider="company",result="no_role"}`]; n != 1 {
		t.Errorf("%v refusals are counted", n)
	}
}

// H-30: eight first sign-ins of one person at once make one user.
func TestFirstSignInsAtOnce(t *testing.T) {
	c := webtest.NewCompany(t)
	other, _ := c.Another(c.AppURL())
	other.H.SignIns.BaseURL = c.Base
	type begun struct {
		browser webtest.Client
		path    string
	}
	var all []begun
	for i := range 8 {
		c.Exec("DELETE FROM login_throttles")
		browser, location := c.Leads(c.Anonymous(), "/login/company")
		if i%2 == 1 {
			browser = browser.At(other)
		}
		all = append(all, begun{browser, c.OP.Agrees(t, location, webtest.Person("s1", "ada@example.com"))})
	}
	var at sync.WaitGroup
	statuses := make([]int, len(all))
	for i, one := range all {
		at.Go(func() {
			answer := one.browser.Get(one.path)
			if one.browser.StoodStill(answer) { // then the sign-in begins again
				browser, location := c.Leads(c.Anonymous(), "/login/company")
				answer = browser.Get(c.OP.Agrees(t, location, webtest.Person("s1", "ada@example.com")))
			}
			statuses[i] = answer.StatusCode
		})
	}
	at.Wait()
	for _, status := range statuses {
		webtest.Same(t, "status", status, 303)
	}
	webtest.Same(t, "users", c.Count("users WHERE email = 'ada@example.com'"), 1)
	if n := c.Count("sessions WHERE subject = 's1'"); n < 8 {
		t.Errorf("%d sessions", n)
	}
}

// H-01 to H-05: tokens that are forged, odd or not of their time. Each says what the answer is; "" is a session.
func TestForgedIDTokens(t *testing.T) {
	c := webtest.NewCompany(t)
	now := time.Now().Unix()
	person := func(more ...any) webtest.Object {
		return webtest.With(webtest.Person("s1", "ada@example.com"), more...)
	}
	without := func(name string) webtest.Object {
		claims := person()
		claims[name] = nil
		return claims
	}
	public, err := json.Marshal(jose.JSONWebKey{Key: c.OP.Key.Public()})
	c.Must(err)
	signed := func(algorithm jose.SignatureAlgorithm, key any, more ...any) func(string) string {
		return func(payload string) string { return webtest.SignedBy(algorithm, key, payload, more...) }
	}
	stranger := webtest.NewOP(t)
	var jku sync.Map
	trap := webtest.NewOP(t)
	trap.KeySet = func(http.ResponseWriter) { jku.Store("called", true) }
	replaced := func(old, new string) func(webtest.Object) string {
		return func(claims webtest.Object) string {
			text, _ := json.Marshal(claims)
			if !strings.Contains(string(text), old) {
				t.Fatalf("no %s in %s", old, text)
			}
			return strings.Replace(string(text), old, new, 1)
		}
	}
	cases := []struct {
		name    string
		claims  webtest.Object
		payload func(webtest.Object) string
		token   func(string) string
		want    string
	}{
		{"as it should be", person(), nil, nil, ""},
		{"signed with ES256", person(), nil, signed(jose.ES256, jose.JSONWebKey{Key: c.OP.EC, KeyID: "e1"}), ""},
		{"without a key id", person(), nil, signed(jose.RS256, c.OP.Key), ""},
		{"alg none", person(), nil, func(p string) string { return webtest.Unsigned(`{"alg":"none"}`, p, "") }, "id_token_invalid"},
		{"alg NoNe", person(), nil, func(p string) string { return webtest.Unsigned(`{"alg":"NoNe"}`, p, "") }, "id_token_invalid"},
		{"HS256 by the client secret", person(), nil, signed(jose.HS256, []byte("a client secret, made longer for it")), "id_token_invalid"},
		{"HS256 by the public key", person(), nil, signed(jose.HS256, public), "id_token_invalid"},
		{"HS256 by a published secret", person(), nil, signed(jose.HS256, jose.JSONWebKey{Key: []byte("a secret of 32 bytes, for nothing"), KeyID: "s1"}), "id_token_invalid"},
		{"another key under the known id", person(), nil, signed(jose.ES256, jose.JSONWebKey{Key: stranger.EC, KeyID: "k1"}), "id_token_invalid"},
		{"a key in the header", person(), nil, signed(jose.ES256, stranger.EC, "jwk", jose.JSONWebKey{Key: stranger.EC.Public()}), "id_token_invalid"},
		{"keys elsewhere", person(), nil, signed(jose.ES256, stranger.EC, "jku", trap.URL+"/keys"), "id_token_invalid"},
		{"an unknown extension", person(), nil, signed(jose.RS256, jose.JSONWebKey{Key: c.OP.Key, KeyID: "k1"}, "crit", []string{"x"}, "x", 1), "id_token_invalid"},
		{"two signatures", person(), nil, func(p string) string {
			return `{"payload":"` + strings.Split(c.OP.Sign(p), ".")[1] + `","signatures":[{},{}]}`
		}, "id_token_invalid"},
		{"no token", person(), nil, func(string) string { return "" }, "id_token_invalid"},
		{"a foreign issuer", person("iss", "https://evil.example"), nil, nil, "id_token_invalid"},
		{"the issuer with a slash", person("iss", c.OP.URL+"/"), nil, nil, "id_token_invalid"},
		{"for another client", person("aud", "other"), nil, nil, "id_token_invalid"},
		{"for two clients", person("aud", []string{"console", "other"}), nil, nil, "azp_mismatch"},
		{"for two clients, issued to this one", person("aud", []string{"console", "other"}, "azp", "console"), nil, nil, ""},
		{"issued to another client", person("azp", "other"), nil, nil, "azp_mismatch"},
		{"without a nonce", without("nonce"), nil, nil, "nonce_mismatch"},
		{"the nonce of another sign-in", person("nonce", strings.Repeat("x", 43)), nil, nil, "nonce_mismatch"},
		{"the nonce in another case", person(), replaced(`"nonce"`, `"NONCE"`), nil, "id_token_ambiguous"},
		{"a second subject in another case", person(), replaced(`"sub":"s1"`, `"sub":"s1","Sub":"s2"`), nil, "id_token_ambiguous"},
		{"the subject twice", person(), replaced(`"sub":"s1"`, `"sub":"s1","sub":"s2"`), nil, "id_token_ambiguous"},
		{"the address verified in another case", person("email_verified", nil), replaced(`"email"`, `"Email_Verified":true,"email"`), nil, "id_token_ambiguous"},
		{"an empty subject", person("sub", ""), nil, nil, "id_token_invalid"},
		{"a subject with a NUL", person("sub", "s\x00"), nil, nil, "id_token_invalid"},
		{"an address with a NUL", person("email", "a\x00@example.com"), nil, nil, "id_token_invalid"},
		{"an escaped NUL that is none", person("name", `a\u0000`), nil, nil, ""},
		{"a long subject", person("sub", strings.Repeat("x", 256)), nil, nil, "id_token_invalid"},
		{"over for 30 s", person("exp", now-30, "iat", now-60), nil, nil, ""},
		{"over for 2 min", person("exp", now-120, "iat", now-180), nil, nil, "id_token_invalid"},
		{"made in 30 s", person("iat", now+30), nil, nil, ""},
		{"made in 5 min", person("iat", now+300, "exp", now+600), nil, nil, "id_token_invalid"},
		{"made an hour ago", person("iat", now-3600), nil, nil, "id_token_invalid"},
		{"without an end", without("exp"), nil, nil, "id_token_invalid"},
		{"without a beginning", without("iat"), nil, nil, "id_token_invalid"},
		{"not valid yet", person("nbf", now+120), nil, nil, "id_token_invalid"},
		{"the hash of another access token", person("at_hash", "AAAAAAAAAAAAAAAAAAAAAA"), nil, nil, "id_token_invalid"},
		{"too long", person("x", strings.Repeat("x", 70_000)), nil, nil, "id_token_invalid"},
	}
	for _, test := range cases {
		c.OP.Payload, c.OP.Token = test.payload, test.token
		before := c.Count("sessions")
		a := c.Returns(test.claims)
		if test.want == "" {
			if a.StatusCode != 303 {
				t.Errorf("%s: status %d, want a session: %v", test.name, a.StatusCode, refusedLast(c))
			}
			continue
		}
		if got := refusedLast(c); a.StatusCode != 403 || !strings.HasPrefix(got, test.want+" ") || c.Count("sessions") != before {
			t.Errorf("%s: status %d, %q, want %s", test.name, a.StatusCode, got, test.want)
		}
	}
	if _, called := jku.Load("called"); called {
		t.Error("the keys that the header names were read")
	}
}

// refusedLast is the last refusal that an admin sees.
func refusedLast(c webtest.Company) (said string) {
	var all []string
	c.Scan(&all, "SELECT code || ' ' || detail FROM sign_in_refusals ORDER BY id DESC LIMIT 1")
	return strings.Join(all, "")
}

// H-06, H-07, H-08, H-16: an answer that this browser did not ask for does nothing.
func TestAnswersOfOtherBrowsers(t *testing.T) {
	c := webtest.NewCompany(t)
	browser, location := c.Leads(c.Anonymous(), "/login/company?next=//evil.example")
	path := c.OP.Agrees(t, location, webtest.Person("s1", "ada@example.com"))
	attacker, elsewhere := c.Leads(c.Anonymous(), "/login/company")
	ofAttacker := c.OP.Agrees(t, elsewhere, webtest.Person("evil", "eve@example.com"))
	c.Unchanged(func() {
		c.Anonymous().Get(path).Refuses(403, "state_mismatch", "")      // a thief has the address
		browser.Get(ofAttacker).Refuses(403, "state_mismatch", "")      // the attacker's own code
		attacker.Get(path).Refuses(403, "state_mismatch", "")           // a cookie of another state
		browser.Get(path+"&state=x").Refuses(403, "state_mismatch", "") // twice
		browser.Get("/login/company/callback").Refuses(403, "state_mismatch", "")
		browser.Get("/login/other/callback"+path[strings.Index(path, "?"):]).Refuses(403, "state_mismatch", "")
	})
	browser.Get(strings.Replace(path, url.QueryEscape(c.OP.URL), "https%3A%2F%2Fevil.example", 1)).Refuses(403, "issuer_mismatch", "")
	browser.Get(path[:strings.LastIndex(path, "&iss=")] + path[strings.Index(path, "&state="):]).Is(403)
	without, _, _ := strings.Cut(path, "&iss=")
	_, rest, _ := strings.Cut(path, "&state=")
	browser.Get(without+"&state="+rest).Refuses(403, "issuer_mismatch", "")
	failed := browser.Get("/login/company/callback?error=access_denied&error_description=<script>&iss="+url.QueryEscape(c.OP.URL)+"&state="+rest).
		Refuses(403, "provider_error", "")
	if strings.Contains(string(failed.Body), "<script>&") || !strings.Contains(string(failed.Body), failed.Header.Get("X-Request-ID")) {
		t.Error("the page shows what the provider said, or not the event")
	}
	browser.Get(path).Redirects("/") // not to evil.example
	c.Exec("UPDATE identity_providers SET is_enabled = false")
	c.Anonymous().Get("/login/company").Refuses(404, "not_found", "")
	attacker.Get(ofAttacker).Refuses(404, "not_found", "")
}

// H-09 to H-13: who a user is at the provider is never decided by an address that the provider may have been told.
func TestAddressesOfProviders(t *testing.T) {
	c := webtest.NewCompany(t, "link_by_email", true)
	c.AddUser("ada@example.com", "Viewer")
	admin := func() (row string) {
		c.Scan(&row, "SELECT u::text FROM users AS u WHERE email = ?", webtest.Admin)
		return row
	}
	before := admin()
	person := func(email string, verified any) webtest.Object {
		return webtest.With(webtest.Person("new "+email+fmt.Sprint(verified), email), "email_verified", verified)
	}
	for _, verified := range []any{true, false, "false", nil} {
		c.Returns(person(webtest.Admin, verified)).Refuses(403, "link_first", "")
		c.Returns(person(strings.ToUpper(webtest.Admin), verified)).Refuses(403, "link_first", "")
	}
	webtest.Same(t, "the admin", admin(), before)
	for _, verified := range []any{false, "false", nil} {
		c.Returns(person("ada@example.com", verified)).Refuses(403, "link_first", "")
		c.Returns(person("new@example.com", verified)).Refuses(403, "email_not_trusted", "")
	}
	for _, email := range []string{
		"ada@example.com.evil.example", "ada@example.com@evil.example", "ada@evil.example@example.com", "a@notexample.com", "a@sub.example.com", "@example.com", "ada",
	} {
		c.Returns(person(email, true)).Refuses(403, "email_not_trusted", "")
	}
	c.Returns(webtest.With(person("x@example.com", true), "email", nil)).Refuses(403, "email_missing", "")
	c.Returns(person("ada@example.com", "true")).Is(303)
	webtest.Same(t, "linked", c.Count("user_identities AS i JOIN users AS u ON u.id = i.user_id WHERE u.email = 'ada@example.com'"), 1)
	// A provider that says nothing is believed only when an admin said so, and never against what it says.
	c.APIKey().API("PUT", c.Path, `{"trust_email":"all"}`).Is(200)
	c.Returns(person("silent@example.com", nil)).Is(303)
	c.Returns(person("false@example.com", false)).Refuses(403, "email_not_trusted", "")
	c.Returns(webtest.With(person("edov@example.com", nil), "xms_edov", false)).Refuses(403, "email_not_trusted", "")
	c.APIKey().API("PUT", c.Path, `{"create_users":false,"link_by_email":false}`).Is(200)
	c.Returns(person("nobody@example.com", true)).Refuses(403, "no_account", "")
	// Who was deleted here does not come back by themselves, and who is deactivated stays out.
	c.APIKey().API("PUT", c.Path, `{"create_users":true}`).Is(200)
	c.Returns(webtest.Person("gone", "gone@example.com")).Is(303)
	c.APIKey().API("PUT", "/api/users/"+c.UserID("gone@example.com")+"/deactivate", nil).Is(200)
	c.Returns(webtest.Person("gone", "gone@example.com")).Refuses(403, "deactivated", "")
	c.APIKey().API("DELETE", "/api/users/"+c.UserID("gone@example.com"), nil).Is(200)
	c.Returns(webtest.Person("gone", "gone@example.com")).Refuses(403, "removed", "")
}

// H-11, H-12: UserInfo completes a token and never replaces what it says; groups that were left out are not looked for.
func TestUserInfoAndGroups(t *testing.T) {
	c := webtest.NewCompany(t)
	c.APIKey().API("PUT", c.Path+"/rules", webtest.Object{"rules": []webtest.Object{{"value": "engineering", "role_id": c.RoleID("Developer")}}}).Is(200)
	c.OP.UserInfo = webtest.Object{"sub": "s1", "email": "ada@example.com", "email_verified": true, "groups": "engineering"}
	c.Reread()
	c.Returns(webtest.Object{"sub": "s1"}).Is(303)
	webtest.Same(t, "role", c.RoleOf("ada@example.com"), "Developer")
	c.OP.UserInfo["sub"] = "s2"
	c.Returns(webtest.Object{"sub": "s1"}).Refuses(403, "userinfo_of_another", "")
	c.OP.UserInfo["sub"], c.OP.UserInfo["email"] = "s3", "bob@example.com"
	c.Returns(webtest.Object{"sub": "s3", "email_verified": false}).Refuses(403, "email_not_trusted", "")
	c.Returns(webtest.Object{"sub": "s3", "email": "eve@example.com"}).Refuses(403, "email_not_trusted", "") // bob's is verified
	var called sync.Map
	trap := webtest.NewOP(t)
	trap.KeySet = func(http.ResponseWriter) { called.Store("called", true) }
	for _, overage := range []webtest.Object{
		{"_claim_names": webtest.Object{"groups": "src1"}, "_claim_sources": webtest.Object{"src1": webtest.Object{"endpoint": trap.URL + "/keys"}}},
		{"hasgroups": true},
	} {
		c.OP.UserInfo = nil
		c.Reread()
		claims := webtest.With(webtest.Person("s1", "ada@example.com"), "groups", nil)
		for name, value := range overage {
			claims[name] = value
		}
		c.Returns(claims).Refuses(403, "groups_overage", "")
	}
	if _, asked := called.Load("called"); asked {
		t.Error("the address in the token was called")
	}
	c.Returns(webtest.With(webtest.Person("s1", "ada@example.com"), "groups", []any{webtest.Object{"id": 1}})).Refuses(403, "groups_invalid", "")
	c.Returns(webtest.With(webtest.Person("s1", "ada@example.com"), "groups", strings.Split(strings.Repeat("g ", 2001), " "))).Refuses(403, "groups_invalid", "")
	webtest.Same(t, "role", c.RoleOf("ada@example.com"), "Developer")
	// The last admin stays one, also against a rule.
	c.Exec("INSERT INTO user_identities (provider_id, subject, user_id) SELECT id, 'boss', ? FROM identity_providers", c.UserID(webtest.Admin))
	c.Returns(webtest.Person("boss", webtest.Admin, "engineering")).Is(303)
	webtest.Same(t, "role", c.RoleOf(webtest.Admin), "Admin")
	webtest.Same(t, "kept", strings.HasPrefix(refusedLast(c), "last_admin "), true)
}

// Users whom a directory provisions are found by the claim that is their external id there, never by an address; the
// directory stays as long as a provider needs it.
func TestProvisionedSignIn(t *testing.T) {
	c := webtest.NewCompany(t)
	directory := c.Directory("Entra", "Viewer")
	send := func(id, email string) {
		directory.SCIM("POST", "/Users", webtest.Object{
			"schemas": []string{"urn:ietf:params:scim:schemas:core:2.0:User"}, "userName": email, "externalId": id, "active": true,
		}).Is(201)
	}
	c.APIKey().API("PUT", c.Path, webtest.Object{"connection_id": directory.Connection, "match_claim": "oid"}).Is(200)
	person := func(subject, oid string) webtest.Object {
		return webtest.With(webtest.Person(subject, "ada@example.com"), "oid", oid)
	}
	c.Returns(person("s1", "o1")).Refuses(403, "not_provisioned", "")
	c.Returns(webtest.Person("s1", "ada@example.com")).Refuses(403, "not_provisioned", "") // without the claim
	send("o1", "ada@example.com")
	send("twice", "bob@example.com")
	send("twice", "cleo@example.com")
	c.Returns(person("s2", "o2")).Refuses(403, "not_provisioned", "") // her address, another external id
	c.Returns(person("s3", "twice")).Refuses(403, "not_provisioned", "")
	directory.SCIM("DELETE", "/Users/"+c.UserID("cleo@example.com"), nil).Is(204)
	c.Returns(person("s3", "twice")).Is(303) // the directory has the external id once
	c.Returns(person("s1", "o1")).Is(303)
	c.Returns(person("s1", "o1")).Is(303)
	webtest.Same(t, "linked", c.Count("user_identities AS i JOIN users AS u ON u.id = i.user_id WHERE u.email = 'ada@example.com' AND subject = 's1'"), 1)
	c.Returns(person("s4", "o1")).Refuses(403, "not_provisioned", "") // she is linked to another subject
	c.APIKey().API("DELETE", fmt.Sprint("/api/scim-connections/", directory.Connection), nil).Refuses(409, "in_use", "")
	c.APIKey().API("PUT", c.Path, `{"connection_id":null}`).Is(200)
	c.APIKey().API("DELETE", fmt.Sprint("/api/scim-connections/", directory.Connection), nil).Is(200)
}

// H-14: forged tokens do not flood the provider, and its answers are bounded.
func TestKeysOfProviders(t *testing.T) {
	c := webtest.NewCompany(t)
	c.Returns(webtest.Person("s1", "ada@example.com")).Is(303)
	webtest.Same(t, "the provider is up", c.Admin().Metrics()[`tollgate_provider_up{issuer="`+c.OP.URL+`"}`], 1.0)
	read := c.OP.KeysRead.Load()
	stranger := webtest.NewOP(t)
	for i := range 50 {
		c.OP.Token = func(payload string) string {
			return webtest.SignedBy(jose.ES256, jose.JSONWebKey{Key: stranger.EC, KeyID: fmt.Sprint("forged ", i)}, payload)
		}
		c.Returns(webtest.Person("s1", "ada@example.com")).Refuses(403, "id_token_invalid", "")
	}
	if n := c.OP.KeysRead.Load() - read; n > 1 {
		t.Errorf("the keys were read %d times", n)
	}
	for name, keys := range map[string]func(http.ResponseWriter){
		"too long": func(w http.ResponseWriter) { fmt.Fprint(w, `{"keys":[`+strings.Repeat(" ", 10<<20)+`]}`) },
		"elsewhere": func(w http.ResponseWriter) {
			w.Header().Set("Location", stranger.URL+"/keys")
			w.WriteHeader(302)
		},
	} {
		c := webtest.NewCompany(t)
		c.OP.KeySet = keys
		c.Returns(webtest.Person("s1", "ada@example.com")).Refuses(409, "provider_away", "")
		if up, there := c.Admin().Metrics()[`tollgate_provider_up{issuer="`+c.OP.URL+`"}`]; up != 0 || !there {
			t.Errorf("%s: the provider is up: %v, known: %v", name, up, there)
		}
		if c.Count("sessions") > 0 {
			t.Errorf("%s: a session", name)
		}
	}
	if n := stranger.KeysRead.Load(); n > 0 {
		t.Errorf("the redirect was followed %d times", n)
	}
}
