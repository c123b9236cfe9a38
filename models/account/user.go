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
// for a role that permits more than the actor may do and for a password that they may not set, Conflict when the email
// is taken, TooMany.
func CreateUser(
	ctx context.Context, db bun.IDB, passwords *password.Hasher, actor permission.Actor, in identity.UserInput,
) (identity.User, error) {
	u, password, err := in.Create()
	if err != nil {
		return u, err
	}
	hash := ""
	if password != "" {
		if err := identity.KeepOut(actor, "", "password"); err != nil {
			return u, err
		}
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
// Refusals: Invalid and Forbidden for the role, Forbidden for a password.
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
	if hash != "" {
		if err := identity.KeepOut(auth.Actor, "", "password"); err != nil {
			return err
		}
	}
	made.Role = role.Name
	if err := identity.InsertUser(ctx, tx, actor, made, hash); err != nil {
		return err
	}
	return attachment.GrantRole(
		ctx, tx, actor, identity.Holder{ID: made.ID, Email: made.Email}, made.RoleID, made.CreatedAt,
	)
}

// UpdateUser changes the fields sent; nothing changed means nothing written. Another password ends every session of
// the user. Refusals: NotFound, those of input.Fresh, Invalid, Forbidden for a user who may do more than the actor and
// for a password or an address that they may not set, Conflict for a user of a directory and when the email is taken,
// TooMany.
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
		if err := identity.KeepOut(actor, id, "password"); err != nil {
			return u, err
		}
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
		if hash != "" {
			if err := identity.KeepOut(auth.Actor, id, "password"); err != nil {
				return err
			}
		}
		if u, err = in.Apply(old); err != nil || u.Name == old.Name && u.Email == old.Email && hash == "" {
			return err
		}
		if err := mayRename(ctx, tx, auth.Actor, old, u); err != nil {
			return err
		}
		return saveUser(ctx, tx, actor, old, &u, hash)
	})
	return u, identity.EmailTaken(err)
}

// mayRename refuses to change the name and the address of a user of a directory. Where a provider links accounts by
// their address, another one lets others sign in as the user. Refusals: Conflict, Forbidden.
func mayRename(ctx context.Context, tx database.Tx, actor permission.Actor, old, u identity.User) error {
	if u.Name == old.Name && u.Email == old.Email {
		return nil
	}
	if err := old.KeepManaged(""); err != nil || u.Email == old.Email {
		return err
	}
	linked, err := identity.LinkedByEmail(ctx, tx)
	if err != nil || !linked {
		return err
	}
	return identity.KeepOut(actor, old.ID, "email")
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
	_, err = tx.NewRaw("UPDATE users SET name = ?, email = ?, email_key = ?, password_hash = "+
		"coalesce(nullif(?, ''), password_hash), updated_at = ? WHERE id = ?",
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
