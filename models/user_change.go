package models

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/uptrace/bun"
)

// userRecord is a user as audit rows show it: never with a password, only that there is another one.
type userRecord struct {
	User
	Password string `json:"password,omitempty"`
	// What goes with them.
	APIKeys        []string `json:"api_keys,omitempty"`
	AccessProfiles []string `json:"access_profiles,omitempty"`
	VirtualKeys    []string `json:"virtual_keys,omitempty"`
}

// CreateUser checks and stores a new user, who gets what their role hands out by default. Refusals: Invalid, Forbidden for a
// role that permits more than the actor may do, Conflict when the email is taken, TooMany.
func CreateUser(ctx context.Context, db bun.IDB, passwords *Passwords, keys Keys, actor Actor, in UserInput) (User, error) {
	u, password, err := in.create()
	if err != nil {
		return u, err
	}
	hash := ""
	if password != "" {
		if hash, err = passwords.Hash(ctx, password); err != nil {
			return u, err
		}
	}
	made := u
	err = inTx(ctx, db, func(ctx context.Context, tx bun.Tx) error {
		made = u
		field := "role_id"
		if u.Role != "" {
			field = "role"
			id, err := roleNamed(ctx, tx, u.Role)
			if err != nil {
				return err
			}
			made.RoleID = id
		}
		if err := holdTemplatesOf(ctx, tx, made.RoleID); err != nil {
			return err
		}
		held, err := hold(ctx, tx, actor, "Users:Create", nil, []int64{made.RoleID})
		if err != nil {
			return err
		}
		role, err := held.grant(field, made.RoleID)
		if err != nil {
			return err
		}
		made.Role = role.Name
		if err := insertUser(ctx, tx, actor, &made, hash); err != nil {
			return err
		}
		return gainRole(ctx, tx, keys, actor, holder{made.ID, made.Email}, made.RoleID, made.CreatedAt)
	})
	return made, emailTaken(err)
}

// roleNamed is the id of a role, 0 when there is none of that name.
func roleNamed(ctx context.Context, tx bun.Tx, name string) (id int64, err error) {
	err = tx.NewRaw("SELECT id FROM roles WHERE name = ?0 OR name_key = ?1 ORDER BY name = ?0 DESC LIMIT 1", name, NameKey(name)).Scan(ctx, &id)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return 0, fmt.Errorf("look up the role: %w", err)
	}
	return id, nil
}

// UpdateUser changes the fields sent; nothing changed means nothing written. Another password ends every session of the user.
// Refusals: NotFound, Invalid, Forbidden for a user who may do more than the actor, Conflict when the email is taken, TooMany.
func UpdateUser(ctx context.Context, db bun.IDB, passwords *Passwords, actor Actor, id string, in UserInput) (User, error) {
	u, err := GetUser(ctx, db, id)
	if err != nil {
		return u, err
	}
	if err := actor.MayActOn(u.Name, u.Permissions); err != nil {
		return u, err // before any work is done; the transaction checks it again
	}
	if _, err := in.apply(u); err != nil {
		return u, err
	}
	hash := ""
	if in.Password.Kind != Absent {
		if hash, err = passwords.Hash(ctx, in.Password.Text); err != nil {
			return u, err
		}
	}
	err = inTx(ctx, db, func(ctx context.Context, tx bun.Tx) error {
		held, err := hold(ctx, tx, actor, "Users:Update", []string{id}, nil)
		if err != nil {
			return err
		}
		old, err := GetUser(ctx, tx, id)
		if err != nil {
			return err
		}
		if err := held.mayActOn(id); err != nil {
			return err
		}
		if u, err = in.apply(old); err != nil || u.Name == old.Name && u.Email == old.Email && hash == "" {
			return err
		}
		return saveUser(ctx, tx, actor, old, &u, hash)
	})
	return u, emailTaken(err)
}

func saveUser(ctx context.Context, tx bun.Tx, actor Actor, old User, u *User, hash string) (err error) {
	if u.UpdatedAt, err = databaseClock(ctx, tx); err != nil {
		return err
	}
	_, err = tx.NewRaw("UPDATE users SET name = ?, email = ?, email_key = ?, password_hash = coalesce(nullif(?, ''), password_hash), updated_at = ? WHERE id = ?",
		u.Name, u.Email, FoldCase(u.Email), hash, u.UpdatedAt, u.ID).Exec(ctx)
	if err != nil {
		return fmt.Errorf("update user: %w", err)
	}
	record := userRecord{User: *u}
	if hash != "" {
		u.HasPassword, record.Password = true, "changed"
		if _, err := tx.NewRaw("DELETE FROM sessions WHERE user_id = ?", u.ID).Exec(ctx); err != nil {
			return fmt.Errorf("end the sessions: %w", err)
		}
	}
	return recordResource(ctx, tx, actor, "update", "user", u.ID, userRecord{User: old}, record)
}

