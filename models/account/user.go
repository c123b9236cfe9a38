package account

import (
	"context"
	"errors"
	"fmt"

	"github.com/uptrace/bun"

	"tollgate/models/assignment"
	"tollgate/models/attachment"
	"tollgate/models/audit"
	"tollgate/models/database"
	"tollgate/models/identity"
	"tollgate/models/input"
	"tollgate/models/password"
	"tollgate/models/permission"
	"tollgate/models/problem"
	"tollgate/models/session"
)

// userRecord is a user as audit rows show it: never the password, only that it was changed.
type userRecord struct {
	identity.User
	Password string `json:"password,omitempty"`
	// What is deleted with the user.
	APIKeys        []string `json:"api_keys,omitempty"`
	AccessProfiles []string `json:"access_profiles,omitempty"`
	VirtualKeys    []string `json:"virtual_keys,omitempty"`
}

// CreateUser checks and stores a new user, who gets the default profiles of their role. Refusals: Invalid, Forbidden
// for a role that permits more than the actor may do, Conflict when the email is taken, TooMany.
func CreateUser(
	ctx context.Context, db bun.IDB, passwords *password.Hasher, actor permission.Actor, in identity.UserInput,
) (identity.User, error) {
	u, password, err := in.Create()
	if err != nil {
		return u, err
	}
	hash := ""
	if password != "" {
		if err := identity.KeepPasswordsOut(ctx, db, actor, u); err != nil {
			return u, err
		}
		if hash, err = passwords.Hash(ctx, password); err != nil {
			return u, err
		}
	}
	made := u
	err = database.InTx(ctx, db, func(ctx context.Context, tx database.Tx) error {
		made = u
		field := "role_id"
		if u.Role != "" {
			field = "role"
			id, err := assignment.RoleNamed(ctx, tx, u.Role)
			if err != nil {
				return err
			}
			made.RoleID = id
		}
		return Add(ctx, tx, actor, &made, field, hash)
	})
	return made, identity.EmailTaken(err)
}

// Add stores a new user who was checked, with the default profiles of their role. Field is where the role was sent.
// Refusals: Invalid and Forbidden for the role.
func Add(
	ctx context.Context, tx database.Tx, actor permission.Actor, made *identity.User, field, hash string,
) error {
	if err := attachment.LockProfilesOf(ctx, tx, made.RoleID); err != nil {
		return err
	}
	auth, err := identity.Lock(ctx, tx, actor, permission.CreateUsers, nil, []int64{made.RoleID})
	if err != nil {
		return err
	}
	role, err := auth.Grant(field, made.RoleID)
	if err != nil {
		return err
	}
	made.Role = role.Name
	if err := identity.InsertUser(ctx, tx, actor, made, hash); err != nil {
		return err
	}
	return attachment.GrantRole(
		ctx, tx, actor, identity.Holder{ID: made.ID, Email: made.Email}, made.RoleID, made.CreatedAt,
	)
}

// UpdateUser changes the fields sent; nothing changed means nothing written. Another password ends every session of the
// user. Refusals: NotFound, Invalid, Forbidden for a user who may do more than the actor, Conflict when the email is
// taken, TooMany.
func UpdateUser(
	ctx context.Context, db bun.IDB, passwords *password.Hasher, actor permission.Actor, id string,
	in identity.UserInput,
) (identity.User, error) {
	u, err := identity.GetUser(ctx, db, id)
	if err != nil {
		return u, err
	}
	if err := identity.MayActOn(actor, u.Name, u.Permissions); err != nil {
		return u, err // before any work is done; the transaction checks it again
	}
	if _, err := in.Apply(u); err != nil {
		return u, err
	}
	hash := ""
	if in.Password.Kind != input.Absent {
		if err := identity.KeepPasswordsOut(ctx, db, actor, u); err != nil {
			return u, err
		}
		if hash, err = passwords.Hash(ctx, in.Password.Text); err != nil {
			return u, err
		}
	}
	err = database.InTx(ctx, db, func(ctx context.Context, tx database.Tx) error {
		auth, err := identity.Lock(ctx, tx, actor, permission.UpdateUsers, []string{id}, nil)
		if err != nil {
			return err
		}
		old, err := identity.GetUser(ctx, tx, id)
		if err != nil {
			return err
		}
		if err := auth.MayActOn(id); err != nil {
			return err
		}
		if u, err = in.Apply(old); err != nil || u.Name == old.Name && u.Email == old.Email && hash == "" {
			return err
		}
		if u.Name != old.Name || u.Email != old.Email {
			if err := old.KeepManaged(""); err != nil {
				return err
			}
		}
		return saveUser(ctx, tx, actor, old, &u, hash)
	})
	return u, identity.EmailTaken(err)
}

