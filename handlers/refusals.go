package handlers

import (
	"net/http"
	"slices"
	"time"

	"github.com/a-h/templ"
	"github.com/gin-gonic/gin"

	"tollgate/handlers/intake"
	"tollgate/handlers/reply"
	"tollgate/handlers/reqctx"
	"tollgate/models/identity"
	"tollgate/models/input"
	"tollgate/models/permission"
	"tollgate/models/problem"
	"tollgate/models/refusal"
	"tollgate/views/traffic"
)

const refusalDays = 7

// ListRefusals answers who was refused what, and why, the latest first.
func (h *Handlers) ListRefusals(c *gin.Context) error {
	q, wanted, err := readRefusalQuery(c)
	if err != nil {
		return h.refuse(c, err, func(problems problem.Problems) (templ.Component, error) {
			return h.refusalPage(c, q, traffic.RefusalPage{
				Query: wanted, KeptSince: h.Refusals.KeptSince(time.Now()), Problems: problems,
			})
		})
	}
	rows, total, err := h.refusals(c, wanted)
	if err != nil {
		return err
	}
	if !reqctx.IsAPI(c) && behindEnd(c, q, wanted.Limit, wanted.Offset, len(rows), total) {
		return nil
	}
	gaps, err := refusal.Gaps(reqctx.Of(c), h.DB, wanted.Days)
	if err != nil {
		return err
	}
	since := h.Refusals.KeptSince(time.Now())
	if reqctx.IsAPI(c) {
		reply.JSON(c, http.StatusOK, gin.H{
			"refusals": rows, "count": len(rows), "total_count": total, "limit": wanted.Limit, "offset": wanted.Offset,
			"kept_since": since, "gaps": gaps,
		})
		return nil
	}
	page, err := h.refusalPage(c, q, traffic.RefusalPage{
		RefusalRows: h.refusalRows(c, rows), Query: wanted, Gaps: gaps, KeptSince: since,
		Pager: longPager(q, wanted.Limit, wanted.Offset, int64(len(rows)), total, "refusals", ""),
	})
	if err != nil {
		return err
	}
	reply.HTML(c, h.Log, http.StatusOK, page)
	return nil
}

func (h *Handlers) refusalPage(
	c *gin.Context, q *intake.Query, shown traffic.RefusalPage,
) (templ.Component, error) {
	shown.Link, shown.Kept = q.Link, kept(q, "model", "reason")
	page := h.page(c, "Refusals", "/refusals")
	page.Intro = "Calls that were refused, and why. Times are in UTC."
	page.Rows = len(shown.Rows) > 0
	reply.MarkProblems(&page, shown.Problems)
	if user := shown.Query.UserID; user != "" {
		names, err := identity.UserNames(reqctx.Of(c), h.DB, []string{user})
		if err != nil {
			return nil, err
		}
		if shown.UserName = "a user"; reqctx.Actor(c).May(permission.ViewUsers) && names[user] != "" {
			shown.UserName = names[user]
		}
	}
	return framed(page, traffic.RefusalBody(shown)), nil
}

func readRefusalQuery(c *gin.Context) (*intake.Query, refusal.Query, error) {
	q := intake.ReadQuery(c, "limit", "offset", "user_id", "access_profile_id", "model", "reason", "days")
	wanted := refusal.Query{
		UserID: q.Typed("user_id"), ProfileID: q.Number("access_profile_id", 0, 1, input.MaxCount), Model: q.Typed("model"),
		Reason: q.Get("reason"), Days: q.Number("days", refusalDays, 1, refusal.LongestSpan),
	}
	wanted.Limit, wanted.Offset = q.Page()
	if !reqctx.IsAPI(c) {
		wanted.CountTo = countedOnPages
	}
	if reasons := refusal.Reasons[1:]; wanted.Reason != "" && !slices.Contains(reasons, wanted.Reason) {
		q.Refuse("reason", "invalid_reason", "Choose "+input.Either(reasons)+".")
	}
	if _, ok := identity.ParseUserID(wanted.UserID); wanted.UserID != "" && !ok {
		q.Refuse("user_id", "invalid_user_id", "Send the id of a user.")
	}
	return q, wanted, q.Err()
}

// refusals reads a page of refusals, as far as the actor may see what is in them.
func (h *Handlers) refusals(c *gin.Context, wanted refusal.Query) ([]refusal.Row, int64, error) {
	rows, total, err := refusal.List(reqctx.Of(c), h.DB, wanted)
	if err != nil {
		return nil, 0, err
	}
	actor := reqctx.Actor(c)
	if actor.May(permission.ViewAccessProfiles) {
		if err := refusal.AddGranting(reqctx.Of(c), h.DB, rows); err != nil {
			return nil, 0, err
		}
	}
	for i := range rows {
		if !actor.May(permission.ViewUsers) {
			rows[i].UserName = ""
		}
	}
	return rows, total, nil
}

// refusalRows adds where their links lead, and back.
func (h *Handlers) refusalRows(c *gin.Context, rows []refusal.Row) traffic.RefusalRows {
	actor := reqctx.Actor(c)
	return traffic.RefusalRows{
		Rows: rows, Now: time.Now(), Next: c.Request.URL.RequestURI(), MayViewUsers: actor.May(permission.ViewUsers),
		MayRaise: actor.May(permission.UpdateAccessProfiles), MayViewProfiles: actor.May(permission.ViewAccessProfiles),
	}
}

// usersRefusals are the last refusals of a user, for their page.
func (h *Handlers) usersRefusals(c *gin.Context, user string) (*traffic.RefusalRows, int64, error) {
	rows, total, err := h.refusals(c, refusal.Query{UserID: user, Days: refusalDays, Limit: refusalsOnPage})
	if err != nil {
		return nil, 0, err
	}
	shown := h.refusalRows(c, rows)
	shown.OfUser = true
	return &shown, total, nil
}

const refusalsOnPage = 5
