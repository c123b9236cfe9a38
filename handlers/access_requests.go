package handlers

import (
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/a-h/templ"
	"github.com/gin-gonic/gin"

	"tollgate/handlers/intake"
	"tollgate/handlers/reply"
	"tollgate/handlers/reqctx"
	"tollgate/models/accessrequest"
	"tollgate/models/assignment"
	"tollgate/models/identity"
	"tollgate/models/input"
	"tollgate/models/permission"
	"tollgate/models/problem"
	"tollgate/views/policytext"
	"tollgate/views/requests"
)

const (
	requestsHref = "/access-requests"
	everyState   = "all"
)

// NewAccessRequest asks why the user needs more of a budget, or a model.
func (h *Handlers) NewAccessRequest(c *gin.Context) error {
	q := intake.ReadQuery(c, "budget_id", "model")
	in := accessrequest.Input{}
	if budget := q.Get("budget_id"); budget != "" {
		in.BudgetID = input.FormValue(budget)
	} else {
		in.Model = input.FormValue(q.Typed("model"))
	}
	if err := q.Err(); err != nil {
		return err
	}
	page, err := h.askPage(c, in, nil)
	if err != nil {
		return err
	}
	reply.HTML(c, h.Log, http.StatusOK, page)
	return nil
}

func (h *Handlers) askPage(
	c *gin.Context, in accessrequest.Input, problems problem.Problems,
) (templ.Component, error) {
	form := requests.AskForm{Input: in, Problems: problems}
	page := h.meFrame(c, "Ask for a model")
	if in.BudgetID.Given() {
		copies, err := assignment.List(reqctx.Of(c), h.DB, reqctx.Actor(c).UserID)
		if err != nil {
			return nil, err
		}
		for _, held := range copies {
			for _, line := range policytext.RemainingLines(held, time.Now()) {
				if line.Budget != nil && line.Budget.ID == in.BudgetID.Text {
					form.Limit, form.Profile = &line, held.Name
				}
			}
		}
		if form.Limit == nil {
			return nil, problem.Missing("budget of yours")
		}
		page.Title = "Ask for more"
	}
	reply.MarkProblems(&page, problems)
	return framed(page, requests.AskBody(form)), nil
}

// CreateAccessRequest asks for more on behalf of the user who is signed in.
func (h *Handlers) CreateAccessRequest(c *gin.Context) error {
	in, err := intake.DecodeWhole[accessrequest.Input](c)
	if err == nil {
		var made accessrequest.Request
		made, err = accessrequest.Create(reqctx.Of(c), h.DB, h.Engine, reqctx.Actor(c), in)
		if err == nil {
			if !reqctx.IsAPI(c) {
				return seeOther(c, meHref, "Your request was sent. The answer appears under My requests.")
			}
			c.Header("Location", "/api/access-requests/"+strconv.FormatInt(made.ID, 10))
			reply.JSON(c, http.StatusCreated, gin.H{"access_request": made})
			return nil
		}
	}
	return h.refuse(c, err, func(problems problem.Problems) (templ.Component, error) {
		return h.askPage(c, in, problems)
	})
}

// WithdrawAccessRequest ends an open request of the user.
func (h *Handlers) WithdrawAccessRequest(c *gin.Context) error {
	id, err := intake.RowID(c, "id")
	if err != nil {
		return err
	}
	if err := intake.NoFields(c); err != nil {
		return err
	}
	ended, err := accessrequest.Withdraw(reqctx.Of(c), h.DB, reqctx.Actor(c), id)
	if err != nil {
		return err
	}
	if reqctx.IsAPI(c) {
		reply.JSON(c, http.StatusOK, gin.H{"access_request": ended})
		return nil
	}
	return seeOther(c, meHref, "Your request was withdrawn.")
}

// ShowAccessRequest answers one request.
func (h *Handlers) ShowAccessRequest(c *gin.Context) error {
	id, err := intake.RowID(c, "id")
	if err != nil {
		return err
	}
	found, err := accessrequest.Get(reqctx.Of(c), h.DB, id)
	if err != nil {
		return err
	}
	h.answerRequest(c, found)
	return nil
}

