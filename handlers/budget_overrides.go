package handlers

import (
	"cmp"
	"net/http"
	"time"

	"github.com/a-h/templ"
	"github.com/gin-gonic/gin"

	"tollgate/handlers/intake"
	"tollgate/handlers/reply"
	"tollgate/handlers/reqctx"
	"tollgate/models/assignment"
	"tollgate/models/decision"
	"tollgate/models/identity"
	"tollgate/models/money"
	"tollgate/models/policy"
	"tollgate/models/problem"
	"tollgate/views"
)

// EditOverride asks by how much and for how long to raise a budget. Programs get the smallest raise that helps.
func (h *Handlers) EditOverride(c *gin.Context) error {
	user, assigned, err := h.copyOf(c)
	if err != nil {
		return err
	}
	budget, ok := assigned.Budget(c.Param("budget_id"))
	if !ok {
		return problem.Missing("budget of this copy")
	}
	if reqctx.IsAPI(c) {
		return h.showNeededRaise(c, assigned, budget)
	}
	page, err := h.overrideForm(c, user, assigned, budget, assignment.OverrideForm(budget), nil)
	if err != nil {
		return err
	}
	reply.HTML(c, h.Log, http.StatusOK, page)
	return nil
}

func (h *Handlers) showNeededRaise(c *gin.Context, held assignment.Assignment, budget policy.Budget) error {
	estimate, err := raiseEstimate(c)
	if err != nil {
		return err
	}
	needed, err := decision.NeededRaise(reqctx.Of(c), h.DB, held, budget.ID, estimate)
	if err != nil {
		return err
	}
	reply.JSON(c, http.StatusOK, gin.H{
		"budget": budget, "effective_max_limit": budget.Cap(), "least_amount": needed.Least, "reserved": needed.Reserved,
		"also_blocked_by": needed.AlsoBlocking, "copy_paused": needed.Paused, "copy_expired": needed.Expired,
	})
	return nil
}

// raiseEstimate is the estimated cost of the call in the query, 0 when the query has none.
func raiseEstimate(c *gin.Context) (money.Money, error) {
	names := []string{"estimated_cost"}
	if !reqctx.IsAPI(c) {
		names = append(names, "next")
	}
	q := intake.ReadQuery(c, names...)
	return q.Money("estimated_cost"), q.Err()
}

// SetOverride raises one budget of one copy.
func (h *Handlers) SetOverride(c *gin.Context) error {
	id, err := intake.RowID(c, "copy_id")
	if err != nil {
		return err
	}
	estimate, err := raiseEstimate(c)
	if err != nil {
		return err
	}
	in, err := intake.Decode[assignment.OverrideInput](c)
	var before policy.Budget
	if err == nil && !reqctx.IsAPI(c) {
		before, err = h.budgetBefore(c)
	}
	if err == nil {
		var budget policy.Budget
		if budget, err = assignment.SetOverride(
			reqctx.Of(c), h.DB, reqctx.Actor(c), c.Param("id"), id, c.Param("budget_id"), in,
		); err == nil {
			return h.overrideSet(c, before, budget, estimate)
		}
	}
	return h.refuse(c, err, func(problems problem.Problems) (templ.Component, error) {
		user, assigned, err := h.copyOf(c)
		if err != nil {
			return nil, err
		}
		budget, ok := assigned.Budget(c.Param("budget_id"))
		if !ok {
			return nil, problem.Missing("budget of this copy")
		}
		return h.overrideForm(c, user, assigned, budget, in, problems)
	})
}

// budgetBefore is the budget as it is before a raise.
func (h *Handlers) budgetBefore(c *gin.Context) (policy.Budget, error) {
	_, assigned, err := h.copyOf(c)
	if err != nil {
		return policy.Budget{}, err
	}
	before, _ := assigned.Budget(c.Param("budget_id"))
	return before, nil
}

// overrideSet answers a raise; a page says whether it helps.
func (h *Handlers) overrideSet(c *gin.Context, before, budget policy.Budget, estimate money.Money) error {
	if reqctx.IsAPI(c) {
		return h.overridden(c, budget, "")
	}
	_, assigned, err := h.copyOf(c)
	if err != nil {
		return err
	}
	needed, err := decision.NeededRaise(reqctx.Of(c), h.DB, assigned, budget.ID, estimate)
	if err != nil {
		return err
	}
	return h.overridden(c, budget, views.OverrideSet(budget, assigned.ResetZone(), needed)+
		views.OverrideReplaced(before, assigned.ResetZone()))
}

// ClearOverride removes an override.
func (h *Handlers) ClearOverride(c *gin.Context) error {
	id, err := intake.RowID(c, "copy_id")
	if err != nil {
		return err
	}
	if err := intake.NoFields(c); err != nil {
		return err
	}
	budget, err := assignment.ClearOverride(reqctx.Of(c), h.DB, reqctx.Actor(c), c.Param("id"), id, c.Param("budget_id"))
	if err != nil {
		return err
	}
	return h.overridden(c, budget, "The raise was removed.")
}

func (h *Handlers) overridden(c *gin.Context, budget policy.Budget, said string) error {
	if !reqctx.IsAPI(c) {
		return seeOther(c, cmp.Or(overrideNext(c), usersHref+"/"+c.Param("id")), said)
	}
	reply.JSON(c, http.StatusOK, gin.H{"budget": budget, "effective_max_limit": budget.Cap()})
	return nil
}

// overrideNext is the page that a form to raise a budget comes back to, "" for the user's.
func overrideNext(c *gin.Context) string {
	if next := c.Query("next"); next != "" {
		return localPath(next)
	}
	return ""
}

func (h *Handlers) overrideForm(
	c *gin.Context, user identity.User, assigned assignment.Assignment, budget policy.Budget,
	in assignment.OverrideInput, problems problem.Problems,
) (templ.Component, error) {
	estimate, err := raiseEstimate(c)
	if err != nil {
		return nil, err
	}
	needed, err := decision.NeededRaise(reqctx.Of(c), h.DB, assigned, budget.ID, estimate)
	if err != nil {
		return nil, err
	}
	page := h.userFrame(c, user, "Raise a budget of "+user.Name)
	reply.MarkProblems(&page, problems)
	return framed(page, views.OverrideBody(views.OverrideForm{
		Copy: assigned, Budget: budget, Input: in, Problems: problems, Now: time.Now(), MayClear: true,
		Next: overrideNext(c), Needed: needed, Estimate: estimate,
	})), nil
}
