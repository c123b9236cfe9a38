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
	"tollgate/models/session"
	"tollgate/models/signin"
	viewsignin "tollgate/views/signin"
	"tollgate/views/ui"
)

const methodsHref = "/settings/methods"

// ListMethods shows by what the user signs in.
func (h *Handlers) ListMethods(c *gin.Context) error {
	user, signedIn := reqctx.User(c)
	if !signedIn {
		return problem.Refuse(problem.Forbidden, "", "forbidden", "Sign in for this: "+
			"a key does not do what only its user may.")
	}
	methods, err := signin.Methods(reqctx.Of(c), h.DB, user.ID)
	if err != nil {
		return err
	}
	page := h.page(c, "Sign-in methods", meHref)
	page.Crumbs = []ui.Crumb{{Label: "My access", Href: meHref}}
	body := viewsignin.MethodsBody(viewsignin.Methods{User: user, Methods: methods})
	reply.HTML(c, h.Log, http.StatusOK, framed(page, body))
	return nil
}

// methodInput is what confirms a change of one's sign-in methods.
type methodInput struct {
	input.Row
	Password input.Value `json:"current_password"`
}

// ShowMethod asks before a method is connected or disconnected.
func (h *Handlers) ShowMethod(c *gin.Context) error {
	page, err := h.methodPage(c, nil)
	if err != nil {
		return err
	}
	reply.HTML(c, h.Log, http.StatusOK, page)
	return nil
}

func (h *Handlers) methodPage(c *gin.Context, problems problem.Problems) (templ.Component, error) {
	user, _ := reqctx.User(c)
	methods, err := signin.Methods(reqctx.Of(c), h.DB, user.ID)
	if err != nil {
		return nil, err
	}
	for _, m := range methods {
		if m.Slug == c.Param("slug") {
			asked, err := session.AsksPassword(reqctx.Of(c), h.DB, user)
			if err != nil {
				return nil, err
			}
			form := viewsignin.MethodForm{User: user, Method: m, AsksPassword: asked, Problems: problems}
			page := h.page(c, form.Title(), meHref)
			page.Crumbs = []ui.Crumb{{Label: "My access", Href: meHref}, {Label: "Sign-in methods", Href: methodsHref}}
			reply.MarkProblems(&page, problems)
			return framed(page, viewsignin.MethodBody(form)), nil
		}
	}
	return nil, problem.Missing("sign-in method")
}

// confirmed checks the password that a change of sign-in methods needs, where the user has one that is accepted.
func (h *Handlers) confirmed(c *gin.Context) (p identityprovider.Provider, user identity.User, err error) {
	user, _ = reqctx.User(c)
	in, err := intake.Decode[methodInput](c)
	if err == nil {
		err = session.KeepLinkOut(reqctx.Of(c), h.DB, user, h.SessionToken(c))
	}
	if err == nil {
		err = session.ConfirmPassword(reqctx.Of(c), h.DB, &h.Passwords, c.ClientIP(), user, in.Password)
	}
	if err == nil {
		p, err = identityprovider.OfSlug(reqctx.Of(c), h.DB, c.Param("slug"))
	}
	return p, user, err
}

// ConnectMethod leads the browser to a provider, to connect it. The page leads there by itself: a form must not.
func (h *Handlers) ConnectMethod(c *gin.Context) error {
	p, _, err := h.confirmed(c)
	if err != nil {
		return h.refuse(c, err, func(problems problem.Problems) (templ.Component, error) { return h.methodPage(c, problems) })
	}
	address, err := h.remember(c, p, signin.Remember(signin.ToConnect, p.Slug, methodsHref, h.SessionToken(c)))
	if err != nil {
		return err
	}
	return h.leadAway(c, "Connect "+p.Name, "Continue at "+p.Name, address)
}

// DisconnectMethod ends that the user signs in by a provider.
func (h *Handlers) DisconnectMethod(c *gin.Context) error {
	p, user, err := h.confirmed(c)
	if err == nil {
		err = signin.Disconnect(reqctx.Of(c), h.DB, p, user, h.SessionToken(c))
	}
	if err != nil {
		return h.refuse(c, err, func(problems problem.Problems) (templ.Component, error) { return h.methodPage(c, problems) })
	}
	return seeOther(c, methodsHref, p.Name+" was disconnected. Sessions that began there ended.")
}

// leadAway shows a page that leads to another site by itself.
func (h *Handlers) leadAway(c *gin.Context, title, label, address string) error {
	page := h.page(c, title, "")
	page.User, page.LeadsTo = nil, address
	reply.HTML(c, h.Log, http.StatusOK, reply.Within(ui.Bare(page), viewsignin.AwayBody(label, address)))
	return nil
}

// connected finishes that a user connects a provider.
func (h *Handlers) connected(c *gin.Context, p identityprovider.Provider, who signin.Who) error {
	user, signedIn := reqctx.User(c)
	if !signedIn {
		return signin.Mismatch()
	}
	if err := signin.Connect(reqctx.Of(c), h.DB, p, who, user, h.SessionToken(c)); err != nil {
		return err
	}
	return seeOther(c, methodsHref, p.Name+" is connected. You can sign in with it from now on.")
}

// EndSignInThere ends the sessions that a provider says are over.
func (h *Handlers) EndSignInThere(c *gin.Context) error {
	c.Header("Cache-Control", "no-store")
	in, err := intake.Decode[struct {
		input.Row
		LogoutToken input.Value `json:"logout_token"`
	}](c)
	var p identityprovider.Provider
	if err == nil {
		p, err = identityprovider.OfSlug(reqctx.Of(c), h.DB, c.Param("slug"))
	}
	if err == nil {
		err = h.SignIns.EndThere(reqctx.Of(c), p, in.LogoutToken.Text)
	}
	switch {
	case err == nil:
		c.Status(http.StatusOK)
	case signin.IsAway(err):
		reply.JSON(c, http.StatusServiceUnavailable, gin.H{"error": "temporarily_unavailable"})
	default:
		h.Log.InfoContext(reqctx.Of(c), "a logout token was refused", "provider", c.Param("slug"), "error", err.Error(),
			"request_id", reqctx.RequestID(c))
		reply.JSON(c, http.StatusBadRequest, gin.H{"error": "invalid_request"})
	}
	return nil
}

// ListIdentities answers by which providers a user signs in.
func (h *Handlers) ListIdentities(c *gin.Context) error {
	if err := intake.ReadQuery(c).Err(); err != nil {
		return err
	}
	identities, err := signin.Identities(reqctx.Of(c), h.DB, c.Param("id"))
	if err != nil {
		return err
	}
	reply.JSON(c, http.StatusOK, gin.H{"identities": identities})
	return nil
}

// DeleteIdentities disconnects a user from every provider.
func (h *Handlers) DeleteIdentities(c *gin.Context) error {
	if err := intake.NoFields(c); err != nil {
		return err
	}
	if err := signin.DisconnectAll(reqctx.Of(c), h.DB, reqctx.Actor(c), c.Param("id")); err != nil {
		return err
	}
	const said = "The user was disconnected from every identity provider."
	if reqctx.IsAPI(c) {
		reply.JSON(c, http.StatusOK, gin.H{"message": said})
		return nil
	}
	return seeOther(c, usersHref+"/"+c.Param("id"), said)
}
