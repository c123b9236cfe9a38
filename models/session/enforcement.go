package session

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"
)

// Refused is what ends, and who cannot come back at once, when the passwords of all but break-glass admins are refused.
type Refused struct {
	Sessions    int64 // that began with a password or a link
	Links       int64 // that were not used yet
	Unconnected int64 // active users who have connected no enabled identity provider
}

// WhenRefused counts what ends when passwords are refused.
func WhenRefused(ctx context.Context, db bun.IDB) (r Refused, err error) {
	err = db.NewRaw(`
SELECT (SELECT count(*) FROM sessions AS s JOIN users AS u ON u.id = s.user_id
        WHERE s.provider_id IS NULL AND NOT u.break_glass AND u.deactivated_at IS NULL AND `+liveSession+`) AS sessions,
    (SELECT count(*) FROM sign_in_links WHERE expires_at > now()) AS links,
    (SELECT count(*) FROM users AS u WHERE u.deactivated_at IS NULL AND NOT u.break_glass AND NOT EXISTS (
        SELECT FROM user_identities AS i JOIN identity_providers AS p ON p.id = i.provider_id
        WHERE i.user_id = u.id AND p.is_enabled)) AS unconnected`).Scan(ctx, &r.Sessions, &r.Links, &r.Unconnected)
	if err != nil {
		return r, fmt.Errorf("count what ends when passwords are refused: %w", err)
	}
	return r, nil
}
