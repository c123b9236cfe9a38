package identity

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"tollgate/models/database"
	"tollgate/models/permission"
	"tollgate/models/problem"
)

// Role is what its members may do. Built-in roles cannot be changed.
type Role struct {
	bun.BaseModel `bun:"table:roles,alias:r" json:"-"`

	ID           int64     `json:"id" bun:",pk,autoincrement"`
	Name         string    `json:"name"`
	NameKey      string    `json:"-"`
	Description  *string   `json:"description"`
	IsSystemRole bool      `json:"is_system_role"`
	CreatedAt    time.Time `json:"created_at"`
	UpdatedAt    time.Time `json:"updated_at"`

	Permissions []permission.Permission `json:"-" bun:",array,scanonly"` // in the order of AllPermissions
	Members     int64                   `json:"-" bun:",scanonly"`
}

// AfterScanRow sorts the permissions.
func (r *Role) AfterScanRow(context.Context) error {
	r.Permissions = inOrder(r.Permissions)
	return nil
}

// inOrder returns the permissions without duplicates, in the order of AllPermissions.
func inOrder(permissions []permission.Permission) []permission.Permission {
	return slices.DeleteFunc(
		permission.AllPermissions(), func(p permission.Permission) bool { return !slices.Contains(permissions, p) },
	)
}

// selectRoles reads roles with what they permit and the number of their members.
func selectRoles(q *bun.SelectQuery) *bun.SelectQuery {
	return q.ColumnExpr("r.*").
		ColumnExpr("ARRAY(SELECT p.permission FROM role_permissions AS p WHERE p.role_id = r.id) AS permissions").
		ColumnExpr("(SELECT count(*) FROM users AS u WHERE u.role_id = r.id) AS members")
}

// ListRoles returns a page of roles by name, and how many match in all. Search looks at names and descriptions.
func ListRoles(ctx context.Context, db bun.IDB, q database.CatalogueQuery) ([]Role, int64, error) {
	roles := []Role{}
	rows := selectRoles(db.NewSelect().Model(&roles))
	if q.Search != "" {
		rows = rows.Where("r.name ILIKE ?0 OR r.description ILIKE ?0", database.LikeAnywhere(q.Search))
	}
	total, err := rows.Order("r.name_key").Limit(q.Limit).Offset(q.Offset).ScanAndCount(ctx)
	if err != nil {
		return nil, 0, fmt.Errorf("list roles: %w", err)
	}
	return roles, total, nil
}

// RoleChoices lists every role with what it permits, for a picker.
func RoleChoices(ctx context.Context, db bun.IDB) ([]Role, error) {
	roles := []Role{}
	if err := selectRoles(db.NewSelect().Model(&roles)).Order("r.name_key").Scan(ctx); err != nil {
		return nil, fmt.Errorf("list roles to choose from: %w", err)
	}
	return roles, nil
}

// GetRole returns one role. Refusal: NotFound.
func GetRole(ctx context.Context, db bun.IDB, id int64) (Role, error) {
	var r Role
	if err := selectRoles(db.NewSelect().Model(&r)).Where("r.id = ?", id).Scan(ctx); err != nil {
		return r, problem.NotFoundOr(err, "role")
	}
	return r, nil
}

// ListMembers returns a page of the members of a role, by name.
func ListMembers(ctx context.Context, db bun.IDB, id int64, q database.CatalogueQuery) ([]User, error) {
	users := []User{}
	err := selectUsers(db).Where("u.role_id = ?", id).
		OrderExpr("lower(u.name), u.email_key").Limit(q.Limit).
		Offset(q.Offset).Scan(ctx, &users)
	if err != nil {
		return nil, fmt.Errorf("list the members of role %d: %w", id, err)
	}
	return users, nil
}

// roleRecord is a role as audit rows show it.
type roleRecord struct {
	Role
	PermissionIDs []permission.Permission `json:"permission_ids"`
}

func (r Role) record() roleRecord { return roleRecord{r, r.Permissions} }
