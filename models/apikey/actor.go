package apikey

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"tollgate/models/batch"
	"tollgate/models/database"
	"tollgate/models/identity"
	"tollgate/models/permission"
	"tollgate/models/secret"
)

// Actors reads from the database whose request carries an API key, and what they may do now. Requests that arrive at
// the same time share a statement, which begins after each of them arrived, so that none misses a change.
type Actors struct {
	db     bun.IDB
	use    func(id int64)
	hasher secret.Hasher
	reads  *batch.Lookup[secret.Hash, Found]
}

// Found is the actor of a key.
type Found struct {
	Actor permission.Actor

	id     int64
	unused bool // in the last minute
}

// NewActors makes an Actors that reads from db. Use is called with the id of a key that was not used in the last
// minute, or whose use was not recorded.
func NewActors(db bun.IDB, keys secret.Keys, use func(id int64)) *Actors {
	a := &Actors{db: db, use: use, hasher: secret.NewHasher(keys.APIKey)}
	a.reads = batch.NewLookup(a.read)
	return a
}

// Of returns the actor of a key with its scopes, as far as its maker's role still permits them; a service key has all
// of its scopes. The keys of a deactivated maker are refused, and those of a deleted one that are no service keys any
// more: only the command line makes keys that belong to no user. Refusal: Unauthenticated.
func (a *Actors) Of(ctx context.Context, value string) (Found, error) {
	if !secret.IsKeySecret(secret.SecretPrefix, value) {
		return Found{}, identity.Unauthenticated("This is not a valid API key of this console.")
	}
	key, found, err := a.reads.Get(ctx, a.hasher.Sum(value))
	if err == nil && !found {
		err = sql.ErrNoRows
	}
	if err != nil {
		return Found{}, identity.NotSignedIn(err, "API key")
	}
	if key.unused {
		a.use(key.id)
	}
	return key, nil
}

func (a *Actors) read(ctx context.Context, hashes []secret.Hash) (map[secret.Hash]Found, error) {
	wanted := make([][]byte, len(hashes))
	for i := range hashes {
		wanted[i] = hashes[i][:]
	}
	// OFFSET 0 keeps the planner from reading all users for the makers of a few keys.
	rows, err := database.QueryPlanned(ctx, a.db, `
SELECT k.key_hash, k.id, k.name, k.key_prefix, k.scopes, k.last_used_at IS NULL
    OR k.last_used_at < now() - interval '1 minute', k.service, u.id, u.email, u.permitted, k.expires_at,
    coalesce(k.created_by, '')
FROM api_keys AS k LEFT JOIN LATERAL (
    SELECT m.id, m.email, m.deactivated_at,
        ARRAY(SELECT permission FROM role_permissions AS p WHERE p.role_id = m.role_id) AS permitted
    FROM users AS m WHERE m.id = k.created_by AND NOT k.service OFFSET 0) AS u ON true
WHERE k.key_hash = ANY ($1::bytea[]) AND u.deactivated_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now())
    AND (k.service OR k.former_maker IS NULL)`,
		wanted)
	if err != nil {
		return nil, fmt.Errorf("look up API keys: %w", err)
	}
	defer rows.Close()
	found := make(map[secret.Hash]Found, len(hashes))
	for rows.Next() {
		hash, key, err := scanFound(rows)
		if err != nil {
			return nil, fmt.Errorf("look up API keys: %w", err)
		}
		found[hash] = key
	}
	return found, errors.Join(rows.Err(), rows.Close())
}

func scanFound(rows *sql.Rows) (hash secret.Hash, found Found, err error) {
	var hashed []byte
	var service bool
	var user, email *string
	var scopes, permitted []permission.Permission
	key := &found.Actor
	if err := rows.Scan(&hashed, &found.id, &key.APIKeyName, &key.APIKeyPrefix, pgdialect.Array(&scopes), &found.unused,
		&service, &user, &email, pgdialect.Array(&permitted), &key.Ends, &key.KeyMaker); err != nil {
		return hash, found, err
	}
	switch {
	case user != nil:
		key.UserID, key.Name = *user, *email
		scopes = slices.DeleteFunc(scopes, func(p permission.Permission) bool { return !slices.Contains(permitted, p) })
	case service:
		key.Name = byService + key.APIKeyName
	default:
		key.Name = permission.CLI.Name
	}
	key.Permissions = scopes
	return secret.Hash(hashed), found, nil
}
