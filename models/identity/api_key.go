package identity

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/uptrace/bun"

	"tollgate/models/audit"
	"tollgate/models/database"
	"tollgate/models/input"
	"tollgate/models/permission"
	"tollgate/models/problem"
	"tollgate/models/secret"
)

// APIKey is a credential of the API. It may do what its scopes and its maker's role both permit; one made on the
// command line has no maker.
type APIKey struct {
	bun.BaseModel `bun:"table:api_keys,alias:k" json:"-"`

	ID         int64                   `json:"id" bun:",pk,autoincrement"`
	Name       string                  `json:"name"`
	NameKey    string                  `json:"-"`
	KeyPrefix  string                  `json:"key_prefix"`
	KeyHash    []byte                  `json:"-"`
	Scopes     []permission.Permission `json:"scopes" bun:",array"`
	CreatedBy  *string                 `json:"created_by"` // a user's id
	ExpiresAt  *time.Time              `json:"expires_at"`
	LastUsedAt *time.Time              `json:"last_used_at"`
	CreatedAt  time.Time               `json:"created_at"`
	UpdatedAt  time.Time               `json:"updated_at"`

	Maker string `json:"-" bun:",scanonly"` // the email of its maker, or cli
}

// AfterScanRow converts the times to UTC.
func (k *APIKey) AfterScanRow(context.Context) error {
	k.CreatedAt, k.UpdatedAt = k.CreatedAt.UTC(), k.UpdatedAt.UTC()
	for _, at := range []*time.Time{k.ExpiresAt, k.LastUsedAt} {
		if at != nil {
			*at = at.UTC()
		}
	}
	return nil
}

// Expired reports whether the key has expired.
func (k APIKey) Expired(now time.Time) bool { return k.ExpiresAt != nil && !k.ExpiresAt.After(now) }

// APIKeyInput is what a client may send of an API key.
type APIKeyInput struct {
	input.Row
	ID         input.Value             `json:"id,readonly"`
	Name       input.Value             `json:"name"`
	KeyPrefix  input.Value             `json:"key_prefix,readonly"`
	Scopes     input.List[input.Value] `json:"scopes"`
	CreatedBy  input.Value             `json:"created_by,readonly"`
	ExpiresAt  input.Value             `json:"expires_at"`
	LastUsedAt input.Value             `json:"last_used_at,readonly"`
	CreatedAt  input.Value             `json:"created_at,readonly"`
	UpdatedAt  input.Value             `json:"updated_at,readonly"`
}

// apply returns the key that results when a field sent replaces that of k and a field left out keeps it. Refusals:
// Invalid with every problem, Forbidden for a scope that neither the actor nor the stored key has.
func (in APIKeyInput) apply(k APIKey, actor permission.Actor, now time.Time) (APIKey, error) {
	c := &input.Reader{}
	if k.ID == 0 {
		c.Required("name", in.Name, "a name")
	}
	if name, ok := c.Text("name", in.Name, input.TextRule{What: "a name", Max: 255}); ok && name != k.Name {
		k.Name, k.NameKey = name, input.NameKey(name)
	}
	had := k.Scopes
	if k.ID == 0 || in.Scopes.Kind != input.Absent {
		k.Scopes = readScopes(c, "scopes", in.Scopes)
	}
	if in.ExpiresAt.Kind != input.Absent {
		k.ExpiresAt = c.Expiry("expires_at", in.ExpiresAt, k.ExpiresAt, now)
	}
	if err := problem.InvalidInput(c.Problems); err != nil {
		return k, err
	}
	beyond := &problem.Refusal{Reason: problem.Forbidden}
	for i, v := range in.Scopes.Items {
		scope := permission.Permission(v.Text)
		if !actor.May(scope) && !slices.Contains(had, scope) {
			beyond.Problems = append(
				beyond.Problems,
				problem.Problem{
					Field:   input.Index("scopes", i),
					Code:    "forbidden",
					Message: "Leave out " + v.Text + ": a key may have only what you may do yourself.",
				},
			)
		}
	}
	if beyond.Problems != nil {
		return k, beyond
	}
	return k, nil
}

// readScopes reads permissions; duplicates count once.
func readScopes(c *input.Reader, field string, l input.List[input.Value]) []permission.Permission {
	all := permission.AllPermissions()
	if !input.CheckList(c, field, l, 4*len(all), "scopes") && l.Kind != input.Absent {
		return nil
	}
	if len(l.Items) == 0 {
		c.Add(field, "required", "Choose at least one scope.")
		return nil
	}
	named := map[permission.Permission]bool{}
	for i, v := range l.Items {
		scope := permission.Permission(v.Text)
		switch {
		case v.Kind == input.Null:
			c.Add(input.Index(field, i), "null_not_allowed", "Give a scope instead of null.")
		case v.Kind != input.String && v.Kind != input.Absent:
			c.Add(input.Index(field, i), "wrong_type", "Give a scope as text, such as AccessProfiles:View.")
		case !slices.Contains(all, scope):
			c.Add(input.Index(field, i), "unknown_scope", "Choose a scope that exists, such as AccessProfiles:View.")
		}
		named[scope] = true
	}
	return slices.DeleteFunc(all, func(p permission.Permission) bool { return !named[p] })
}

// selectAPIKeys reads keys with the name of who made them.
func selectAPIKeys(q *bun.SelectQuery) *bun.SelectQuery {
	return q.ColumnExpr("k.*").
		ColumnExpr("coalesce((SELECT u.email FROM users AS u WHERE u.id = k.created_by), ?) AS maker", permission.CLI.Name)
}

