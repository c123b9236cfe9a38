package handlers

import (
	"context"
	"net/http"
	"time"

	"github.com/a-h/templ"
	"github.com/gin-gonic/gin"

	"tollgate/handlers/intake"
	"tollgate/handlers/reply"
	"tollgate/handlers/reqctx"
	"tollgate/models/accessrequest"
	"tollgate/models/assignment"
	"tollgate/models/catalogue"
	"tollgate/models/identity"
	"tollgate/models/problem"
	"tollgate/models/refusal"
	"tollgate/models/report"
	"tollgate/models/session"
	"tollgate/models/virtualkey"
	"tollgate/views"
	"tollgate/views/traffic"
	"tollgate/views/ui"
)

// meHref is the page of every user about themselves.
const meHref = "/me"

// ShowMe answers what the user may call, what is left, their keys, and why they were refused.
func (h *Handlers) ShowMe(c *gin.Context) error {
	if err := intake.ReadQuery(c).Err(); err != nil {
		return err
	}
	shown, err := h.loadMe(c)
	if err != nil {
		return err
	}
	c.Header("Cache-Control", "no-store")
	if reqctx.IsAPI(c) {
		reply.JSON(c, http.StatusOK, gin.H{
			"user": shown.User, "access_profiles": shown.Copies, "virtual_keys": shown.Keys, "refusals": shown.Refusals.Rows,
			"access_requests": shown.Requests,
		})
		return nil
	}
	reply.HTML(c, h.Log, http.StatusOK, h.mePage(c, shown))
	return nil
}

func (h *Handlers) mePage(c *gin.Context, shown views.MePage) templ.Component {
	page := h.page(c, "My access", meHref)
	reply.MarkProblems(&page, shown.Password)
	return framed(page, views.MeBody(shown))
}

// meFrame is the frame of a page below a user's own.
func (h *Handlers) meFrame(c *gin.Context, title string) ui.Page {
	page := h.page(c, title, meHref)
	page.Crumbs = []ui.Crumb{{Label: "My access", Href: meHref}}
	return page
}

func (h *Handlers) loadMe(c *gin.Context) (shown views.MePage, err error) {
	ctx, id := reqctx.Of(c), reqctx.Actor(c).UserID
	shown.Now = time.Now()
	known, signedIn := reqctx.User(c)
	if shown.User = known; !signedIn || reqctx.IsAPI(c) {
		if shown.User, err = identity.GetUser(ctx, h.DB, id); err != nil {
			return shown, err
		}
	}
	if shown.Copies, err = assignment.ListOf(ctx, h.DB, id); err != nil {
		return shown, err
	}
	if shown.Catalogue, err = catalogue.LoadCatalogue(ctx, h.DB); err != nil {
		return shown, err
	}
	if shown.Unpriced, err = report.UnpricedEvents(ctx, h.DB, id); err != nil {
		return shown, err
	}
	if shown.Keys, err = virtualkey.ListOwn(ctx, h.DB, id); err != nil {
		return shown, err
	}
	if shown.Requests, err = accessrequest.Latest(ctx, h.DB, id, ownRequests); err != nil {
		return shown, err
	}
	shown.Refusals, err = h.loadOwnRefusals(ctx, id, shown.Now)
	return shown, err
}

func (h *Handlers) loadOwnRefusals(ctx context.Context, id string, now time.Time) (traffic.RefusalRows, error) {
	rows, _, err := refusal.OfHolder(ctx, h.DB, id, refusal.Query{Days: refusalDays, Limit: ownRefusals})
	return traffic.RefusalRows{Rows: rows, Now: now, OfUser: true, Own: true}, err
}

// ownRequests is how many of their requests a user sees.
const ownRequests = 10

// ownRefusals is how many refusals a user sees of the last days.
const ownRefusals = 10

// QuotaMoved leads from the page that had what is left before.
func (h *Handlers) QuotaMoved(c *gin.Context) error {
	c.Redirect(http.StatusSeeOther, meHref)
	return nil
}

// ChangeOwnPassword changes the password of the signed-in user on their own page, or sets the first one.
func (h *Handlers) ChangeOwnPassword(c *gin.Context) error {
	show := func(problems problem.Problems) (templ.Component, error) {
		shown, err := h.loadMe(c)
		shown.Password = problems
		return h.mePage(c, shown), err
	}
	if user, _ := reqctx.User(c); user.HasPassword || !user.ByLink {
		return h.changePassword(c, meHref, show)
	}
	return h.setFirstPassword(c, show)
}

