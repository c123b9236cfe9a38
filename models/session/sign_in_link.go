package session

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"tollgate/models/audit"
	"tollgate/models/database"
	"tollgate/models/identity"
	"tollgate/models/input"
	"tollgate/models/permission"
	"tollgate/models/problem"
	"tollgate/models/secret"
)

// linkResource is what audit rows call a sign-in link.
const linkResource = "sign_in_link"

// SignInLink lets a user sign in once, to their own access only.
type SignInLink struct {
	Token     string // in clear only here
	ExpiresAt time.Time
}

// CreateSignInLink makes a link for a user, and ends an earlier one. Only its hash is stored.
// Refusals: NotFound, Forbidden for a user who may do more than the actor, or as whom they may not sign in, Conflict
// for one who is deactivated.
func CreateSignInLink(ctx context.Context, db bun.IDB, actor permission.Actor, user string) (SignInLink, error) {
	var link SignInLink
	err := database.InTx(ctx, db, func(ctx context.Context, tx database.Tx) error {
		auth, err := identity.Lock(ctx, tx, actor, permission.UpdateUsers, []string{user}, nil)
		if err != nil {
			return err
		}
		u, there := auth.Users[user]
		if !there {
			return problem.Missing("user")
		}
		if err := auth.MayActOn(user); err != nil {
			return err
		}
		if err := identity.KeepOut(auth.Actor, user, ""); err != nil {
			return err
		}
		if u.DeactivatedAt != nil {
			return problem.Refuse(problem.Conflict, "", "deactivated",
				"Activate "+problem.Clip(u.Name)+" first: a deactivated user cannot sign in.")
		}
		if err := identity.KeepPasswordsOut(ctx, tx, actor, identity.User{}); err != nil {
			return err
		}
		token, hash := secret.NewToken()
		link.Token = token
		err = tx.NewRaw(`
INSERT INTO sign_in_links (user_id, token_hash, permitted, expires_at)
VALUES (?, ?, ?::text[], clock_timestamp() + interval '24 hours')
ON CONFLICT (user_id) DO UPDATE
SET token_hash = excluded.token_hash, permitted = excluded.permitted, expires_at = excluded.expires_at
RETURNING expires_at`, user, hash, pgdialect.Array(auth.Roles[u.RoleID].Permissions)).Scan(ctx, &link.ExpiresAt)
		if err != nil {
			return fmt.Errorf("store the sign-in link: %w", err)
		}
		link.ExpiresAt = link.ExpiresAt.UTC()
		return recordLink(ctx, tx, actor, "create", user, map[string]any{"expires_at": link.ExpiresAt})
	})
	return link, err
}

// usedLink is what a session keeps of the link that began it: what the user's role permitted when it was made.
type usedLink struct{ permitted []string }

// LinkInput is what the page of a sign-in link sends.
type LinkInput struct {
	input.Row
	Code input.Value `json:"code"`
}

// UseSignInLink signs the user of a link in and ends the link. Old is the token of the session that the browser has.
// Refusal: Invalid when the link is not valid, or not any more.
func UseSignInLink(ctx context.Context, db bun.IDB, in LinkInput, old string) (session string, err error) {
	c := &input.Reader{}
	c.Required("code", in.Code, "the link that you were given")
	if err := problem.InvalidInput(c.Problems); err != nil {
		return "", err
	}
	err = database.InTx(ctx, db, func(ctx context.Context, tx database.Tx) error {
		var user identity.User
		if err := identity.KeepPasswordsOut(ctx, tx, permission.Actor{}, user); err != nil {
			return err
		}
		link := usedLink{}
		err := tx.NewRaw(`
DELETE FROM sign_in_links AS l USING users AS u
WHERE l.token_hash = ? AND l.expires_at > clock_timestamp() AND u.id = l.user_id AND u.deactivated_at IS NULL
AND NOT EXISTS (
    SELECT FROM role_permissions AS p WHERE p.role_id = u.role_id AND p.permission <> ALL (l.permitted))
RETURNING u.id, u.email, l.permitted`, secret.HashToken(linkToken(in.Code.Text))).
			Scan(ctx, &user.ID, &user.Email, pgdialect.Array(&link.permitted))
		if errors.Is(err, sql.ErrNoRows) {
			return problem.Refuse(problem.Invalid, "code", "invalid_link",
				"Ask for another link: this one is cut, was used already, or is older than 24 hours.")
		}
		if err != nil {
			return fmt.Errorf("use a sign-in link: %w", err)
		}
		if session, err = start(ctx, tx, user.ID, old, &link); err != nil {
			return err
		}
		return recordLink(ctx, tx, user.Actor().At(permission.DoorConsole), "delete", user.ID, nil)
	})
	return session, err
}

func recordLink(
	ctx context.Context, tx database.Tx, actor permission.Actor, action, user string, made map[string]any,
) error {
	about := map[string]string{"resource": linkResource, "id": user}
	change := audit.Change{UserID: &user, Actor: actor.Name, Origin: audit.OriginOf(actor), Action: action}
	var current any
	if made != nil {
		current = made
	}
	if err := change.Documents(nil, current, about); err != nil {
		return err
	}
	var err error
	if change.At, err = database.Clock(ctx, tx); err != nil {
		return err
	}
	return audit.Record(tx, change)
}

// linkToken is the token in a link that was pasted whole, or the token itself.
func linkToken(pasted string) string {
	pasted = strings.TrimSpace(pasted)
	return pasted[strings.LastIndexByte(pasted, '#')+1:]
}
