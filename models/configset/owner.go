package configset

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"tollgate/models/configdoc"
	"tollgate/models/database"
)

// Owned is a resource that a set has applied.
type Owned struct {
	Kind, NameKey, Name string
	SetName             string
	Applied             string // the canonical document
	AppliedAt           time.Time
}

// Protected reports that a prune passes it over: the member is the last of a canonical document.
func (o *Owned) Protected() bool { return strings.HasSuffix(o.Applied, `,"protected":true}`) }

// ID is the identity of the resource.
func (o *Owned) ID() configdoc.ID { return configdoc.ID{Kind: o.Kind, Key: o.NameKey} }

// Base is the document that was applied last, in the form of today.
func (o *Owned) Base() configdoc.Canonical {
	body, err := configdoc.CanonicalJSON(o.Kind, o.Protected(), []byte(o.Applied))
	if err != nil {
		return configdoc.Canonical{Text: o.Applied}
	}
	return body
}

// Load reads the resources of all sets, those too that are gone.
func Load(ctx context.Context, db bun.IDB) (map[configdoc.ID]*Owned, error) {
	var rows []Owned
	if err := db.NewRaw("SELECT kind, name_key, name, set_name, applied, applied_at FROM config_resources").
		Scan(ctx, &rows); err != nil {
		return nil, fmt.Errorf("load the owners of resources: %w", err)
	}
	owners := make(map[configdoc.ID]*Owned, len(rows))
	for i := range rows {
		owners[rows[i].ID()] = &rows[i]
	}
	return owners, nil
}

// Of is the set that a resource belongs to; "" for none.
func Of(ctx context.Context, db bun.IDB, kind, name string) (set string, err error) {
	id := configdoc.IDOf(kind, name)
	err = db.NewRaw("SELECT set_name FROM config_resources WHERE kind = ? AND name_key = ?", id.Kind, id.Key).
		Scan(ctx, &set)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return "", fmt.Errorf("look up the set of a resource: %w", err)
	}
	return set, nil
}

// OfUser is a set that a user belongs to.
type OfUser struct{ SetName string }

// OfUserPart reads the set of a user, if there is one, together with something else.
func OfUserPart(db bun.IDB, user string, sets *[]OfUser) database.Part {
	return database.Part{
		Query: db.NewSelect().TableExpr("config_resources AS c").Column("c.set_name").
			Join("JOIN users AS u ON u.email_key = c.name_key").Where("c.kind = ? AND u.id = ?", configdoc.User, user),
		Rows: sets,
	}
}

// OfUsers is how many of these users each set describes, by its name.
func OfUsers(ctx context.Context, db bun.IDB, users []string) (map[string]int, error) {
	var rows []struct {
		SetName string
		N       int
	}
	err := db.NewRaw(`SELECT c.set_name, count(*) AS n FROM config_resources AS c JOIN users AS u ON u.email_key = c.name_key
WHERE c.kind = ? AND u.id = ANY (?) GROUP BY c.set_name`, configdoc.User, pgdialect.Array(users)).Scan(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("look up the sets of users: %w", err)
	}
	sets := make(map[string]int, len(rows))
	for _, row := range rows {
		sets[row.SetName] = row.N
	}
	return sets, nil
}

// Save records what a set applied, and forgets what is gone.
func Save(
	ctx context.Context, tx database.Tx, set string, applied []configdoc.Wanted, gone []configdoc.ID,
) error {
	var kinds, keys []string
	for _, id := range gone {
		kinds, keys = append(kinds, id.Kind), append(keys, id.Key)
	}
	if _, err := tx.NewRaw(`DELETE FROM config_resources AS c USING unnest(?::text[], ?::text[]) AS gone(kind, name_key)
WHERE c.kind = gone.kind AND c.name_key = gone.name_key`,
		pgdialect.Array(kinds), pgdialect.Array(keys)).Exec(ctx); err != nil {
		return fmt.Errorf("forget the owners of resources: %w", err)
	}
	kinds, keys = nil, nil
	var names, documents []string
	for _, w := range applied {
		kinds, keys, names = append(kinds, w.Kind), append(keys, w.Key), append(names, w.Name)
		documents = append(documents, w.Body.Text)
	}
	_, err := tx.NewRaw(`
INSERT INTO config_resources (kind, name_key, name, set_name, applied, applied_at)
SELECT kind, name_key, name, ?, applied, clock_timestamp()
FROM unnest(?::text[], ?::text[], ?::text[], ?::text[]) AS a(kind, name_key, name, applied)
ON CONFLICT (kind, name_key) DO UPDATE SET name = excluded.name, set_name = excluded.set_name,
    applied = excluded.applied, applied_at = excluded.applied_at
WHERE (config_resources.name, config_resources.set_name, config_resources.applied)
    IS DISTINCT FROM (excluded.name, excluded.set_name, excluded.applied)`,
		set, pgdialect.Array(kinds), pgdialect.Array(keys), pgdialect.Array(names),
		pgdialect.Array(documents)).Exec(ctx)
	if err != nil {
		return fmt.Errorf("record the owners of resources: %w", err)
	}
	return nil
}
