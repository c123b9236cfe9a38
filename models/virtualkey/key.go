package virtualkey

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"tollgate/models/database"
	"tollgate/models/identity"
	"tollgate/models/input"
	"tollgate/models/money"
	"tollgate/models/problem"
	"tollgate/models/secret"
)

// Prefix begins every virtual key, as gateways expect it.
const Prefix = "sk-bf-"

// Key is a credential of a user for gateways. What it may do is resolved for each call, from all copies of the user.
type Key struct {
	bun.BaseModel `bun:"table:virtual_keys,alias:k" json:"-"`

	ID            string     `json:"id" bun:",pk"`
	UserID        string     `json:"user_id"`
	Name          string     `json:"name"`
	NameKey       string     `json:"-"`
	Description   *string    `json:"description"`
	KeyHash       []byte     `json:"-"`
	LastFour      string     `json:"-"`
	PreviousHash  []byte     `json:"-"`
	PreviousUntil *time.Time `json:"previous_value_until"` // until then the value before the last rotation is valid too
	ExpiresAt     *time.Time `json:"expires_at"`
	CreatedAt     time.Time  `json:"created_at"`
	UpdatedAt     time.Time  `json:"updated_at"`

	// Value is masked, except in the response that issues it.
	Value   string `json:"value" bun:"-"`
	Managed bool   `json:"is_access_profile_managed" bun:"-"` // always: what a key may do comes from access profiles alone

	Holder      string `json:"-" bun:",scanonly"` // the user's name
	HolderEmail string `json:"-" bun:",scanonly"`

	// LastUsedAt and Spent, this month in UTC, are read by lists of pages alone.
	LastUsedAt *time.Time  `json:"-" bun:",scanonly"`
	Spent      money.Money `json:"-" bun:",scanonly"`
}

// AfterScanRow masks the value.
func (k *Key) AfterScanRow(context.Context) error {
	k.Value, k.Managed = k.Masked(), true
	return nil
}

// Masked is the value as lists show it.
func (k Key) Masked() string { return Prefix + "****" + k.LastFour }

// Mask is what of a value is enough to find its owner, and useless for calls.
func Mask(value string) string {
	lastFour := value[max(0, len(value)-4):]
	if !strings.HasPrefix(value, Prefix) {
		return "****" + lastFour
	}
	return Key{LastFour: lastFour}.Masked()
}

// Has reports whether a value that the key had can still be its value.
func (k Key) Has(value string) bool { return strings.HasSuffix(value, k.LastFour) }

// Expired reports whether the key has expired.
func (k Key) Expired(now time.Time) bool { return k.ExpiresAt != nil && !k.ExpiresAt.After(now) }

// Rotating reports whether the value before the last rotation is still valid.
func (k Key) Rotating(now time.Time) bool {
	return k.PreviousUntil != nil && k.PreviousUntil.After(now)
}

// renew gives the key another value, which is not stored.
func (k *Key) renew(keys secret.Keys) {
	k.adopt(keys, secret.NewKeySecret(Prefix))
}

// adopt gives the key a value, which is not stored.
func (k *Key) adopt(keys secret.Keys, value string) {
	k.Value, k.Managed = value, true
	k.KeyHash, k.LastFour = secret.HashSecret(keys.VirtualKey, value), value[len(value)-4:]
}

// SelectKeys reads keys in the order of their creation.
func SelectKeys(q *bun.SelectQuery) *bun.SelectQuery {
	return q.ColumnExpr("k.*").ColumnExpr("u.name AS holder").ColumnExpr("u.email AS holder_email").
		Join("JOIN users AS u ON u.id = k.user_id")
}

// ListUserKeys returns the keys of a user, the oldest first. Refusal: NotFound.
func ListUserKeys(ctx context.Context, db bun.IDB, user string) ([]Key, error) {
	if _, err := identity.GetUser(ctx, db, user); err != nil {
		return nil, err
	}
	return ListKeysOf(ctx, db, user)
}

// ListKeysOf is ListUserKeys for a user who is there.
func ListKeysOf(ctx context.Context, db bun.IDB, user string) ([]Key, error) {
	keys := []Key{}
	if err := SelectKeys(db.NewSelect().Model(&keys)).Where("k.user_id = ?", user).Order("k.created_at", "k.name_key").
		Scan(ctx); err != nil {
		return nil, fmt.Errorf("list the keys of a user: %w", err)
	}
	return keys, nil
}

// IssueFirst issues a key to a user who has none, named after them and the profile; where that is taken a number
// follows. It is nil for a user who has a key. The transaction has locked the user.
func IssueFirst(
	ctx context.Context, tx database.Tx, keys secret.Keys, user identity.Holder, profile string, now time.Time,
) (*Key, error) {
	has, err := tx.NewSelect().Table("virtual_keys").Where("user_id = ?", user.ID).Exists(ctx)
	if err != nil {
		return nil, fmt.Errorf("look for a key of the user: %w", err)
	}
	if has {
		return nil, nil
	}
	name, err := freeKeyName(ctx, tx, user.Email+" - "+profile)
	if err != nil {
		return nil, err
	}
	key := Key{
		ID: uuid.NewString(), UserID: user.ID, Name: name, NameKey: input.NameKey(name), CreatedAt: now, UpdatedAt: now,
	}
	key.renew(keys)
	_, err = tx.NewInsert().Model(&key).Exec(ctx)
	if problem.Violates(err, "virtual_keys_name_taken") {
		return nil, fmt.Errorf("%w: %w", database.ErrAgain, err) // the name was taken since it was looked up
	}
	if err != nil {
		return nil, fmt.Errorf("issue a first key: %w", err)
	}
	return &key, nil
}

// freeKeyName is the name, clipped, with a number when it is taken.
func freeKeyName(ctx context.Context, tx database.Tx, name string) (string, error) {
	name = clipName(name)
	var taken []string
	err := tx.NewRaw("SELECT name_key FROM virtual_keys WHERE name_key = ?0 OR starts_with(name_key, ?0 || ' (')",
		input.NameKey(name)).Scan(ctx, &taken)
	if err != nil {
		return "", fmt.Errorf("look up the names of keys: %w", err)
	}
	free := name
	for n := 2; slices.Contains(taken, input.NameKey(free)); n++ {
		free = name + " (" + strconv.Itoa(n) + ")"
	}
	return free, nil
}

// clipName leaves room for a number in a name of at most 255 characters.
func clipName(name string) string {
	if runes := []rune(name); len(runes) > 248 {
		return string(runes[:248])
	}
	return name
}
