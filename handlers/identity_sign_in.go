package handlers

import (
	"cmp"
	"net/http"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"

	"tollgate/handlers/intake"
	"tollgate/handlers/reply"
	"tollgate/handlers/reqctx"
	"tollgate/models/identityprovider"
	"tollgate/models/permission"
	"tollgate/models/problem"
	"tollgate/models/signin"
	viewsignin "tollgate/views/signin"
)

// signInsAtOnce is how many tabs of a browser may be signing in.
const signInsAtOnce = 4

// signInCookie begins the names of the cookies that remember sign-ins. Over https other hosts cannot set them.
func (h *Handlers) signInCookie() string {
	if h.Secure {
		return "__Host-signin-"
	}
	return "signin-"
}

// BeginSignIn leads the browser to an identity provider.
func (h *Handlers) BeginSignIn(c *gin.Context) error {
	p, err := identityprovider.OfSlug(reqctx.Of(c), h.DB, c.Param("slug"))
	if err != nil {
		return err
	}
	return h.leadTo(c, p, signin.Remember(signin.ToSignIn, p.Slug, localPath(c.Query("next")), ""))
}

// TrySignIn leads the browser to an identity provider to see what a sign-in would lead to.
func (h *Handlers) TrySignIn(c *gin.Context) error {
	p, err := h.identityProvider(c)
	if err != nil {
		return err
	}
	return h.leadTo(c, p, signin.Remember(signin.ToTry, p.Slug, "", h.SessionToken(c)))
}

// TryIdentity answers what a sign-in of a user with the claims sent would lead to, and changes nothing.
func (h *Handlers) TryIdentity(c *gin.Context) error {
	in, err := intake.Decode[signin.TryInput](c)
	if err != nil {
		return err
	}
	p, err := h.identityProvider(c)
	if err != nil {
		return err
	}
	who, err := in.Who(p)
	if err != nil {
		return err
	}
	tried, err := h.SignIns.Try(reqctx.Of(c), p, who)
	if err != nil {
		return err
	}
	answer := gin.H{
		"accepted": tried.Code == "", "code": tried.Code, "message": tried.Refused, "email_trusted": tried.Trusted, "user_id": nil,
		"role_id": tried.RoleID, "rule": nil,
	}
	if tried.User != nil {
		answer["user_id"] = tried.User.ID
	}
	if tried.Rule != nil {
		answer["rule"] = tried.Rule.Value
	}
	reply.JSON(c, http.StatusOK, gin.H{"try": answer})
	return nil
}

func (h *Handlers) leadTo(c *gin.Context, p identityprovider.Provider, r signin.Remembered) error {
	address, err := h.remember(c, p, r)
	if err == nil {
		c.Redirect(http.StatusSeeOther, address)
	}
	return err
}

// remember lets the browser remember a sign-in, and returns the address to lead it to.
func (h *Handlers) remember(c *gin.Context, p identityprovider.Provider, r signin.Remembered) (string, error) {
	c.Header("Cache-Control", "no-store")
	address, err := h.SignIns.Lead(reqctx.Of(c), p, r, reqctx.RequestID(c))
	if err != nil {
		return "", err
	}
	sealed, err := r.Seal(h.Keys)
	if err != nil {
		return "", err
	}
	h.dropSignIns(c)
	h.rememberSignIn(c, r.State, sealed, int(signin.Lasts.Seconds()))
	return address, nil
}

func (h *Handlers) rememberSignIn(c *gin.Context, state, value string, maxAge int) {
	http.SetCookie(c.Writer, &http.Cookie{
		Name: h.signInCookie() + signin.Key(state), Value: value, Path: "/", MaxAge: maxAge, HttpOnly: true, Secure: h.Secure,
		SameSite: http.SameSiteLaxMode,
	})
}

// dropSignIns forgets sign-ins that are over, and the oldest ones when there are many.
func (h *Handlers) dropSignIns(c *gin.Context) {
	var kept []signin.Remembered
	for _, cookie := range c.Request.Cookies() {
		key, found := strings.CutPrefix(cookie.Name, h.signInCookie())
		if !found {
			continue
		}
		if r, ok := signin.Recall(h.Keys, cookie.Value); ok {
			kept = append(kept, r)
		} else {
			h.rememberSignIn(c, key, "", -1)
		}
	}
	slices.SortFunc(kept, func(a, b signin.Remembered) int { return cmp.Compare(b.Until, a.Until) })
	for i, r := range kept {
		if i >= signInsAtOnce-1 {
			h.rememberSignIn(c, r.State, "", -1)
		}
	}
}

// FinishSignIn takes a browser back from an identity provider.
func (h *Handlers) FinishSignIn(c *gin.Context) error {
	c.Header("Cache-Control", "no-store")
	c.Header("Referrer-Policy", "no-referrer")
	back, err := h.broughtBack(c)
	if err != nil {
		return err
	}
	p, err := identityprovider.OfSlug(reqctx.Of(c), h.DB, c.Param("slug"))
	if err != nil {
		return err
	}
	h.rememberSignIn(c, back.State, "", -1)
	who, err := h.SignIns.Confirm(reqctx.Of(c), p, back)
	if err != nil {
		return err
	}
	switch back.Purpose {
	case signin.ToTry:
		return h.showTried(c, p, who)
	case signin.ToConnect:
		return h.connected(c, p, who)
	}
	user, token, err := h.SignIns.SignIn(reqctx.Of(c), p, who, h.SessionToken(c), back.Event)
	if err != nil {
		return err
	}
	h.setSession(c, token)
	return seeOther(c, landing(user, back.Next), "")
}

// broughtBack is what this browser remembers of the sign-in that a provider answers. Without it the answer belongs to
// another browser, so nothing is done. Refusal: Forbidden.
func (h *Handlers) broughtBack(c *gin.Context) (signin.Return, error) {
	query := c.Request.URL.Query()
	back := signin.Return{Query: query, Network: c.ClientIP(), Event: reqctx.RequestID(c)}
	mismatch := signin.Mismatch()
	if len(query["state"]) != 1 || len(query["code"]) > 1 || query.Get("state") == "" {
		return back, mismatch
	}
	cookie, err := c.Request.Cookie(h.signInCookie() + signin.Key(query.Get("state")))
	if err != nil {
		return back, mismatch
	}
	var ok bool
	back.Remembered, ok = signin.Recall(h.Keys, cookie.Value)
	if !ok || !back.IsFor(query.Get("state"), c.Param("slug"), h.SessionToken(c)) {
		return back, mismatch
	}
	return back, nil
}

// showTried shows what a sign-in would lead to.
func (h *Handlers) showTried(c *gin.Context, p identityprovider.Provider, who signin.Who) error {
	if err := intake.NoFields(c); err != nil {
		return err
	}
	if !reqctx.Actor(c).May(permission.ViewSettings) {
		return problem.Lacks(string(permission.ViewSettings))
	}
	tried, err := h.SignIns.Try(reqctx.Of(c), p, who)
	if err != nil {
		return err
	}
	page := h.providerFrame(c, p, "What a sign-in would lead to")
	reply.HTML(c, h.Log, http.StatusOK, framed(page, viewsignin.TriedBody(tried)))
	return nil
}