// ListAPIKeys returns a page of keys by name, and how many match in all.
func ListAPIKeys(ctx context.Context, db bun.IDB, q database.CatalogueQuery) ([]APIKey, int64, error) {
	keys := []APIKey{}
	rows := selectAPIKeys(db.NewSelect().Model(&keys))
	if q.Search != "" {
		rows = rows.Where("k.name_key LIKE ?", database.Contains(q.Search))
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
		return k, problem.NotFoundOr(err, "API key")
	}
	return k, nil
}

// CreateAPIKey checks and stores a new key, and returns its secret, which is not stored. Refusals: Invalid,
// Forbidden, Conflict when the name is taken.
func CreateAPIKey(
	ctx context.Context, db bun.IDB, keys secret.Keys, actor permission.Actor, in APIKeyInput,
) (k APIKey, value string, err error) {
	err = database.InTx(ctx, db, func(ctx context.Context, tx bun.Tx) error {
		auth, err := Claim{Needed: "APIKeys:Create", Shared: true}.Lock(ctx, tx, actor)
		if err != nil {
			return err
		}
		now, err := database.Clock(ctx, tx)
		if err != nil {
			return err
		}
		if k, err = in.apply(APIKey{}, auth.Actor, now); err != nil {
			return err
		}
		k.CreatedAt, k.UpdatedAt, k.Maker = now, now, actor.Name
		if actor.UserID != "" {
			k.CreatedBy = &actor.UserID
		}
		value = secret.NewKeySecret(secret.SecretPrefix)
		k.KeyPrefix, k.KeyHash = value[:secret.ShownOfSecret], secret.HashSecret(keys.APIKey, value)
		if _, err := tx.NewInsert().Model(&k).Returning("id").Exec(ctx); err != nil {
			return fmt.Errorf("insert API key: %w", err)
		}
		return audit.RecordResource(ctx, tx, actor, "create", "api_key", strconv.FormatInt(k.ID, 10), nil, k)
	})
	if err != nil {
		return k, "", keyNameTaken(err)
	}
	return k, value, nil
}

// UpdateAPIKey changes the fields sent; the secret stays. Refusals: NotFound, Invalid, Forbidden, Conflict when the
// name is taken.
func UpdateAPIKey(ctx context.Context, db bun.IDB, actor permission.Actor, id int64, in APIKeyInput) (APIKey, error) {
	var k APIKey
	err := database.InTx(ctx, db, func(ctx context.Context, tx bun.Tx) error {
		auth, old, err := lockAPIKey(ctx, tx, actor, "APIKeys:Update", id)
		if err != nil {
			return err
		}
		now, err := database.Clock(ctx, tx)
		if err != nil {
			return err
		}
		if k, err = in.apply(old, auth.Actor, now); err != nil || k.same(old) {
			return err
		}
		k.UpdatedAt = now
		if _, err := tx.NewUpdate().
			Model(&k).
			Column("name", "name_key", "scopes", "expires_at", "updated_at").
			WherePK().Exec(ctx); err != nil {
			return fmt.Errorf("update API key %d: %w", id, err)
		}
		return audit.RecordResource(ctx, tx, actor, "update", "api_key", strconv.FormatInt(id, 10), old, k)
	})
	return k, keyNameTaken(err)
}

func (k APIKey) same(old APIKey) bool {
	sameEnd := k.ExpiresAt == old.ExpiresAt ||
		k.ExpiresAt != nil && old.ExpiresAt != nil && k.ExpiresAt.Equal(*old.ExpiresAt)
	return sameEnd && k.Name == old.Name && slices.Equal(k.Scopes, old.Scopes)
}

// lockAPIKey locks the user of a key and then the key. Refusals: NotFound, Forbidden when its user may do more than the
// actor.
func lockAPIKey(
	ctx context.Context, tx bun.Tx, actor permission.Actor, needed permission.Permission, id int64,
) (*Authorization, APIKey, error) {
	k, err := loadAPIKey(ctx, tx.NewSelect(), id)
	if err != nil {
		return nil, k, err
	}
	c := Claim{Needed: needed, Shared: true}
	if k.CreatedBy != nil {
		c.users = []string{*k.CreatedBy}
	}
	auth, err := c.Lock(ctx, tx, actor)
	if err != nil {
		return nil, k, err
	}
	if k, err = loadAPIKey(ctx, tx.NewSelect().For("UPDATE OF k"), id); err != nil {
		return nil, k, err
	}
	return auth, k, auth.mayChangeKey(k)
}

// DeleteAPIKey revokes a key at once. Refusals: NotFound, Forbidden.
func DeleteAPIKey(ctx context.Context, db bun.IDB, actor permission.Actor, id int64) (APIKey, error) {
	var old APIKey
	err := database.InTx(ctx, db, func(ctx context.Context, tx bun.Tx) (err error) {
		if _, old, err = lockAPIKey(ctx, tx, actor, "APIKeys:Delete", id); err != nil {
			return err
		}
		if _, err := tx.NewDelete().Model(&old).WherePK().Exec(ctx); err != nil {
			return fmt.Errorf("delete API key %d: %w", id, err)
		}
		return audit.RecordResource(ctx, tx, actor, "delete", "api_key", strconv.FormatInt(id, 10), old, nil)
	})
	return old, err
}

func keyNameTaken(err error) error {
	if problem.Violates(err, "api_keys_name_taken") {
		return problem.Refuse(
			problem.Conflict, "name", "name_taken", "Choose another name: there is an API key with this name already.",
		)
	}
	return err
}
