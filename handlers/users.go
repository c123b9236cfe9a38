package handlers

import (
	"net/http"
	"strconv"
	"time"

	"github.com/a-h/templ"
	"github.com/gin-gonic/gin"

	"tollgate/handlers/intake"
	"tollgate/handlers/reply"
	"tollgate/handlers/reqctx"
	"tollgate/models/account"
	"tollgate/models/assignment"
	"tollgate/models/catalogue"
	"tollgate/models/identity"
	"tollgate/models/permission"
	"tollgate/models/problem"
	"tollgate/models/propagation"
	"tollgate/models/report"
	"tollgate/models/virtualkey"
	"tollgate/views"
	"tollgate/views/ui"
)

const usersHref = "/users"

// ListUsers answers a page of users.
func (h *Handlers) ListUsers(c *gin.Context) error {
	q, wanted := longQuery(c)
	if err := q.Err(); err != nil {
		return err
	}
	users, total, err := identity.ListUsers(reqctx.Of(c), h.DB, wanted)
	if err != nil {
		return err
	}
	if reqctx.IsAPI(c) {
		return writeList(c, "users", users, total, wanted)
	}
	if behindEnd(c, q, wanted.Limit, wanted.Offset, len(users), total) {
		return nil
	}
	page := h.page(c, "Users", usersHref)
	page.Rows = len(users) > 0
	page.Intro = "Who holds which profiles, and who may sign in to this console."
	list := views.UserList{
		CatalogueFrame: listFrame(c, q, wanted, len(users), total, "users", "Users"), Users: users,
		MayViewRoles: reqctx.Actor(c).May("Roles:View"),
	}
	if len(users) > 0 {
		list.Pager = longPager(q, wanted.Limit, wanted.Offset, int64(len(users)), total, "users", users[len(users)-1].ID)
	}
	if list.MayCreate {
		page.Actions = views.NewButton("New user", usersHref+"/new")
	}
	if reqctx.Actor(c).May("AccessProfiles:View") {
		if list.Held, err = assignment.ProfilesHeld(reqctx.Of(c), h.DB, users); err != nil {
			return err
		}
	}
	if reqctx.Actor(c).May("AccessProfiles:Create") {
		if list.Profiles, err = propagation.ProfilesToAssign(reqctx.Of(c), h.DB, ""); err != nil {
			return err
		}
	}
	reply.HTML(c, h.Log, http.StatusOK, framed(page, views.UserListBody(list)))
	return nil
}

// NewUser shows an empty form.
func (h *Handlers) NewUser(c *gin.Context) error {
	page, err := h.userForm(c, identity.User{}, identity.UserInput{}, nil)
	if err != nil {
		return err
	}
	reply.HTML(c, h.Log, http.StatusOK, page)
	return nil
}

// CreateUser adds a user.
func (h *Handlers) CreateUser(c *gin.Context) error {
	in, err := decodeUser(c)
	if err == nil {
		var user identity.User
		if user, err = account.CreateUser(reqctx.Of(c), h.DB, &h.Passwords, h.Keys, reqctx.Actor(c), in); err == nil {
			said, err := h.withKeys(c, user, user.Name+" was added.")
			if err != nil {
				return err
			}
			return saved(c, http.StatusCreated, "user", user, usersHref+"/"+user.ID, said)
		}
	}
	return h.refuse(c, err, func(problems problem.Problems) (templ.Component, error) {
		return h.userForm(c, identity.User{}, in, problems)
	})
}

// withKeys adds to the message about a user who was just given a role how to get at the key that came with it.
func (h *Handlers) withKeys(c *gin.Context, user identity.User, said string) (string, error) {
	if reqctx.IsAPI(c) {
		return said, nil
	}
	keys, err := virtualkey.ListUserKeys(reqctx.Of(c), h.DB, user.ID)
	if err != nil || len(keys) == 0 {
		return said, err
	}
	return said + " They have a key whose value was never shown: rotate it to see one, or make another.", nil
}

