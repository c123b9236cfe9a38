package provision

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"

	"tollgate/models/account"
	"tollgate/models/attachment"
	"tollgate/models/audit"
	"tollgate/models/connection"
	"tollgate/models/database"
	"tollgate/models/identity"
	"tollgate/models/input"
	"tollgate/models/permission"
	"tollgate/models/problem"
	"tollgate/models/scim"
)

// CreateUser adds a user with the role of the connection, or brings back one with the same externalId or userName whom
// the directory deleted. Refusals: Invalid, Conflict when the userName or the address is taken.
func CreateUser(ctx context.Context, db bun.IDB, connectionID int64, in scim.User) (User, error) {
	var made User
	err := database.InTx(ctx, db, func(ctx context.Context, tx database.Tx) error {
		conn, err := connection.LockShared(ctx, tx, connectionID)
		if err != nil {
			return err
		}
		if err := acceptable(conn, in, scim.User{}); err != nil {
			return err
		}
		left, err := leftUser(ctx, tx, conn.ID, in)
		if err != nil {
			return err
		}
		id := left
		if left != "" {
			err = revive(ctx, tx, conn, left, in)
		} else {
			id, err = insert(ctx, tx, conn, in)
		}
		if err != nil {
			return err
		}
		made, err = GetUser(ctx, tx, conn.ID, id)
		return err
	})
	return made, refused(err)
}

// insert stores a new user.
func insert(ctx context.Context, tx database.Tx, conn connection.Connection, in scim.User) (string, error) {
	var taken bool
	err := tx.NewRaw("SELECT EXISTS (SELECT FROM scim_users WHERE connection_id = ? AND user_name_key = ?)",
		conn.ID, input.FoldCase(in.UserName)).Scan(ctx, &taken)
	if err != nil {
		return "", fmt.Errorf("look for a userName: %w", err)
	}
	if taken {
		return "", nameTaken()
	}
	actor := conn.Actor()
	if err := attachment.LockProfilesOf(ctx, tx, conn.DefaultRoleID); err != nil {
		return "", err
	}
	claim := identity.Claim{Needed: permission.CreateUsers, Roles: []int64{conn.DefaultRoleID}, Shared: true}
	if _, err := claim.Lock(ctx, tx, actor); err != nil {
		return "", err
	}
	u := identity.User{Name: in.Called(), Email: input.Tidy(in.Address()), RoleID: conn.DefaultRoleID}
	if err := addressFree(ctx, tx, conn, "", u.Email); err != nil {
		return "", err
	}
	if err := identity.InsertUser(ctx, tx, actor, &u, ""); err != nil {
		return "", err
	}
	if err := Link(ctx, tx, conn.ID, u.ID, in); err != nil {
		return "", err
	}
	holder := identity.Holder{ID: u.ID, Email: u.Email}
	if err := attachment.GrantRole(ctx, tx, actor, holder, u.RoleID, u.CreatedAt); err != nil {
		return "", err
	}
	if !in.Active {
		_, err = account.Deactivate(ctx, tx, actor, u.ID)
	}
	return u.ID, err
}

// Link makes a user one of a connection.
func Link(ctx context.Context, tx database.Tx, connectionID int64, id string, in scim.User) error {
	if _, err := tx.NewRaw("UPDATE users SET connection_id = ? WHERE id = ?", connectionID, id).Exec(ctx); err != nil {
		return fmt.Errorf("give user %s to a directory: %w", id, err)
	}
	_, err := tx.NewRaw(`
INSERT INTO scim_users (user_id, connection_id, user_name, user_name_key, external_id, document)
VALUES (?, ?, ?, ?, ?, ?::jsonb)`,
		id, connectionID, in.UserName, input.FoldCase(in.UserName), in.ExternalID, in.Document()).Exec(ctx)
	if err != nil {
		return fmt.Errorf("store user %s of a directory: %w", id, err)
	}
	return nil
}

// Edit is a change of a user or group that is meant for one version of it; nil for any.
type Edit[T any] struct {
	Version *int64
	Apply   func(T) (T, error)
}

func (e Edit[T]) check(version int64) error {
	if e.Version != nil && *e.Version != version {
		return problem.Refuse(problem.Stale, "", "stale_version", "It was changed meanwhile: read it again first.")
	}
	return nil
}

