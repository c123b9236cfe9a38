package handlers

import (
	"net/http"

	"github.com/a-h/templ"
	"github.com/gin-gonic/gin"

	"tollgate/models/identity"
	"tollgate/models/input"
	"tollgate/models/problem"
	"tollgate/models/sample"
	"tollgate/views"
	"tollgate/views/ui"
)

// LoginPage shows the form to sign in.
func (h *Handlers) LoginPage(c *gin.Context) error {
	next := c.Query("next")
	if _, known := UserOf(c); known {
		return seeOther(c, localPath(next), "")
	}
	firstRun, err := sample.NeedsFirstRun(ctx(c), h.DB)
	if err != nil {
		return err
	}
	h.html(c, http.StatusOK, h.loginPage(c, views.LoginForm{
		Input: identity.LoginInput{Next: input.FormValue(localPath(next))}, FirstRun: firstRun,
	}))
	return nil
}

// Login signs in and redirects to the page that was asked for.
func (h *Handlers) Login(c *gin.Context) error {
	in, err := decode[identity.LoginInput](c)
	if err == nil {
		var user identity.User
		if user, err = identity.Login(ctx(c), h.DB, &h.Passwords, c.ClientIP(), in); err == nil {
			return h.signIn(c, user.ID, in.Next.Text)
		}
	}
	return h.refuse(c, err, func(problems problem.Problems) templ.Component {
		return h.loginPage(c, views.LoginForm{Input: in, Problems: problems})
	})
}

func (h *Handlers) loginPage(c *gin.Context, form views.LoginForm) templ.Component {
	page := h.page(c, "Sign in", "")
	page.User = nil
	markProblems(&page, form.Problems)
	return within(ui.Bare(page), views.LoginBody(form))
}

// markProblems tells the frame that its form has problems.
func markProblems(page *ui.Page, problems problem.Problems) {
	if len(problems) > 0 {
		page.Problems, page.ErrorCode, page.Param = true, problems[0].Code, problems[0].Field
	}
}

// Logout ends the session where it is kept, not only in this browser.
func (h *Handlers) Logout(c *gin.Context) error {
	if token := h.SessionToken(c); token != "" {
		if err := identity.EndSession(ctx(c), h.DB, token); err != nil {
			return err
		}
	}
	h.dropSession(c)
	c.Header("Clear-Site-Data", `"cache"`) // the Back button must not show what only the signed-in may see
	return seeOther(c, "/login", "You are signed out.")
}

// FirstRunPage asks for the first admin; it is there only for the one-time link.
func (h *Handlers) FirstRunPage(c *gin.Context) error {
	token := c.Query("token")
	if err := sample.CheckFirstRun(ctx(c), h.DB, token); err != nil {
		return err
	}
	in := sample.FirstRunInput{Sample: input.FormValue("true")}
	h.html(c, http.StatusOK, h.firstRunPage(c, views.FirstRunForm{Token: token, Input: in}))
	return nil
}

// FirstRun makes the first admin and signs them in.
func (h *Handlers) FirstRun(c *gin.Context) error {
	token := c.Request.URL.Query().Get("token")
	if err := sample.CheckFirstRun(ctx(c), h.DB, token); err != nil {
		return err
	}
	in, err := decode[sample.FirstRunInput](c)
	if err == nil {
		var session string
		if session, err = sample.CreateFirstAdmin(ctx(c), h.DB, &h.Passwords, token, in); err == nil {
			h.setSession(c, session)
			return seeOther(c, "/", "Welcome. You are signed in as the first admin.")
		}
	}
	return h.refuse(c, err, func(problems problem.Problems) templ.Component {
		return h.firstRunPage(c, views.FirstRunForm{Token: token, Input: in, Problems: problems})
	})
}

func (h *Handlers) firstRunPage(c *gin.Context, form views.FirstRunForm) templ.Component {
	page := h.page(c, "Create the first admin", "")
	page.Intro = "No user can sign in to this console yet. This account may do everything; it can make more users later."
	page.User = nil
	markProblems(&page, form.Problems)
	return within(ui.Bare(page), views.FirstRunBody(form))
}
