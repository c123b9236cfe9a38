package handlers

import (
	"net/http"

	"github.com/a-h/templ"
	"github.com/gin-gonic/gin"

	"tollgate/models"
)

// SetUserRole gives a user another role.
func (h *Handlers) SetUserRole(c *gin.Context) error {
	id := c.Param("id")
	in, err := decode[models.RoleChoice](c)
	if err == nil {
		var user models.User
		if user, err = models.SetUserRole(ctx(c), h.DB, h.Keys, ActorOf(c), id, in); err == nil {
			return saved(c, http.StatusOK, "user", user, usersHref+"/"+id, user.Name+" has the role "+user.Role+".")
		}
	}
	return h.refuseUser(c, id, err, func(user models.User, problems models.Problems) (templ.Component, error) {
		return h.userPage(c, user, in.RoleID.Text, problems)
	})
}