// answerRequest answers a request as JSON, without the names that the actor may not see.
func (h *Handlers) answerRequest(c *gin.Context, r accessrequest.Request) {
	reply.JSON(c, http.StatusOK, gin.H{"access_request": nameless(c, r)})
}

// nameless leaves out the user of a request, for an actor who may not see users.
func nameless(c *gin.Context, r accessrequest.Request) accessrequest.Request {
	if !reqctx.Actor(c).May(permission.ViewUsers) {
		r.UserName, r.UserEmail = "", ""
	}
	return r
}

// ListAccessRequests answers requests: the inbox shows the open ones first.
func (h *Handlers) ListAccessRequests(c *gin.Context) error {
	q := intake.ReadQuery(c, "limit", "offset", "state", "user_id")
	wanted := accessrequest.Query{State: q.Get("state"), UserID: q.Typed("user_id")}
	wanted.Limit, wanted.Offset = q.Page()
	if states := append([]string{everyState}, accessrequest.States...); wanted.State != "" && !slices.Contains(states, wanted.State) {
		q.Refuse("state", "invalid_state", "Choose "+input.Either(states)+".")
	}
	if _, ok := identity.ParseUserID(wanted.UserID); wanted.UserID != "" && !ok {
		q.Refuse("user_id", "invalid_user_id", "Send the id of a user.")
	}
	if err := q.Err(); err != nil {
		return err
	}
	if wanted.State == "" && !reqctx.IsAPI(c) {
		wanted.State = accessrequest.Open
	}
	if wanted.State == everyState {
		wanted.State = ""
	}
	if !reqctx.IsAPI(c) {
		return h.showInbox(c, q, wanted)
	}
	rows, total, err := accessrequest.List(reqctx.Of(c), h.DB, wanted)
	if err != nil {
		return err
	}
	for i := range rows {
		rows[i] = nameless(c, rows[i])
	}
	reply.JSON(c, http.StatusOK, gin.H{
		"access_requests": rows, "count": len(rows), "total_count": total, "limit": wanted.Limit, "offset": wanted.Offset,
	})
	return nil
}

// GrantAccessRequest gives what was asked for.
func (h *Handlers) GrantAccessRequest(c *gin.Context) error {
	id, err := intake.RowID(c, "id")
	if err != nil {
		return err
	}
	in, err := intake.DecodeEmpty[accessrequest.GrantInput](c)
	if err == nil {
		var r accessrequest.Request
		if r, err = accessrequest.Grant(reqctx.Of(c), h.DB, reqctx.Actor(c), id, in); err == nil {
			return h.decidedRequest(c, r, "Granted: ")
		}
	}
	return h.refuse(c, err, func(problems problem.Problems) (templ.Component, error) {
		return h.inboxWith(c, requests.Row{
			Request: accessrequest.Request{ID: id}, Typed: in.Amount.FromForm || in.ExpiresAt.FromForm,
			TypedAmount: in.Amount.Text, TypedEnd: in.ExpiresAt.Text, Problems: problems,
		})
	})
}

// DeclineAccessRequest refuses what was asked for, with a reason.
func (h *Handlers) DeclineAccessRequest(c *gin.Context) error {
	id, err := intake.RowID(c, "id")
	if err != nil {
		return err
	}
	in, err := intake.Decode[accessrequest.DeclineInput](c)
	if err == nil {
		var r accessrequest.Request
		if r, err = accessrequest.Decline(reqctx.Of(c), h.DB, reqctx.Actor(c), id, in); err == nil {
			return h.decidedRequest(c, r, "Declined: ")
		}
	}
	return h.refuse(c, err, func(problems problem.Problems) (templ.Component, error) {
		return h.inboxWith(c, requests.Row{
			Request: accessrequest.Request{ID: id}, TypedNote: in.Note.Text, Problems: problems,
		})
	})
}

func (h *Handlers) decidedRequest(c *gin.Context, r accessrequest.Request, said string) error {
	if reqctx.IsAPI(c) {
		h.answerRequest(c, r)
		return nil
	}
	return seeOther(c, requestsHref, said+requests.AskedFor(r)+"."+requests.JoinedWords(r)+" They see it under My access.")
}
