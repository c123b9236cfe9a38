package session

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"tollgate/models/audit"
	"tollgate/models/database"
	"tollgate/models/identity"
	"tollgate/models/input"
	"tollgate/models/password"
	"tollgate/models/permission"
	"tollgate/models/problem"
	"tollgate/models/secret"
)

// PasswordInput is what a user sends to change their password.
type PasswordInput struct {
	input.Row
	Current input.Value `json:"current_password"`
	New     input.Value `json:"new_password"`
}

// ChangePassword gives a user another password, ends all of their sessions, and starts the one whose token is returned.
// Refusals: Invalid, TooMany.
func ChangePassword(
	ctx context.Context, db bun.IDB, passwords *password.Hasher, network string, user identity.User, in PasswordInput,
) (token string, err error) {
	c := &input.Reader{}
	c.Required("current_password", in.Current, "your current password")
	typed, _ := password.Read(c, "new_password", in.New, "a new password")
	if err := problem.InvalidInput(c.Problems); err != nil {
		return "", err
	}
	if err := currentPassword(ctx, db, passwords, network, user, in.Current); err != nil {
		return "", err
	}
	hash, err := passwords.Hash(ctx, typed)
	if err != nil {
		return "", err
	}
	err = database.InTx(ctx, db, func(ctx context.Context, tx database.Tx) error {
		if _, err := tx.NewRaw("UPDATE users SET password_hash = ?, updated_at = now() WHERE id = ?", hash, user.ID).
			Exec(ctx); err != nil {
			return fmt.Errorf("store the password: %w", err)
		}
		if err := End(ctx, tx, user.ID); err != nil {
			return err
		}
		if token, err = Start(ctx, tx, user.ID, ""); err != nil {
			return err
		}
		return audit.RecordResource(
			ctx, tx, user.Actor().At(permission.DoorConsole), "update", "user", user.ID, nil,
			map[string]string{"password": "changed"},
		)
	})
	return token, err
}

// AsksPassword reports whether a user confirms a change of how they sign in with their password: one who has none
// cannot, and neither can one whose password is refused because users have to sign in by an identity provider.
func AsksPassword(ctx context.Context, db bun.IDB, user identity.User) (bool, error) {
	if !user.HasPassword || user.BreakGlass {
		return user.HasPassword, nil
	}
	refused, err := identity.Enforced(ctx, db)
	return err == nil && !refused, err
}

// ConfirmPassword checks the password of a user who is signed in, when they are asked for it. Refusals: Invalid,
// TooMany.
func ConfirmPassword(
	ctx context.Context, db bun.IDB, passwords *password.Hasher, network string, user identity.User, typed input.Value,
) error {
	if asked, err := AsksPassword(ctx, db, user); err != nil || !asked {
		return err
	}
	c := &input.Reader{}
	c.Required("current_password", typed, "your password")
	if err := problem.InvalidInput(c.Problems); err != nil {
		return err
	}
	return currentPassword(ctx, db, passwords, network, user, typed)
}

// currentPassword checks the password that a user gave. One who has none is told that it is not theirs. Refusals:
// Invalid, TooMany, Forbidden while users have to sign in by an identity provider.
func currentPassword(
	ctx context.Context, db bun.IDB, passwords *password.Hasher, network string, user identity.User, typed input.Value,
) error {
	_, err := CheckPassword(ctx, db, passwords, network, user.Email, typed.Text)
	var refusal *problem.Refusal
	if errors.As(err, &refusal) && refusal.Reason == problem.Unauthenticated {
		return problem.Refuse(problem.Invalid, "current_password", "wrong_password", "That is not your current password.")
	}
	return err
}

// SetFirstPassword gives a user who signed in by a link their first password, ends their other sessions, and starts the
// one whose token is returned, which shows no more than the one of the token session did. Refusals: Invalid, also when
// the user's role permits more than when the link was made: the maker of the link could sign in with the password.
func SetFirstPassword(
	ctx context.Context, db bun.IDB, passwords *password.Hasher, user identity.User, session string, in PasswordInput,
) (token string, err error) {
	c := &input.Reader{}
	typed, _ := password.Read(c, "new_password", in.New, "a password")
	if err := problem.InvalidInput(c.Problems); err != nil {
		return "", err
	}
	hash, err := passwords.Hash(ctx, typed)
	if err != nil {
		return "", err
	}
	err = database.InTx(ctx, db, func(ctx context.Context, tx database.Tx) error {
		if err := identity.KeepPasswordsOut(ctx, tx, user.Actor(), user); err != nil {
			return err
		}
		link := usedLink{}
		err := tx.NewRaw(`
UPDATE users AS u SET password_hash = ?, updated_at = now() FROM sessions AS s
WHERE u.id = ? AND u.password_hash IS NULL AND s.user_id = u.id AND s.token_hash = ? AND s.own_only AND `+liveSession+`
AND NOT EXISTS (
    SELECT FROM role_permissions AS p WHERE p.role_id = u.role_id AND p.permission <> ALL (coalesce(s.permitted, '{}')))
RETURNING coalesce(s.permitted, '{}')`, hash, user.ID, secret.HashToken(session)).Scan(ctx, pgdialect.Array(&link.permitted))
		if errors.Is(err, sql.ErrNoRows) {
			return problem.Refuse(problem.Invalid, "new_password", "link_outdated",
				"Ask an admin for another link: you have a password already, or may do more than when your link was made.")
		}
		if err != nil {
			return fmt.Errorf("store the first password: %w", err)
		}
		if err := End(ctx, tx, user.ID); err != nil {
			return err
		}
		if token, err = start(ctx, tx, user.ID, "", &link); err != nil {
			return err
		}
		return audit.RecordResource(
			ctx, tx, user.Actor().At(permission.DoorConsole), "update", "user", user.ID, nil,
			map[string]string{"password": "set"},
		)
	})
	return token, err
}
