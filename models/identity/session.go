package identity

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"tollgate/models/database"
	"tollgate/models/problem"
	"tollgate/models/secret"
)

// A session ends after SessionIdle without a request, and after SessionMost in any case.
const (
	SessionIdle = 30 * time.Minute
	SessionMost = 12 * time.Hour

	liveSession = "s.seen_at > now() - interval '30 minutes' AND s.created_at > now() - interval '12 hours'" +
		" AND (s.ends_at IS NULL OR s.ends_at > now())"
)

// StartSession signs a user in and returns the token for their cookie; only its hash is stored. The session of the
// token old, if any, ends: a token seen before sign-in is invalid after it. Other ended sessions are kept for a day, so
// that FormerUser knows whose they were.
func StartSession(ctx context.Context, db bun.IDB, userID, old string) (token string, err error) {
	return startSession(ctx, db, userID, old, nil)
}

// There is the session at an identity provider by which a session here began.
type There struct {
	ProviderID         int64
	Subject, SessionID string
	IDToken            []byte // sealed, nil when it is not kept
	Hours              int64  // how long the session may last
}

// StartSessionOf is StartSession for a user who signed in at an identity provider.
func StartSessionOf(ctx context.Context, db bun.IDB, userID, old string, there There) (token string, err error) {
	if token, err = StartSession(ctx, db, userID, old); err != nil {
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

// startSession starts a session. One that a link began shows the user's own access and nothing else of the console.
func startSession(ctx context.Context, db bun.IDB, userID, old string, link *usedLink) (token string, err error) {
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

// SessionUser returns the user of the token's session, and extends it. Refusal: Unauthenticated.
func SessionUser(ctx context.Context, db bun.IDB, token string) (User, error) {
	if len(token) != secret.TokenLength {
		return User{}, Unauthenticated("Sign in first.")
	}
	var u User
	var dozing, ownOnly bool
	var left float64
	hash := secret.HashToken(token)
	permissions := pgdialect.Array(&u.Permissions)
	err := database.ScanPlanned(
		ctx, db, []any{
			&u.ID, &u.Name, &u.Email, &u.RoleID, &u.Role, permissions, &dozing, &ownOnly, &left, &u.HasPassword,
			&u.OpenRequests, &u.BySSO, &u.BreakGlass, &u.BrokenGlass,
		},
		`
SELECT u.id, u.name, u.email, u.role_id, r.name, ARRAY(SELECT permission FROM role_permissions AS p
    WHERE p.role_id = u.role_id ORDER BY permission),
       s.seen_at < now() - interval '1 minute', s.own_only,
       extract(epoch FROM least(s.created_at + interval '12 hours', s.ends_at) - now())::float8,
       u.password_hash IS NOT NULL, (SELECT count(*) FROM access_requests WHERE state = 'open' AND expires_at > now()),
       s.provider_id IS NOT NULL, u.break_glass, (SELECT max(break_glass_at) FROM users WHERE break_glass)
FROM sessions AS s JOIN users AS u ON u.id = s.user_id JOIN roles AS r ON r.id = u.role_id
WHERE s.token_hash = $1 AND u.deactivated_at IS NULL AND `+liveSession,
		hash,
	)
	if err != nil {
		return u, NotSignedIn(err, "session")
	}
	if ownOnly {
		u.ByLink, u.Permissions = true, nil
	}
	u.SessionLeft = time.Duration(left * float64(time.Second))
	if dozing {
		if _, err := db.NewRaw("UPDATE sessions SET seen_at = now() WHERE token_hash = ?", hash).Exec(ctx); err != nil {
			return u, fmt.Errorf("extend the session: %w", err)
		}
	}
	return u, nil
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

// EndSessions signs a user out everywhere, and ends the link by which they could sign in.
func EndSessions(ctx context.Context, tx database.Tx, userID string) error {
	_, err := tx.NewRaw("WITH links AS (DELETE FROM sign_in_links WHERE user_id = ?0) DELETE FROM sessions WHERE user_id = ?0",
		userID).Exec(ctx)
	if err != nil {
		return fmt.Errorf("end the sessions: %w", err)
	}
	return nil
}

// Unauthenticated refuses a request without a credential that is valid.
func Unauthenticated(message string) *problem.Refusal {
	return problem.Refuse(problem.Unauthenticated, "", "unauthenticated", message)
}

// Deactivated refuses the credential of a user who is deactivated.
func Deactivated() *problem.Refusal {
	return problem.Refuse(problem.Unauthenticated, "", "deactivated",
		"This account is deactivated. Ask an admin of this console to activate it.")
}

// NotSignedIn turns "no rows" into the answer for an invalid credential.
func NotSignedIn(err error, what string) error {
	if errors.Is(err, sql.ErrNoRows) {
		return Unauthenticated("Sign in again: this " + what + " is not valid, or not any more.")
	}
	return fmt.Errorf("look up the %s: %w", what, err)
}
