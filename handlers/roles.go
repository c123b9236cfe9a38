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
	"tollgate/models/catalogue"
	"tollgate/models/configdoc"
	"tollgate/models/database"
	"tollgate/models/identity"
	"tollgate/models/permission"
	"tollgate/models/problem"
	"tollgate/models/profile"
	"tollgate/views"
	"tollgate/views/inventory"
	"tollgate/views/ui"
)

const rolesHref = "/roles"

func roleHref(id int64) string { return rolesHref + "/" + strconv.FormatInt(id, 10) }

// ListRoles answers a page of roles.
func (h *Handlers) ListRoles(c *gin.Context) error {
	return catalogueList[identity.Role]{
		plural: "roles", title: "Roles", href: rolesHref, noun: "roles", resource: "Roles",
		intro: "What users may do here. Every user has one role.", newOne: "New role", read: identity.ListRoles,
		body: func(frame ui.ListFrame, rows []identity.Role) templ.Component {
			return views.RoleListBody(views.RoleList{ListFrame: frame, Roles: rows})
		},
	}.answer(h, c)
}

// NewRole shows an empty form.
func (h *Handlers) NewRole(c *gin.Context) error {
	return h.ask(c, func(c *gin.Context, problems problem.Problems) (templ.Component, error) {
		return h.roleForm(c, identity.Role{}, identity.RoleInput{}, problems)
	})
}

// CreateRole adds a role.
func (h *Handlers) CreateRole(c *gin.Context) error {
	in, err := intake.DecodeWhole[identity.RoleInput](c)
	if err == nil {
		var role identity.Role
		if role, err = identity.CreateRole(reqctx.Of(c), h.DB, reqctx.Actor(c), in); err == nil {
			return saved(c, http.StatusCreated, "role", role, roleHref(role.ID), role.Name+" was added.")
		}
	}
	return h.refuse(c, err, func(problems problem.Problems) (templ.Component, error) {
		return h.roleForm(c, identity.Role{}, in, problems)
	})
}

// ShowRole answers one role; its page says what it permits and who holds it.
func (h *Handlers) ShowRole(c *gin.Context) error {
	role, err := h.loadRole(c)
	if err != nil {
		return err
	}
	if reqctx.IsAPI(c) {
		reply.JSON(c, http.StatusOK, gin.H{"role": role})
		return nil
	}
	q := intake.ReadQuery(c, "limit", "offset")
	limit, offset := q.Page()
	if err := q.Err(); err != nil {
		return err
	}
	actor := reqctx.Actor(c)
	shown := views.RolePage{Role: role, MayViewUsers: actor.May(permission.ViewUsers)}
	if shown.MayViewUsers {
		if shown.Members, err = identity.ListMembers(
			reqctx.Of(c), h.DB, role.ID, database.CatalogueQuery{Limit: limit, Offset: offset},
		); err != nil {
			return err
		}
		if behindEnd(c, q, limit, offset, len(shown.Members), role.Members) {
			return nil
		}
		shown.Pager = pager(q, limit, offset, int64(len(shown.Members)), role.Members, "members")
	}
	if shown.MayViewProfiles = actor.May(permission.ViewAccessProfiles); shown.MayViewProfiles {
		if err := h.loadRoleProfiles(c, &shown); err != nil {
			return err
		}
	}
	page := h.below(c, role.Name, "Roles", rolesHref, "", "")
	if err := h.managed(c, &page, configdoc.Role, role.Name); err != nil {
		return err
	}
	changeable := role.Changeable(actor) == nil
	page.Actions = inventory.CatalogueActions(
		roleHref(role.ID), actor.May(permission.UpdateRoles) && changeable, actor.May(permission.DeleteRoles) && changeable,
	)
	reply.HTML(c, h.Log, http.StatusOK, framed(page, views.RoleBody(shown)))
	return nil
}

// loadRoleProfiles adds the profiles that a role assigns, each as the list of profiles shows it.
func (h *Handlers) loadRoleProfiles(c *gin.Context, p *views.RolePage) (err error) {
	if p.Profiles, err = profile.RoleProfiles(reqctx.Of(c), h.DB, p.Role.ID); err != nil {
		return err
	}
	named := make([]profile.At, len(p.Profiles))
	for i, a := range p.Profiles {
		named[i] = a.At()
	}
	listed, err := h.profileRows.of(reqctx.Of(c), h.DB, named, asListed)
	if err != nil {
		return err
	}
	p.Policies = map[int64]views.ProfileRow{}
	for _, row := range listed {
		p.Policies[row.id] = row.ProfileRow
	}
	p.Models, err = catalogue.CountModels(reqctx.Of(c), h.DB)
	return err
}