// ChangeUser changes a user as their directory says; nothing changed means nothing written. Refusals: NotFound, Stale,
// Invalid, Conflict when the userName or the address is taken and for the last admin.
func ChangeUser(
	ctx context.Context, db bun.IDB, connectionID int64, id string, edit Edit[scim.User],
) (User, error) {
	var changed User
	err := database.InTx(ctx, db, func(ctx context.Context, tx database.Tx) error {
		conn, err := connection.LockShared(ctx, tx, connectionID)
		if err != nil {
			return err
		}
		left, err := nameWanted(ctx, tx, conn.ID, id, edit)
		if err != nil {
			return err
		}
		auth, err := lockForRoles(ctx, tx, conn, append(left, id))
		if err != nil {
			return err
		}
		before, err := GetUser(ctx, tx, conn.ID, id)
		if err != nil {
			return err
		}
		if err := edit.check(before.Version); err != nil {
			return err
		}
		next, err := edit.Apply(before.User)
		if changed = before; err != nil || next.Same(before.User) {
			return err
		}
		if err := FreeName(ctx, tx, left, next.UserName); err != nil {
			return err
		}
		if err := save(ctx, tx, conn, auth, before, next); err != nil {
			return err
		}
		changed, err = GetUser(ctx, tx, conn.ID, id)
		return err
	})
	return changed, refused(err)
}

// save stores what differs, and then the state.
func save(
	ctx context.Context, tx database.Tx, conn connection.Connection, auth *identity.Authorization, before User,
	next scim.User,
) error {
	renamed := next.UserName != before.UserName || next.Address() != before.Address() || next.Called() != before.Called()
	if renamed || before.Active && !next.Active {
		if err := keepAnAdmin(ctx, tx, conn, auth, before.ID); err != nil {
			return err
		}
	}
	if err := acceptable(conn, next, before.User); err != nil {
		return err
	}
	if err := store(ctx, tx, conn, before, next); err != nil {
		return err
	}
	switch {
	case before.Active && !next.Active:
		_, err := account.Deactivate(ctx, tx, conn.Actor(), before.ID)
		return err
	case next.Active && !before.Active:
		return activate(ctx, tx, conn, before.ID)
	}
	return nil
}

// Record is a user of a directory as audit rows show them.
type Record struct {
	identity.User
	UserName   string     `json:"user_name"`
	ExternalID string     `json:"external_id"`
	Directory  *scim.User `json:"directory"`
}

// RecordOf is what the audit log records of a user.
func RecordOf(u identity.User, of scim.User) Record {
	return Record{User: u, UserName: of.UserName, ExternalID: of.ExternalID, Directory: &of}
}

// store stores what a directory says about a user, with its audit row unless only the state differs.
func store(ctx context.Context, tx database.Tx, conn connection.Connection, before User, next scim.User) error {
	old, err := identity.GetUser(ctx, tx, before.ID)
	if err != nil {
		return err
	}
	u := old
	u.Name, u.Email = next.Called(), input.Tidy(next.Address())
	if u.Email != old.Email {
		if err := addressFree(ctx, tx, conn, u.ID, u.Email); err != nil {
			return err
		}
	}
	if u.UpdatedAt, err = database.Clock(ctx, tx); err != nil {
		return err
	}
	_, err = tx.NewRaw("UPDATE users SET name = ?, email = ?, email_key = ?, updated_at = ? WHERE id = ?",
		u.Name, u.Email, input.FoldCase(u.Email), u.UpdatedAt, u.ID).Exec(ctx)
	if err != nil {
		return fmt.Errorf("update user: %w", err)
	}
	_, err = tx.NewRaw(`
UPDATE scim_users SET user_name = ?, user_name_key = ?, external_id = ?, document = ?::jsonb, version = version + 1,
    updated_at = ? WHERE user_id = ?`,
		next.UserName, input.FoldCase(next.UserName), next.ExternalID, next.Document(), u.UpdatedAt, u.ID).Exec(ctx)
	if err != nil {
		return fmt.Errorf("update user %s of a directory: %w", u.ID, err)
	}
	tx.InvalidateActors()
	same := next
	if same.Active = before.Active; same.Same(before.User) {
		return nil
	}
	return audit.RecordResource(
		ctx, tx, conn.Actor(), "update", "user", u.ID, RecordOf(old, before.User), RecordOf(u, next),
	)
}
