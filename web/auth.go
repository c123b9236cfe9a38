package web

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/gin-gonic/gin"

	"tollgate/handlers"
	"tollgate/models"
)

// authenticate makes the check in front of a route: who asks, then whether they may.
func authenticate(h *handlers.Handlers) func(models.Permission) gin.HandlerFunc {
	return func(permission models.Permission) gin.HandlerFunc {
		return func(c *gin.Context) {
			if permission == anyone && handlers.IsAPI(c) {
				return
			}
			err := identifyCaller(c, h, permission == askDecisions || permission == reportUsage)
			switch {
			case permission == anyone:
				// Who they are only matters to the frame of the page.
			case err != nil:
				refuseCaller(c, h, err)
			case permission == keyHolder && !handlers.ActorOf(c).ByKey:
				h.Fail(c, models.Refuse(models.Unauthenticated, "", "unauthenticated", "Send the virtual key itself as Bearer."))
			case permission == signedIn || permission == keyHolder:
			case handlers.ActorOf(c).ByKey || !handlers.ActorOf(c).May(permission):
				h.Fail(c, models.Refuse(models.Forbidden, "", "forbidden",
					"You need the permission "+string(permission)+" for this. Ask an admin of this console for it."))
			}
		}
	}
}

// refuseCaller sends people to the sign-in page and back; everyone else gets the refusal.
func refuseCaller(c *gin.Context, h *handlers.Handlers, err error) {
	var refusal *models.Refusal
	reading := c.Request.Method == http.MethodGet || c.Request.Method == http.MethodHead
	unknown := errors.As(err, &refusal) && refusal.Reason == models.Unauthenticated
	if !unknown || !reading || handlers.IsAPI(c) || c.GetHeader("HX-Request") == "true" {
		h.Fail(c, err)
		return
	}
	c.Redirect(http.StatusSeeOther, "/login?"+url.Values{"next": {c.Request.URL.RequestURI()}}.Encode())
	c.Abort()
}

// identifyCaller checks the credential sent and notes whose it is. On the API a bad Authorization header is refused even beside a good
// cookie; pages know only the cookie.
func identifyCaller(c *gin.Context, h *handlers.Handlers, gateway bool) error {
	if headers := c.Request.Header.Values("Authorization"); handlers.IsAPI(c) && len(headers) > 0 {
		return identifyHeader(c, h, headers, gateway)
	}
	token := h.SessionToken(c)
	if token == "" {
		return unauthenticated()
	}
	user, err := models.SessionUser(c.Request.Context(), h.DB, token)
	if err != nil {
		return err
	}
	handlers.SetActor(c, user.Actor())
	handlers.SetUser(c, user)
	return nil
}

func identifyHeader(c *gin.Context, h *handlers.Handlers, headers []string, gateway bool) error {
	scheme, credential, _ := strings.Cut(headers[0], " ")
	credential = strings.TrimSpace(credential)
	switch {
	case len(headers) > 1:
	case strings.EqualFold(scheme, "Bearer") && models.IsVirtualKey(credential):
		return identifyKeyHolder(c, h, credential)
	case strings.EqualFold(scheme, "Bearer"):
		ask := h.Decider.KeyActor
		if !gateway {
			ask = func(ctx context.Context, secret string) (models.Actor, error) {
				return models.KeyActor(ctx, h.DB, h.Keys, secret)
			}
		}
		actor, err := ask(c.Request.Context(), credential)
		if err == nil {
			handlers.SetActor(c, actor)
		}
		return err
	case strings.EqualFold(scheme, "Basic"):
		return identifyBasic(c, h, credential)
	}
	return unauthenticated()
}

// identifyKeyHolder takes a virtual key as the credential of its user.
func identifyKeyHolder(c *gin.Context, h *handlers.Handlers, value string) error {
	user, key, err := models.VirtualKeyUser(c.Request.Context(), h.DB, h.Keys, value)
	if err != nil {
		return err
	}
	actor := user.Actor()
	actor.ByKey = true
	handlers.SetActor(c, actor)
	handlers.SetVirtualKey(c, key)
	return nil
}

func identifyBasic(c *gin.Context, h *handlers.Handlers, credential string) error {
	pair, err := base64.StdEncoding.DecodeString(credential)
	email, password, complete := strings.Cut(string(pair), ":")
	if err != nil || !complete {
		return unauthenticated()
	}
	user, err := models.CheckPassword(c.Request.Context(), h.DB, &h.Passwords, c.ClientIP(), email, password)
	if err == nil {
		handlers.SetActor(c, user.Actor())
	}
	return err
}

func unauthenticated() error {
	return models.Refuse(models.Unauthenticated, "", "unauthenticated",
		"Sign in first: on the API with an API key as Bearer, or with email and password as Basic.")
}
