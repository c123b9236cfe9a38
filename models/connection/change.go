package connection

import (
	"context"
	"fmt"
	"strconv"

	"github.com/uptrace/bun"

	"tollgate/models/audit"
	"tollgate/models/database"
	"tollgate/models/identity"
	"tollgate/models/input"
	"tollgate/models/permission"
	"tollgate/models/problem"
)

// resource is what audit rows call a connection.
const resource = "scim_connection"

// Create checks and stores a new connection. Refusals: Invalid, Forbidden for a default role that permits more than the
// actor may do, Conflict when the name is taken.
func Create(ctx context.Context, db bun.IDB, actor permission.Actor, in Input) (Connection, error) {
	var c Connection
	err := database.InTx(ctx, db, func(ctx context.Context, tx database.Tx) (err error) {
		if c, err = in.apply(Connection{}); err != nil {
			return err
		}
		if err := mayHandOut(ctx, tx, actor, c.DefaultRoleID); err != nil {
			return err
		}
		if c.CreatedAt, err = database.Clock(ctx, tx); err != nil {
			return err
		}
		c.UpdatedAt, c.Version, c.Tokens = c.CreatedAt, 1, []Token{}
		if _, err := tx.NewInsert().Model(&c).Returning("id").Exec(ctx); err != nil {
			return fmt.Errorf("insert SCIM connection: %w", err)
		}
		if err := record(ctx, tx, actor, "create", c.ID, nil, c.record()); err != nil {
			return err
		}
		c, err = Get(ctx, tx, c.ID)
		return err
	})
	return c, nameTaken(err)
}

// mayHandOut locks the default role of a connection and checks it. Refusals: Invalid when there is no such role or it
// changes who may do what, Forbidden when it permits more than the actor may do.
func mayHandOut(ctx context.Context, tx database.Tx, actor permission.Actor, role int64) error {
	auth, err := identity.Claim{Needed: permission.UpdateSettings, Roles: []int64{role}, Shared: true}.Lock(ctx, tx, actor)
	if err != nil {
		return err
	}
	granted, err := auth.Grant("default_role_id", role)
	if err != nil {
		return err
	}
	if permission.Administrative(granted.Permissions) {
		return problem.Refuse(problem.Invalid, "default_role_id", "administrative_role",
			"Choose another role: "+problem.Clip(granted.Name)+" may change users, roles, "+
				"API keys or settings, and everybody in "+
				"the directory would get it. Map a group to it instead.")
	}
	return nil
}

// Update changes the fields sent. Refusals: those of Create and of input.Fresh, NotFound, Forbidden for a shorter
// retention, after which users are gone who may do more than the actor.
func Update(ctx context.Context, db bun.IDB, actor permission.Actor, id int64, in Input) (Connection, error) {
	var c Connection
	err := database.InTx(ctx, db, func(ctx context.Context, tx database.Tx) error {
		old, err := load(ctx, tx.NewSelect().For("UPDATE OF c"), id)
		if err != nil {
			return err
		}
		if err := input.Fresh(in.Version, input.Version(old.UpdatedAt)); err != nil {
			return err
		}
		if c, err = in.apply(old); err != nil {
			return err
		}
		if err := mayChange(ctx, tx, actor, old, c); err != nil || c.same(old) {
			return err
		}
		if c.UpdatedAt, err = database.Clock(ctx, tx); err != nil {
			return err
		}
		_, err = tx.NewUpdate().Model(&c).
			Column("name", "name_key", "default_role_id", "email_domains", "retention_days", "is_enabled", "updated_at").
			WherePK().Exec(ctx)
		if err != nil {
			return fmt.Errorf("update SCIM connection %d: %w", id, err)
		}
		return record(ctx, tx, actor, "update", id, old.record(), c.record())
	})
	if err != nil {
		return c, nameTaken(err)
	}
	return Get(ctx, db, id)
}

// mayChange refuses what Update names of a change of a connection. Refusals: Invalid, Forbidden.
func mayChange(ctx context.Context, tx database.Tx, actor permission.Actor, old, c Connection) error {
	if _, err := (identity.Claim{Needed: permission.UpdateSettings, Shared: true}).Lock(ctx, tx, actor); err != nil {
		return err
	}
	if c.DefaultRoleID != old.DefaultRoleID {
		if err := mayHandOut(ctx, tx, actor, c.DefaultRoleID); err != nil {
			return err
		}
	}
	if c.RetentionDays < old.RetentionDays {
		return coversUsers(ctx, tx, actor, "retention_days", c.ID)
	}
	return nil
}

func record(
	ctx context.Context, tx database.Tx, actor permission.Actor, action string, id int64, previous, current any,
) error {
	return audit.RecordResource(ctx, tx, actor, action, resource, strconv.FormatInt(id, 10), previous, current)
}

func nameTaken(err error) error {
	if problem.Violates(err, "scim_connections_name_taken") {
		return problem.Refuse(
			problem.Conflict, "name", "name_taken", "Choose another name: there is a SCIM connection with this name already.",
		)
	}
	return err
}

// lock locks a connection whose users are to change, against changes of itself. Refusal: NotFound.
func lock(ctx context.Context, tx database.Tx, id int64, strength string) (Connection, error) {
	return load(ctx, tx.NewSelect().For(strength+" OF c"), id)
}

// LockShared locks a connection while its users or groups change.
func LockShared(ctx context.Context, tx database.Tx, id int64) (Connection, error) {
	return lock(ctx, tx, id, "SHARE")
}

// Lock locks a connection for a change of itself.
func Lock(ctx context.Context, tx database.Tx, id int64) (Connection, error) {
	return lock(ctx, tx, id, "UPDATE")
}

// Takes reports whether users of the connection may have an address.
func (c Connection) Takes(address string) bool {
	if len(c.EmailDomains) == 0 {
		return true
	}
	for _, domain := range c.EmailDomains {
		if rest, ok := cutSuffixFold(address, "@"+domain); ok && rest != "" {
			return true
		}
	}
	return false
}

func cutSuffixFold(text, suffix string) (string, bool) {
	at := len(text) - len(suffix)
	if at < 0 || input.FoldCase(text[at:]) != suffix {
		return "", false
	}
	return text[:at], true
}
