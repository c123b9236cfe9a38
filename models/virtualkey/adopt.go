package virtualkey

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"regexp"
	"strings"

	"github.com/uptrace/bun"

	"tollgate/models/database"
	"tollgate/models/input"
	"tollgate/models/permission"
	"tollgate/models/problem"
	"tollgate/models/secret"
)

// AdoptInput is a value that another gateway gave out, and what a key of our own has beside it.
type AdoptInput struct {
	Input
	Value input.Value `json:"value"`
}

// Values of other gateways have no checksum. Those that could be guessed are not adopted: short ones, one character
// again and again, and words.
var (
	adoptable = regexp.MustCompile(`^[0-9A-Za-z_-]{32,250}$`)
	noWord    = regexp.MustCompile(`[0-9A-Z]`)
)

const fewestDistinct = 8

// IsValue reports whether text could be the value of a virtual key, so that other text costs no query.
func IsValue(text string) bool { return secret.IsKeySecret(Prefix, text) || isAdoptable(text) }

func isAdoptable(text string) bool {
	random, ok := strings.CutPrefix(text, Prefix)
	if !ok || !adoptable.MatchString(random) || !noWord.MatchString(random) {
		return false
	}
	distinct := map[rune]bool{}
	for _, r := range random {
		distinct[r] = true
	}
	return len(distinct) >= fewestDistinct
}

// value reads the value. What was sent is in no problem.
func (in AdoptInput) value() (string, problem.Problems) {
	c := &input.Reader{}
	switch {
	case in.Value.Kind == input.Absent:
		c.Add("value", "required", "Send the value of the key.")
	case in.Value.Kind != input.String:
		c.Add("value", "wrong_type", "Send the value of the key as text.")
	case !isAdoptable(in.Value.Text):
		c.Add("value", "weak_value", "Issue a new key instead: only values are adopted that begin with "+Prefix+
			", have 32 to 250 letters, digits, _ and - behind it, and could not be guessed.")
	}
	return in.Value.Text, c.Problems
}

// Adopt makes a key with the value that another gateway gave out, so that the programs that have it keep it. It is
// stored as a value of our own is, and answered masked. A value that is the user's already changes nothing: made is
// false. Refusals: those of Create, Invalid for a value that could be guessed, and Conflict for one that is or was in
// use.
func Adopt(
	ctx context.Context, db bun.IDB, keys secret.Keys, actor permission.Actor, user string, in AdoptInput,
) (k Key, made bool, err error) {
	err = database.InTx(ctx, db, func(ctx context.Context, tx database.Tx) error {
		made = false
		draft, err := draftOf(ctx, tx, actor, permission.CreateVirtualKeys, user)
		if err != nil {
			return err
		}
		value, problems := in.value()
		var others problem.Problems
		k, others = in.apply(draft.Key, draft.UpdatedAt)
		if err := problem.InvalidInput(append(problems, others...)); err != nil {
			return err
		}
		k.adopt(keys, value)
		already, err := known(ctx, tx, k)
		if err != nil || already.ID != "" {
			k = already
			return err
		}
		made = true
		if err := insert(ctx, tx, actor, &k, draft.email); err != nil {
			return err
		}
		k.Value = k.Masked()
		return nil
	})
	if problem.Violates(err, "virtual_keys_name_taken") {
		return k, false, nameTaken()
	}
	return k, made, err
}

// known is the key of the user that has the value already; without an id when the value is new. Two transactions with
// one value wait for each other. Refusal: Conflict for a value that is or was in use.
func known(ctx context.Context, tx database.Tx, k Key) (Key, error) {
	// The lock is taken last, so that a transaction that waits for it has no lock that the other one needs.
	lock := int64(binary.BigEndian.Uint64(k.KeyHash)) //nolint:gosec // any number will do
	if _, err := tx.NewRaw("SELECT pg_advisory_xact_lock(?)", lock).Exec(ctx); err != nil {
		return Key{}, fmt.Errorf("lock a key's value: %w", err)
	}
	owners, err := OwnersOf(ctx, tx, [][]byte{k.KeyHash})
	if err != nil {
		return Key{}, err
	}
	owner, there := owners[string(k.KeyHash)]
	if !there {
		return Key{}, nil
	}
	if owner.UserID == k.UserID {
		of, err := Get(ctx, tx, owner.UserID, owner.KeyID)
		if err == nil && bytes.Equal(of.KeyHash, k.KeyHash) {
			return of, nil
		}
		if refusal, refused := problem.AsRefusal(err); err != nil && (!refused || refusal.Reason != problem.NotFound) {
			return Key{}, err
		}
	}
	return Key{}, problem.Refuse(problem.Conflict, "value", "key_taken",
		"Issue a new key instead: this value is or was in use.")
}