// SetUserRole gives a user another role, which holds from their next request on. Copies that came with the old one go, unless the new one
// hands the same out; what was assigned directly stays. Refusals: NotFound, Invalid, Forbidden for a user who
// may do more than the actor and for a role that permits more, Conflict for the last admin.
func SetUserRole(ctx context.Context, db bun.IDB, keys Keys, actor Actor, id string, in RoleChoice) (User, error) {
	c := &checker{}
	roleID := c.role("role_id", in.RoleID)
	var u User
	err := inTx(ctx, db, func(ctx context.Context, tx bun.Tx) error {
		if err := holdTemplatesOf(ctx, tx, roleID); err != nil {
			return err
		}
		held, err := hold(ctx, tx, actor, "Users:Update", []string{id}, []int64{roleID})
		if err != nil {
			return err
		}
		old, err := GetUser(ctx, tx, id)
		if err != nil {
			return err
		}
		if err := held.mayActOn(id); err != nil {
			return err
		}
		if err := invalid(c.found); err != nil {
			return err
		}
		if u = old; roleID == old.RoleID {
			return nil
		}
		if _, err := held.grant("role_id", roleID); err != nil {
			return err
		}
		if err := held.keepAnAdmin(ctx, tx, "role_id", id); err != nil {
			return err
		}
		if _, err := tx.NewRaw("UPDATE users SET role_id = ?, updated_at = clock_timestamp() WHERE id = ?", roleID, id).Exec(ctx); err != nil {
			return fmt.Errorf("change the role: %w", err)
		}
		if u, err = GetUser(ctx, tx, id); err != nil {
			return err
		}
		if err := recordResource(ctx, tx, actor, "update", "user", id, userRecord{User: old}, userRecord{User: u}); err != nil {
			return err
		}
		return swapRole(ctx, tx, keys, actor, holder{id, u.Email}, old.RoleID, roleID, u.UpdatedAt)
	})
	return u, err
}

// DeleteUser removes a user with their sessions, the API keys they made, and all they hold. Refusals: NotFound,
// Forbidden for one who may do more than the actor, Conflict for the last admin.
func DeleteUser(ctx context.Context, db bun.IDB, actor Actor, id string) (User, error) {
	var old User
	err := inTx(ctx, db, func(ctx context.Context, tx bun.Tx) error {
		held, err := hold(ctx, tx, actor, "Users:Delete", []string{id}, nil)
		if err != nil {
			return err
		}
		if old, err = GetUser(ctx, tx, id); err != nil {
			return err
		}
		if err := held.mayActOn(id); err != nil {
			return err
		}
		if err := held.keepAnAdmin(ctx, tx, "", id); err != nil {
			return err
		}
		record := userRecord{User: old}
		if err := tx.NewRaw("SELECT name FROM api_keys WHERE created_by = ? ORDER BY name_key", id).Scan(ctx, &record.APIKeys); err != nil {
			return fmt.Errorf("look up the user's API keys: %w", err)
		}
		if record.AccessProfiles, record.VirtualKeys, err = loseAll(ctx, tx, id); err != nil {
			return err
		}
		if _, err := tx.NewRaw("DELETE FROM users WHERE id = ?", id).Exec(ctx); err != nil {
			return fmt.Errorf("delete user: %w", err)
		}
		return recordResource(ctx, tx, actor, "delete", "user", id, record, nil)
	})
	return old, err
}

// Leaving is what the deletion of a user takes along, and whether it is possible at all.
type Leaving struct {
	APIKeys     []Named // the first ones that they made
	APIKeyCount int64
	Profiles    []Named // what they hold
	VirtualKeys int64
	LastAdmin   bool
}

// UserLeaving tells what the deletion of a user would do.
func UserLeaving(ctx context.Context, db bun.IDB, u User) (l Leaving, err error) {
	l.APIKeys, l.APIKeyCount, err = namedRows(ctx, db.NewSelect().TableExpr("api_keys AS k").Column("k.id", "k.name").
		Where("k.created_by = ?", u.ID).Order("k.name_key"))
	if err == nil {
		err = db.NewRaw(`SELECT p.id, p.name FROM user_access_profiles AS c JOIN access_profiles AS p ON p.id = c.access_profile_id
WHERE c.user_id = ? ORDER BY p.name_key`, u.ID).Scan(ctx, &l.Profiles)
	}
	if err == nil {
		l.VirtualKeys, err = db.NewSelect().Table("virtual_keys").Where("user_id = ?", u.ID).Count(ctx)
	}
	if err == nil && u.Role == firstRole {
		l.LastAdmin, err = lastAdmin(ctx, db, u.ID)
	}
	return l, err
}
