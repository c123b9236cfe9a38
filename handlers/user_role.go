package handlers

import (
	"net/http"

	"github.com/a-h/templ"
	"github.com/gin-gonic/gin"

	"tollgate/handlers/intake"
	"tollgate/handlers/reply"
	"tollgate/handlers/reqctx"
	"tollgate/models/account"
	"tollgate/models/attachment"
	"tollgate/models/identity"
	"tollgate/models/input"
	"tollgate/models/problem"
	"tollgate/views"
)

// roleChoice is a role that a form gives to a user, and which effects have been seen.
type roleChoice struct {
	identity.RoleChoice
	Seen input.Value `form:"seen"`
}

// SetUserRole gives a user another role. In the console what they would gain and lose is shown first.
func (h *Handlers) SetUserRole(c *gin.Context) error {
	id := c.Param("id")
	in, err := intake.Decode[roleChoice](c)
	if err == nil && !reqctx.IsAPI(c) {
		if asked, err := h.confirmRole(c, id, in); asked || err != nil {
			return err
		}
	}
	if err == nil {
		var user identity.User
		if user, err = account.SetUserRole(reqctx.Of(c), h.DB, reqctx.Actor(c), id, in.RoleChoice); err == nil {
			return saved(c, http.StatusOK, "user", user, usersHref+"/"+id, user.Name+" has the role "+user.Role+".")
		}
	}
	return h.refuse(c, err, func(problems problem.Problems) (templ.Component, error) {
		return h.userPage(c, id, in.RoleID.Text, problems)
	})
}

// confirmRole asks before a change of role gives or takes anything, and again when that is something else by now.
func (h *Handlers) confirmRole(c *gin.Context, id string, in roleChoice) (asked bool, err error) {
	user, err := identity.GetUser(reqctx.Of(c), h.DB, id)
	if err != nil {
		return false, err
	}
	effects, err := attachment.PreviewRole(reqctx.Of(c), h.DB, id, in.RoleChoice)
	if err != nil || effects.None() || in.Seen.Text == input.Mark(effects) {
		return false, err
	}
	page := h.userFrame(c, user, "Give "+user.Name+" the role "+effects.Role+"?")
	reply.HTML(c, h.Log, http.StatusOK, framed(page, views.ChangeRoleBody(user, effects)))
	return true, nil
}
