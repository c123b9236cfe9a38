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
	"tollgate/models/input"
	"tollgate/models/problem"
	"tollgate/models/sample"
	"tollgate/models/session"
	"tollgate/views"
	"tollgate/views/ui"
)

// LoginPage shows the form to sign in.
func (h *Handlers) LoginPage(c *gin.Context) error {
	next := c.Query("next")
	if user, known := reqctx.User(c); known {
		return seeOther(c, landing(user, next), "")
	}
	firstRun, err := sample.NeedsFirstRun(reqctx.Of(c), h.DB)
	if err != nil {
		return err
	}
	page, err := h.loginPage(c, views.LoginForm{
		Input: session.LoginInput{Next: input.FormValue(localPath(next))}, FirstRun: firstRun,
	})
	if err != nil {
		return err
	}
	reply.HTML(c, h.Log, http.StatusOK, page)
	return nil
}

// Login signs in and redirects to the page that was asked for.
func (h *Handlers) Login(c *gin.Context) error {
	in, err := intake.Decode[session.LoginInput](c)
	if err == nil {
		var user identity.User
		if user, err = session.Login(reqctx.Of(c), h.DB, &h.Passwords, c.ClientIP(), in); err == nil {
			if in.Sealed.Text == "" {
				return h.signIn(c, user, in.Next.Text)
			}
			if err := h.startSession(c, user.ID); err != nil {
				return err
			}
			return h.carryOn(c, user, in)
		}
	}
	return h.refuse(c, err, func(problems problem.Problems) (templ.Component, error) {
		return h.loginPage(c, views.LoginForm{Input: in, Problems: problems, Kept: in.Sealed.Text != ""})
	})
}

func (h *Handlers) loginPage(c *gin.Context, form views.LoginForm) (templ.Component, error) {
	var err error
	if form.Providers, err = identityprovider.Buttons(reqctx.Of(c), h.DB); err != nil {
		return nil, err
	}
	if form.Enforced, err = identity.Enforced(reqctx.Of(c), h.DB); err != nil {
		return nil, err
	}
	page := h.page(c, "Sign in", "")
	page.User = nil
	reply.MarkProblems(&page, form.Problems)
	return reply.Within(ui.Bare(page), views.LoginBody(form)), nil
}

// Logout ends the session on the server, not only in this browser, and leads to the provider by which it began.
func (h *Handlers) Logout(c *gin.Context) error {
	there := ""
	if token := h.SessionToken(c); token != "" {
		var err error
		if there, err = h.SignIns.SignOut(reqctx.Of(c), token); err != nil {
			return err
		}
	}
	h.dropSession(c)
	c.Header("Clear-Site-Data", `"cache"`) // the Back button must not show what only the signed-in may see
	if there != "" {
		return h.leadAway(c, "You are signed out here", "Sign out at the provider too", there)
	}
	return seeOther(c, "/login", "You are signed out.")
}

// FirstRunPage asks for the first admin. It needs the one-time link.
func (h *Handlers) FirstRunPage(c *gin.Context) error {
	token := c.Query("token")
	if err := sample.CheckFirstRun(reqctx.Of(c), h.DB, token); err != nil {
		return err
	}
	in := sample.FirstRunInput{Sample: input.FormValue("true")}
	reply.HTML(c, h.Log, http.StatusOK, h.firstRunPage(c, views.FirstRunForm{Token: token, Input: in}))
	return nil
}

// FirstRun makes the first admin and signs them in.
func (h *Handlers) FirstRun(c *gin.Context) error {
	token := c.Request.URL.Query().Get("token")
	if err := sample.CheckFirstRun(reqctx.Of(c), h.DB, token); err != nil {
		return err
	}
	in, err := intake.Decode[sample.FirstRunInput](c)
	if err == nil {
		var session string
		if session, err = sample.CreateFirstAdmin(reqctx.Of(c), h.DB, &h.Passwords, token, in); err == nil {
			h.setSession(c, session)
			return seeOther(c, "/", "Welcome. You are signed in as the first admin.")
		}
	}
	return h.refuse(c, err, func(problems problem.Problems) (templ.Component, error) {
		return h.firstRunPage(c, views.FirstRunForm{Token: token, Input: in, Problems: problems}), nil
	})
}

func (h *Handlers) firstRunPage(c *gin.Context, form views.FirstRunForm) templ.Component {
	page := h.page(c, "Create the first admin", "")
	page.Intro = "No user can sign in to this console yet. This account may do everything; it can make more users later."
	page.User = nil
	reply.MarkProblems(&page, form.Problems)
	return reply.Within(ui.Bare(page), views.FirstRunBody(form))
}
