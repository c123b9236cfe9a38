package session_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"tollgate/models/account"
	"tollgate/models/dbtest"
	"tollgate/models/identity"
	"tollgate/models/input"
	"tollgate/models/password"
	"tollgate/models/permission"
	"tollgate/models/problem"
	"tollgate/models/session"
)

// Hashes of earlier releases and other costs still verify. What is no hash, or costs too much to check, is an error of
// the console: it is not the user's wrong password, and it is no panic.
func TestStoredHashes(t *testing.T) {
	const (
		word = "correct horse battery"
		salt = "c2l4dGVlbiBieXRlIG9sZA"
		key  = "1ZstNuIZib4vhvMQWVX3wx4BOoxlsUb3iJooFuNItfQ"
		old  = "$argon2id$v=19$m=19456,t=2,p=1$" + salt + "$" + key
	)
	db := dbtest.New(t)
	var passwords password.Hasher
	user, err := account.CreateUser(t.Context(), db, &passwords, permission.CLI, identity.UserInput{
		Email: input.FormValue("ada@example.com"), Password: input.FormValue(word), Role: input.FormValue("Admin"),
	})
	if err != nil {
		t.Fatal(err)
	}
	check := func(hash, typed string) error {
		t.Helper()
		if hash != "" {
			if _, err := db.NewRaw("UPDATE users SET password_hash = ? WHERE id = ?", hash, user.ID).Exec(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		_, err := session.CheckPassword(t.Context(), db, &passwords, "192.0.2.1", "ada@example.com", typed)
		return err
	}
	for _, hash := range []string{
		"", // the one that was stored with the account
		old,
		"$argon2id$v=19$m=4096,t=3,p=2$" + salt + "$PnJYX5dfGZbsZp3fwDX9dDA7I4MuWwnx",
	} {
		if err := check(hash, word); err != nil {
			t.Errorf("%q: %v", hash, err)
		}
		var refusal *problem.Refusal
		if err := check(hash, word+"!"); !errors.As(err, &refusal) || refusal.Reason != problem.Unauthenticated {
			t.Errorf("%q with another password: %v", hash, err)
		}
	}
	cost := func(cost string) string { return "$argon2id$v=19$" + cost + "$" + salt + "$" + key }
	for _, hash := range []string{
		"plain", "$argon2id$", strings.Replace(old, "argon2id", "argon2i", 1), strings.Replace(old, "v=19", "v=16", 1),
		strings.Replace(old, "v=19", "v=", 1), old + "$", strings.TrimSuffix(old, "$"+key), old[:len(old)-1] + "?",
		cost("m=19456,t=0,p=1"), cost("m=19456,t=2,p=0"), cost("m=0,t=2,p=1"), cost("m=19456,t=2"), cost("m=-1,t=2,p=1"),
		cost("m=4194304,t=2,p=1"), cost("m=19456,t=4294967295,p=1"), cost("m=19456,t=2,p=255"), cost("m=19456,t=2,p=256"),
		"$argon2id$v=19$m=19456,t=2,p=1$$" + key, "$argon2id$v=19$m=19456,t=2,p=1$" + salt + "$",
		fmt.Sprintf("$argon2id$v=19$m=19456,t=2,p=1$%s$%s", salt, strings.Repeat("A", 4096)),
	} {
		before := passwords.Hashed()
		err, refusal := check(hash, word), (*problem.Refusal)(nil)
		if err == nil || errors.As(err, &refusal) || !strings.Contains(err.Error(), "read a stored password hash") {
			t.Errorf("%q: %v", hash, err)
		}
		if passwords.Hashed() != before {
			t.Errorf("%q was computed", hash)
		}
	}
}
