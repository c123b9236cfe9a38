package identity

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"tollgate/models/audit"
	"tollgate/models/database"
	"tollgate/models/input"
	"tollgate/models/permission"
	"tollgate/models/plural"
	"tollgate/models/problem"
)

// CreateRole checks and stores a new role. Refusals: Invalid, Forbidden for what the actor may not do, Conflict when
// the name is taken.
func CreateRole(ctx context.Context, db bun.IDB, actor permission.Actor, in RoleInput) (Role, error) {
	var r Role
	err := database.InTx(ctx, db, func(ctx context.Context, tx database.Tx) error {
		auth, err := Lock(ctx, tx, actor, permission.CreateRoles, nil, nil)
		if err != nil {
			return err
		}
		if r, err = in.apply(Role{}, auth.Actor); err != nil {
			return err
		}
		if r.CreatedAt, err = database.Clock(ctx, tx); err != nil {
			return err
		}
		r.UpdatedAt = r.CreatedAt
		if _, err := tx.NewInsert().Model(&r).Returning("id").Exec(ctx); err != nil {
			return fmt.Errorf("insert role: %w", err)
		}
		if err := savePermissions(ctx, tx, r); err != nil {
			return err
		}
		return audit.RecordResource(ctx, tx, actor, "create", "role", strconv.FormatInt(r.ID, 10), nil, r.record())
	})
	return r, roleNameTaken(err)
}

// UpdateRole changes the fields sent; nothing changed means nothing written. Refusals: NotFound, Forbidden for a system
// role and for what the actor may not do, those of input.Fresh, Invalid, Conflict when the name is taken.
func UpdateRole(ctx context.Context, db bun.IDB, actor permission.Actor, id int64, in RoleInput) (Role, error) {
	return changeRole(ctx, db, actor, id, func(old Role, actor permission.Actor) (Role, error) {
		if err := input.Fresh(in.Version, input.Version(old.UpdatedAt)); err != nil {
			return old, err
		}
		return in.apply(old, actor)
	})
}

// SetRolePermissions replaces what a role permits; it applies to members from their next request on. Refusals as
// for UpdateRole, but for those of input.Fresh.
func SetRolePermissions(
	ctx context.Context, db bun.IDB, actor permission.Actor, id int64, in PermissionsInput,
) (Role, error) {
	return changeRole(ctx, db, actor, id, in.apply)
}

func changeRole(
	ctx context.Context, db bun.IDB, actor permission.Actor, id int64, apply func(Role, permission.Actor) (Role, error),
) (Role, error) {
	var r Role
	err := database.InTx(ctx, db, func(ctx context.Context, tx database.Tx) error {
		auth, err := Lock(ctx, tx, actor, permission.UpdateRoles, nil, []int64{id})
		if err != nil {
			return err
		}
		old, err := auth.ownRole(id)
		if err != nil {
			return err
		}
		if r, err = apply(old, auth.Actor); err != nil || r.same(old) {
			return err
		}
		if r.UpdatedAt, err = database.Clock(ctx, tx); err != nil {
			return err
		}
		if _, err := tx.NewUpdate().
			Model(&r).
			Column("name", "name_key", "description", "updated_at").
			WherePK().Exec(ctx); err != nil {
			return fmt.Errorf("update role %d: %w", id, err)
		}
		if err := savePermissions(ctx, tx, r); err != nil {
			return err
		}
		tx.InvalidateActors()
		return audit.RecordResource(ctx, tx, actor, "update", "role", strconv.FormatInt(id, 10), old.record(), r.record())
	})
	return r, roleNameTaken(err)
}

// ownRole returns a locked role that the actor may change. Refusals: NotFound, Forbidden.
func (a *Authorization) ownRole(id int64) (Role, error) {
	r, there := a.Roles[id]
	if !there {
		return r, problem.Missing("role")
	}
	return r, r.Changeable(a.Actor)
}

// Changeable refuses built-in roles, which the contract defines, and roles that permit more than the actor may do.
// Refusal: Forbidden.
func (r Role) Changeable(actor permission.Actor) error {
	if r.IsSystemRole {
		return problem.Refuse(
			problem.Forbidden, "", "system_role",
			r.Name+" is a built-in role and cannot be changed. Create a role of your own instead.",
		)
	}
	return MayChangeRole(actor, r)
}

func (r Role) same(old Role) bool {
	return r.Name == old.Name && input.Equal(r.Description, old.Description) &&
		slices.Equal(r.Permissions, old.Permissions)
}

// savePermissions replaces what a role permits.
func savePermissions(ctx context.Context, tx database.Tx, r Role) error {
	if _, err := tx.NewRaw("DELETE FROM role_permissions WHERE role_id = ?", r.ID).Exec(ctx); err != nil {
		return fmt.Errorf("clear the permissions of role %d: %w", r.ID, err)
	}
	_, err := tx.NewRaw("INSERT INTO role_permissions (role_id, permission) SELECT ?, unnest(?::text[])",
		r.ID, pgdialect.Array(r.Permissions)).
		Exec(ctx)
	if err != nil {
		return fmt.Errorf("save the permissions of role %d: %w", r.ID, err)
	}
	return nil
}

func roleNameTaken(err error) error {
	if problem.Violates(err, "roles_name_taken") {
		return problem.Refuse(
			problem.Conflict, "name", "name_taken", "Choose another name: there is a role with this name already.",
		)
	}
	return err
}

// DeleteRole removes a role without members. Refusals: NotFound, Forbidden for a system role, Conflict with its
// members.
func DeleteRole(ctx context.Context, db bun.IDB, actor permission.Actor, id int64) (Role, error) {
	var old Role
	err := database.InTx(ctx, db, func(ctx context.Context, tx database.Tx) error {
		auth, err := Lock(ctx, tx, actor, permission.DeleteRoles, nil, []int64{id})
		if err != nil {
			return err
		}
		if old, err = auth.ownRole(id); err != nil {
			return err
		}
		// A transaction that grants the role locks its row, so the members read next are complete.
		if err := roleInUse(ctx, tx, old); err != nil {
			return err
		}
		if _, err := tx.NewDelete().Model(&old).WherePK().Exec(ctx); err != nil {
			return fmt.Errorf("delete role %d: %w", id, err)
		}
		return audit.RecordResource(ctx, tx, actor, "delete", "role", strconv.FormatInt(id, 10), old.record(), nil)
	})
	for constraint, by := range map[string]string{
		"users_unknown_role": "users have it", "scim_connections_unknown_role": "a SCIM connection hands it out",
		"identity_providers_unknown_role":      "an identity provider gives it",
		"identity_provider_rules_unknown_role": "an identity provider gives it",
		"scim_rules_unknown_role":              "a rule of a SCIM connection names it",
	} {
		if problem.Violates(err, constraint) {
			err = problem.Refuse(problem.Conflict, "", "in_use", old.Name+" cannot be removed while "+by+".")
		}
	}
	return old, err
}

// roleInUse refuses to remove a role that has members.
func roleInUse(ctx context.Context, tx database.Tx, r Role) error {
	var rows []database.Named
	count, err := tx.NewSelect().TableExpr("users AS u").ColumnExpr("u.email AS name").Where("u.role_id = ?", r.ID).
		Order("u.email_key").Limit(database.UseShown).ScanAndCount(ctx, &rows)
	switch {
	case err != nil:
		return fmt.Errorf("look up the members of role %d: %w", r.ID, err)
	case count == 0:
		return nil
	}
	return problem.Refuse(
		problem.Conflict, "", "in_use",
		r.Name+" cannot be removed while held by "+plural.Of(count, "user")+database.Names(rows, count)+".",
	)
}
