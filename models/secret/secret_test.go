package secret_test

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"

	"tollgate/models/secret"
)

func TestParseSecret(t *testing.T) {
	want := bytes.Repeat([]byte{0xfb, 0xff}, 16)
	for _, encoding := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
		text := encoding.EncodeToString(want)
		if got, err := secret.ParseSecret(text + "\n"); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%q: %x, %v", text, got, err)
		}
	}
	for _, wrong := range []string{"", "not base64!", base64.StdEncoding.EncodeToString(want[:31]), strings.Repeat("é", 64)} {
		got, err := secret.ParseSecret(wrong)
		if err == nil {
			t.Errorf("%q was read as %x", wrong, got)
		} else if wrong != "" && strings.Contains(err.Error(), wrong) {
			t.Errorf("the error repeats the secret: %v", err)
		}
	}
	if first, second := secret.NewSecret(), secret.NewSecret(); first == second {
		t.Error("two secrets are the same")
	} else if _, err := secret.ParseSecret(first); err != nil {
		t.Errorf("a new secret cannot be read: %v", err)
	}
}

func TestKeysDependOnTheSecretAlone(t *testing.T) {
	derive := func(value string) []byte {
		keys, err := secret.DeriveKeys([]byte(value))
		if err != nil || len(keys.APIKey) != 32 || bytes.Contains(keys.APIKey, []byte(value)) {
			t.Fatalf("%x, %v", keys.APIKey, err)
		}
		return keys.APIKey
	}
	if !bytes.Equal(derive("one secret"), derive("one secret")) || bytes.Equal(derive("one secret"), derive("another")) {
		t.Error("the keys do not follow the secret")
	}
}

func TestSeal(t *testing.T) {
	keys, err := secret.DeriveKeys([]byte("one secret"))
	if err != nil {
		t.Fatal(err)
	}
	other, err := secret.DeriveKeys([]byte("another"))
	if err != nil {
		t.Fatal(err)
	}
	seal := func() []byte {
		sealed, err := keys.Seal([]byte("Bearer abc"), "purpose", "row")
		if err != nil || bytes.Contains(sealed, []byte("abc")) {
			t.Fatalf("%q, %v", sealed, err)
		}
		return sealed
	}
	sealed := seal()
	if plain, err := keys.Open(sealed, "purpose", "row"); err != nil || string(plain) != "Bearer abc" {
		t.Errorf("%q, %v", plain, err)
	}
	if bytes.Equal(sealed, seal()) {
		t.Error("a text is sealed the same way twice")
	}
	changed := append(bytes.Clone(sealed[:len(sealed)-1]), sealed[len(sealed)-1]^1)
	for name, open := range map[string]func() ([]byte, error){
		"another row":    func() ([]byte, error) { return keys.Open(sealed, "purpose", "other") },
		"joined parts":   func() ([]byte, error) { return keys.Open(sealed, "purposerow") },
		"another secret": func() ([]byte, error) { return other.Open(sealed, "purpose", "row") },
		"a changed byte": func() ([]byte, error) { return keys.Open(changed, "purpose", "row") },
		"a short text":   func() ([]byte, error) { return keys.Open(sealed[:8], "purpose", "row") },
	} {
		if plain, err := open(); err == nil {
			t.Errorf("%s: %q", name, plain)
		}
	}
}
