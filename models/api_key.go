package models

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/uptrace/bun"
)

// APIKey is a credential of the API. It may do what its scopes and its maker's role both permit; one made on the command line has no maker.
type APIKey struct {
	bun.BaseModel `bun:"table:api_keys,alias:k" json:"-"`

	ID         int64        `json:"id" bun:",pk,autoincrement"`
	Name       string       `json:"name"`
	NameKey    string       `json:"-"`
	KeyPrefix  string       `json:"key_prefix"`
	KeyHash    []byte       `json:"-"`
	Scopes     []Permission `json:"scopes" bun:",array"`
	CreatedBy  *string      `json:"created_by"` // a user's id
	ExpiresAt  *time.Time   `json:"expires_at"`
	LastUsedAt *time.Time   `json:"last_used_at"`
	CreatedAt  time.Time    `json:"created_at"`
	UpdatedAt  time.Time    `json:"updated_at"`

	Maker string `json:"-" bun:",scanonly"` // the email of who made it, or cli
}

// AfterScanRow puts the times into UTC, whatever zone this machine is in.
func (k *APIKey) AfterScanRow(context.Context) error {
	k.CreatedAt, k.UpdatedAt = k.CreatedAt.UTC(), k.UpdatedAt.UTC()
	for _, at := range []*time.Time{k.ExpiresAt, k.LastUsedAt} {
		if at != nil {
			*at = at.UTC()
		}
	}
	return nil
}

// Expired reports whether the key's time is over.
func (k APIKey) Expired(now time.Time) bool { return k.ExpiresAt != nil && !k.ExpiresAt.After(now) }

// APIKeyInput is what a client may send of an API key.
type APIKeyInput struct {
	Row
	ID         Value       `json:"id,readonly"`
	Name       Value       `json:"name"`
	KeyPrefix  Value       `json:"key_prefix,readonly"`
	Scopes     List[Value] `json:"scopes"`
	CreatedBy  Value       `json:"created_by,readonly"`
	ExpiresAt  Value       `json:"expires_at"`
	LastUsedAt Value       `json:"last_used_at,readonly"`
	CreatedAt  Value       `json:"created_at,readonly"`
	UpdatedAt  Value       `json:"updated_at,readonly"`
}

// apply returns the key that results when a field sent replaces that of k and a field left out keeps it. Refusals: Invalid with every
// problem, Forbidden for a scope that the actor does not hold and the key does not have yet.
func (in APIKeyInput) apply(k APIKey, actor Actor, now time.Time) (APIKey, error) {
	c := &checker{}
	if k.ID == 0 {
		c.required("name", in.Name, "a name")
	}
	if name, ok := c.text("name", in.Name, textRule{what: "a name", max: 255}); ok && name != k.Name {
		k.Name, k.NameKey = name, NameKey(name)
	}
	had := k.Scopes
	if k.ID == 0 || in.Scopes.Kind != Absent {
		k.Scopes = c.scopes("scopes", in.Scopes)
	}
	if in.ExpiresAt.Kind != Absent {
		k.ExpiresAt = c.expiry("expires_at", in.ExpiresAt, k.ExpiresAt, now)
	}
	if err := invalid(c.found); err != nil {
		return k, err
	}
	beyond := &Refusal{Reason: Forbidden}
	for i, v := range in.Scopes.Items {
		scope := Permission(v.Text)
		if !actor.May(scope) && !slices.Contains(had, scope) {
			beyond.Problems = append(beyond.Problems, Problem{at("scopes", i), "forbidden", "Leave out " + v.Text + ": a key may have only what you may do yourself."})
		}
	}
	if beyond.Problems != nil {
		return k, beyond
	}
	return k, nil
}

// scopes reads permissions; what is named twice counts once.
func (c *checker) scopes(field string, l List[Value]) []Permission {
	all := AllPermissions()
	if !list(c, field, l, 4*len(all), "scopes") && l.Kind != Absent {
		return nil
	}
	if len(l.Items) == 0 {
		c.add(field, "required", "Choose at least one scope.")
		return nil
	}
	named := map[Permission]bool{}
	for i, v := range l.Items {
		scope := Permission(v.Text)
		switch {
		case v.Kind == Null:
			c.add(at(field, i), "null_not_allowed", "Give a scope instead of null.")
		case v.Kind != String && v.Kind != Absent:
			c.add(at(field, i), "wrong_type", "Give a scope as text, such as AccessProfiles:View.")
		case !slices.Contains(all, scope):
			c.add(at(field, i), "unknown_scope", "Choose a scope that exists, such as AccessProfiles:View.")
		}
		named[scope] = true
	}
	return slices.DeleteFunc(all, func(p Permission) bool { return !named[p] })
}

// expiry reads when a key ends: a moment in the future, or the one that stands already, or null for never.
func (c *checker) expiry(field string, v Value, stands *time.Time, now time.Time) *time.Time {
	if v.Kind == Null {
		return nil
	}
	t, ok := c.moment(field, v, "the moment it expires")
	switch {
	case !ok:
	case stands != nil && t.Equal(*stands):
	case !t.After(now):
		c.add(field, "timestamp_in_past", "Choose a moment in the future.")
	}
	return &t
}

// selectAPIKeys reads keys with the name of who made them.
func selectAPIKeys(q *bun.SelectQuery) *bun.SelectQuery {
	return q.ColumnExpr("k.*").ColumnExpr("coalesce((SELECT u.email FROM users AS u WHERE u.id = k.created_by), ?) AS maker", CLI.Name)
}

