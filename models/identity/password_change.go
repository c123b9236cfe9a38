package identity

import (
	"context"
	"errors"
	"fmt"

	"github.com/uptrace/bun"

	"tollgate/models/audit"
	"tollgate/models/database"
	"tollgate/models/input"
	"tollgate/models/permission"
	"tollgate/models/problem"
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
	ctx context.Context, db bun.IDB, passwords *Passwords, network string, user User, in PasswordInput,
) (token string, err error) {
	c := &input.Reader{}
	c.Required("current_password", in.Current, "your current password")
	password, _ := readPassword(c, "new_password", in.New, "a new password")
	if err := problem.InvalidInput(c.Problems); err != nil {
		return "", err
	}
	if _, err := CheckPassword(ctx, db, passwords, network, user.Email, in.Current.Text); err != nil {
		var refusal *problem.Refusal
		if errors.As(err, &refusal) && refusal.Reason == problem.Unauthenticated {
			err = problem.Refuse(
				problem.Invalid, "current_password", "wrong_password", "Enter your current password; this is another one.",
			)
		}
		return "", err
	}
	hash, err := passwords.Hash(ctx, password)
	if err != nil {
		return "", err
	}
	err = database.InTx(ctx, db, func(ctx context.Context, tx database.Tx) error {
		if _, err := tx.NewRaw("UPDATE users SET password_hash = ?, updated_at = now() WHERE id = ?", hash, user.ID).
			Exec(ctx); err != nil {
			return fmt.Errorf("store the password: %w", err)
		}
		if err := EndSessions(ctx, tx, user.ID); err != nil {
			return err
		}
		if token, err = StartSession(ctx, tx, user.ID, ""); err != nil {
			return err
		}
		return audit.RecordResource(
			ctx, tx, user.Actor().At(permission.DoorConsole), "update", "user", user.ID, nil,
			map[string]string{"password": "changed"},
		)
	})
	return token, err
}
