package identity

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"tollgate/models/audit"
	"tollgate/models/database"
	"tollgate/models/input"
	"tollgate/models/permission"
	"tollgate/models/problem"
)

// User is an account that may sign in.
type User struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Email  string `json:"email"`
	RoleID int64  `json:"role_id"`
	Role   string `json:"role"`

	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
	// DeactivatedAt is nil for a user who is active.
	DeactivatedAt *time.Time `json:"deactivated_at,omitempty"`
	// ConnectionID is of the directory that the user's name, address and role come from; nil for a user of the console.
	ConnectionID *int64 `json:"connection_id,omitempty"`
	// LeftAt is when the directory deleted the user.
	LeftAt *time.Time `json:"-"`

	// BreakGlass is true for an admin who signs in with a password also while others have to use an identity provider.
	BreakGlass bool `json:"break_glass,omitempty"`
	// BySSO is true in a session that began at an identity provider.
	BySSO bool `json:"-" bun:"-"`
	// BrokenGlass is when a break-glass admin signed in last, when the session was read.
	BrokenGlass *time.Time `json:"-" bun:"-"`

	// Permissions are those of the role, at the moment the user was loaded.
	Permissions []permission.Permission `json:"-" bun:",array"`
	// SessionLeft is how long the session of this request may still last.
	SessionLeft time.Duration `json:"-" bun:"-"`
	// ByLink is true in a session that a sign-in link began: then Permissions are none.
	ByLink bool `json:"-" bun:"-"`
	// OpenRequests is how many requests for access waited when the session was read.
	OpenRequests int64 `json:"-" bun:"-"`
	// HasPassword is false for a user who was added and cannot sign in yet.
	HasPassword bool `json:"-"`
}

// Actor is the user as an actor.
func (u User) Actor() permission.Actor {
	return permission.Actor{UserID: u.ID, Name: u.Email, Permissions: u.Permissions}
}

// selectUsers reads users with their role and what it permits.
func selectUsers(db bun.IDB) *bun.SelectQuery { return SelectUsersOf(db, "users AS u") }

// SelectUsersOf reads users, a table or query as u, with their role and what it permits.
func SelectUsersOf(db bun.IDB, users string, args ...any) *bun.SelectQuery {
	return db.NewSelect().TableExpr(users, args...).Join("JOIN roles AS r ON r.id = u.role_id").
		Column("u.id", "u.name", "u.email", "u.role_id", "u.created_at", "u.updated_at", "u.deactivated_at").
		Column("u.connection_id", "u.left_at", "u.break_glass").
		ColumnExpr("r.name AS role").
		ColumnExpr("u.password_hash IS NOT NULL AS has_password").
		ColumnExpr("ARRAY(SELECT permission FROM role_permissions p " +
			"WHERE p.role_id = u.role_id ORDER BY permission) AS permissions")
}

// GetUser returns one user. Refusal: NotFound.
func GetUser(ctx context.Context, db bun.IDB, id string) (User, error) {
	var u User
	if !UserID.MatchString(id) {
		return u, problem.Missing("user")
	}
	if err := selectUsers(db).Where("u.id = ?", id).Scan(ctx, &u); err != nil {
		return u, problem.NotFoundOr(err, "user")
	}
	return u, nil
}

// GetUserAndRoles returns one user, and every role, in one statement, with which more is read. Refusal: NotFound.
func GetUserAndRoles(ctx context.Context, db bun.IDB, id string, more ...database.Part) (User, []Role, error) {
	if !UserID.MatchString(id) {
		return User{}, nil, problem.Missing("user")
	}
	var users []User
	var roles []Role
	err := database.ReadTogether(ctx, db, "", nil, append(more,
		database.Part{Query: selectUsers(db).Where("u.id = ?", id), Rows: &users},
		database.Part{Query: selectRoles(db.NewSelect().Model(&roles)).Order("r.name_key"), Rows: &roles})...)
	switch {
	case err != nil:
		return User{}, nil, fmt.Errorf("read user %s and the roles: %w", id, err)
	case len(users) == 0:
		return User{}, nil, problem.Missing("user")
	}
	return users[0], roles, nil
}

