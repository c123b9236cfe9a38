package session

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/uptrace/bun"

	"tollgate/models/identity"
	"tollgate/models/input"
	"tollgate/models/password"
	"tollgate/models/problem"
)

// LoginInput is what a user sends to sign in.
type LoginInput struct {
	input.Row
	Email    input.Value `json:"email"`
	Password input.Value `json:"password"`
	Next     input.Value `json:"next"`   // where to go afterwards
	Sealed   input.Value `json:"sealed"` // a form that was sent after the session before had ended
}

// Login returns the user whom email and password belong to. Refusals: Invalid when one is missing, else those of
// CheckPassword.
func Login(
	ctx context.Context, db bun.IDB, passwords *password.Hasher, network string, in LoginInput,
) (identity.User, error) {
	c := &input.Reader{}
	c.Required("email", in.Email, "your email address")
	c.Required("password", in.Password, "your password")
	if err := problem.InvalidInput(c.Problems); err != nil {
		return identity.User{}, err
	}
	user, err := CheckPassword(ctx, db, passwords, network, in.Email.Text, in.Password.Text)
	if err != nil {
		return user, err
	}
	return user, deleteOldTries(ctx, db)
}

// CheckPassword returns the user whom email and password belong to. A user who does not exist costs the same work and
// gets the same answer; that a user is deactivated is said only to a client that has the password. Refusals:
// Unauthenticated, TooMany, Forbidden while users have to sign in by an identity provider.
func CheckPassword(
	ctx context.Context, db bun.IDB, passwords *password.Hasher, network, email, password string,
) (identity.User, error) {
	email = input.Tidy(email)
	try := newAttempt(email, network)
	if err := try.count(ctx, db); err != nil {
		return identity.User{}, err
	}
	user, err := checkPassword(ctx, db, passwords, email, password)
	var refusal *problem.Refusal
	if err == nil || !errors.As(err, &refusal) || refusal.Reason != problem.Unauthenticated {
		// The password was not wrong, so the try is not counted.
		if err := try.forgive(ctx, db, user.ID, err == nil); err != nil {
			return identity.User{}, err
		}
	}
	return user, err
}

func checkPassword(
	ctx context.Context, db bun.IDB, passwords *password.Hasher, email, typed string,
) (identity.User, error) {
	var known struct {
		identity.User
		PasswordHash *string
	}
	if input.Storable(email) {
		err := identity.SelectUsersOf(db, "users AS u").Column("u.password_hash").Where("u.email_key = ?", input.FoldCase(email)).Scan(ctx, &known)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return identity.User{}, fmt.Errorf("look up the user: %w", err)
		}
	}
	forms := password.Forms(typed)
	hash, possible := password.Dummy, known.PasswordHash != nil && len(forms[0]) <= password.Max
	if possible {
		hash = *known.PasswordHash
	} else {
		forms = password.Forms(typed[:min(len(typed), password.Max)]) // the same work
	}
	form, err := passwords.Matching(ctx, hash, forms)
	if err != nil {
		return identity.User{}, err
	}
	only, err := identity.Enforced(ctx, db)
	switch {
	case err != nil:
		return identity.User{}, err
	case only && !known.BreakGlass:
		return identity.User{}, identity.SSORequired() // for a right and a wrong password alike
	case form < 0 || !possible:
		return identity.User{}, problem.Refuse(
			problem.Unauthenticated, "", "invalid_credentials",
			"Wrong email address or password. Check both and try again.",
		)
	case known.DeactivatedAt != nil:
		return identity.User{}, identity.Deactivated()
	case form > 0:
		err = rehash(ctx, db, passwords, known.ID, hash, typed)
	}
	if err == nil && known.BreakGlass {
		err = identity.NoteBreakGlass(ctx, db, known.User)
	}
	return known.User, err
}

// rehash replaces a hash of an outdated form of the password, unless it was changed meanwhile. When there is no time
// for it, the next sign-in does it.
func rehash(ctx context.Context, db bun.IDB, passwords *password.Hasher, user, old, password string) error {
	hash, err := passwords.Hash(ctx, password)
	if refusal := (*problem.Refusal)(nil); errors.As(err, &refusal) {
		return nil
	}
	if err != nil {
		return err
	}
	if _, err := db.NewRaw("UPDATE users SET password_hash = ? WHERE id = ? AND password_hash = ?", hash, user, old).
		Exec(ctx); err != nil {
		return fmt.Errorf("store the password in its new form: %w", err)
	}
	return nil
}
