package models

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/uptrace/bun"
)

// User is a person who may sign in.
type User struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Email  string `json:"email"`
	RoleID int64  `json:"role_id"`
	Role   string `json:"role"`
	// Permissions are those of the role, at the moment the user was loaded.
	Permissions []Permission `json:"-" bun:",array"`
}

// Actor is the user as the one who asks.
func (u User) Actor() Actor { return Actor{UserID: u.ID, Name: u.Email, Permissions: u.Permissions} }

// selectUsers reads users with their role and what it permits.
func selectUsers(db bun.IDB) *bun.SelectQuery {
	return db.NewSelect().TableExpr("users AS u").Join("JOIN roles AS r ON r.id = u.role_id").
		Column("u.id", "u.name", "u.email", "u.role_id").ColumnExpr("r.name AS role").
		ColumnExpr("ARRAY(SELECT permission FROM role_permissions p WHERE p.role_id = u.role_id ORDER BY permission) AS permissions")
}

// GetUser returns one user. Refusal: NotFound.
func GetUser(ctx context.Context, db bun.IDB, id string) (User, error) {
	var u User
	if err := selectUsers(db).Where("u.id = ?", id).Scan(ctx, &u); err != nil {
		return u, found(err, "user")
	}
	return u, nil
}

// UserInput is what may be said of a new user. Without a name, the part of the email before the @ is used.
type UserInput struct {
	Row
	Name     Value `json:"name"`
	Email    Value `json:"email"`
	Password Value `json:"password"`
	Role     Value `json:"role"` // by name
}

// emailForm is all that can be said of an address without writing to it.
var emailForm = regexp.MustCompile(`^[^\s@]+@[^\s@]+$`)

func (c *checker) email(field string, v Value) (string, bool) {
	c.required(field, v, "an email address")
	email, ok := c.text(field, v, textRule{what: "an email address", max: 254})
	if ok && !emailForm.MatchString(email) {
		c.add(field, "invalid_email", "Enter an email address, such as ada@example.com.")
		return "", false
	}
	return email, ok
}

func (c *checker) user(in UserInput) (u User, password string) {
	name, named := c.text("name", in.Name, textRule{what: "a name", max: 255})
	u.Email, _ = c.email("email", in.Email)
	password, _ = c.password("password", in.Password, "a password")
	u.Name = name
	if !named {
		u.Name, _, _ = strings.Cut(u.Email, "@")
	}
	return u, password
}

// CreateUser checks and stores a new user. Refusals: Invalid, Conflict when the email is taken, TooMany.
func CreateUser(ctx context.Context, db bun.IDB, passwords *Passwords, actor Actor, in UserInput) (User, error) {
	c := &checker{}
	u, password := c.user(in)
	c.required("role", in.Role, "a role")
	u.Role, _ = c.text("role", in.Role, textRule{what: "a role", max: 255})
	if err := invalid(c.found); err != nil {
		return u, err
	}
	hash, err := passwords.Hash(ctx, password)
	if err != nil {
		return u, err
	}
	err = inTx(ctx, db, func(ctx context.Context, tx bun.Tx) error {
		return insertUser(ctx, tx, actor, &u, hash)
	})
	return u, emailTaken(err)
}

// insertUser stores a user with the role named, in one go with its audit row.
func insertUser(ctx context.Context, tx bun.Tx, actor Actor, u *User, hash string) error {
	u.ID = uuid.NewString()
	result, err := tx.NewRaw(`
INSERT INTO users (id, name, email, email_key, role_id, password_hash)
SELECT ?, ?, ?, ?, id, ? FROM roles WHERE name_key = ?`, u.ID, u.Name, u.Email, Fold(u.Email), hash, Fold(u.Role)).Exec(ctx)
	if err != nil {
		return fmt.Errorf("insert user: %w", err)
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		return Refuse(Invalid, "role", "unknown_role", "Choose a role that exists, such as Admin, Developer or Viewer.")
	}
	if *u, err = GetUser(ctx, tx, u.ID); err != nil {
		return err
	}
	if actor.Name == "" {
		actor = u.Actor() // the first user makes themselves
	}
	return recordResource(ctx, tx, actor, "create", "user", u.ID, nil, *u)
}

func emailTaken(err error) error {
	if violates(err, "users_email_taken") {
		return Refuse(Conflict, "email", "email_taken", "Use another email address: there is a user with this one already.")
	}
	return err
}

// hasUsers reports whether anybody could sign in.
func hasUsers(ctx context.Context, db bun.IDB) (bool, error) {
	var some bool
	if err := db.NewRaw("SELECT EXISTS (SELECT FROM users)").Scan(ctx, &some); err != nil {
		return false, fmt.Errorf("look for users: %w", err)
	}
	return some, nil
}

// storable reports whether the database can hold text at all; what it cannot hold is in no row.
func storable(text string) bool { return utf8.ValidString(text) && !strings.ContainsRune(text, 0) }
