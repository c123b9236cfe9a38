package handlers

import (
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"tollgate/handlers/intake"
	"tollgate/handlers/reply"
	"tollgate/handlers/reqctx"
	"tollgate/models/identity"
	"tollgate/models/permission"
)

// ListPermissions answers every permission there is.
func (h *Handlers) ListPermissions(c *gin.Context) error {
	if err := intake.ReadQuery(c).Err(); err != nil {
		return err
	}
	type needed struct {
		ID        permission.Permission `json:"id"`
		Resource  string                `json:"resource"`
		Operation string                `json:"operation"`
	}
	var all []needed
	for _, p := range permission.AllPermissions() {
		resource, operation, _ := strings.Cut(string(p), ":")
		all = append(all, needed{p, resource, operation})
	}
	reply.JSON(c, http.StatusOK, gin.H{"permissions": all})
	return nil
}

// ShowOwnPermissions answers what the caller may do, resource by resource: for a user their role, for a key its scopes
// within it.
func (h *Handlers) ShowOwnPermissions(c *gin.Context) error {
	actor := reqctx.Actor(c)
	permitted := make(map[string]map[string]bool, len(permission.Resources))
	for _, resource := range permission.Resources {
		permitted[resource] = make(map[string]bool, len(permission.Operations))
		for _, operation := range permission.Operations {
			permitted[resource][operation] = actor.May(permission.Permission(resource + ":" + operation))
		}
	}
	reply.JSON(c, http.StatusOK, gin.H{"permissions": permitted})
	return nil
}

// ShowRolePermissions answers what a role permits.
func (h *Handlers) ShowRolePermissions(c *gin.Context) error {
	role, err := h.loadRole(c)
	if err != nil {
		return err
	}
	reply.JSON(c, http.StatusOK, gin.H{"permission_ids": role.Permissions})
	return nil
}

// SetRolePermissions replaces what a role permits.
func (h *Handlers) SetRolePermissions(c *gin.Context) error {
	id, err := intake.RowID(c, "id")
	if err != nil {
		return err
	}
	in, err := intake.Decode[identity.PermissionsInput](c)
	if err != nil {
		return err
	}
	role, err := identity.SetRolePermissions(reqctx.Of(c), h.DB, reqctx.Actor(c), id, in)
	if err != nil {
		return err
	}
	reply.JSON(c, http.StatusOK, gin.H{"permission_ids": role.Permissions})
	return nil
}