func (h *Handlers) loadRole(c *gin.Context) (identity.Role, error) {
	id, err := intake.RowID(c, "id")
	if err != nil {
		return identity.Role{}, err
	}
	return identity.GetRole(reqctx.Of(c), h.DB, id)
}

// EditRole shows the form of a role as it stands.
func (h *Handlers) EditRole(c *gin.Context) error {
	role, err := h.loadRole(c)
	if err == nil {
		err = role.Changeable(reqctx.Actor(c))
	}
	if err != nil {
		return err
	}
	page, err := h.roleForm(c, role, role.Input(), nil)
	if err != nil {
		return err
	}
	reply.HTML(c, h.Log, http.StatusOK, page)
	return nil
}

// UpdateRole changes the fields sent; the form sends the permissions too.
func (h *Handlers) UpdateRole(c *gin.Context) error {
	id, err := intake.RowID(c, "id")
	if err != nil {
		return err
	}
	in, err := intake.DecodeWhole[identity.RoleInput](c)
	if err == nil {
		var role identity.Role
		if role, err = identity.UpdateRole(reqctx.Of(c), h.DB, reqctx.Actor(c), id, in); err == nil {
			return saved(c, http.StatusOK, "role", role, roleHref(id), role.Name+" was saved.")
		}
	}
	return h.refuse(c, err, func(problems problem.Problems) (templ.Component, error) {
		role, err := identity.GetRole(reqctx.Of(c), h.DB, id)
		if err != nil {
			return nil, err
		}
		return h.roleForm(c, role, in, problems)
	})
}

// ConfirmDeleteRole asks before a role is deleted.
func (h *Handlers) ConfirmDeleteRole(c *gin.Context) error {
	return h.ask(c, h.roleDeletion)
}

// DeleteRole removes a role that no user has.
func (h *Handlers) DeleteRole(c *gin.Context) error {
	id, err := intake.RowID(c, "id")
	if err != nil {
		return err
	}
	if err := intake.NoFields(c); err != nil {
		return err
	}
	role, err := attachment.DeleteRole(reqctx.Of(c), h.DB, reqctx.Actor(c), id)
	if err != nil {
		return h.refuse(c, err, func(problems problem.Problems) (templ.Component, error) {
			return h.roleDeletion(c, problems)
		})
	}
	return deleted(c, role.Name, rolesHref)
}

func (h *Handlers) roleDeletion(c *gin.Context, problems problem.Problems) (templ.Component, error) {
	role, err := h.loadRole(c)
	if err == nil {
		err = role.Changeable(reqctx.Actor(c))
	}
	if err != nil {
		return nil, err
	}
	profiles, err := profile.RoleProfiles(reqctx.Of(c), h.DB, role.ID)
	if err != nil {
		return nil, err
	}
	page := h.below(c, "Delete "+role.Name+"?", "Roles", rolesHref, role.Name, roleHref(role.ID))
	confirm := ui.Confirm{
		Action: roleHref(role.ID) + "/delete", Verb: "Delete " + role.Name, Cancel: roleHref(role.ID),
		Effects: views.RoleDeletion(profiles),
	}
	var members []identity.User
	if role.Members > 0 || len(problems) > 0 {
		confirm.Effects, confirm.Blocked = nil, views.RoleBlocked(role, problems)
		if reqctx.Actor(c).May(permission.ViewUsers) {
			if members, err = identity.ListMembers(
				reqctx.Of(c), h.DB, role.ID, database.CatalogueQuery{Limit: database.UseShown},
			); err != nil {
				return nil, err
			}
		}
	}
	if len(problems) > 0 {
		page.ErrorCode, page.Param = problems[0].Code, problems[0].Field
	}
	return framed(page, views.RoleDelete(confirm, role, members)), nil
}

// roleForm is the form of a new role, or of the one given.
func (h *Handlers) roleForm(
	c *gin.Context, role identity.Role, in identity.RoleInput, problems problem.Problems,
) (templ.Component, error) {
	notice, err := h.meanwhile(c, edited{
		"role", strconv.FormatInt(role.ID, 10), role.Name, roleHref(role.ID) + "/edit", role.UpdatedAt,
	}, &in.Version, problems)
	if err != nil {
		return nil, err
	}
	page := h.below(c, "New role", "Roles", rolesHref, role.Name, roleHref(role.ID))
	if role.ID != 0 {
		page.Title = "Edit " + role.Name
	}
	reply.MarkProblems(&page, problems)
	return framed(page, reply.Within(views.RoleFormBody(views.RoleForm{
		Role: role, Input: in, Problems: problems, Held: reqctx.Actor(c).Permissions,
	}), notice)), nil
}
