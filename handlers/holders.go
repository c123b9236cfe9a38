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
	"tollgate/models/permission"
	"tollgate/models/plural"
	"tollgate/models/problem"
	"tollgate/models/profile"
	"tollgate/views"
	"tollgate/views/ui"
)

// AssignToUsers assigns a profile to every user ticked in the list of users.
func (h *Handlers) AssignToUsers(c *gin.Context) error {
	in, err := intake.Decode[assignment.BulkAssignInput](c)
	if err == nil {
		var done assignment.BulkAssigned
		if done, err = assignment.AssignMany(reqctx.Of(c), h.DB, reqctx.Actor(c), in); err == nil {
			return seeOther(c, usersBehind(c).List(), views.AssignedToMany(done))
		}
	}
	return h.refuseTicked(c, permission.ViewUsers, err, func(problems problem.Problems) (templ.Component, error) {
		return h.usersAgain(c, account.TickedInput{IDs: in.IDs, AccessProfileID: in.AccessProfileID}, problems)
	})
}

// askedHolders is which part of the holders of a profile is asked for.
type askedHolders struct {
	q      *intake.Query
	wanted assignment.HolderQuery
}

func readHolderQuery(c *gin.Context) (asked askedHolders, err error) {
	id, err := intake.RowID(c, "id")
	if err != nil {
		return asked, err
	}
	q := intake.ReadQuery(c, "limit", "offset", "search", "behind")
	if asked.q = q; c.Request.Method == http.MethodPost {
		q.Path = holdersHref(id)
	}
	asked.wanted = assignment.HolderQuery{CatalogueQuery: catalogueOf(q), ProfileID: id}
	if behind := q.Boolean("behind"); behind != nil {
		asked.wanted.Behind = *behind
	}
	return asked, q.Err()
}

// bulk is the list with what can be done to its ticked rows.
func (a askedHolders) bulk() ui.Bulk {
	return ui.Bulk{Path: holdersHref(a.wanted.ProfileID), Query: a.q.Whole()}
}

func holdersHref(profile int64) string {
	return profilesHref + "/" + strconv.FormatInt(profile, 10) + "/users"
}

// ListHolders shows who holds a profile, with what they have used of it.
func (h *Handlers) ListHolders(c *gin.Context) error {
	asked, err := readHolderQuery(c)
	if err != nil {
		return err
	}
	shown, err := h.currentProfile(c, asked.wanted.ProfileID)
	if err != nil {
		return err
	}
	copies, total, err := assignment.ListHolders(reqctx.Of(c), h.DB, asked.wanted)
	if err != nil {
		return err
	}
	if behindEnd(c, asked.q, asked.wanted.Limit, asked.wanted.Offset, len(copies), total) {
		return nil
	}
	page, err := h.holdersPage(c, asked, shown, copies, total, asked.bulk())
	if err != nil {
		return err
	}
	reply.HTML(c, h.Log, http.StatusOK, page)
	return nil
}

func (h *Handlers) holdersPage(
	c *gin.Context, asked askedHolders, shown profile.Profile, copies []assignment.Assignment, total int64, bulk ui.Bulk,
) (templ.Component, error) {
	page, err := h.tabbedPage(c, shown, "users")
	if err != nil {
		return nil, err
	}
	page.Rows = len(copies) > 0
	reply.MarkProblems(&page, bulk.Problems)
	q, wanted, actor := asked.q, asked.wanted, reqctx.Actor(c)
	bulk.Ticked = ui.TickedAmong(copies, func(held assignment.Assignment) string { return held.UserID }, bulk.Ticked)
	return framed(page, views.HoldersBody(views.HolderList{
		Profile: shown, Search: wanted.Search, Kept: kept(q, "search"), Copies: copies, Now: time.Now(), Bulk: bulk,
		Filtered:     wanted.Search != "" || wanted.Behind,
		All:          ui.Link{Label: "All", Href: q.Link("behind", ""), On: !wanted.Behind},
		Behind:       ui.Link{Label: "Behind", Href: q.Link("behind", "true"), On: wanted.Behind},
		Pager:        pager(q, wanted.Limit, wanted.Offset, int64(len(copies)), total, "holders"),
		MayViewUsers: actor.May(permission.ViewUsers), MayDetach: actor.May(permission.DeleteAccessProfiles),
		MayGive: actor.May(permission.CreateAccessProfiles),
	})), nil
}

// DetachHolders detaches a profile from every user ticked, after asking.
func (h *Handlers) DetachHolders(c *gin.Context) error {
	asked, err := readHolderQuery(c)
	if err != nil {
		return err
	}
	from, err := h.currentProfile(c, asked.wanted.ProfileID)
	if err != nil {
		return err
	}
	in, err := intake.Decode[assignment.BulkDetachInput](c)
	if err == nil && in.Confirmed.Given() {
		var n int
		if n, err = assignment.DetachMany(reqctx.Of(c), h.DB, reqctx.Actor(c), from.ID, in); err == nil {
			return seeOther(c, asked.bulk().List(), from.Name+" was detached from "+plural.Of(n, "user")+".")
		}
	} else if err == nil {
		if err = h.confirmDetachMany(c, from, in, asked.bulk()); err == nil {
			return nil
		}
	}
	return h.refuseTicked(c, permission.ViewAccessProfiles, err, func(problems problem.Problems) (templ.Component, error) {
		copies, total, err := assignment.ListHolders(reqctx.Of(c), h.DB, asked.wanted)
		if err != nil {
			return nil, err
		}
		bulk := asked.bulk()
		bulk.Ticked, bulk.Problems = texts(in.IDs), problems
		return h.holdersPage(c, asked, from, copies, total, bulk)
	})
}

func (h *Handlers) confirmDetachMany(
	c *gin.Context, from profile.Profile, in assignment.BulkDetachInput, list ui.Bulk,
) error {
	chosen, err := in.Chosen(reqctx.Of(c), h.DB, from.ID)
	if err != nil {
		return err
	}
	page := h.profilePage(c, from, "Detach "+from.Name+" from "+plural.Of(len(chosen), "user")+"?")
	reply.HTML(c, h.Log, http.StatusOK, framed(page, views.DetachManyBody(list, from, chosen)))
	return nil
}
