package session

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"tollgate/models/database"
	"tollgate/models/secret"
)

// A session ends after Idle without a request, and after Most in any case.
const (
	Idle = 30 * time.Minute
	Most = 12 * time.Hour

	liveSession = "s.seen_at > now() - interval '30 minutes' AND s.created_at > now() - interval '12 hours'" +
		" AND (s.ends_at IS NULL OR s.ends_at > now())"
)

// Start signs a user in and returns the token for their cookie; only its hash is stored. The session of the
// token old, if any, ends: a token seen before sign-in is invalid after it. Other ended sessions are kept for a day, so
// that FormerUser knows whose they were.
func Start(ctx context.Context, db bun.IDB, userID, old string) (token string, err error) {
	return start(ctx, db, userID, old, nil)
}

// There is the session at an identity provider by which a session here began.
type There struct {
	ProviderID         int64
	Subject, SessionID string
	IDToken            []byte // sealed, nil when it is not kept
	Hours              int64  // how long the session may last
}

// StartOf is Start for a user who signed in at an identity provider.
func StartOf(ctx context.Context, db bun.IDB, userID, old string, there There) (token string, err error) {
	if token, err = Start(ctx, db, userID, old); err != nil {
		return "", err
	}
	_, err = db.NewRaw(`UPDATE sessions SET provider_id = ?, subject = ?, sid = nullif(?, ''), id_token = ?,
    ends_at = now() + ? * interval '1 hour' WHERE token_hash = ?`,
		there.ProviderID, there.Subject, there.SessionID, there.IDToken, there.Hours, secret.HashToken(token)).Exec(ctx)
	if err != nil {
		return "", fmt.Errorf("start a session of an identity provider: %w", err)
	}
	return token, nil
}

// start starts a session. One that a link began shows the user's own access and nothing else of the console.
func start(ctx context.Context, db bun.IDB, userID, old string, link *usedLink) (token string, err error) {
	token, hash := secret.NewToken()
	var permitted any
	if link != nil {
		permitted = pgdialect.Array(link.permitted)
	}
	_, err = db.NewRaw(`
WITH ended AS (DELETE FROM sessions AS s WHERE s.token_hash = ? OR s.created_at < now() - interval '1 day')
INSERT INTO sessions (token_hash, user_id, own_only, permitted) VALUES (?, ?, ?, ?::text[])`,
		secret.HashToken(old), hash, userID, link != nil, permitted).Exec(ctx)
	if err != nil {
		return "", fmt.Errorf("start a session: %w", err)
	}
	return token, nil
}

// FormerUser is the user of a session that is over, "" when it is not known: it was signed out, or ended long ago.
func FormerUser(ctx context.Context, db bun.IDB, token string) (string, error) {
	var users []string
	err := db.NewRaw("SELECT user_id FROM sessions WHERE token_hash = ?", secret.HashToken(token)).Scan(ctx, &users)
	if err != nil {
		return "", fmt.Errorf("look up a session that is over: %w", err)
	}
	return strings.Join(users, ""), nil
}

// End signs a user out everywhere, and ends the link by which they could sign in.
func End(ctx context.Context, tx database.Tx, userID string) error {
	_, err := tx.NewRaw("WITH links AS (DELETE FROM sign_in_links WHERE user_id = ?0) "+
		"DELETE FROM sessions WHERE user_id = ?0",
		userID).Exec(ctx)
	if err != nil {
		return fmt.Errorf("end the sessions: %w", err)
	}
	return nil
}
