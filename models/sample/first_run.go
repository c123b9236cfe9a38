package sample

import (
	"context"
	"crypto/subtle"
	"database/sql"
	"errors"
	"fmt"

	"github.com/uptrace/bun"

	"tollgate/models/assignment"
	"tollgate/models/database"
	"tollgate/models/identity"
	"tollgate/models/input"
	"tollgate/models/password"
	"tollgate/models/permission"
	"tollgate/models/problem"
	"tollgate/models/secret"
	"tollgate/models/session"
)

// NeedsFirstRun reports whether no user can sign in yet.
func NeedsFirstRun(ctx context.Context, db bun.IDB) (bool, error) {
	some, err := identity.UsersCanSignIn(ctx, db)
	return !some, err
}

// NewFirstRunLink makes the token of the link by which the first admin is created; earlier links become invalid. When
// a user can sign in already it is "".
func NewFirstRunLink(ctx context.Context, db bun.IDB) (token string, err error) {
	token, hash := secret.NewToken()
	err = database.InTx(ctx, db, func(ctx context.Context, tx database.Tx) error {
		_, err := tx.NewRaw(`
INSERT INTO first_run_links (token_hash) VALUES (?) ON CONFLICT (single) DO UPDATE SET token_hash = excluded.token_hash`, hash).Exec(ctx)
		if err != nil {
			return fmt.Errorf("store the first-run link: %w", err)
		}
		// The lock on the link's row keeps others from creating the first admin at the same time.
		some, err := identity.UsersCanSignIn(ctx, tx)
		if err != nil || !some {
			return err
		}
		token = ""
		return endFirstRun(ctx, tx)
	})
	return token, err
}

// CheckFirstRun checks that the link is still valid. Refusal: NotFound.
func CheckFirstRun(ctx context.Context, db bun.IDB, token string) error {
	return checkLink(ctx, db, db.NewSelect(), token)
}

// noLink does not say whether a link was cut, was used or never was.
var noLink = problem.Refuse(problem.NotFound, "", "not_found", "This link is cut, or it does not work any more. "+
	"Copy it whole from the terminal of the console, start the console again for another one, or sign in.")

func checkLink(ctx context.Context, db bun.IDB, q *bun.SelectQuery, token string) error {
	var hash []byte
	err := q.Table("first_run_links").Column("token_hash").Scan(ctx, &hash)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("look up the first-run link: %w", err)
	}
	if subtle.ConstantTimeCompare(hash, secret.HashToken(token)) != 1 {
		return noLink
	}
	some, err := identity.UsersCanSignIn(ctx, db)
	if err == nil && some {
		return noLink
	}
	return err
}

// FirstRunInput is what the first admin sends.
type FirstRunInput struct {
	input.Row
	Email    input.Value `json:"email"`
	Name     input.Value `json:"name"`
	Password input.Value `json:"password"`
	Sample   input.Value `json:"sample"` // also create what First adds
}

// CreateFirstAdmin creates the first admin by the one-time link, and signs them in. Refusals: NotFound when the link is
// not valid (any more), Invalid, TooMany.
func CreateFirstAdmin(
	ctx context.Context, db bun.IDB, passwords *password.Hasher, token string, in FirstRunInput,
) (began string, err error) {
	if err := CheckFirstRun(ctx, db, token); err != nil {
		return "", err
	}
	c := &input.Reader{}
	admin, password := identity.ReadUser(c, identity.UserInput{Name: in.Name, Email: in.Email, Password: in.Password})
	sample, _ := c.Bool("sample", in.Sample)
	if err := problem.InvalidInput(c.Problems); err != nil {
		return "", err
	}
	hash, err := passwords.Hash(ctx, password)
	if err != nil {
		return "", err
	}
	err = database.InTx(ctx, db, func(ctx context.Context, tx database.Tx) error {
		// Of two concurrent requests, the second waits here and then finds no link.
		if err := checkLink(ctx, tx, tx.NewSelect().For("UPDATE"), token); err != nil {
			return err
		}
		if err := insertFirst(ctx, tx, permission.DoorConsole, &admin, hash); err != nil {
			return err
		}
		if sample {
			if err := First(ctx, tx, admin.Actor().At(permission.DoorConsole)); err != nil {
				return err
			}
		}
		began, err = session.Start(ctx, tx, admin.ID, "")
		return err
	})
	return began, err
}

// CreateEnvAdmin makes the first admin from the environment; it reports false when a user can sign in already.
// Refusals: Invalid, Conflict when a user has that address.
func CreateEnvAdmin(
	ctx context.Context, db bun.IDB, passwords *password.Hasher, email, password string,
) (created bool, err error) {
	if some, err := identity.UsersCanSignIn(ctx, db); err != nil || some {
		return false, err
	}
	c := &input.Reader{}
	admin, password := identity.ReadUser(c, identity.UserInput{
		Email:    input.FormValue(email),
		Password: input.FormValue(password),
	})
	if err := problem.InvalidInput(c.Problems); err != nil {
		return false, err
	}
	hash, err := passwords.Hash(ctx, password)
	if err != nil {
		return false, err
	}
	err = database.InTx(ctx, db, func(ctx context.Context, tx database.Tx) error {
		_, err := tx.NewRaw("INSERT INTO first_run_links (token_hash) VALUES ('') " +
			"ON CONFLICT (single) DO UPDATE SET token_hash = ''").Exec(ctx)
		if err != nil {
			return fmt.Errorf("lock the first-run link: %w", err)
		}
		some, err := identity.UsersCanSignIn(ctx, tx)
		if err != nil || some {
			return err
		}
		created = true
		return insertFirst(ctx, tx, permission.DoorCLI, &admin, hash)
	})
	return created && err == nil, err
}

// insertFirst creates the first admin; the transaction has locked the link's row. Once a user can sign in, the link is
// invalid.
func insertFirst(ctx context.Context, tx database.Tx, door string, admin *identity.User, hash string) error {
	some, err := identity.UsersCanSignIn(ctx, tx)
	if err != nil {
		return err
	}
	if some {
		return problem.Missing("page")
	}
	if admin.RoleID, err = assignment.RoleNamed(ctx, tx, identity.FirstRole); err != nil {
		return err
	}
	if err := identity.InsertUser(ctx, tx, permission.Actor{}.At(door), admin, hash); err != nil {
		return identity.EmailTaken(err)
	}
	return endFirstRun(ctx, tx)
}

func endFirstRun(ctx context.Context, tx database.Tx) error {
	if _, err := tx.NewRaw("DELETE FROM first_run_links").Exec(ctx); err != nil {
		return fmt.Errorf("end the first-run link: %w", err)
	}
	return nil
}
