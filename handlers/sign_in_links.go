package handlers

import (
	"net/http"
	"strings"

	"github.com/a-h/templ"
	"github.com/gin-gonic/gin"

	"tollgate/handlers/intake"
	"tollgate/handlers/reply"
	"tollgate/handlers/reqctx"
	"tollgate/models/identity"
	"tollgate/models/problem"
	"tollgate/models/session"
	"tollgate/views"
	"tollgate/views/ui"
)

const signInLinkHref = "/sign-in-link"

// CreateSignInLink makes a link by which a user signs in once, and answers it, only this once. The token stands behind
// the #, which browsers send to no server.
func (h *Handlers) CreateSignInLink(c *gin.Context) error {
	if err := intake.NoFields(c); err != nil {
		return err
	}
	link, err := session.CreateSignInLink(reqctx.Of(c), h.DB, reqctx.Actor(c), c.Param("id"))
	if err != nil {
		return err
	}
	c.Header("Cache-Control", "no-store")
	address := strings.TrimSuffix(h.BaseURL, "/") + signInLinkHref + "#" + link.Token
	if reqctx.IsAPI(c) {
		reply.JSON(c, http.StatusCreated, gin.H{"sign_in_link": gin.H{"url": address, "expires_at": link.ExpiresAt}})
		return nil
	}
	user, err := identity.GetUser(reqctx.Of(c), h.DB, c.Param("id"))
	if err != nil {
		return err
	}
	page := h.userFrame(c, user, "Sign-in link for "+user.Name)
	reply.HTML(c, h.Log, http.StatusOK, framed(page, views.SignInLinkBody(user, address, link.ExpiresAt)))
	return nil
}

// SignInLinkPage asks before the link is used, so that programs which look at links do not use it up.
func (h *Handlers) SignInLinkPage(c *gin.Context) error {
	reply.HTML(c, h.Log, http.StatusOK, h.signInLinkPage(c, nil))
	return nil
}

func (h *Handlers) signInLinkPage(c *gin.Context, problems problem.Problems) templ.Component {
	c.Header("Cache-Control", "no-store")
	page := h.page(c, "Sign in by link", "")
	page.User = nil
	page.Intro = "The link works once. It shows you what you may call, what is left and your keys."
	reply.MarkProblems(&page, problems)
	return reply.Within(ui.Bare(page), views.UseSignInLinkBody(problems))
}

// UseSignInLink signs the user of a link in, to their own page.
func (h *Handlers) UseSignInLink(c *gin.Context) error {
	in, err := intake.Decode[session.LinkInput](c)
	if err == nil {
		var token string
		if token, err = session.UseSignInLink(reqctx.Of(c), h.DB, in, h.SessionToken(c)); err == nil {
			h.setSession(c, token)
			return seeOther(c, meHref, "You are signed in. The link does not work any more.")
		}
	}
	return h.refuse(c, err, func(problems problem.Problems) (templ.Component, error) {
		return h.signInLinkPage(c, problems), nil
	})
}
