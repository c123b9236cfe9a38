package handlers

import (
	"net/http"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"tollgate/handlers/intake"
	"tollgate/handlers/reply"
	"tollgate/handlers/reqctx"
	"tollgate/models/assignment"
	"tollgate/models/database"
	"tollgate/models/permission"
	"tollgate/models/plural"
	"tollgate/models/profile"
	"tollgate/views"
	"tollgate/views/ui"
)

// AssignToUsers assigns a profile to every user ticked in the list of users.
func (h *Handlers) AssignToUsers(c *gin.Context) error {
	in, err := intake.Decode[assignment.BulkAssignInput](c)
	if err != nil {
		return err
	}
	done, err := assignment.AssignMany(reqctx.Of(c), h.DB, reqctx.Actor(c), in)
	if err != nil {
		return err
	}
	return seeOther(c, usersHref, views.AssignedToMany(done))
}

// ListHolders shows who holds a profile, with what they have used of it.
func (h *Handlers) ListHolders(c *gin.Context) error {
	id, err := intake.RowID(c, "id")
	if err != nil {
		return err
	}
	q := intake.ReadQuery(c, "limit", "offset", "search", "behind")
	limit, offset := q.Page()
	wanted := assignment.HolderQuery{
		CatalogueQuery: database.CatalogueQuery{Limit: limit, Offset: offset, Search: q.Search()}, ProfileID: id,
	}
	if behind := q.Boolean("behind"); behind != nil {
		wanted.Behind = *behind
	}
	if err := q.Err(); err != nil {
		return err
	}
	profile, err := h.currentProfile(c, id)
	if err != nil {
		return err
	}
	copies, total, err := assignment.ListHolders(reqctx.Of(c), h.DB, wanted)
	if err != nil {
		return err
	}
	if behindEnd(c, q, limit, offset, len(copies), total) {
		return nil
	}
	page, err := h.tabbedPage(c, profile, "users")
	if err != nil {
		return err
	}
	page.Rows = len(copies) > 0
	actor := reqctx.Actor(c)
	reply.HTML(c, h.Log, http.StatusOK, framed(page, views.HoldersBody(views.HolderList{
		Profile: profile, Search: wanted.Search, Copies: copies, Now: time.Now(),
		Filtered: wanted.Search != "" || wanted.Behind,
		All:      ui.Link{Label: "All", Href: q.Link("behind", ""), On: !wanted.Behind},
		Behind:   ui.Link{Label: "Behind", Href: q.Link("behind", "true"), On: wanted.Behind},
		Pager:    pager(q, limit, offset, int64(len(copies)), total, "holders"), MayViewUsers: actor.May(permission.ViewUsers),
		MayDetach: actor.May(permission.DeleteAccessProfiles), MayGive: actor.May(permission.CreateAccessProfiles),
	})))
	return nil
}

// DetachHolders detaches a profile from every user ticked, after asking.
func (h *Handlers) DetachHolders(c *gin.Context) error {
	id, err := intake.RowID(c, "id")
	if err != nil {
		return err
	}
	in, err := intake.Decode[assignment.BulkDetachInput](c)
	if err != nil {
		return err
	}
	from, err := h.currentProfile(c, id)
	if err != nil {
		return err
	}
	href := "/access-profiles/" + strconv.FormatInt(id, 10) + "/users"
	if in.Confirmed.Given() {
		n, err := assignment.DetachMany(reqctx.Of(c), h.DB, reqctx.Actor(c), id, in)
		if err != nil {
			return err
		}
		return seeOther(c, href, from.Name+" was detached from "+plural.Of(n, "user")+".")
	}
	return h.confirmDetachMany(c, from, in, href)
}

func (h *Handlers) confirmDetachMany(
	c *gin.Context, from profile.Profile, in assignment.BulkDetachInput, href string,
) error {
	chosen, err := in.Chosen(reqctx.Of(c), h.DB, from.ID)
	if err != nil {
		return err
	}
	page := h.profilePage(c, from, "Detach "+from.Name+" from "+plural.Of(len(chosen), "user")+"?")
	reply.HTML(c, h.Log, http.StatusOK, framed(page, views.DetachManyBody(href, from, chosen)))
	return nil
}
