package handlers

import (
	"cmp"
	"net/http"
	"strconv"
	"time"

	"github.com/a-h/templ"
	"github.com/gin-gonic/gin"

	"tollgate/handlers/reply"
	"tollgate/handlers/reqctx"
	"tollgate/models/account"
	"tollgate/models/assignment"
	"tollgate/models/catalogue"
	"tollgate/models/configset"
	"tollgate/models/connection"
	"tollgate/models/database"
	"tollgate/models/identity"
	"tollgate/models/permission"
	"tollgate/models/problem"
	"tollgate/models/report"
	"tollgate/models/signin"
	"tollgate/models/virtualkey"
	"tollgate/views"
	"tollgate/views/ui"
)

// NewUser shows an empty form.
func (h *Handlers) NewUser(c *gin.Context) error {
	page, err := h.userForm(c, identity.User{}, identity.UserInput{}, nil)
	if err != nil {
		return err
	}
	reply.HTML(c, h.Log, http.StatusOK, page)
	return nil
}

// EditUser shows the form of a user as they stand.
func (h *Handlers) EditUser(c *gin.Context) error {
	user, err := identity.GetUser(reqctx.Of(c), h.DB, c.Param("id"))
	if err != nil {
		return err
	}
	page, err := h.userForm(c, user, user.Input(), nil)
	if err != nil {
		return err
	}
	reply.HTML(c, h.Log, http.StatusOK, page)
	return nil
}

// ConfirmDeleteUser asks before a user is deleted.
func (h *Handlers) ConfirmDeleteUser(c *gin.Context) error {
	return h.ask(c, h.userDeletion)
}

func (h *Handlers) userDeletion(c *gin.Context, problems problem.Problems) (templ.Component, error) {
	user, err := identity.GetUser(reqctx.Of(c), h.DB, c.Param("id"))
	if err != nil {
		return nil, err
	}
	leaving, err := account.UserLeaving(reqctx.Of(c), h.DB, user)
	if err != nil {
		return nil, err
	}
	href := usersHref + "/" + user.ID
	page := h.below(c, "Delete "+user.Name+"?", "Users", usersHref, user.Name, href)
	confirm := ui.Confirm{
		Action: href + "/delete", Verb: "Delete " + user.Name, Cancel: href, Effects: views.UserDeletion(user, leaving),
	}
	err = mayAct(c, user)
	if err == nil {
		err = account.MayDelete(reqctx.Of(c), h.DB, reqctx.Actor(c), user)
	}
	return askUnless(page, confirm, problems, err)
}

// userForm is the form of a new user, or of the one given.
func (h *Handlers) userForm(
	c *gin.Context, user identity.User, in identity.UserInput, problems problem.Problems,
) (templ.Component, error) {
	href := usersHref + "/" + user.ID
	notice, err := h.meanwhile(c, edited{
		"user", user.ID, user.Name, href + "/edit", user.UpdatedAt,
	}, &in.Version, problems)
	if err != nil {
		return nil, err
	}
	form := views.UserForm{ID: user.ID, Input: in, Problems: problems, Actor: reqctx.Actor(c)}
	page := h.below(c, "New user", "Users", usersHref, user.Name, href)
	if user.ID != "" {
		page.Title = "Edit " + user.Name
	} else if form.Roles, err = identity.RoleChoices(reqctx.Of(c), h.DB); err != nil {
		return nil, err
	}
	reply.MarkProblems(&page, problems)
	return framed(page, reply.Within(views.UserFormBody(form), notice)), nil
}

// userPage is the page of a user with the role chosen in its form.
func (h *Handlers) userPage(
	c *gin.Context, id, roleID string, problems problem.Problems,
) (templ.Component, error) {
	var connections []database.Named
	var identities []signin.Identity
	var sets []configset.OfUser
	user, roles, err := identity.GetUserAndRoles(reqctx.Of(c), h.DB, id, connection.NamesPart(h.DB, &connections),
		signin.IdentitiesPart(h.DB, id, &identities), configset.OfUserPart(h.DB, id, &sets))
	if err != nil {
		return nil, err
	}
	actor := reqctx.Actor(c)
	self, _ := reqctx.User(c)
	shown := views.UserPage{
		User: user, RoleID: cmp.Or(roleID, strconv.FormatInt(user.RoleID, 10)), Roles: roles,
		Actor: actor, Problems: problems, Self: self.ID == user.ID,
		MayUpdate:    actor.May(permission.UpdateUsers) && identity.Covers(actor, user.Permissions),
		MayViewRoles: actor.May(permission.ViewRoles), Connections: connections, Identities: identities,
	}
	if err := h.loadHeld(c, &shown); err != nil {
		return nil, err
	}
	page := h.below(c, user.Name, "Users", usersHref, "", "")
	if len(sets) > 0 {
		page.Managed = sets[0].SetName
	}
	page.Actions = views.UserActions(
		user, shown.MayUpdate, actor.May(permission.DeleteUsers) && identity.Covers(actor, user.Permissions), shown.Self,
	)
	reply.MarkProblems(&page, problems)
	return framed(page, views.UserBody(shown)), nil
}

// loadHeld adds what the user holds, as far as the actor may see it.
func (h *Handlers) loadHeld(c *gin.Context, p *views.UserPage) (err error) {
	actor := reqctx.Actor(c)
	p.Now = time.Now()
	may := func(needed permission.Permission) bool {
		return actor.May(needed) && identity.Covers(actor, p.User.Permissions)
	}
	p.MayViewCopies, p.MayAssign = actor.May(permission.ViewAccessProfiles), may(permission.CreateAccessProfiles)
	p.MayChangeCopies, p.MayDetach = may(permission.UpdateAccessProfiles), may(permission.DeleteAccessProfiles)
	p.MayViewKeys, p.MayViewUsage = actor.May(permission.ViewVirtualKeys), actor.May(permission.ViewUsage)
	p.MayViewAudit = actor.May(permission.ViewAuditLogs)
	if p.MayViewCopies {
		if p.Copies, err = assignment.ListOf(reqctx.Of(c), h.DB, p.User.ID); err != nil {
			return err
		}
		if p.Unpriced, err = report.UnpricedEvents(reqctx.Of(c), h.DB, p.User.ID); err != nil {
			return err
		}
		if p.Catalogue, err = catalogue.LoadCatalogue(reqctx.Of(c), h.DB); err != nil {
			return err
		}
	}
	if p.MayViewUsage {
		if p.Refusals, p.RefusalCount, err = h.usersRefusals(c, p.User.ID); err != nil {
			return err
		}
		p.Refusals.MayRaise = p.MayChangeCopies
	}
	if p.MayViewKeys {
		p.Keys = views.KeyList{MayRotate: may(permission.UpdateVirtualKeys), MayDrop: may(permission.DeleteAccessProfiles)}
		p.Keys.Now, p.Keys.MayCreate = p.Now, may(permission.CreateVirtualKeys)
		p.Keys.Keys, err = virtualkey.ListKeysOf(reqctx.Of(c), h.DB, p.User.ID)
	}
	return err
}
