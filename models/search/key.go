package search

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/uptrace/bun"

	"tollgate/models/permission"
	"tollgate/models/secret"
	"tollgate/models/virtualkey"
)

// shownOfKey is longer than any part of a key that pages show.
const shownOfKey = 12

// IsSecret reports whether text is a key, or looks so much like one that it must not appear in an address, a log or a
// browser's history.
func IsSecret(text string) bool {
	text = strings.TrimSpace(text)
	for _, prefix := range []string{virtualkey.Prefix, secret.SecretPrefix, secret.SCIMPrefix} {
		rest, ok := strings.CutPrefix(text, prefix)
		if ok && len(rest) > shownOfKey && !strings.ContainsAny(rest, " *…") {
			return true
		}
	}
	return false
}

// FindSecret finds the user of a whole virtual key, also of a value that was replaced or deleted. Those who may not
// see keys find nothing.
func FindSecret(
	ctx context.Context, db bun.IDB, keys secret.Keys, actor permission.Actor, text string,
) (Result, error) {
	result := Result{}
	text = strings.TrimSpace(text)
	if !actor.May(permission.ViewVirtualKeys) || !virtualkey.IsValue(text) {
		return result, nil
	}
	hit := Hit{}
	err := db.NewRaw(`
SELECT 'virtual_key' AS kind, k.id, k.name, u.name || ' · ' || k.last_four AS of, k.user_id, k.expires_at AS at,
       k.key_hash <> ?0 AND k.previous_until <= clock_timestamp() AS retired
FROM virtual_keys AS k JOIN users AS u ON u.id = k.user_id WHERE k.key_hash = ?0 OR k.previous_hash = ?0
UNION ALL
SELECT 'virtual_key', r.key_id, coalesce(k.name, 'A deleted key'), coalesce(u.name, 'a deleted user'),
       coalesce(u.id, ''), NULL, true
FROM retired_keys AS r LEFT JOIN users AS u ON u.id = r.user_id LEFT JOIN virtual_keys AS k ON k.id = r.key_id
WHERE r.key_hash = ?0
LIMIT 1`, secret.HashSecret(keys.VirtualKey, text)).Scan(ctx, &hit)
	if errors.Is(err, sql.ErrNoRows) {
		return result, nil
	}
	if err != nil {
		return result, fmt.Errorf("look up a key: %w", err)
	}
	hit.Active = true
	result.Groups = []Group{{Kind: Key, Hits: []Hit{hit}}}
	return result, nil
}
