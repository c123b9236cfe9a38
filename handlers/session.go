package handlers

import (
	"net/http"
	"regexp"
	"strings"

	"github.com/gin-gonic/gin"

	"tollgate/handlers/intake"
	"tollgate/handlers/reqctx"
	"tollgate/models/identity"
	"tollgate/models/session"
)

// sessionCookie is the cookie's name. Over https its prefix keeps other hosts from setting it.
func (h *Handlers) sessionCookie() string {
	if h.Secure {
		return "__Host-session"
	}
	return "session"
}

// SessionToken returns the token that the browser sent, or "".
func (h *Handlers) SessionToken(c *gin.Context) string {
	cookie, err := c.Request.Cookie(h.sessionCookie())
	if err != nil {
		return ""
	}
	return cookie.Value
}

func (h *Handlers) setSession(c *gin.Context, token string) {
	h.writeSession(c, token, 0)
}

func (h *Handlers) dropSession(c *gin.Context) {
	h.writeSession(c, "", -1)
}

func (h *Handlers) writeSession(c *gin.Context, token string, maxAge int) {
	http.SetCookie(c.Writer, &http.Cookie{
		Name: h.sessionCookie(), Value: token, Path: "/", MaxAge: maxAge, HttpOnly: true, Secure: h.Secure,
		SameSite: http.SameSiteLaxMode,
	})
}

// startSession starts a session in place of the one the browser had.
func (h *Handlers) startSession(c *gin.Context, userID string) error {
	token, err := session.Start(reqctx.Of(c), h.DB, userID, h.SessionToken(c))
	if err != nil {
		return err
	}
	h.setSession(c, token)
	return nil
}

// KeepSession answers that the session goes on: as any request, this one extended it.
func (h *Handlers) KeepSession(c *gin.Context) error {
	if err := intake.NoFields(c); err != nil {
		return err
	}
	c.Status(http.StatusNoContent)
	return nil
}

// signIn starts a session, and leads to next.
func (h *Handlers) signIn(c *gin.Context, user identity.User, next string) error {
	if err := h.startSession(c, user.ID); err != nil {
		return err
	}
	return seeOther(c, landing(user, next), "")
}

// landing is the page after signing in: next, or the first screen that the user may see.
func landing(user identity.User, next string) string {
	path := localPath(next)
	if user.Actor().None() && path != meHref && !strings.HasPrefix(path, meHref+"/") && !strings.HasPrefix(path, meHref+"?") {
		return meHref
	}
	return path
}

// ownPath is a path of this console: visible ASCII without backslashes, which browsers read as slashes.
var ownPath = regexp.MustCompile(`^/[!-\[\]-~]*$`)

// localPath returns next if it leads to a page of this console, else the first screen.
func localPath(next string) string {
	if !ownPath.MatchString(next) || strings.Contains(next, "//") {
		return "/"
	}
	return next
}
