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
	"tollgate/models/accessrequest"
	"tollgate/models/assignment"
	"tollgate/models/decision"
	"tollgate/models/permission"
	"tollgate/models/problem"
	"tollgate/models/refusal"
	"tollgate/views/policytext"
	"tollgate/views/requests"
	"tollgate/views/ui"
)

func (h *Handlers) showInbox(c *gin.Context, q *intake.Query, wanted accessrequest.Query) error {
	page, total, err := h.inbox(c, wanted, requests.Row{})
	if err != nil {
		return err
	}
	shown := int64(len(page.Rows))
	if behindEnd(c, q, wanted.Limit, wanted.Offset, int(shown), total) {
		return nil
	}
	page.Pager = pager(q, wanted.Limit, wanted.Offset, shown, total, "requests")
	reply.HTML(c, h.Log, http.StatusOK, h.inboxPage(c, page, nil))
	return nil
}

// inboxWith shows the inbox again with what was sent for one request and not accepted. That request comes first when it
// is not on the first page of those that are open.
func (h *Handlers) inboxWith(c *gin.Context, sent requests.Row) (templ.Component, error) {
	found, err := accessrequest.Get(reqctx.Of(c), h.DB, sent.ID)
	if err != nil {
		return nil, err
	}
	page, total, err := h.inbox(c, accessrequest.Query{State: accessrequest.Open, Limit: inboxShown}, sent)
	if err != nil {
		return nil, err
	}
	page.Pager = pager(&intake.Query{}, inboxShown, 0, int64(len(page.Rows)), total, "requests")
	if page.Pager.Next != "" {
		page.Pager.Next = requestsHref + page.Pager.Next
	}
	if !slices.ContainsFunc(page.Rows, func(r requests.Row) bool { return r.ID == sent.ID }) {
		granting, err := h.granting(c, []accessrequest.Request{found})
		if err != nil {
			return nil, err
		}
		row, err := h.inboxRow(c, found, granting, page.Now)
		if err != nil {
			return nil, err
		}
		page.Rows = append([]requests.Row{row.With(sent)}, page.Rows...)
	}
	return h.inboxPage(c, page, sent.Problems), nil
}

// inboxShown is how many requests the page of a form that was not accepted lists.
const inboxShown = 25

func (h *Handlers) inboxPage(c *gin.Context, inbox requests.Inbox, problems problem.Problems) templ.Component {
	page := h.page(c, "Requests", requestsHref)
	page.Intro = "What users ask for. Grants end by themselves."
	page.Rows = len(inbox.Rows) > 0
	reply.MarkProblems(&page, problems)
	return framed(page, requests.InboxBody(inbox))
}

// inbox reads requests with the facts that help to decide them; sent is put into the row that it was sent for.
func (h *Handlers) inbox(
	c *gin.Context, wanted accessrequest.Query, sent requests.Row,
) (page requests.Inbox, total int64, err error) {
	rows, total, err := accessrequest.List(reqctx.Of(c), h.DB, wanted)
	if err != nil {
		return page, 0, err
	}
	page.Now, page.State = time.Now(), wanted.State
	page.Sunday = accessrequest.EndOfWeek(page.Now)
	for _, link := range []struct{ label, state string }{
		{"Open", accessrequest.Open}, {"Granted", accessrequest.Granted}, {"Declined", accessrequest.Declined}, {"All", everyState},
	} {
		page.Links = append(page.Links, ui.Link{
			Label: link.label, Href: requestsHref + "?state=" + link.state, On: link.state == wanted.State || link.state == everyState && wanted.State == "",
		})
	}
	granting, err := h.granting(c, rows)
	if err != nil {
		return page, 0, err
	}
	for _, r := range rows {
		row, err := h.inboxRow(c, r, granting, page.Now)
		if err != nil {
			return page, 0, err
		}
		if r.ID == sent.ID {
			row = row.With(sent)
		}
		page.Rows = append(page.Rows, row)
	}
	return page, total, nil
}

// granting are the profiles that have the models that are asked for.
func (h *Handlers) granting(c *gin.Context, rows []accessrequest.Request) (map[string][]refusal.Profile, error) {
	var asked []string
	for _, r := range rows {
		if r.Kind == accessrequest.KindAccess && r.State == accessrequest.Open {
			asked = append(asked, r.Asked)
		}
	}
	if !reqctx.Actor(c).May(permission.ViewAccessProfiles) {
		return nil, nil
	}
	return refusal.Granting(reqctx.Of(c), h.DB, asked)
}

func (h *Handlers) inboxRow(
	c *gin.Context, r accessrequest.Request, granting map[string][]refusal.Profile, now time.Time,
) (requests.Row, error) {
	actor := reqctx.Actor(c)
	row := requests.Row{
		Request: nameless(c, r), Own: actor.ActsFor(r.UserID), MayDecide: actor.May(permission.UpdateAccessRequests),
		MayView: actor.May(permission.ViewUsers), Profiles: granting[r.Asked],
	}
	copies, err := assignment.List(reqctx.Of(c), h.DB, r.UserID)
	if err != nil {
		return row, err
	}
	for _, held := range copies {
		row.Held = append(row.Held, held.Name)
		for _, line := range policytext.LimitLines(held, now) {
			if line.Budget == nil || line.Budget.ID != r.LineID {
				continue
			}
			row.Bar, row.Budget, row.Zone = &line.Bar, line.Budget, held.ResetZone()
			if r.State != accessrequest.Open {
				continue
			}
			need, err := decision.NeededRaise(reqctx.Of(c), h.DB, held, r.LineID, 0)
			if err != nil {
				return row, err
			}
			row.Least = need.Least
			if line.Budget.OverrideAmount != nil {
				row.Least = max(0, need.Least-*line.Budget.OverrideAmount)
			}
			row.Suggested = max(row.Least, line.Budget.MaxLimit)
			if r.Amount != nil {
				row.Suggested = max(row.Least, *r.Amount)
			}
		}
	}
	return row, nil
}