// ShowUser answers one user; the page lets the role and the password be changed.
func (h *Handlers) ShowUser(c *gin.Context) error {
	user, err := identity.GetUser(reqctx.Of(c), h.DB, c.Param("id"))
	if err != nil {
		return err
	}
	if reqctx.IsAPI(c) {
		reply.JSON(c, http.StatusOK, gin.H{"user": user})
		return nil
	}
	page, err := h.userPage(c, user, strconv.FormatInt(user.RoleID, 10), nil)
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

// UpdateUser changes the fields sent.
func (h *Handlers) UpdateUser(c *gin.Context) error {
	id := c.Param("id")
	in, err := decodeUser(c)
	if err == nil {
		var user identity.User
		if user, err = h.changeUser(c, id, in); err == nil {
			return saved(c, http.StatusOK, "user", user, usersHref+"/"+id, user.Name+" was saved.")
		}
	}
	return h.refuse(c, err, func(problems problem.Problems) (templ.Component, error) {
		user, err := identity.GetUser(reqctx.Of(c), h.DB, id)
		if err != nil {
			return nil, err
		}
		return h.userForm(c, user, in, problems)
	})
}

// ConfirmDeleteUser asks before a user goes.
func (h *Handlers) ConfirmDeleteUser(c *gin.Context) error {
	page, err := h.userDeletion(c, nil)
	if err != nil {
		return err
	}
	reply.HTML(c, h.Log, http.StatusOK, page)
	return nil
}

// DeleteUser removes a user with their sessions and API keys.
func (h *Handlers) DeleteUser(c *gin.Context) error {
	user, err := account.DeleteUser(reqctx.Of(c), h.DB, reqctx.Actor(c), c.Param("id"))
	if err != nil {
		return h.refuse(c, err, func(problems problem.Problems) (templ.Component, error) {
			return h.userDeletion(c, problems)
		})
	}
	return deleted(c, user.Name, usersHref)
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
	if leaving.LastAdmin || len(problems) > 0 {
		confirm.Effects = nil
		confirm.Blocked = user.Name + " is the last admin, and a console without one cannot be managed. " +
			"Make another user an admin first."
	}
	if len(problems) > 0 {
		page.ErrorCode, page.Param = problems[0].Code, problems[0].Field
	}
	return framed(page, ui.ConfirmBody(confirm)), nil
}

// decodeUser reads a user by either door.
func decodeUser(c *gin.Context) (identity.UserInput, error) {
	in, err := intake.Decode[identity.UserInput](c)
	if !reqctx.IsAPI(c) {
		in = in.Whole()
	}
	return in, err
}

// userForm is the form of a new user, or of the one given.
func (h *Handlers) userForm(
	c *gin.Context, user identity.User, in identity.UserInput, problems problem.Problems,
) (templ.Component, error) {
	form := views.UserForm{ID: user.ID, Input: in, Problems: problems, Actor: reqctx.Actor(c)}
	page := h.below(c, "New user", "Users", usersHref, user.Name, usersHref+"/"+user.ID)
	if user.ID != "" {
		page.Title = "Edit " + user.Name
	} else {
		var err error
		if form.Roles, err = identity.RoleChoices(reqctx.Of(c), h.DB); err != nil {
			return nil, err
		}
	}
	reply.MarkProblems(&page, problems)
	return framed(page, views.UserFormBody(form)), nil
}

// userPage is the page of a user with the role chosen in its form.
func (h *Handlers) userPage(
	c *gin.Context, user identity.User, roleID string, problems problem.Problems,
) (templ.Component, error) {
	actor := reqctx.Actor(c)
	self, _ := reqctx.User(c)
	shown := views.UserPage{
		User: user, RoleID: roleID, Actor: actor, Problems: problems, Self: self.ID == user.ID,
		MayUpdate:    actor.May("Users:Update") && identity.Covers(actor, user.Permissions),
		MayViewRoles: actor.May("Roles:View"),
	}
	if shown.MayUpdate {
		var err error
		if shown.Roles, err = identity.RoleChoices(reqctx.Of(c), h.DB); err != nil {
			return nil, err
		}
	}
	if err := h.loadHeld(c, &shown); err != nil {
		return nil, err
	}
	page := h.below(c, user.Name, "Users", usersHref, "", "")
	page.Actions = views.CatalogueActions(
		usersHref+"/"+user.ID, shown.MayUpdate, actor.May("Users:Delete") && identity.Covers(actor, user.Permissions),
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
	p.MayViewCopies, p.MayAssign = actor.May("AccessProfiles:View"), may("AccessProfiles:Create")
	p.MayChangeCopies, p.MayDetach = may("AccessProfiles:Update"), may("AccessProfiles:Delete")
	p.MayViewKeys, p.MayViewUsage = actor.May("VirtualKeys:View"), actor.May("Usage:View")
	p.MayViewAudit = actor.May("AuditLogs:View")
	if p.MayViewCopies {
		if p.Copies, err = assignment.List(reqctx.Of(c), h.DB, p.User.ID); err != nil {
			return err
		}
		if p.Unpriced, err = report.UnpricedEvents(reqctx.Of(c), h.DB, p.User.ID); err != nil {
			return err
		}
		if p.Catalogue, err = catalogue.LoadCatalogue(reqctx.Of(c), h.DB); err != nil {
			return err
		}
	}
	if p.MayViewKeys {
		p.Keys = views.KeyList{MayRotate: may("VirtualKeys:Update"), MayDrop: may("AccessProfiles:Delete")}
		p.Keys.Now, p.Keys.MayCreate = p.Now, may("VirtualKeys:Create")
		p.Keys.Keys, err = virtualkey.ListUserKeys(reqctx.Of(c), h.DB, p.User.ID)
	}
	return err
}
