package handlers

import (
	"net/http"

	"github.com/a-h/templ"
	"github.com/gin-gonic/gin"

	"tollgate/handlers/intake"
	"tollgate/handlers/reply"
	"tollgate/handlers/reqctx"
	"tollgate/models/account"
	"tollgate/models/identity"
	"tollgate/models/permission"
	"tollgate/models/plural"
	"tollgate/models/problem"
	"tollgate/models/provision"
	"tollgate/views"
	"tollgate/views/ui"
)

// ConfirmDeactivateUser asks before a user is deactivated.
func (h *Handlers) ConfirmDeactivateUser(c *gin.Context) error {
	return h.ask(c, h.userDeactivation)
}

func (h *Handlers) userDeactivation(c *gin.Context, problems problem.Problems) (templ.Component, error) {
	user, err := identity.GetUser(reqctx.Of(c), h.DB, c.Param("id"))
	if err != nil {
		return nil, err
	}
	leaving, err := account.UserLeaving(reqctx.Of(c), h.DB, user)
	if err != nil {
		return nil, err
	}
	href := usersHref + "/" + user.ID
	page := h.userFrame(c, user, "Deactivate "+user.Name+"?")
	confirm := ui.Confirm{
		Action: href + "/deactivate", Verb: "Deactivate " + user.Name, Cancel: href,
		Effects: views.UserDeactivation(user, leaving),
	}
	err = mayAct(c, user)
	if err == nil {
		err = account.MayDeactivate(reqctx.Of(c), h.DB, reqctx.Actor(c), user)
	}
	return askUnless(page, confirm, problems, err)
}

// mayAct refuses what the actor may not do to a user, as the change itself does.
func mayAct(c *gin.Context, user identity.User) error {
	return identity.MayActOn(reqctx.Actor(c), user.Name, user.Permissions)
}

// DeactivateUser keeps a user out until they are activated again.
func (h *Handlers) DeactivateUser(c *gin.Context) error {
	err := intake.NoFields(c)
	if err == nil {
		if _, err = account.Deactivate(reqctx.Of(c), h.DB, reqctx.Actor(c), c.Param("id")); err == nil {
			return h.stateChanged(c, " is deactivated: sign-in and keys are refused from now on.")
		}
	}
	return h.refuse(c, err, func(problems problem.Problems) (templ.Component, error) {
		return h.userDeactivation(c, problems)
	})
}

// ActivateUser lets a deactivated user back in.
func (h *Handlers) ActivateUser(c *gin.Context) error {
	if err := intake.NoFields(c); err != nil {
		return err
	}
	if _, err := provision.Activate(reqctx.Of(c), h.DB, reqctx.Actor(c), c.Param("id")); err != nil {
		return err
	}
	return h.stateChanged(c, " is active again.")
}

// stateChanged answers with the user as they are now.
func (h *Handlers) stateChanged(c *gin.Context, said string) error {
	user, err := identity.GetUser(reqctx.Of(c), h.DB, c.Param("id"))
	if err != nil {
		return err
	}
	return saved(c, http.StatusOK, "user", user, usersHref+"/"+user.ID, user.Name+said)
}

// DeactivateUsers deactivates every user ticked in the list, after asking.
func (h *Handlers) DeactivateUsers(c *gin.Context) error {
	in, err := intake.Decode[account.TickedInput](c)
	if err == nil {
		if err = h.deactivateTicked(c, in); err == nil {
			return nil
		}
	}
	return h.refuseTicked(c, permission.ViewUsers, err, func(problems problem.Problems) (templ.Component, error) {
		return h.usersAgain(c, in, problems)
	})
}

func (h *Handlers) deactivateTicked(c *gin.Context, in account.TickedInput) error {
	ids, err := in.Users()
	if err != nil {
		return err
	}
	if in.Confirmed.Given() {
		changed, err := account.Deactivate(reqctx.Of(c), h.DB, reqctx.Actor(c), ids...)
		if err != nil {
			return err
		}
		return seeOther(c, usersBehind(c).List(), "Deactivated: "+plural.Of(len(changed), "user")+".")
	}
	users, err := identity.UsersNamed(reqctx.Of(c), h.DB, ids)
	if err != nil {
		return err
	}
	page := h.below(c, "Deactivate "+plural.Of(len(users), "user")+"?", "Users", usersHref, "", "")
	reply.HTML(c, h.Log, http.StatusOK, framed(page, views.DeactivateManyBody(usersBehind(c), users)))
	return nil
}

// ActivateUsers activates every user ticked in the list.
func (h *Handlers) ActivateUsers(c *gin.Context) error {
	in, err := intake.Decode[account.TickedInput](c)
	var ids []string
	if err == nil {
		ids, err = in.Users()
	}
	if err == nil {
		var changed []identity.User
		if changed, err = provision.Activate(reqctx.Of(c), h.DB, reqctx.Actor(c), ids...); err == nil {
			return seeOther(c, usersBehind(c).List(), "Activated: "+plural.Of(len(changed), "user")+".")
		}
	}
	return h.refuseTicked(c, permission.ViewUsers, err, func(problems problem.Problems) (templ.Component, error) {
		return h.usersAgain(c, in, problems)
	})
}