// ListAPIKeys returns a page of keys by name, and how many match in all.
func ListAPIKeys(ctx context.Context, db bun.IDB, q CatalogueQuery) ([]APIKey, int64, error) {
	keys := []APIKey{}
	rows := selectAPIKeys(db.NewSelect().Model(&keys))
	if q.Search != "" {
		rows = rows.Where("k.name_key LIKE ?", contains(q.Search))
	}
	total, err := rows.Order("k.name_key").Limit(q.Limit).Offset(q.Offset).ScanAndCount(ctx)
	if err != nil {
		return nil, 0, fmt.Errorf("list API keys: %w", err)
	}
	return keys, int64(total), nil
}

// GetAPIKey returns one key. Refusal: NotFound.
func GetAPIKey(ctx context.Context, db bun.IDB, id int64) (APIKey, error) {
	return loadAPIKey(ctx, db.NewSelect(), id)
}

func loadAPIKey(ctx context.Context, q *bun.SelectQuery, id int64) (APIKey, error) {
	var k APIKey
	if err := selectAPIKeys(q.Model(&k)).Where("k.id = ?", id).Scan(ctx); err != nil {
		return k, found(err, "API key")
	}
	return k, nil
}

// CreateAPIKey checks and stores a new key, and returns its secret, which is kept nowhere. Refusals: Invalid, Forbidden, Conflict when
// the name is taken.
func CreateAPIKey(ctx context.Context, db bun.IDB, keys Keys, actor Actor, in APIKeyInput) (k APIKey, secret string, err error) {
	err = inTx(ctx, db, func(ctx context.Context, tx bun.Tx) error {
		held, err := claim{needed: "APIKeys:Create", shared: true}.hold(ctx, tx, actor)
		if err != nil {
			return err
		}
		now, err := databaseClock(ctx, tx)
		if err != nil {
			return err
		}
		if k, err = in.apply(APIKey{}, held.actor, now); err != nil {
			return err
		}
		k.CreatedAt, k.UpdatedAt, k.Maker = now, now, actor.Name
		if actor.UserID != "" {
			k.CreatedBy = &actor.UserID
		}
		secret = newKeySecret(secretPrefix)
		k.KeyPrefix, k.KeyHash = secret[:shownOfSecret], hashSecret(keys.APIKey, secret)
		if _, err := tx.NewInsert().Model(&k).Returning("id").Exec(ctx); err != nil {
			return fmt.Errorf("insert API key: %w", err)
		}
		return recordResource(ctx, tx, actor, "create", "api_key", strconv.FormatInt(k.ID, 10), nil, k)
	})
	if err != nil {
		return k, "", keyNameTaken(err)
	}
	return k, secret, nil
}

// UpdateAPIKey changes the fields sent; the secret stays. Refusals: NotFound, Invalid, Forbidden, Conflict when the name is taken.
func UpdateAPIKey(ctx context.Context, db bun.IDB, actor Actor, id int64, in APIKeyInput) (APIKey, error) {
	var k APIKey
	err := inTx(ctx, db, func(ctx context.Context, tx bun.Tx) error {
		held, old, err := holdAPIKey(ctx, tx, actor, "APIKeys:Update", id)
		if err != nil {
			return err
		}
		now, err := databaseClock(ctx, tx)
		if err != nil {
			return err
		}
		if k, err = in.apply(old, held.actor, now); err != nil || k.same(old) {
			return err
		}
		k.UpdatedAt = now
		if _, err := tx.NewUpdate().Model(&k).Column("name", "name_key", "scopes", "expires_at", "updated_at").WherePK().Exec(ctx); err != nil {
			return fmt.Errorf("update API key %d: %w", id, err)
		}
		return recordResource(ctx, tx, actor, "update", "api_key", strconv.FormatInt(id, 10), old, k)
	})
	return k, keyNameTaken(err)
}

func (k APIKey) same(old APIKey) bool {
	sameEnd := k.ExpiresAt == old.ExpiresAt || k.ExpiresAt != nil && old.ExpiresAt != nil && k.ExpiresAt.Equal(*old.ExpiresAt)
	return sameEnd && k.Name == old.Name && slices.Equal(k.Scopes, old.Scopes)
}

// holdAPIKey locks whose key it is and then the key. Refusals: NotFound, Forbidden when its user may do more than the actor.
func holdAPIKey(ctx context.Context, tx bun.Tx, actor Actor, needed Permission, id int64) (*authority, APIKey, error) {
	k, err := loadAPIKey(ctx, tx.NewSelect(), id)
	if err != nil {
		return nil, k, err
	}
	c := claim{needed: needed, shared: true}
	if k.CreatedBy != nil {
		c.users = []string{*k.CreatedBy}
	}
	held, err := c.hold(ctx, tx, actor)
	if err != nil {
		return nil, k, err
	}
	if k, err = loadAPIKey(ctx, tx.NewSelect().For("UPDATE OF k"), id); err != nil {
		return nil, k, err
	}
	return held, k, held.mayChangeKey(k)
}

// DeleteAPIKey ends a key at once. Refusals: NotFound, Forbidden.
func DeleteAPIKey(ctx context.Context, db bun.IDB, actor Actor, id int64) (APIKey, error) {
	var old APIKey
	err := inTx(ctx, db, func(ctx context.Context, tx bun.Tx) (err error) {
		if _, old, err = holdAPIKey(ctx, tx, actor, "APIKeys:Delete", id); err != nil {
			return err
		}
		if _, err := tx.NewDelete().Model(&old).WherePK().Exec(ctx); err != nil {
			return fmt.Errorf("delete API key %d: %w", id, err)
		}
		return recordResource(ctx, tx, actor, "delete", "api_key", strconv.FormatInt(id, 10), old, nil)
	})
	return old, err
}

func keyNameTaken(err error) error {
	if violates(err, "api_keys_name_taken") {
		return Refuse(Conflict, "name", "name_taken", "Choose another name: there is an API key with this name already.")
	}
	return err
}
