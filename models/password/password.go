package password

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/alexedwards/argon2id"
	"golang.org/x/text/unicode/norm"

	"tollgate/models/input"
	"tollgate/models/plural"
	"tollgate/models/problem"
)

const (
	parallelHashes = 2  // each takes 19 MiB and a processor
	waitingHashes  = 16 // a longer queue would only time out
)

// How many bytes a password may have.
const (
	Min = 12
	Max = 1024
)

// cost is what a new hash costs. A stored hash names its own cost, so this may rise, up to maxCost.
var cost = argon2id.Params{Memory: 19 << 10, Iterations: 2, Parallelism: 1, SaltLength: 16, KeyLength: 32}

// maxCost bounds what checking a stored hash costs.
var maxCost = argon2id.Params{Memory: 128 << 10, Iterations: 10, Parallelism: 4, SaltLength: 64, KeyLength: 64}

// Dummy is checked for unknown users, so that they take as long as known ones. It is the hash of no known password.
const Dummy = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

// Hasher hashes and checks passwords, two at a time with a short queue, so that many sign-ins cannot exhaust memory.
type Hasher struct {
	once    sync.Once
	running chan struct{}
	inside  atomic.Int64
	hashed  atomic.Int64
}

// Hashed is how many hashes were made so far, the measure of work done.
func (p *Hasher) Hashed() int64 { return p.hashed.Load() }

// Form is a password as it is hashed and measured: composed, so that every keyboard gives the same one.
func Form(typed string) string { return norm.NFC.String(typed) }

// Forms are the forms in which a password may have been hashed, the current one first: earlier versions hashed
// it as typed, on a keyboard that composes or on one that does not.
func Forms(typed string) []string {
	forms := []string{Form(typed)}
	for _, form := range []string{typed, norm.NFD.String(typed)} {
		if !slices.Contains(forms, form) {
			forms = append(forms, form)
		}
	}
	return forms
}

// Hash makes the text that is stored for a password. Refusal: TooMany.
func (p *Hasher) Hash(ctx context.Context, password string) (hash string, err error) {
	leave, err := p.enter(ctx)
	if err != nil {
		return "", err
	}
	defer leave()
	return argon2id.CreateHash(Form(password), &cost)
}

// Matching is the index of the form that the hash matches, -1 for none. Refusal: TooMany.
func (p *Hasher) Matching(ctx context.Context, hash string, forms []string) (int, error) {
	for i, form := range forms {
		if right, err := p.matches(ctx, hash, form); right || err != nil {
			return i, err
		}
	}
	return -1, nil
}

// matches reports whether hash is of password, byte by byte. Refusal: TooMany.
func (p *Hasher) matches(ctx context.Context, hash, password string) (bool, error) {
	if err := checkStored(hash); err != nil {
		return false, fmt.Errorf("read a stored password hash: %w", err)
	}
	leave, err := p.enter(ctx)
	if err != nil {
		return false, err
	}
	defer leave()
	return argon2id.ComparePasswordAndHash(password, hash)
}

// enter waits until a hash may be computed; leave ends that. Refusal: TooMany.
func (p *Hasher) enter(ctx context.Context) (leave func(), err error) {
	p.once.Do(func() { p.running = make(chan struct{}, parallelHashes) })
	if p.inside.Add(1) > parallelHashes+waitingHashes {
		p.inside.Add(-1)
		return nil, TooMany(time.Second)
	}
	select {
	case p.running <- struct{}{}:
		p.hashed.Add(1)
		return func() { <-p.running; p.inside.Add(-1) }, nil
	case <-ctx.Done():
		p.inside.Add(-1)
		return nil, ctx.Err()
	}
}

// checkStored refuses a hash that cannot be computed, or would cost too much.
func checkStored(hash string) error {
	of, _, _, err := argon2id.DecodeHash(hash)
	if err != nil {
		return err
	}
	within := func(n, least, most uint32) bool { return least <= n && n <= most }
	if !within(of.Memory, 1, maxCost.Memory) || !within(of.Iterations, 1, maxCost.Iterations) ||
		!within(uint32(of.Parallelism), 1, uint32(maxCost.Parallelism)) ||
		!within(of.SaltLength, 8, maxCost.SaltLength) || !within(of.KeyLength, 16, maxCost.KeyLength) {
		return errors.New("its parameters are out of bounds")
	}
	return nil
}

// TooMany refuses a try to sign in until some time is over.
func TooMany(after time.Duration) *problem.Refusal {
	return &problem.Refusal{
		Reason:     problem.TooMany,
		RetryAfter: after,
		Problems: problem.Problems{
			{Field: "", Code: "too_many_requests", Message: "Too many tries. Wait " + inWords(after) + " and try again."},
		},
	}
}

func inWords(d time.Duration) string {
	return plural.Of(int64(max((d+time.Second-1)/time.Second, 1)), "second")
}

// Read reads a new password in the form in which it is hashed. It may contain any characters, so nothing
// is trimmed.
func Read(c *input.Reader, field string, v input.Value, what string) (string, bool) {
	c.Required(field, v, what)
	password := Form(v.Text)
	switch {
	case v.Kind == input.Absent:
	case v.Kind == input.Null:
		c.Add(field, "null_not_allowed", "Enter "+what+" instead of null.")
	case v.Kind != input.String:
		c.Add(field, "wrong_type", "Give "+what+" as text.")
	case len(password) < Min:
		c.Add(field, "too_short", fmt.Sprintf("Use at least %d characters for the password.", Min))
	case len(password) > Max:
		c.Add(field, "too_long", fmt.Sprintf("Shorten the password to %d bytes or fewer.", Max))
	default:
		return password, true
	}
	return "", false
}