// Rename stores the name and the address that were checked, of a user whom the transaction knows. Errors: that of a
// taken address.
func Rename(ctx context.Context, tx database.Tx, actor permission.Actor, old identity.User, u *identity.User) error {
	return saveUser(ctx, tx, actor, old, u, "")
}

func saveUser(
	ctx context.Context, tx database.Tx, actor permission.Actor, old identity.User, u *identity.User, hash string,
) (err error) {
	if u.UpdatedAt, err = database.Clock(ctx, tx); err != nil {
		return err
	}
	_, err = tx.NewRaw("UPDATE users SET name = ?, email = ?, email_key = ?, password_hash = coalesce(nullif(?, ''), "+
		"password_hash), updated_at = ? WHERE id = ?",
		u.Name, u.Email, input.FoldCase(u.Email), hash, u.UpdatedAt, u.ID).Exec(ctx)
	if err != nil {
		return fmt.Errorf("update user: %w", err)
	}
	tx.InvalidateActors()
	record := userRecord{User: *u}
	if hash != "" {
		u.HasPassword, record.Password = true, "changed"
		if err := session.End(ctx, tx, u.ID); err != nil {
			return err
		}
	}
	return audit.RecordResource(ctx, tx, actor, "update", "user", u.ID, userRecord{User: old}, record)
}

// SetUserRole gives a user another role, which applies from their next request on. Copies that came with the old role
// are removed, unless the new role has the same profile; direct assignments stay. Refusals: NotFound, Invalid,
// Forbidden for a user who may do more than the actor and for a role that permits more, Conflict for the last admin.
func SetUserRole(
	ctx context.Context, db bun.IDB, actor permission.Actor, id string, in identity.RoleChoice,
) (identity.User, error) {
	c := &input.Reader{}
	roleID := identity.ReadRole(c, "role_id", in.RoleID)
	var u identity.User
	err := database.InTx(ctx, db, func(ctx context.Context, tx database.Tx) error {
		if err := attachment.LockProfilesOf(ctx, tx, roleID); err != nil {
			return err
		}
		auth, err := identity.Lock(ctx, tx, actor, permission.UpdateUsers, []string{id}, []int64{roleID})
		if err != nil {
			return err
		}
		old, err := identity.GetUser(ctx, tx, id)
		if err != nil {
			return err
		}
		if err := auth.MayActOn(id); err != nil {
			return err
		}
		if err := problem.InvalidInput(c.Problems); err != nil {
			return err
		}
		if u = old; roleID == old.RoleID {
			return nil
		}
		if err := errors.Join(old.KeepManaged("role_id"), old.KeepBreakGlass(actor, "role_id")); err != nil {
			return err
		}
		if _, err := auth.Grant("role_id", roleID); err != nil {
			return err
		}
		if err := auth.KeepAnAdmin(ctx, tx, "role_id", id); err != nil {
			return err
		}
		if _, err := tx.NewRaw("UPDATE users SET role_id = ?, updated_at = clock_timestamp() WHERE id = ?", roleID, id).
			Exec(ctx); err != nil {
			return fmt.Errorf("change the role: %w", err)
		}
		tx.InvalidateActors()
		if u, err = identity.GetUser(ctx, tx, id); err != nil {
			return err
		}
		if err := audit.RecordResource(
			ctx, tx, actor, "update", "user", id, userRecord{User: old}, userRecord{User: u},
		); err != nil {
			return err
		}
		return attachment.ChangeRole(
			ctx, tx, actor, identity.Holder{ID: id, Email: u.Email}, old.RoleID, roleID, u.UpdatedAt,
		)
	})
	return u, err
}

// DeleteUser removes a user with their sessions, the API keys they made but for service keys, their copies and their
// keys.
// Refusals: NotFound, Forbidden for a user who may do more than the actor, Conflict for the last admin and for a user
// of a directory.
func DeleteUser(ctx context.Context, db bun.IDB, actor permission.Actor, id string) (identity.User, error) {
	return remove(ctx, db, actor, id, "delete")
}

