package secret

import (
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"hash"
	"hash/crc32"
	"math/big"
	"regexp"
	"strings"
	"sync"
)

const (
	// SecretPrefix begins the secrets of API keys.
	SecretPrefix = "tg_"
	// SCIMPrefix begins the tokens of directories.
	SCIMPrefix     = "tgs_"
	secretDigits   = 43 // 256 bits in base 62
	checksumDigits = 6
	// VisibleLength is how many characters of a secret stay visible.
	VisibleLength = len(SecretPrefix) + 5 // enough to tell keys apart, useless for guessing the rest
	// VisibleSCIM is the same for a token of a directory.
	VisibleSCIM = len(SCIMPrefix) + 5
)

var secretForm = regexp.MustCompile(fmt.Sprintf(`^[0-9A-Za-z]{%d}$`, secretDigits+checksumDigits))

// NewKeySecret makes a key that scanners for leaked secrets can recognise: a prefix, 256 random bits, and a checksum.
func NewKeySecret(prefix string) string {
	secret := prefix + base62(new(big.Int).SetBytes(randomBytes()), secretDigits)
	return secret + checksum(secret)
}

// IsKeySecret reports whether text could be a key of NewKeySecret, so that a mistyped one costs no query.
func IsKeySecret(prefix, text string) bool {
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

// HashSecret is how keys are stored: useless without the console's own secret.
func HashSecret(pepper []byte, secret string) []byte {
	mac := hmac.New(sha256.New, pepper)
	mac.Write([]byte(secret))
	return mac.Sum(nil)
}

// Hash is the result of HashSecret.
type Hash = [sha256.Size]byte

// Hasher does what HashSecret does, for frequent callers.
type Hasher struct{ macs *sync.Pool }

// keyedMac is a MAC with buffers for its input and output.
type keyedMac struct {
	hash.Hash
	text []byte
	out  Hash
}

// NewHasher makes a Hasher for a key.
func NewHasher(pepper []byte) Hasher {
	return Hasher{&sync.Pool{New: func() any { return &keyedMac{Hash: hmac.New(sha256.New, pepper)} }}}
}

// Sum is the HMAC of a value.
func (h Hasher) Sum(secret string) Hash {
	mac := h.macs.Get().(*keyedMac)
	defer h.macs.Put(mac)
	mac.Reset()
	mac.text = append(mac.text[:0], secret...)
	mac.Write(mac.text)
	mac.Sum(mac.out[:0])
	return mac.out
}
