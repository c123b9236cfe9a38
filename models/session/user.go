package session

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"tollgate/models/batch"
	"tollgate/models/database"
	"tollgate/models/identity"
	"tollgate/models/secret"
)

// Users reads from the database whose sessions requests belong to. Requests that arrive at the same time share a
// statement, which begins after each of them arrived, so that none misses a change.
type Users struct {
	db    bun.IDB
	reads *batch.Lookup[secret.Hash, found]
}

type found struct {
	user   identity.User
	dozing bool // the session was not extended in the last minute
}

// NewUsers makes a Users that reads from db.
func NewUsers(db bun.IDB) *Users {
	u := &Users{db: db}
	u.reads = batch.NewLookup(u.read)
	return u
}

// Of returns the user of the token's session, and extends it. Refusal: Unauthenticated.
func (u *Users) Of(ctx context.Context, token string) (identity.User, error) {
	if len(token) != secret.TokenLength {
		return identity.User{}, identity.Unauthenticated("Sign in first.")
	}
	hash := secret.HashToken(token)
	session, known, err := u.reads.Get(ctx, secret.Hash(hash))
	if err == nil && !known {
		err = sql.ErrNoRows
	}
	if err != nil {
		return identity.User{}, identity.NotSignedIn(err, "session")
	}
	if session.dozing {
		if _, err := u.db.NewRaw("UPDATE sessions SET seen_at = now() WHERE token_hash = ?", hash).Exec(ctx); err != nil {
			return identity.User{}, fmt.Errorf("extend the session: %w", err)
		}
	}
	return session.user, nil
}

func (u *Users) read(ctx context.Context, hashes []secret.Hash) (map[secret.Hash]found, error) {
	wanted := make([][]byte, len(hashes))
	for i := range hashes {
		wanted[i] = hashes[i][:]
	}
	// OFFSET 0 keeps the planner from reading all users for those of a few sessions.
	rows, err := database.QueryPlanned(ctx, u.db, `
SELECT s.token_hash, u.id, u.name, u.email, u.role_id, r.name, ARRAY(SELECT permission FROM role_permissions AS p
    WHERE p.role_id = u.role_id ORDER BY permission),
       s.seen_at < now() - interval '1 minute', s.own_only,
       extract(epoch FROM least(s.created_at + interval '12 hours', s.ends_at) - now())::float8,
       u.password_hash IS NOT NULL, (SELECT count(*) FROM access_requests WHERE state = 'open' AND expires_at > now()),
       s.provider_id IS NOT NULL, u.break_glass, (SELECT max(break_glass_at) FROM users WHERE break_glass)
FROM sessions AS s CROSS JOIN LATERAL (SELECT * FROM users WHERE id = s.user_id OFFSET 0) AS u
JOIN roles AS r ON r.id = u.role_id
WHERE s.token_hash = ANY ($1::bytea[]) AND u.deactivated_at IS NULL AND `+liveSession, wanted)
	if err != nil {
		return nil, fmt.Errorf("look up sessions: %w", err)
	}
	defer rows.Close()
	users := make(map[secret.Hash]found, len(hashes))
	for rows.Next() {
		hash, one, err := scanFound(rows)
		if err != nil {
			return nil, fmt.Errorf("look up sessions: %w", err)
		}
		users[hash] = one
	}
	return users, errors.Join(rows.Err(), rows.Close())
}

func scanFound(rows *sql.Rows) (hash secret.Hash, one found, err error) {
	var hashed []byte
	var ownOnly bool
	var left float64
	u := &one.user
	err = rows.Scan(&hashed, &u.ID, &u.Name, &u.Email, &u.RoleID, &u.Role, pgdialect.Array(&u.Permissions), &one.dozing,
		&ownOnly, &left, &u.HasPassword, &u.OpenRequests, &u.BySSO, &u.BreakGlass, &u.BrokenGlass)
	if err != nil {
		return hash, one, err
	}
	if ownOnly {
		u.ByLink, u.Permissions = true, nil
	}
	u.SessionLeft = time.Duration(left * float64(time.Second))
	return secret.Hash(hashed), one, nil
}
