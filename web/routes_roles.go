package web

import (
	"tollgate/handlers"
	"tollgate/models/permission"
)

// roleRoutes are those of roles.
func roleRoutes(h *handlers.Handlers) []route {
	return []route{
		{"GET", "/api/roles", permission.ViewRoles, h.ListRoles},
		{"POST", "/api/roles", permission.CreateRoles, h.CreateRole},
		{"GET", "/api/roles/:id", permission.ViewRoles, handlers.WithoutQuery(h.ShowRole)},
		{"PUT", "/api/roles/:id", permission.UpdateRoles, h.UpdateRole},
		{"DELETE", "/api/roles/:id", permission.DeleteRoles, h.DeleteRole},
		{"GET", "/api/roles/:id/permissions", permission.ViewRoles, handlers.WithoutQuery(h.ShowRolePermissions)},
		{"PUT", "/api/roles/:id/permissions", permission.UpdateRoles, h.SetRolePermissions},
		{"GET", "/api/permissions", permission.ViewRoles, h.ListPermissions},
		{"GET", "/roles", permission.ViewRoles, h.ListRoles},
		{"GET", "/roles/new", permission.CreateRoles, h.NewRole},
		{"POST", "/roles", permission.CreateRoles, h.CreateRole},
		{"GET", "/roles/:id", permission.ViewRoles, h.ShowRole},
		{"POST", "/roles/:id", permission.UpdateRoles, h.UpdateRole},
		{"GET", "/roles/:id/edit", permission.UpdateRoles, h.EditRole},
		{"GET", "/roles/:id/delete", permission.DeleteRoles, h.ConfirmDeleteRole},
		{"POST", "/roles/:id/delete", permission.DeleteRoles, h.DeleteRole},
	}
}
