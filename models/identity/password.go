package identity

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"

	"tollgate/models/input"
	"tollgate/models/problem"
)

const (
	parallelHashes = 2  // each takes 19 MiB and a processor
	waitingHashes  = 16 // a longer queue would only time out

	minPassword = 12 // bytes
	maxPassword = 1024
)

// argonCost is what a hash costs; a stored hash names its own, so this may rise.
type argonCost struct {
	memory, time uint32
	threads      uint8
}

var passwordCost = argonCost{memory: 19 << 10, time: 2, threads: 1}

// dummyHash is checked for unknown users, so that they take as long as known ones. It is the hash of no known password.
const dummyHash = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

// Passwords hashes and checks passwords, two at a time with a short queue, so that many sign-ins cannot exhaust memory.
type Passwords struct {
	once    sync.Once
	running chan struct{}
	inside  atomic.Int64
	hashed  atomic.Int64
}

// Hashed is how many hashes were made so far, the measure of work done.
func (p *Passwords) Hashed() int64 { return p.hashed.Load() }

// PasswordForm is a password as it is hashed and measured: composed, so that every keyboard gives the same one.
func PasswordForm(typed string) string { return norm.NFC.String(typed) }

// passwordForms are the forms in which a password may have been hashed, the current one first: earlier versions hashed
// it as typed, on a keyboard that composes or on one that does not.
func passwordForms(typed string) []string {
	forms := []string{PasswordForm(typed)}
	for _, form := range []string{typed, norm.NFD.String(typed)} {
		if !slices.Contains(forms, form) {
			forms = append(forms, form)
		}
	}
	return forms
}

// Hash makes the text that is stored for a password. Refusal: TooMany.
func (p *Passwords) Hash(ctx context.Context, password string) (string, error) {
	salt := make([]byte, 16)
	rand.Read(salt)
	key, err := p.derive(ctx, PasswordForm(password), salt, passwordCost, 32)
	if err != nil {
		return "", err
	}
	encode := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s",
		argon2.Version, passwordCost.memory, passwordCost.time, passwordCost.threads, encode(salt), encode(key)), nil
}

// matching is the index of the form that the hash matches, -1 for none. Refusal: TooMany.
func (p *Passwords) matching(ctx context.Context, hash string, forms []string) (int, error) {
	for i, form := range forms {
		if right, err := p.matches(ctx, hash, form); right || err != nil {
			return i, err
		}
	}
	return -1, nil
}

// matches reports whether hash is of password, byte by byte. Refusal: TooMany.
func (p *Passwords) matches(ctx context.Context, hash, password string) (bool, error) {
	cost, salt, want, err := parseHash(hash)
	if err != nil {
		return false, fmt.Errorf("read a stored password hash: %w", err)
	}
	got, err := p.derive(ctx, password, salt, cost, uint32(len(want)))
	if err != nil {
		return false, err
	}
	return subtle.ConstantTimeCompare(got, want) == 1, nil
}

func (p *Passwords) derive(
	ctx context.Context, password string, salt []byte, cost argonCost, length uint32,
) ([]byte, error) {
	p.once.Do(func() { p.running = make(chan struct{}, parallelHashes) })
	defer p.inside.Add(-1)
	if p.inside.Add(1) > parallelHashes+waitingHashes {
		return nil, tooMany(time.Second)
	}
	select {
	case p.running <- struct{}{}:
		defer func() { <-p.running }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	p.hashed.Add(1)
	return argon2.IDKey([]byte(password), salt, cost.time, cost.memory, cost.threads, length), nil
}

func parseHash(text string) (cost argonCost, salt, key []byte, err error) {
	var version int
	var encoded string
	_, err = fmt.Sscanf(
		text, "$argon2id$v=%d$m=%d,t=%d,p=%d$%s", &version, &cost.memory, &cost.time, &cost.threads, &encoded,
	)
	if err != nil || version != argon2.Version {
		return cost, nil, nil, errors.New("it is not argon2id of the version known here")
	}
	for i := range encoded {
		if encoded[i] != '$' {
			continue
		}
		if salt, err = base64.RawStdEncoding.DecodeString(encoded[:i]); err == nil {
			key, err = base64.RawStdEncoding.DecodeString(encoded[i+1:])
		}
		break
	}
	if err != nil || len(salt) == 0 || len(key) == 0 || cost.time == 0 || cost.threads == 0 {
		return cost, nil, nil, errors.New("its salt or key cannot be read")
	}
	return cost, salt, key, nil
}

func tooMany(after time.Duration) *problem.Refusal {
	return &problem.Refusal{
		Reason:     problem.TooMany,
		RetryAfter: after,
		Problems: problem.Problems{
			{Field: "", Code: "too_many_requests", Message: "Too many tries. Wait " + inWords(after) + " and try again."},
		},
	}
}

func inWords(d time.Duration) string {
	return problem.CountOf(int64(max((d+time.Second-1)/time.Second, 1)), "second", "seconds")
}

// readPassword reads a new password in the form in which it is hashed. It may contain any characters, so nothing
// is trimmed.
func readPassword(c *input.Reader, field string, v input.Value, what string) (string, bool) {
	c.Required(field, v, what)
	password := PasswordForm(v.Text)
	switch {
	case v.Kind == input.Absent:
	case v.Kind == input.Null:
		c.Add(field, "null_not_allowed", "Enter "+what+" instead of null.")
	case v.Kind != input.String:
		c.Add(field, "wrong_type", "Give "+what+" as text.")
	case len(password) < minPassword:
		c.Add(field, "too_short", fmt.Sprintf("Use at least %d characters for the password.", minPassword))
	case len(password) > maxPassword:
		c.Add(field, "too_long", fmt.Sprintf("Shorten the password to %d bytes or fewer.", maxPassword))
	default:
		return password, true
	}
	return "", false
}
