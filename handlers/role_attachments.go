package handlers

import (
	"net/http"
	"strconv"

	"github.com/a-h/templ"
	"github.com/gin-gonic/gin"

	"tollgate/handlers/intake"
	"tollgate/handlers/reply"
	"tollgate/handlers/reqctx"
	"tollgate/models/attachment"
	"tollgate/models/identity"
	"tollgate/models/input"
	"tollgate/models/permission"
	"tollgate/models/problem"
	"tollgate/models/profile"
	"tollgate/views"
)

// ListProfileRoles shows the roles that a profile is attached to, and offers to attach it to more.
func (h *Handlers) ListProfileRoles(c *gin.Context) error {
	page, err := h.profileRolesPage(c, attachment.AttachInput{}, nil)
	if err != nil {
		return err
	}
	reply.HTML(c, h.Log, http.StatusOK, page)
	return nil
}

// AttachRoles attaches a profile to roles, and on request gives it to their members.
func (h *Handlers) AttachRoles(c *gin.Context) error {
	id, err := intake.RowID(c, "id")
	if err != nil {
		return err
	}
	in, err := intake.Decode[attachment.AttachInput](c)
	if err == nil {
		var done attachment.Attached
		working, cancel := long(c)
		defer cancel()
		if done, err = attachment.AttachRoles(working, h.DB, reqctx.Actor(c), id, in); err == nil {
			said := views.AttachedWords(done)
			if reqctx.IsAPI(c) {
				reply.JSON(c, http.StatusOK, gin.H{"message": said, "users_applied": done.Applied})
				return nil
			}
			return seeOther(c, "/access-profiles/"+strconv.FormatInt(id, 10)+"/roles", said)
		}
	}
	return h.refuse(c, err, func(problems problem.Problems) (templ.Component, error) {
		return h.profileRolesPage(c, in, problems)
	})
}

func (h *Handlers) profileRolesPage(
	c *gin.Context, in attachment.AttachInput, problems problem.Problems,
) (templ.Component, error) {
	id, err := intake.RowID(c, "id")
	if err != nil {
		return nil, err
	}
	shown, err := h.currentProfile(c, id)
	if err != nil {
		return nil, err
	}
	attached, err := profile.Roles(reqctx.Of(c), h.DB, id)
	if err != nil {
		return nil, err
	}
	roles, err := identity.RoleChoices(reqctx.Of(c), h.DB)
	if err != nil {
		return nil, err
	}
	without, err := profile.MembersWithout(reqctx.Of(c), h.DB, id)
	if err != nil {
		return nil, err
	}
	page, err := h.tabbedPage(c, shown, "roles")
	if err != nil {
		return nil, err
	}
	reply.MarkProblems(&page, problems)
	actor := reqctx.Actor(c)
	return framed(page, views.ProfileRolesBody(views.ProfileRoles{
		Profile: shown, Attached: attached, Roles: roles, Without: without, Input: in, Problems: problems,
		MayViewRoles: actor.May(permission.ViewRoles),
		MayAttach:    actor.May(permission.CreateAccessProfiles, permission.UpdateAccessProfiles),
		MayDetach:    actor.May(permission.DeleteAccessProfiles),
	})), nil
}

// ConfirmDetachRole asks before a profile is detached from a role.
func (h *Handlers) ConfirmDetachRole(c *gin.Context) error {
	id, roleID, err := intake.RowIDs(c, "id", "role_id")
	if err != nil {
		return err
	}
	shown, err := h.currentProfile(c, id)
	if err != nil {
		return err
	}
	attached, err := profile.Roles(reqctx.Of(c), h.DB, id)
	if err != nil {
		return err
	}
	for _, a := range attached {
		if a.RoleID == roleID {
			page := h.profilePage(c, shown, "Detach "+a.RoleName+" from "+shown.Name+"?")
			reply.HTML(c, h.Log, http.StatusOK, framed(page, views.DetachRoleBody(shown, a)))
			return nil
		}
	}
	return problem.Missing("role at this profile")
}

// DetachRole detaches a profile from a role; with remove_from_users the users who have it from the role lose it.
func (h *Handlers) DetachRole(c *gin.Context) error {
	id, roleID, err := intake.RowIDs(c, "id", "role_id")
	if err != nil {
		return err
	}
	remove, err := removeFromUsers(c)
	if err != nil {
		return err
	}
	working, cancel := long(c)
	defer cancel()
	done, err := attachment.DetachRole(working, h.DB, reqctx.Actor(c), id, roleID, remove)
	if err != nil {
		return err
	}
	said := views.DetachedWords(done, remove)
	if reqctx.IsAPI(c) {
		reply.JSON(c, http.StatusOK, gin.H{"message": said})
		return nil
	}
	return seeOther(c, "/access-profiles/"+strconv.FormatInt(id, 10)+"/roles", said)
}

// removeFromUsers reads whether copies go too: from the query on the API, from the form in the console.
func removeFromUsers(c *gin.Context) (bool, error) {
	if reqctx.IsAPI(c) {
		q := intake.ReadQuery(c, "remove_from_users")
		remove := q.Boolean("remove_from_users")
		if err := q.Err(); err != nil {
			return false, err
		}
		return remove != nil && *remove, intake.NoFields(c)
	}
	form, err := intake.DecodeEmpty[struct {
		input.Row
		Remove input.Value `json:"remove_from_users"`
	}](c)
	if text := form.Remove.Text; err == nil && text != "" && text != "true" {
		err = problem.Refuse(problem.Invalid, "remove_from_users", "wrong_type", "Tick the box, or leave it.")
	}
	return form.Remove.Text == "true", err
}