func (h *Handlers) setFirstPassword(c *gin.Context, show refusedPage) error {
	in, err := intake.Decode[session.PasswordInput](c)
	if err == nil {
		var token string
		user, _ := reqctx.User(c)
		if token, err = session.SetFirstPassword(reqctx.Of(c), h.DB, &h.Passwords, user, h.SessionToken(c), in); err == nil {
			h.setSession(c, token)
			return seeOther(c, meHref, "Your password is set: sign in with it from now on. "+
				"Every other session of yours was ended.")
		}
	}
	return h.refuse(c, err, show)
}

// TryOwnAccess shows whether the user might make a call now, and the limit that decides.
func (h *Handlers) TryOwnAccess(c *gin.Context) error {
	user, err := identity.GetUser(reqctx.Of(c), h.DB, reqctx.Actor(c).UserID)
	if err != nil {
		return err
	}
	return h.tryAccess(c, views.TryPage{User: user, Own: true}, h.meFrame(c, "What may I call?"))
}

// NewOwnKey asks what a further key of the user is called.
func (h *Handlers) NewOwnKey(c *gin.Context) error {
	reply.HTML(c, h.Log, http.StatusOK, h.ownKeyForm(c, virtualkey.Input{}, nil))
	return nil
}

func (h *Handlers) ownKeyForm(c *gin.Context, in virtualkey.Input, problems problem.Problems) templ.Component {
	page := h.meFrame(c, "New key")
	reply.MarkProblems(&page, problems)
	return framed(page, views.KeyFormBody(views.KeyForm{Own: true, Input: in, Problems: problems}))
}

// ListOwnKeys answers the user's keys, with masked values.
func (h *Handlers) ListOwnKeys(c *gin.Context) error {
	if err := intake.ReadQuery(c).Err(); err != nil {
		return err
	}
	keys, err := virtualkey.ListOwn(reqctx.Of(c), h.DB, reqctx.Actor(c).UserID)
	if err != nil {
		return err
	}
	reply.JSON(c, http.StatusOK, gin.H{"virtual_keys": keys})
	return nil
}

// CreateOwnKey gives the user a further key and answers its value.
func (h *Handlers) CreateOwnKey(c *gin.Context) error {
	in, err := intake.DecodeEmpty[virtualkey.Input](c)
	if err == nil {
		var key virtualkey.Key
		if key, err = virtualkey.CreateOwn(reqctx.Of(c), h.DB, h.Keys, reqctx.Actor(c), in); err == nil {
			return h.showKeyAt(c, http.StatusOK, views.OwnKeyHref(key.ID), key, key.Name+" was made.")
		}
	}
	return h.refuse(c, err, func(problems problem.Problems) (templ.Component, error) {
		return h.ownKeyForm(c, in, problems), nil
	})
}

// ConfirmRotateOwnKey asks how long the old value is to work.
func (h *Handlers) ConfirmRotateOwnKey(c *gin.Context) error {
	page, err := h.ownRotateForm(c, virtualkey.RotateInput{}, nil)
	if err != nil {
		return err
	}
	reply.HTML(c, h.Log, http.StatusOK, page)
	return nil
}

func (h *Handlers) ownRotateForm(
	c *gin.Context, in virtualkey.RotateInput, problems problem.Problems,
) (templ.Component, error) {
	key, err := virtualkey.Get(reqctx.Of(c), h.DB, reqctx.Actor(c).UserID, c.Param("vk_id"))
	if err != nil {
		return nil, err
	}
	page := h.meFrame(c, "Rotate "+key.Name)
	reply.MarkProblems(&page, problems)
	return framed(page, views.RotateBody(views.RotateForm{Own: true, Key: key, Input: in, Problems: problems})), nil
}

// RotateOwnKey gives a key of the user another value and answers it.
func (h *Handlers) RotateOwnKey(c *gin.Context) error {
	in, err := intake.DecodeEmpty[virtualkey.RotateInput](c)
	if err == nil {
		var key virtualkey.Key
		if key, err = virtualkey.RotateOwn(reqctx.Of(c), h.DB, h.Keys, reqctx.Actor(c), c.Param("vk_id"), in); err == nil {
			return h.showKeyAt(c, http.StatusOK, views.OwnKeyHref(key.ID), key, views.Rotated(key))
		}
	}
	return h.refuse(c, err, func(problems problem.Problems) (templ.Component, error) {
		return h.ownRotateForm(c, in, problems)
	})
}

// ShowOwnKeyValue shows the value of a key to the session that made it, for ten minutes.
func (h *Handlers) ShowOwnKeyValue(c *gin.Context) error {
	key, err := virtualkey.Get(reqctx.Of(c), h.DB, reqctx.Actor(c).UserID, c.Param("vk_id"))
	if err != nil {
		return err
	}
	return h.showKeyValue(c, key, h.meFrame(c, "Your new key"), meHref)
}
