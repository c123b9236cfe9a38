package handlers

import (
	"net/http"

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
	"tollgate/views"
	"tollgate/views/ui"
)

// userFilters are what pages narrow and sort the list of users by, beside the search.
var userFilters = []string{"role_id", "access_profile_id", "blocked", "sort"}

// ListUsers answers a page of users.
func (h *Handlers) ListUsers(c *gin.Context) error {
	q, search := longQuery(c, []string{"deactivated"}, userFilters...)
	wanted := account.ListQuery{CatalogueQuery: search}
	wanted.Deactivated = q.Boolean("deactivated")
	list := views.UserList{}
	if !reqctx.IsAPI(c) {
		h.narrowUsers(c, q, &wanted, &list)
	}
	if err := q.Err(); err != nil {
		return err
	}
	if list.Blocked {
		var err error
		if wanted.Among, list.BlockedAsOf, err = h.blocked.Users(reqctx.Of(c), h.DB); err != nil {
			return err
		}
	}
	users, total, err := account.ListUsers(reqctx.Of(c), h.DB, wanted)
	if err != nil {
		return err
	}
	if reqctx.IsAPI(c) {
		return writeList(c, "users", users, total, search)
	}
	if behindEnd(c, q, wanted.Limit, wanted.Offset, len(users), total) {
		return nil
	}
	list.Users = users
	list.ListFrame = listFrame(c, q, search, len(users), total, "users", "Users")
	return h.userListPage(c, q, wanted, list, total)
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
	list.Sorted = q.Get("sort")
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
	c *gin.Context, q *intake.Query, wanted account.ListQuery, list views.UserList, total int64,
) error {
	users := list.Users
	page := h.page(c, "Users", usersHref)
	page.Rows = len(users) > 0
	page.Intro = "Who holds which profiles, and who may sign in to this console."
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
	choices, err := account.Choices(reqctx.Of(c), h.DB)
	if err != nil {
		return err
	}
	list.Choices, list.MayAssignProfiles = choices, reqctx.Actor(c).May(permission.CreateAccessProfiles)
	if list.MayViewCopies {
		ids, held := make([]string, len(users)), make([]identity.User, len(users))
		for i, user := range users {
			ids[i], held[i] = user.ID, user.User
		}
		if list.Held, err = assignment.ProfilesHeld(reqctx.Of(c), h.DB, held); err != nil {
			return err
		}
		if list.States, err = blocked.States(reqctx.Of(c), h.DB, ids); err != nil {
			return err
		}
	}
	reply.HTML(c, h.Log, http.StatusOK, framed(page, views.UserListBody(list)))
	return nil
}
