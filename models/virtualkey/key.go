package virtualkey

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

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

// Expired reports whether the key has expired.
func (k Key) Expired(now time.Time) bool { return k.ExpiresAt != nil && !k.ExpiresAt.After(now) }

// Rotating reports whether the value before the last rotation is still valid.
func (k Key) Rotating(now time.Time) bool {
	return k.PreviousUntil != nil && k.PreviousUntil.After(now)
}

// renew gives the key another value, which is not stored.
func (k *Key) renew(keys secret.Keys) {
	k.Value, k.Managed = secret.NewKeySecret(Prefix), true
	k.KeyHash, k.LastFour = secret.HashSecret(keys.VirtualKey, k.Value), k.Value[len(k.Value)-4:]
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
	keys := []Key{}
	if err := SelectKeys(db.NewSelect().Model(&keys)).Where("k.user_id = ?", user).Order("k.created_at", "k.name_key").
		Scan(ctx); err != nil {
		return nil, fmt.Errorf("list the keys of a user: %w", err)
	}
	return keys, nil
}

// IssueFirstKeys issues a key for each user, named after them and the profile; where that is taken a number follows.
// Values are returned in the order of the users.
func IssueFirstKeys(
	ctx context.Context, tx database.Tx, keys secret.Keys, users []identity.Holder, profile string, now time.Time,
) ([]Key, error) {
	if len(users) == 0 {
		return nil, nil
	}
	names := make([]string, len(users))
	for i, user := range users {
		names[i] = clipName(user.Email + " - " + profile)
	}
	taken, err := takenKeyNames(ctx, tx, names)
	if err != nil {
		return nil, err
	}
	issued := make([]Key, len(users))
	for i, user := range users {
		name := numbered(names[i], taken)
		taken[input.NameKey(name)] = true
		key := Key{
			ID: uuid.NewString(), UserID: user.ID, Name: name, NameKey: input.NameKey(name), CreatedAt: now,
			UpdatedAt: now,
		}
		key.renew(keys)
		issued[i] = key
	}
	_, err = tx.NewInsert().Model(&issued).Exec(ctx)
	if problem.Violates(err, "virtual_keys_name_taken") {
		return nil, fmt.Errorf("%w: %w", database.ErrAgain, err) // a name was taken since it was looked up
	}
	if err != nil {
		return nil, fmt.Errorf("issue keys: %w", err)
	}
	return issued, nil
}

// takenKeyNames are those of the names, and of the same with a number, that keys have, folded.
func takenKeyNames(ctx context.Context, tx database.Tx, names []string) (map[string]bool, error) {
	folded, twice, seen := make([]string, len(names)), []string{}, map[string]bool{}
	for i, name := range names {
		folded[i] = input.NameKey(name)
		if seen[folded[i]] {
			twice = append(twice, folded[i])
		}
		seen[folded[i]] = true
	}
	var rows []string
	err := tx.NewRaw(`
WITH clashing AS (SELECT name_key FROM virtual_keys WHERE name_key = ANY (?0) UNION SELECT unnest(?1::text[]))
SELECT k.name_key FROM clashing AS c JOIN virtual_keys AS k ON k.name_key = c.name_key OR starts_with(k.name_key,
    c.name_key || ' (')`,
		pgdialect.Array(folded), pgdialect.Array(twice)).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("look up the names of keys: %w", err)
	}
	taken := make(map[string]bool, len(rows))
	for _, row := range rows {
		taken[row] = true
	}
	return taken, nil
}

// numbered is the name, with a number when it is taken.
func numbered(name string, taken map[string]bool) string {
	free := name
	for n := 2; taken[input.NameKey(free)]; n++ {
		free = name + " (" + strconv.Itoa(n) + ")"
	}
	return free
}

// clipName leaves room for a number in a name of at most 255 characters.
func clipName(name string) string {
	if runes := []rune(name); len(runes) > 248 {
		return string(runes[:248])
	}
	return name
}