// PurgeUser is DeleteUser for a user whom a directory deleted long ago.
func PurgeUser(ctx context.Context, db bun.IDB, actor permission.Actor, id string) error {
	_, err := remove(ctx, db, actor, id, "purge")
	return err
}

func remove(
	ctx context.Context, db bun.IDB, actor permission.Actor, id, action string,
) (identity.User, error) {
	var old identity.User
	err := database.InTx(ctx, db, func(ctx context.Context, tx database.Tx) error {
		auth, err := identity.Lock(ctx, tx, actor, permission.DeleteUsers, []string{id}, nil)
		if err != nil {
			return err
		}
		if old, err = identity.GetUser(ctx, tx, id); err != nil {
			return err
		}
		if err := auth.MayActOn(id); err != nil {
			return err
		}
		if err := auth.KeepAnAdmin(ctx, tx, "", id); err != nil {
			return err
		}
		if action != "purge" {
			if err := errors.Join(old.KeepManaged(""), old.KeepBreakGlass(actor, "")); err != nil {
				return err
			}
		}
		record := userRecord{User: old}
		if err := tx.NewRaw("SELECT name FROM api_keys WHERE created_by = ? AND NOT service ORDER BY name_key", id).
			Scan(ctx, &record.APIKeys); err != nil {
			return fmt.Errorf("look up the user's API keys: %w", err)
		}
		_, err = tx.NewRaw("UPDATE api_keys SET created_by = NULL, former_maker = ? WHERE created_by = ? AND service", old.Email, id).
			Exec(ctx)
		if err != nil {
			return fmt.Errorf("leave the service keys of the user to the console: %w", err)
		}
		if record.AccessProfiles, record.VirtualKeys, err = attachment.RevokeAll(ctx, tx, id); err != nil {
			return err
		}
		if _, err := tx.NewRaw("DELETE FROM refusals WHERE user_id = ?", id).Exec(ctx); err != nil {
			return fmt.Errorf("delete what the user was refused: %w", err)
		}
		_, err = tx.NewRaw(`INSERT INTO identity_tombstones (provider_id, subject, name)
SELECT provider_id, subject, ? FROM user_identities WHERE user_id = ? ON CONFLICT DO NOTHING`, old.Name, id).Exec(ctx)
		if err != nil {
			return fmt.Errorf("remember who was deleted: %w", err)
		}
		if _, err := tx.NewRaw("DELETE FROM users WHERE id = ?", id).Exec(ctx); err != nil {
			return fmt.Errorf("delete user: %w", err)
		}
		tx.InvalidateActors()
		return audit.RecordResource(ctx, tx, actor, action, "user", id, record, nil)
	})
	return old, err
}

// Leaving is what is deleted or stops with a user, and whether the user can go.
type Leaving struct {
	APIKeys     []database.Named // the first ones that they made
	APIKeyCount int64
	ServiceKeys []database.Named // the first ones that they made, which work on
	Profiles    []database.Named // of which they have a copy
	VirtualKeys int64
	LastAdmin   bool
}

// UserLeaving returns what the deletion of a user, or their deactivation, would do.
func UserLeaving(ctx context.Context, db bun.IDB, u identity.User) (l Leaving, err error) {
	l.APIKeys, l.APIKeyCount, err = database.NamedRows(
		ctx,
		db.NewSelect().TableExpr("api_keys AS k").Column("k.id", "k.name").
			Where("k.created_by = ? AND NOT k.service", u.ID).Order("k.name_key"),
	)
	if err == nil {
		l.ServiceKeys, _, err = database.NamedRows(
			ctx,
			db.NewSelect().TableExpr("api_keys AS k").Column("k.id", "k.name").
				Where("k.created_by = ? AND k.service", u.ID).Order("k.name_key"),
		)
	}
	if err == nil {
		err = db.NewRaw(`SELECT p.id, p.name FROM user_access_profiles AS c
    JOIN access_profiles AS p ON p.id = c.access_profile_id
WHERE c.user_id = ? ORDER BY p.name_key`, u.ID).Scan(ctx, &l.Profiles)
	}
	if err == nil {
		l.VirtualKeys, err = db.NewSelect().Table("virtual_keys").Where("user_id = ?", u.ID).Count(ctx)
	}
	if err == nil && u.Role == identity.FirstRole {
		l.LastAdmin, err = identity.LastAdmin(ctx, db, u.ID)
	}
	return l, err
}
