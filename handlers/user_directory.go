package handlers

import (
	"net/http"
	"strconv"

	"github.com/a-h/templ"
	"github.com/gin-gonic/gin"

	"tollgate/handlers/intake"
	"tollgate/handlers/reply"
	"tollgate/handlers/reqctx"
	"tollgate/models/configset"
	"tollgate/models/connection"
	"tollgate/models/handover"
	"tollgate/models/identity"
	"tollgate/models/input"
	"tollgate/models/plural"
	"tollgate/models/problem"
	"tollgate/views"
	"tollgate/views/provisioning"
)

// NewHandOver asks which directory a user is to belong to.
func (h *Handlers) NewHandOver(c *gin.Context) error {
	return h.ask(c, h.handOverPage)
}

func (h *Handlers) handOverPage(c *gin.Context, problems problem.Problems) (templ.Component, error) {
	user, err := identity.GetUser(reqctx.Of(c), h.DB, c.Param("id"))
	if err != nil {
		return nil, err
	}
	connections, err := connection.Names(reqctx.Of(c), h.DB)
	if err != nil {
		return nil, err
	}
	page := h.userFrame(c, user, "Hand "+user.Name+" over to a directory?")
	reply.MarkProblems(&page, problems)
	return framed(page, views.HandOverBody(views.HandOver{User: user, Connections: connections, Problems: problems})), nil
}

// HandOverUser gives a user of the console to a directory.
func (h *Handlers) HandOverUser(c *gin.Context) error {
	in, err := intake.Decode[handover.Input](c)
	if err == nil {
		var user identity.User
		if user, err = handover.User(reqctx.Of(c), h.DB, reqctx.Actor(c), c.Param("id"), in); err == nil {
			return saved(c, http.StatusOK, "user", user, usersHref+"/"+user.ID, user.Name+" belongs to the directory now.")
		}
	}
	return h.refuse(c, err, func(problems problem.Problems) (templ.Component, error) {
		return h.handOverPage(c, problems)
	})
}

// ReleaseUser gives a user of a directory back to the console.
func (h *Handlers) ReleaseUser(c *gin.Context) error {
	if err := intake.NoFields(c); err != nil {
		return err
	}
	user, err := handover.Release(reqctx.Of(c), h.DB, reqctx.Actor(c), c.Param("id"))
	if err != nil {
		return err
	}
	return saved(c, http.StatusOK, "user", user, usersHref+"/"+user.ID, user.Name+" is managed here now.")
}

// HandOverDomain gives every user with an address of a domain to a directory.
func (h *Handlers) HandOverDomain(c *gin.Context) error {
	of, err := h.loadConnection(c)
	if err != nil {
		return err
	}
	in, err := intake.Decode[handover.DomainInput](c)
	if err == nil && (reqctx.IsAPI(c) && in.DryRunWanted() || !reqctx.IsAPI(c) && !in.Seen.Given()) {
		err = h.planHandOver(c, of, in)
	} else if err == nil {
		ctx, cancel := long(c)
		defer cancel()
		var done handover.HandedOver
		if done, err = handover.Domain(ctx, h.DB, reqctx.Actor(c), of.ID, in); err == nil {
			return handedOver(c, of, done)
		}
	}
	return h.refuseHandOver(c, of, in, err)
}

func (h *Handlers) refuseHandOver(
	c *gin.Context, of connection.Connection, in handover.DomainInput, err error,
) error {
	if err == nil {
		return nil
	}
	return h.refuse(c, err, func(problems problem.Problems) (templ.Component, error) {
		if len(problems.At("email_domain")) == 0 && in.Seen.Given() {
			return h.handOverPlan(c, of, in, problems)
		}
		return h.connectionPage(c, of, connectionPage{domain: in.EmailDomain, problems: problems})
	})
}

// PlanHandOver says who would be handed over with a domain, and asks to do it.
func (h *Handlers) PlanHandOver(c *gin.Context) error {
	of, err := h.loadConnection(c)
	if err != nil {
		return err
	}
	q := intake.ReadQuery(c, "email_domain")
	in := handover.DomainInput{EmailDomain: input.FormValue(q.Typed("email_domain"))}
	if err = q.Err(); err == nil {
		err = h.planHandOver(c, of, in)
	}
	return h.refuseHandOver(c, of, in, err)
}

func (h *Handlers) planHandOver(c *gin.Context, of connection.Connection, in handover.DomainInput) error {
	if reqctx.IsAPI(c) {
		plan, err := handover.PlanDomain(reqctx.Of(c), h.DB, reqctx.Actor(c), of.ID, in)
		if err == nil {
			reply.JSON(c, http.StatusOK, plan)
		}
		return err
	}
	page, err := h.handOverPlan(c, of, in, nil)
	if err == nil {
		reply.HTML(c, h.Log, http.StatusOK, page)
	}
	return err
}

func (h *Handlers) handOverPlan(
	c *gin.Context, of connection.Connection, in handover.DomainInput, problems problem.Problems,
) (templ.Component, error) {
	plan, err := handover.PlanDomain(reqctx.Of(c), h.DB, reqctx.Actor(c), of.ID, in)
	if err != nil {
		return nil, err
	}
	sets, err := configset.OfUsers(reqctx.Of(c), h.DB, plan.Users)
	if err != nil {
		return nil, err
	}
	page := h.connectionFrame(c, "Hand over the users of "+plan.Domain+"?", of)
	reply.MarkProblems(&page, problems)
	return framed(page, provisioning.HandOverBody(of, plan, sets, problems)), nil
}

func handedOver(c *gin.Context, of connection.Connection, done handover.HandedOver) error {
	if reqctx.IsAPI(c) {
		reply.JSON(c, http.StatusOK, done)
		return nil
	}
	said := plural.Of(len(done.Users), "user") + " handed over."
	if done.Skipped > 0 {
		said += " Left out: " + strconv.Itoa(done.Skipped) + ", who may administer the console, or cannot be given to it."
	}
	return seeOther(c, connectionHref(of.ID), said)
}

// connectionPage is what was typed on the page of a connection, and what is wrong with it.
type connectionPage struct {
	token    connection.TokenInput
	domain   input.Value
	problems problem.Problems
}
