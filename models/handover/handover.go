package handover

import (
	"context"
	"errors"
	"fmt"

	"github.com/uptrace/bun"

	"tollgate/models/audit"
	"tollgate/models/connection"
	"tollgate/models/database"
	"tollgate/models/identity"
	"tollgate/models/input"
	"tollgate/models/membership"
	"tollgate/models/permission"
	"tollgate/models/problem"
	"tollgate/models/provision"
	"tollgate/models/scim"
	"tollgate/models/session"
)

// Input is which directory a user is to belong to.
type Input struct {
	input.Row
	ConnectionID input.Value `json:"connection_id"`
}

// User gives a user of the console to a directory: from then on it keeps their name, address and role, and their
// password is removed. The directory finds them by their address. Refusals: NotFound, Invalid, Forbidden for a user who
// may do more than the actor and when the connection gives them a role that permits more, Conflict for the actor, for
// the last admin, for a break-glass admin and for a user of a directory already.
func User(
	ctx context.Context, db bun.IDB, actor permission.Actor, id string, in Input,
) (identity.User, error) {
	r := &input.Reader{}
	r.Required("connection_id", in.ConnectionID, "a connection")
	connectionID, _ := r.Int("connection_id", in.ConnectionID, "the connection's id", 1, input.MaxCount)
	if in.ConnectionID.Kind == input.Null {
		r.Add("connection_id", "null_not_allowed", "Choose a connection instead of null.")
	}
	var u identity.User
	err := database.InTx(ctx, db, func(ctx context.Context, tx database.Tx) error {
		if err := problem.InvalidInput(r.Problems); err != nil {
			return err
		}
		conn, err := connection.LockShared(ctx, tx, connectionID)
		if refusal, ok := problem.AsRefusal(err); ok && refusal.Reason == problem.NotFound {
			return problem.Refuse(problem.Invalid, "connection_id", "unknown_connection", "Choose a connection that exists.")
		}
		if err != nil {
			return err
		}
		u, err = handOver(ctx, tx, actor, conn, id)
		return err
	})
	return u, connectionTaken(err)
}

func handOver(
	ctx context.Context, tx database.Tx, actor permission.Actor, conn connection.Connection, id string,
) (identity.User, error) {
	left, err := nameLeftBy(ctx, tx, conn, id)
	if err != nil {
		return identity.User{}, err
	}
	auth, err := identity.Lock(ctx, tx, actor, permission.UpdateUsers, append(left, id), nil)
	if err != nil {
		return identity.User{}, err
	}
	old, err := identity.GetUser(ctx, tx, id)
	if err != nil {
		return old, err
	}
	if err := mayHandOver(ctx, tx, auth, conn, old); err != nil {
		return old, err
	}
	about := scim.User{
		UserName: old.Email, DisplayName: old.Name, Active: old.DeactivatedAt == nil,
		Emails: []scim.Email{{Value: old.Email, Type: "work", Primary: true}},
	}
	if err := provision.FreeName(ctx, tx, left, about.UserName); err != nil {
		return old, err
	}
	if err := provision.Link(ctx, tx, conn.ID, id, about); err != nil {
		return old, err
	}
	if _, err := tx.NewRaw("UPDATE users SET password_hash = NULL, updated_at = clock_timestamp() WHERE id = ?", id).
		Exec(ctx); err != nil {
		return old, fmt.Errorf("remove the password of user %s: %w", id, err)
	}
	if err := session.End(ctx, tx, id); err != nil {
		return old, err
	}
	u, err := identity.GetUser(ctx, tx, id)
	if err != nil {
		return u, err
	}
	if err := audit.RecordResource(ctx, tx, actor, "hand_over", "user", id, old, provision.RecordOf(u, about)); err != nil {
		return u, err
	}
	if err := provision.Settle(ctx, tx, auth.Actor, conn, []string{id}); err != nil {
		return u, err
	}
	return identity.GetUser(ctx, tx, id)
}

// nameLeftBy is the user whom the directory deleted and whose userName was the address of the user to hand over.
// Refusal: NotFound.
func nameLeftBy(ctx context.Context, tx database.Tx, conn connection.Connection, id string) ([]string, error) {
	u, err := identity.GetUser(ctx, tx, id)
	if err != nil {
		return nil, err
	}
	return provision.NameLeftBy(ctx, tx, conn.ID, u.Email, id)
}

func mayHandOver(
	ctx context.Context, tx database.Tx, auth *identity.Authorization, conn connection.Connection, u identity.User,
) error {
	if err := errors.Join(auth.MayActOn(u.ID), u.KeepBreakGlass(auth.Actor, "")); err != nil {
		return err
	}
	switch {
	case u.ConnectionID != nil:
		return u.KeepManaged("")
	case u.ID == auth.Actor.UserID:
		return problem.Refuse(problem.Conflict, "", "own_account", "Ask another admin: "+
			"you cannot hand over your own account.")
	case !conn.Takes(u.Email):
		return problem.Refuse(problem.Invalid, "connection_id", "foreign_domain",
			"Choose a connection that takes "+problem.Clip(u.Email)+": this one lists other domains.")
	}
	return auth.KeepAnAdmin(ctx, tx, "", u.ID)
}

// connectionTaken refuses a user whose address the directory uses as the userName of another.
func connectionTaken(err error) error {
	if problem.Violates(err, "scim_users_name_taken") {
		return problem.Refuse(problem.Conflict, "connection_id", "user_name_taken",
			"The directory has another user with this address as userName already.")
	}
	return err
}

// Release gives users back to the console: they stay as they are, and are changed here from then on. It returns who
// was released. Refusals: NotFound, Forbidden for a user who may do more than the actor, Conflict for a user of the
// console.
func Release(ctx context.Context, db bun.IDB, actor permission.Actor, id string) (identity.User, error) {
	var u identity.User
	err := database.InTx(ctx, db, func(ctx context.Context, tx database.Tx) error {
		groups, err := membership.LockGroups(ctx, tx, id)
		if err != nil {
			return err
		}
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
		if old.ConnectionID == nil {
			return problem.Refuse(problem.Conflict, "", "not_managed", "The user is managed in the console already.")
		}
		if err := membership.Ungroup(ctx, tx, actor, id, groups); err != nil {
			return err
		}
		_, err = tx.NewRaw(`
WITH gone AS (DELETE FROM scim_users WHERE user_id = ?0)
UPDATE users SET connection_id = NULL, left_at = NULL, updated_at = clock_timestamp() WHERE id = ?0`, id).Exec(ctx)
		if err != nil {
			return fmt.Errorf("release user %s: %w", id, err)
		}
		if u, err = identity.GetUser(ctx, tx, id); err != nil {
			return err
		}
		return audit.RecordResource(ctx, tx, actor, "release", "user", id, old, u)
	})
	return u, err
}
