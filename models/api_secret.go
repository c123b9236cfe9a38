package models

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"hash"
	"hash/crc32"
	"math/big"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
)

const (
	secretPrefix   = "tg_"
	secretDigits   = 43 // 256 bits in base 62
	checksumDigits = 6
	shownOfSecret  = len(secretPrefix) + 5 // enough to tell keys apart, useless for guessing the rest
)

var secretForm = regexp.MustCompile(fmt.Sprintf(`^[0-9A-Za-z]{%d}$`, secretDigits+checksumDigits))

// newKeySecret makes a key that scanners for leaked secrets can recognise: a prefix, 256 random bits, and a checksum.
func newKeySecret(prefix string) string {
	secret := prefix + base62(new(big.Int).SetBytes(randomBytes()), secretDigits)
	return secret + checksum(secret)
}

// isKeySecret reports whether text could be a key of newKeySecret, so that one that was mistyped costs no query.
func isKeySecret(prefix, text string) bool {
	digits, ok := strings.CutPrefix(text, prefix)
	random := len(text) - checksumDigits
	return ok && secretForm.MatchString(digits) && checksum(text[:random]) == text[random:]
}

func checksum(text string) string {
	return base62(new(big.Int).SetUint64(uint64(crc32.ChecksumIEEE([]byte(text)))), checksumDigits)
}

// base62 writes n in digits, small letters and capitals.
func base62(n *big.Int, digits int) string {
	text := n.Text(62)
	return strings.Repeat("0", digits-len(text)) + text
}

// hashSecret is the form in which keys are stored: of no use without the console's own secret.
func hashSecret(pepper []byte, secret string) []byte {
	mac := hmac.New(sha256.New, pepper)
	mac.Write([]byte(secret))
	return mac.Sum(nil)
}

// secretHash is what hashSecret makes.
type secretHash = [sha256.Size]byte

// hasher does what hashSecret does, for those who ask over and over.
type hasher struct{ macs *sync.Pool }

// keyedMac is a MAC with room for what goes in and what comes out.
type keyedMac struct {
	hash.Hash
	text []byte
	out  secretHash
}

func newHasher(pepper []byte) hasher {
	return hasher{&sync.Pool{New: func() any { return &keyedMac{Hash: hmac.New(sha256.New, pepper)} }}}
}

func (h hasher) sum(secret string) secretHash {
	mac := h.macs.Get().(*keyedMac)
	defer h.macs.Put(mac)
	mac.Reset()
	mac.text = append(mac.text[:0], secret...)
	mac.Write(mac.text)
	mac.Sum(mac.out[:0])
	return mac.out
}

// readKeyActor returns who a key acts as and what it may do at this moment: its scopes, as far as its maker's role still permits them. A use is
// handed on when none was noted in the last minute. Refusal: Unauthenticated.
func readKeyActor(ctx context.Context, db bun.IDB, keys Keys, secret string, use func(id int64)) (Actor, error) {
	if !isKeySecret(secretPrefix, secret) {
		return Actor{}, unauthenticated("Send an API key of this console; this is none.")
	}
	var key struct {
		ID        int64
		Name      string
		Prefix    string
		Scopes    []Permission
		Unused    bool // in the last minute
		UserID    *string
		Email     *string
		Permitted []Permission
	}
	targets := []any{&key.ID, &key.Name, &key.Prefix, pgdialect.Array(&key.Scopes), &key.Unused, &key.UserID, &key.Email, pgdialect.Array(&key.Permitted)}
	err := scanPlanned(ctx, db, targets, `
SELECT k.id, k.name, k.key_prefix, k.scopes, k.last_used_at IS NULL OR k.last_used_at < now() - interval '1 minute' AS unused, u.id AS user_id, u.email,
       ARRAY(SELECT permission FROM role_permissions AS p WHERE p.role_id = u.role_id) AS permitted
FROM api_keys AS k LEFT JOIN users AS u ON u.id = k.created_by
WHERE k.key_hash = $1 AND (k.expires_at IS NULL OR k.expires_at > now())`, hashSecret(keys.APIKey, secret))
	if err != nil {
		return Actor{}, notSignedIn(err, "API key")
	}
	if key.Unused {
		use(key.ID)
	}
	if key.UserID == nil {
		return Actor{Name: CLI.Name, Permissions: key.Scopes, APIKeyName: key.Name, APIKeyPrefix: key.Prefix}, nil
	}
	held := slices.DeleteFunc(key.Scopes, func(p Permission) bool { return !slices.Contains(key.Permitted, p) })
	return Actor{UserID: *key.UserID, Name: *key.Email, Permissions: held, APIKeyName: key.Name, APIKeyPrefix: key.Prefix}, nil
}