// InsertUser stores a user with its audit row. Without a hash they cannot sign in yet.
func InsertUser(ctx context.Context, tx database.Tx, actor permission.Actor, u *User, hash string) error {
	u.ID = uuid.NewString()
	_, err := tx.NewRaw("INSERT INTO users (id, name, email, email_key, role_id, password_hash) "+
		"VALUES (?, ?, ?, ?, ?, nullif(?, ''))",
		u.ID, u.Name, u.Email, input.FoldCase(u.Email), u.RoleID, hash).Exec(ctx)
	if err != nil {
		return fmt.Errorf("insert user: %w", err)
	}
	if *u, err = GetUser(ctx, tx, u.ID); err != nil {
		return err
	}
	if actor.Name == "" {
		actor = u.Actor().At(actor.Door) // the first user creates their own account
	}
	return audit.RecordResource(ctx, tx, actor, "create", "user", u.ID, nil, *u)
}

// EmailTaken refuses an email that another user has.
func EmailTaken(err error) error {
	if problem.Violates(err, "users_email_taken") {
		return problem.Refuse(
			problem.Conflict, "email", "email_taken", "Use another email address: there is a user with this one already.",
		)
	}
	return err
}

// UserNames returns the names of the users that exist, by id.
func UserNames(ctx context.Context, db bun.IDB, ids []string) (map[string]string, error) {
	names := make(map[string]string, len(ids))
	if strings.Join(ids, "") == "" {
		return names, nil
	}
	var rows []struct{ ID, Name string }
	if err := db.NewRaw("SELECT id, name FROM users WHERE id = ANY (?)", pgdialect.Array(ids)).
		Scan(ctx, &rows); err != nil {
		return nil, fmt.Errorf("look up the names of users: %w", err)
	}
	for _, row := range rows {
		names[row.ID] = row.Name
	}
	return names, nil
}

// UsersOfEmails returns the users that have one of the folded addresses.
func UsersOfEmails(ctx context.Context, db bun.IDB, keys []string) ([]User, error) {
	users := []User{}
	err := selectUsers(db).Where("u.email_key = ANY (?)", pgdialect.Array(keys)).Scan(ctx, &users)
	if err != nil {
		return nil, fmt.Errorf("look up users by their addresses: %w", err)
	}
	return users, nil
}

// UsersNamed returns the users with the ids given that exist, by name.
func UsersNamed(ctx context.Context, db bun.IDB, ids []string) ([]User, error) {
	users := []User{}
	err := selectUsers(db).Where("u.id = ANY (?)", pgdialect.Array(ids)).OrderExpr("lower(u.name), u.email_key").
		Scan(ctx, &users)
	if err != nil {
		return nil, fmt.Errorf("look up users: %w", err)
	}
	return users, nil
}

// InsertUsers stores new users in one statement, with their audit rows. They cannot sign in by password yet.
func InsertUsers(ctx context.Context, tx database.Tx, actor permission.Actor, users []User) error {
	if len(users) == 0 {
		return nil
	}
	columns := make([][]string, 4)
	for _, u := range users {
		for i, value := range []string{u.ID, u.Name, u.Email, input.FoldCase(u.Email)} {
			columns[i] = append(columns[i], value)
		}
	}
	_, err := tx.NewRaw(`
INSERT INTO users (id, name, email, email_key, role_id, created_at, updated_at)
SELECT n.id, n.name, n.email, n.email_key, ?, ?, ? FROM unnest(?::text[], ?::text[], ?::text[], ?::text[])
    AS n(id, name, email, email_key)`, users[0].RoleID, users[0].CreatedAt, users[0].CreatedAt,
		pgdialect.Array(columns[0]), pgdialect.Array(columns[1]), pgdialect.Array(columns[2]), pgdialect.Array(columns[3])).
		Exec(ctx)
	if problem.Violates(err, "users_email_taken") {
		return fmt.Errorf("%w: %w", database.ErrAgain, err) // added since they were looked up
	}
	if err != nil {
		return fmt.Errorf("insert users: %w", err)
	}
	for _, u := range users {
		if err := audit.RecordResource(ctx, tx, actor, "create", "user", u.ID, nil, u); err != nil {
			return err
		}
	}
	return nil
}
