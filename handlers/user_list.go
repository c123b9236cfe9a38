package handlers

import (
	"net/http"

	"github.com/a-h/templ"
	"github.com/gin-gonic/gin"

	"tollgate/handlers/intake"
	"tollgate/handlers/reply"
	"tollgate/handlers/reqctx"
	"tollgate/models/account"
	"tollgate/models/assignment"
	"tollgate/models/blocked"
	"tollgate/models/identity"
	"tollgate/models/input"
	"tollgate/models/permission"
	"tollgate/models/problem"
	"tollgate/views"
	"tollgate/views/ui"
)

// userFilters are what pages narrow and sort the list of users by, beside the search.
var userFilters = []string{"role_id", "access_profile_id", "blocked", "sort"}

// ListUsers answers a page of users.
func (h *Handlers) ListUsers(c *gin.Context) error {
	asked, err := h.readUserList(c)
	if err != nil {
		return err
	}
	users, total, err := account.ListUsers(reqctx.Of(c), h.DB, asked.wanted)
	if err != nil {
		return err
	}
	if reqctx.IsAPI(c) {
		return writeList(c, "users", users, total, asked.wanted.CatalogueQuery)
	}
	if behindEnd(c, asked.q, asked.wanted.Limit, asked.wanted.Offset, len(users), total) {
		return nil
	}
	page, err := h.userListPage(c, asked, users, total, account.TickedInput{}, nil)
	if err != nil {
		return err
	}
	reply.HTML(c, h.Log, http.StatusOK, page)
	return nil
}

// usersAgain is the list with what was sent for the ticked rows and not accepted.
func (h *Handlers) usersAgain(
	c *gin.Context, sent account.TickedInput, problems problem.Problems,
) (templ.Component, error) {
	asked, err := h.readUserList(c)
	if err != nil {
		return nil, err
	}
	users, total, err := account.ListUsers(reqctx.Of(c), h.DB, asked.wanted)
	if err != nil {
		return nil, err
	}
	return h.userListPage(c, asked, users, total, sent, problems)
}

// usersBehind is the part of the list of users that an act on ticked rows came from.
func usersBehind(c *gin.Context) ui.Bulk {
	q, _ := longQuery(c, []string{"deactivated"}, userFilters...)
	return ui.Bulk{Path: usersHref, Query: q.Whole()}
}

// askedUsers is which part of the list of users is asked for, and the page as far as that decides it.
type askedUsers struct {
	q      *intake.Query
	wanted account.ListQuery
	list   views.UserList
}

func (h *Handlers) readUserList(c *gin.Context) (asked askedUsers, err error) {
	q, search := longQuery(c, []string{"deactivated"}, userFilters...)
	if asked.q = q; c.Request.Method == http.MethodPost {
		q.Path = usersHref
	}
	asked.wanted.CatalogueQuery = search
	asked.wanted.Deactivated = q.Boolean("deactivated")
	if !reqctx.IsAPI(c) {
		h.narrowUsers(c, q, &asked.wanted, &asked.list)
	}
	if err = q.Err(); err == nil && asked.list.Blocked {
		asked.wanted.Among, asked.list.BlockedAsOf, err = h.blocked.Users(reqctx.Of(c), h.DB)
	}
	return asked, err
}

// narrowUsers reads the filters and the order of the page. What an actor may not see does not sort or narrow it.
func (h *Handlers) narrowUsers(c *gin.Context, q *intake.Query, wanted *account.ListQuery, list *views.UserList) {
	actor := reqctx.Actor(c)
	list.MayViewRoles, list.MayViewCopies = actor.May(permission.ViewRoles), actor.May(permission.ViewAccessProfiles)
	list.MayViewUsage = actor.May(permission.ViewUsage)
	wanted.Usage, wanted.Sort = list.MayViewUsage, account.Sorts[0]
	if wanted.Usage {
		wanted.Sort = q.Sort(account.Sorts)
	}
	wanted.RoleID = q.Number("role_id", 0, 1, input.MaxCount)
	if list.MayViewCopies {
		wanted.ProfileID = q.Number("access_profile_id", 0, 1, input.MaxCount)
		only := q.Boolean("blocked")
		list.Blocked = only != nil && *only
	}
	list.Deactivated = wanted.Deactivated != nil && *wanted.Deactivated
	list.RoleID, list.ProfileID = wanted.RoleID, wanted.ProfileID
	list.Filtered = wanted.Search != "" || list.RoleID != 0 || list.ProfileID != 0 || list.Blocked || wanted.Deactivated != nil
	list.Segments = []ui.Link{
		{Label: "All", Href: q.Link("blocked", "", "deactivated", ""), On: !list.Blocked && !list.Deactivated},
	}
	if list.MayViewCopies {
		list.Segments = append(list.Segments,
			ui.Link{Label: "Blocked", Href: q.Link("blocked", "true", "deactivated", ""), On: list.Blocked})
	}
	list.Segments = append(list.Segments,
		ui.Link{Label: "Deactivated", Href: q.Link("blocked", "", "deactivated", "true"), On: list.Deactivated})
	list.Name = sortLink(q, wanted.Sort, "name", "Name", false)
	list.Spend = sortLink(q, wanted.Sort, "spend", "Spend this month", true)
	list.Spend.Number = true
	list.LastUsed = sortLink(q, wanted.Sort, "last_used", "Last used", true)
}

func (h *Handlers) userListPage(
	c *gin.Context, asked askedUsers, users []account.Listed, total int64, sent account.TickedInput,
	problems problem.Problems,
) (templ.Component, error) {
	q, wanted, list := asked.q, asked.wanted, asked.list
	list.Users = users
	list.ListFrame = listFrame(c, q, wanted.CatalogueQuery, len(users), total, "users", "Users")
	list.Kept = kept(q, "search", "role_id", "access_profile_id")
	ticked := ui.TickedAmong(users, func(u account.Listed) string { return u.ID }, texts(sent.IDs))
	list.Bulk = ui.Bulk{Path: usersHref, Query: q.Whole(), Ticked: ticked, Problems: problems}
	list.Assigned = sent.AccessProfileID.Text
	page := h.page(c, "Users", usersHref)
	page.Rows = len(users) > 0
	page.Intro = "Who holds which profiles, and who may sign in to this console."
	reply.MarkProblems(&page, problems)
	if len(users) > 0 {
		last := ""
		if wanted.Sort == account.Sorts[0] {
			last = users[len(users)-1].ID
		}
		list.Pager = longPager(q, wanted.Limit, wanted.Offset, int64(len(users)), total, "users", last)
	}
	if list.MayCreate {
		page.Actions = ui.NewButton("New user", usersHref+"/new")
	}
	if err := h.loadUserList(c, &list); err != nil {
		return nil, err
	}
	return framed(page, views.UserListBody(list)), nil
}

// loadUserList adds what the filters offer, and what the users hold.
func (h *Handlers) loadUserList(c *gin.Context, list *views.UserList) (err error) {
	list.MayAssignProfiles = reqctx.Actor(c).May(permission.CreateAccessProfiles)
	if list.Choices, err = account.Choices(reqctx.Of(c), h.DB); err != nil || !list.MayViewCopies {
		return err
	}
	ids, held := make([]string, len(list.Users)), make([]identity.User, len(list.Users))
	for i, user := range list.Users {
		ids[i], held[i] = user.ID, user.User
	}
	if list.Held, err = assignment.ProfilesHeld(reqctx.Of(c), h.DB, held); err != nil {
		return err
	}
	list.States, err = blocked.States(reqctx.Of(c), h.DB, ids)
	return err
}
