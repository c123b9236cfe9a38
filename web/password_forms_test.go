package web_test

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/crypto/argon2"

	"tollgate/models/identity"
)

// The same password as typed on two keyboards, and one that only looks like it.
const (
	composed   = "caf\u00e9 \u1e69 ein Kaffee"
	decomposed = "cafe\u0301 s\u0323\u0307 ein Kaffee"
	asTyped    = "cafe\u0301 s\u0307\u0323 ein Kaffee" // not normalized in either way
	lookalike  = "caf\u00e9 \u1e69 e\u0131n Kaffee"
)

// enters fails the test unless a password is accepted by every way to sign in, or by none.
func (c *console) enters(t *testing.T, email, word string, want bool) {
	t.Helper()
	c.exec("DELETE FROM login_throttles")
	page := c.anonymous().post("/login", credentials(email, word)).StatusCode == 303
	c.exec("DELETE FROM login_throttles")
	program := c.anonymous().with("Authorization", basic(email, word)).api("GET", "/api/users/me/permissions", nil).StatusCode == 200
	if page != want || program != want {
		t.Errorf("%+q: the page lets in: %v, Basic: %v, want %v", word, page, program, want)
	}
}

// A password typed in different Unicode forms is the same, where it is set and where it is checked.
func TestPasswordsAreComposed(t *testing.T) {
	c := newConsole(t)
	id := c.userID(viewer)
	browser := c.login(admin)
	for i, set := range []func(word string){
		func(word string) { c.apiKey().api("PUT", "/api/users/"+id, object{"password": word}).is(200) },
		func(word string) {
			browser.post("/users/"+id, url.Values{"password": {word}}).redirects("/users/" + id)
		},
		func(word string) {
			browser.post("/users/"+id+"/password", url.Values{"password": {word}}).redirects("/users/" + id)
		},
		func(word string) {
			c.exec("DELETE FROM login_throttles")
			form := url.Values{"current_password": {decomposed}, "new_password": {word}}
			c.login(viewer).post("/settings/password", form).redirects("/settings")
		},
	} {
		for _, word := range []string{asTyped, composed} {
			set(word)
			for _, typed := range []string{composed, decomposed, asTyped} {
				c.enters(t, viewer, typed, true)
			}
			c.enters(t, viewer, lookalike, false)
			if t.Failed() {
				t.Fatalf("set by %d as %+q", i, word)
			}
		}
	}
	role := c.roleID("Viewer")
	c.apiKey().api("POST", "/api/users", object{"name": "x", "email": "json@example.com", "role_id": role, "password": decomposed}).is(201)
	browser.post("/users", url.Values{"name": {"x"}, "email": {"form@example.com"}, "role_id": {fmt.Sprint(role)}, "password": {decomposed}}).is(303)
	c.enters(t, "json@example.com", composed, true)
	c.enters(t, "form@example.com", composed, true)
	// The length is that of what is hashed: these eleven characters are composed to six, of ten bytes.
	c.apiKey().api("PUT", "/api/users/"+id, object{"password": "e\u0301e\u0301e\u0301e\u0301ab"}).refuses(400, "too_short", "password")
	long := strings.Repeat("e\u0301", 512)
	c.apiKey().api("PUT", "/api/users/"+id, object{"password": long}).is(200)
	c.enters(t, viewer, long, true)

	first := emptyConsole(t)
	link := first.firstRunLink()
	first.anonymous().post(link, url.Values{"email": {admin}, "password": {decomposed}}).redirects("/")
	first.enters(t, admin, composed, true)
}

// oldHash is a hash in the old format: of the bytes as typed.
func oldHash(word string) string {
	salt := []byte("sixteen bytes of")
	encode := base64.RawStdEncoding.EncodeToString
	return "$argon2id$v=19$m=19456,t=2,p=1$" + encode(salt) + "$" + encode(argon2.IDKey([]byte(word), salt, 2, 19456, 1, 32))
}

// Old hashes still match, and the first sign-in replaces them.
func TestOldHashesStillMatch(t *testing.T) {
	c := newConsole(t)
	for _, stored := range []string{decomposed, asTyped, composed} {
		for _, typed := range []string{stored, composed} {
			old := oldHash(stored)
			c.exec("UPDATE users SET password_hash = ? WHERE email = ?", old, viewer)
			if stored == asTyped && typed == composed {
				c.enters(t, viewer, typed, false) // the old hash is of other bytes, which cannot be recovered from the composed form
				continue
			}
			session := c.login(viewer)
			c.enters(t, viewer, lookalike, false)
			c.enters(t, viewer, typed, true)
			for _, form := range []string{composed, decomposed, asTyped} {
				c.enters(t, viewer, form, true)
			}
			session.get("/settings").is(200)
			var now string
			c.scan(&now, "SELECT password_hash FROM users WHERE email = ?", viewer)
			if replaced := now != old; replaced != (stored != composed) {
				t.Errorf("%+q typed as %+q: hash replaced: %v", stored, typed, replaced)
			}
		}
	}
	// An unknown user takes as long to refuse as a known one.
	work := func(email string) int64 {
		c.exec("DELETE FROM login_throttles")
		before := c.h.Passwords.Hashed()
		c.anonymous().post("/login", credentials(email, asTyped+"x")).refuses(401, "invalid_credentials", "")
		return c.h.Passwords.Hashed() - before
	}
	if known, unknown := work(viewer), work("nobody@example.com"); known != unknown {
		t.Errorf("%d hashes for a user, %d for none", known, unknown)
	}
	if n := c.count("audit_logs WHERE action = 'update'"); n != 0 {
		t.Errorf("%d audit rows of a hash that was replaced", n)
	}
	if identity.PasswordForm(decomposed) != composed {
		t.Error("the form of a password is not the composed one")
	}
}
