package apikey

import (
	"context"
	"slices"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"tollgate/models/database"
	"tollgate/models/identity"
	"tollgate/models/permission"
	"tollgate/models/secret"
)

// ReadActor returns the actor of a key and what it may do now: its scopes, as far as its maker's role still permits
// them, and when it expires, nil for never; a service key has all of its scopes. The keys of a deactivated maker are
// refused. Its use is reported when none was recorded in the last minute. Refusal: Unauthenticated.
func ReadActor(
	ctx context.Context, db bun.IDB, keys secret.Keys, value string, use func(id int64),
) (actor permission.Actor, expires *time.Time, err error) {
	if !secret.IsKeySecret(secret.SecretPrefix, value) {
		return actor, nil, identity.Unauthenticated("This is not a valid API key of this console.")
	}
	var key struct {
		ID        int64
		Name      string
		Prefix    string
		Scopes    []permission.Permission
		Unused    bool // in the last minute
		Service   bool
		UserID    *string
		Email     *string
		Permitted []permission.Permission
	}
	targets := []any{
		&key.ID, &key.Name, &key.Prefix, pgdialect.Array(&key.Scopes), &key.Unused, &key.Service, &key.UserID, &key.Email,
		pgdialect.Array(&key.Permitted), &expires,
	}
	err = database.ScanPlanned(ctx, db, targets, `
SELECT k.id, k.name, k.key_prefix, k.scopes, k.last_used_at IS NULL
    OR k.last_used_at < now() - interval '1 minute' AS unused, k.service, u.id AS user_id, u.email,
       ARRAY(SELECT permission FROM role_permissions AS p WHERE p.role_id = u.role_id) AS permitted,
       k.expires_at
FROM api_keys AS k LEFT JOIN users AS u ON u.id = k.created_by AND NOT k.service
WHERE k.key_hash = $1 AND u.deactivated_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now())`,
		secret.HashSecret(keys.APIKey, value))
	if err != nil {
		return actor, nil, identity.NotSignedIn(err, "API key")
	}
	if key.Unused {
		use(key.ID)
	}
	if key.UserID == nil {
		name := permission.CLI.Name
		if key.Service {
			name = "service: " + key.Name
		}
		return permission.Actor{
			Name:         name,
			Permissions:  key.Scopes,
			APIKeyName:   key.Name,
			APIKeyPrefix: key.Prefix,
		}, expires, nil
	}
	permitted := slices.DeleteFunc(key.Scopes, func(p permission.Permission) bool {
		return !slices.Contains(key.Permitted, p)
	})
	return permission.Actor{
		UserID:       *key.UserID,
		Name:         *key.Email,
		Permissions:  permitted,
		APIKeyName:   key.Name,
		APIKeyPrefix: key.Prefix,
	}, expires, nil
}
