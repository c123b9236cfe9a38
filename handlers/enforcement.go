package handlers

import (
	"net/http"

	"github.com/a-h/templ"
	"github.com/gin-gonic/gin"

	"tollgate/handlers/intake"
	"tollgate/handlers/reply"
	"tollgate/handlers/reqctx"
	"tollgate/models/identity"
	"tollgate/models/identityprovider"
	"tollgate/models/plural"
	"tollgate/models/problem"
	"tollgate/models/session"
	viewsignin "tollgate/views/signin"
	"tollgate/views/ui"
)

// ShowEnforcement answers whether users have to sign in by an identity provider.
func (h *Handlers) ShowEnforcement(c *gin.Context) error {
	on, err := identity.Enforced(reqctx.Of(c), h.DB)
	if err == nil {
		reply.JSON(c, http.StatusOK, gin.H{"sign_in": gin.H{"enforce_sso": on}})
	}
	return err
}

// ConfirmEnforcement asks before passwords are refused, or accepted again.
func (h *Handlers) ConfirmEnforcement(c *gin.Context) error { return h.ask(c, h.enforcementPage) }

func (h *Handlers) enforcementPage(c *gin.Context, problems problem.Problems) (templ.Component, error) {
	ask := viewsignin.Enforcement{}
	var err error
	if ask.Enforced, err = identity.Enforced(reqctx.Of(c), h.DB); err != nil {
		return nil, err
	}
	if ask.Refused, err = session.WhenRefused(reqctx.Of(c), h.DB); err != nil {
		return nil, err
	}
	blocked := problems
	if user, _ := reqctx.User(c); !ask.Enforced && len(problems) == 0 {
		err := identity.MayEnforce(reqctx.Of(c), h.DB, user.BySSO)
		if refusal, refused := problem.AsRefusal(err); refused {
			blocked = refusal.Problems
		} else if err != nil {
			return nil, err
		}
	}
	if len(blocked) > 0 {
		ask.Blocked = blocked[0].Message
	}
	page := h.page(c, ask.Title(), "/settings")
	page.Crumbs = []ui.Crumb{{Label: "Settings", Href: "/settings"}, {Label: "Sign-in", Href: signInHref}}
	reply.MarkProblems(&page, problems)
	return framed(page, viewsignin.EnforcementBody(ask)), nil
}

// SetEnforcement says whether users have to sign in by an identity provider.
func (h *Handlers) SetEnforcement(c *gin.Context) error {
	in, err := intake.Decode[identity.Enforcement](c)
	on := false
	if err == nil {
		user, _ := reqctx.User(c)
		on, err = identity.SetEnforcement(reqctx.Of(c), h.DB, reqctx.Actor(c), user.BySSO, in)
	}
	switch {
	case err != nil:
		return h.refuse(c, err, func(problems problem.Problems) (templ.Component, error) {
			return h.enforcementPage(c, problems)
		})
	case reqctx.IsAPI(c):
		reply.JSON(c, http.StatusOK, gin.H{"sign_in": gin.H{"enforce_sso": on}})
		return nil
	}
	return seeOther(c, signInHref, plural.Choose(on, "Passwords are refused from now on, "+
		"but those of break-glass admins.", "Passwords are accepted again."))
}

// lostWays is what the deletion of a provider means while users have to sign in by one.
func (h *Handlers) lostWays(c *gin.Context, p identityprovider.Provider) (lost viewsignin.LostWays, err error) {
	if lost.Enforced, err = identity.Enforced(reqctx.Of(c), h.DB); err != nil || !lost.Enforced {
		return lost, err
	}
	enabled, err := identityprovider.Buttons(reqctx.Of(c), h.DB)
	lost.Last = len(enabled) == 1 && enabled[0].Slug == p.Slug
	return lost, err
}
