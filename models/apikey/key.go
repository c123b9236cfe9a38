package apikey

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"tollgate/models/database"
	"tollgate/models/permission"
	"tollgate/models/problem"
)

// Key is a credential of the API. It may do what its scopes and its maker's role both permit; one made on the
// command line has no maker, and a service key does not depend on its maker. A key that was a service key and whose
// maker was deleted is refused unless it is one again.
type Key struct {
	bun.BaseModel `bun:"table:api_keys,alias:k" json:"-"`

	ID        int64                   `json:"id" bun:",pk,autoincrement"`
	Name      string                  `json:"name"`
	NameKey   string                  `json:"-"`
	KeyPrefix string                  `json:"key_prefix"`
	KeyHash   []byte                  `json:"-"`
	Scopes    []permission.Permission `json:"scopes" bun:",array"`
	CreatedBy *string                 `json:"created_by"` // a user's id
	Service   bool                    `json:"service"`
	// FormerMaker is the address of the maker of a service key, once they were deleted, or the service key that made it.
	FormerMaker *string    `json:"-"`
	ExpiresAt   *time.Time `json:"expires_at"`
	LastUsedAt  *time.Time `json:"last_used_at"`
	CreatedAt   time.Time  `json:"created_at"`
	UpdatedAt   time.Time  `json:"updated_at"`

	Maker string `json:"-" bun:",scanonly"` // the email of its maker, the service key that made it, or cli
	// MakerLeft reports that the maker of a service key, who may still have its value, was deactivated or deleted.
	MakerLeft bool `json:"-" bun:",scanonly"`
}

// byService begins the name of a service key as an actor. No address begins with it.
const byService = "service: "

// Expired reports whether the key has expired.
func (k Key) Expired(now time.Time) bool { return k.ExpiresAt != nil && !k.ExpiresAt.After(now) }

// selectKeys reads keys with the name of their maker.
func selectKeys(q *bun.SelectQuery) *bun.SelectQuery {
	return q.ColumnExpr("k.*").
		ColumnExpr("coalesce((SELECT u.email FROM users AS u WHERE u.id = k.created_by), k.former_maker, ?) AS maker",
			permission.CLI.Name).
		ColumnExpr("k.service AND (NOT starts_with(k.former_maker, ?) OR EXISTS (SELECT FROM users AS u"+
			" WHERE u.id = k.created_by AND u.deactivated_at IS NOT NULL)) IS TRUE AS maker_left", byService)
}

// List returns a page of keys by name, and how many match in all.
func List(ctx context.Context, db bun.IDB, q database.CatalogueQuery) ([]Key, int64, error) {
	keys := []Key{}
	rows := selectKeys(db.NewSelect().Model(&keys))
	if q.Search != "" {
		rows = rows.Where("k.name_key LIKE ?", database.Contains(q.Search))
	}
	total, err := rows.Order("k.name_key").Limit(q.Limit).Offset(q.Offset).ScanAndCount(ctx)
	if err != nil {
		return nil, 0, fmt.Errorf("list API keys: %w", err)
	}
	return keys, int64(total), nil
}

// Get returns one key. Refusal: NotFound.
func Get(ctx context.Context, db bun.IDB, id int64) (Key, error) {
	return load(ctx, db.NewSelect(), id)
}

func load(ctx context.Context, q *bun.SelectQuery, id int64) (Key, error) {
	var k Key
	if err := selectKeys(q.Model(&k)).Where("k.id = ?", id).Scan(ctx); err != nil {
		return k, problem.NotFoundOr(err, "API key")
	}
	return k, nil
}
