package web_test

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/crypto/argon2"

	"tollgate/models/password"
	"tollgate/web/webtest"
)

// The same password as typed on two keyboards, and one that only looks like it.
const (
	composed   = "caf\u00e9 \u1e69 ein Kaffee"
	decomposed = "cafe\u0301 s\u0323\u0307 ein Kaffee"
	asTyped    = "cafe\u0301 s\u0307\u0323 ein Kaffee" // not normalized in either way
	lookalike  = "caf\u00e9 \u1e69 e\u0131n Kaffee"
)

// A password typed in different Unicode forms is the same, where it is set and where it is checked.
func TestPasswordsAreComposed(t *testing.T) {
	c := webtest.NewConsole(t)
	id := c.UserID(webtest.Viewer)
	browser := c.Login(webtest.Admin)
	for i, set := range []func(word string){
		func(word string) { c.APIKey().API("PUT", "/api/users/"+id, webtest.Object{"password": word}).Is(200) },
		func(word string) {
			browser.Save("/users/"+id, url.Values{"password": {word}}).Redirects("/users/" + id)
		},
		func(word string) {
			browser.Post("/users/"+id+"/password", url.Values{"password": {word}}).Redirects("/users/" + id)
		},
		func(word string) {
			c.Exec("DELETE FROM login_throttles")
			form := url.Values{"current_password": {decomposed}, "new_password": {word}}
			c.Login(webtest.Viewer).Post("/settings/password", form).Redirects("/settings")
		},
	} {
		for _, word := range []string{asTyped, composed} {
			set(word)
			for _, typed := range []string{composed, decomposed, asTyped} {
				c.Enters(t, webtest.Viewer, typed, true)
			}
			c.Enters(t, webtest.Viewer, lookalike, false)
			if t.Failed() {
				t.Fatalf("set by %d as %+q", i, word)
			}
		}
	}
	role := c.RoleID("Viewer")
	c.APIKey().API("POST", "/api/users", webtest.Object{"name": "x", "email": "json@example.com", "role_id": role, "password": decomposed}).Is(201)
	browser.Post("/users", url.Values{"name": {"x"}, "email": {"form@example.com"}, "role_id": {fmt.Sprint(role)}, "password": {decomposed}}).Is(303)
	c.Enters(t, "json@example.com", composed, true)
	c.Enters(t, "form@example.com", composed, true)
	// The length is that of what is hashed: these eleven characters are composed to six, of ten bytes.
	c.APIKey().API("PUT", "/api/users/"+id, webtest.Object{"password": "e\u0301e\u0301e\u0301e\u0301ab"}).Refuses(400, "too_short", "password")
	long := strings.Repeat("e\u0301", 512)
	c.APIKey().API("PUT", "/api/users/"+id, webtest.Object{"password": long}).Is(200)
	c.Enters(t, webtest.Viewer, long, true)

	first := webtest.EmptyConsole(t)
	link := first.FirstRunLink()
	first.Anonymous().Post(link, url.Values{"email": {webtest.Admin}, "password": {decomposed}}).Redirects("/")
	first.Enters(t, webtest.Admin, composed, true)
}

// oldHash is a hash in the old format: of the bytes as typed.
func oldHash(word string) string {
	salt := []byte("sixteen bytes of")
	encode := base64.RawStdEncoding.EncodeToString
	return "$argon2id$v=19$m=19456,t=2,p=1$" + encode(salt) + "$" + encode(argon2.IDKey([]byte(word), salt, 2, 19456, 1, 32))
}

// Old hashes still match, and the first sign-in replaces them.
func TestOldHashesStillMatch(t *testing.T) {
	c := webtest.NewConsole(t)
	for _, stored := range []string{decomposed, asTyped, composed} {
		for _, typed := range []string{stored, composed} {
			old := oldHash(stored)
			c.Exec("UPDATE users SET password_hash = ? WHERE email = ?", old, webtest.Viewer)
			if stored == asTyped && typed == composed {
				c.Enters(t, webtest.Viewer, typed, false) // the old hash is of other bytes, which cannot be recovered from the composed form
				continue
			}
			session := c.Login(webtest.Viewer)
			c.Enters(t, webtest.Viewer, lookalike, false)
			c.Enters(t, webtest.Viewer, typed, true)
			for _, form := range []string{composed, decomposed, asTyped} {
				c.Enters(t, webtest.Viewer, form, true)
			}
			session.Get("/settings").Is(200)
			var now string
			c.Scan(&now, "SELECT password_hash FROM users WHERE email = ?", webtest.Viewer)
			if replaced := now != old; replaced != (stored != composed) {
				t.Errorf("%+q typed as %+q: hash replaced: %v", stored, typed, replaced)
			}
		}
	}
	// An unknown user takes as long to refuse as a known one.
	work := func(email string) int64 {
		c.Exec("DELETE FROM login_throttles")
		before := c.H.Passwords.Hashed()
		c.Anonymous().Post("/login", webtest.Credentials(email, asTyped+"x")).Refuses(401, "invalid_credentials", "")
		return c.H.Passwords.Hashed() - before
	}
	if known, unknown := work(webtest.Viewer), work("nobody@example.com"); known != unknown {
		t.Errorf("%d hashes for a user, %d for none", known, unknown)
	}
	if n := c.Count("audit_logs WHERE action = 'update'"); n != 0 {
		t.Errorf("%d audit rows of a hash that was replaced", n)
	}
	if password.Form(decomposed) != composed {
		t.Error("the form of a password is not the composed one")
	}
}
