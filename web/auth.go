package web

import (
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"tollgate/handlers"
	"tollgate/handlers/gateway"
	"tollgate/handlers/reqctx"
	"tollgate/models/apikey"
	"tollgate/models/permission"
	"tollgate/models/problem"
	"tollgate/models/session"
	"tollgate/models/virtualkey"
)

// authenticate makes the check in front of a route: first who the actor is, then whether they have the permission.
func authenticate(h *handlers.Handlers) func(permission.Permission) gin.HandlerFunc {
	keys := apiKeys{h: h, actors: h.Cache.ActorsOf(h.DB), scrapers: &scrapers{}}
	users := session.NewUsers(h.DB)
	return func(needed permission.Permission) gin.HandlerFunc {
		actorOf := keys.of(needed)
		return func(c *gin.Context) {
			if needed == anyone && reqctx.IsAPI(c) {
				return
			}
			identify := func() error { return identifyCaller(c, h, actorOf, users) }
			if needed == keyHolder {
				identify = func() error { return identifyHolder(c, h) }
			}
			err := soon(c, identify)
			switch {
			case needed == anyone:
				// The user only matters to the frame of the page.
			case err != nil:
				refuseCaller(c, h, err)
			case needed == signedIn || needed == keyHolder:
			case needed == themselves && isUser(reqctx.Actor(c)):
			case !permitted(reqctx.Actor(c), needed):
				h.Fail(c, notPermitted(reqctx.Actor(c), needed))
			}
		}
	}
}

// isUser reports an actor who signed in, which no API key and no virtual key does.
func isUser(actor permission.Actor) bool {
	return actor.UserID != "" && actor.APIKeyName == "" && !actor.ByKey
}

// permitted reports whether an actor may use a route. With a virtual key they may only see what is theirs.
func permitted(actor permission.Actor, needed permission.Permission) bool {
	return !actor.ByKey && (needed == inConsole && !actor.None() || actor.May(needed))
}

func notPermitted(actor permission.Actor, needed permission.Permission) error {
	switch {
	case needed == themselves:
		return problem.Refuse(problem.Forbidden, "", "forbidden",
			"Sign in with email and password for this: an API key or a virtual key does not do what only its user may.")
	case actor.None() && isUser(actor):
		return problem.Refuse(problem.Forbidden, "", "forbidden",
			"You see only your own access here: what you may call, what is left and your keys. "+
				"Your role permits nothing else of this console, or you signed in by a link.")
	}
	return problem.Lacks(string(needed))
}

// refuseCaller sends a browser that reads a page to the sign-in page and back; every other request gets the refusal.
func refuseCaller(c *gin.Context, h *handlers.Handlers, err error) {
	var refusal *problem.Refusal
	unknown := errors.As(err, &refusal) && refusal.Reason == problem.Unauthenticated
	switch method := c.Request.Method; {
	case !unknown || reqctx.IsAPI(c) || reqctx.IsHTMX(c):
		h.Fail(c, err)
		return
	case method == http.MethodPost:
		h.SignInAgain(c, err)
		return
	case method != http.MethodGet && method != http.MethodHead:
		h.Fail(c, err)
		return
	}
	c.Redirect(http.StatusSeeOther, "/login?"+url.Values{"next": {c.Request.URL.RequestURI()}}.Encode())
	c.Abort()
}

// identifyCaller checks the credential of a request and sets its actor. On the API a bad Authorization header is
// refused even beside a good cookie; pages accept only the cookie.
func identifyCaller(c *gin.Context, h *handlers.Handlers, actorOf keyActor, users *session.Users) error {
	if headers := c.Request.Header.Values("Authorization"); reqctx.IsAPI(c) && len(headers) > 0 {
		return identifyHeader(c, h, headers, actorOf)
	}
	token := h.SessionToken(c)
	if token == "" {
		return unauthenticated()
	}
	user, err := users.Of(c.Request.Context(), token)
	if err != nil {
		return err
	}
	reqctx.SetActor(c, user.Actor())
	reqctx.SetUser(c, user)
	return nil
}

// identifyHolder accepts a virtual key from any header in which clients of gateways send one, and no other credential.
func identifyHolder(c *gin.Context, h *handlers.Handlers) error {
	key, err := gateway.ClientKey(c.Request.Header)
	switch {
	case err != nil:
		return err
	case key == "":
		return problem.Refuse(problem.Unauthenticated, "", "unauthenticated",
			"Send the virtual key itself, in x-bf-vk or as Bearer.")
	}
	return identifyKeyHolder(c, h, key)
}

// keyActor finds the actor of an API key that came with a request.
type keyActor func(c *gin.Context, secret string) (permission.Actor, error)

// spoolTTL is how long a key that was used goes on reporting usage to the spool while the database is away, which may
// last: what it spent is spent.
const spoolTTL = 24 * time.Hour

// apiKeys chooses where the actor of an API key is looked up.
type apiKeys struct {
	h        *handlers.Handlers
	actors   *apikey.Actors // in the database
	scrapers *scrapers
}

// of looks in the cache of entitlements for the routes that gateways call constantly, in the cache of scrapers for the
// metrics, and in the database for the rest.
func (k apiKeys) of(needed permission.Permission) keyActor {
	if needed == askDecisions || needed == reportUsage {
		return func(c *gin.Context, secret string) (permission.Actor, error) {
			if needed == reportUsage && k.h.Recorder.Spool != nil {
				return k.h.Cache.KeyActorAway(c.Request.Context(), secret, spoolTTL)
			}
			return k.h.Cache.KeyActor(c.Request.Context(), secret)
		}
	}
	return func(c *gin.Context, secret string) (permission.Actor, error) {
		if c.FullPath() == metricsPath {
			return k.scrapers.actor(c.Request.Context(), k.actors, secret)
		}
		found, err := k.actors.Of(c.Request.Context(), secret)
		return found.Actor, err
	}
}

func identifyHeader(c *gin.Context, h *handlers.Handlers, headers []string, actorOf keyActor) error {
	scheme, credential, _ := strings.Cut(headers[0], " ")
	credential = strings.TrimSpace(credential)
	switch {
	case len(headers) > 1:
	case strings.EqualFold(scheme, "Bearer") && virtualkey.IsKey(credential) && !reqctx.IsOTLP(c):
		return identifyKeyHolder(c, h, credential)
	case strings.EqualFold(scheme, "Bearer"):
		actor, err := actorOf(c, credential)
		if err == nil {
			reqctx.SetActor(c, actor)
		}
		return err
	case strings.EqualFold(scheme, "Basic"):
		return identifyBasic(c, h, credential)
	}
	return unauthenticated()
}

// identifyKeyHolder accepts a virtual key as the credential of its user.
func identifyKeyHolder(c *gin.Context, h *handlers.Handlers, value string) error {
	user, key, err := virtualkey.User(c.Request.Context(), h.DB, h.Keys, value)
	if err != nil {
		return err
	}
	actor := user.Actor()
	actor.ByKey = true
	reqctx.SetActor(c, actor)
	reqctx.SetVirtualKey(c, key)
	return nil
}

func identifyBasic(c *gin.Context, h *handlers.Handlers, credential string) error {
	pair, err := base64.StdEncoding.DecodeString(credential)
	email, password, complete := strings.Cut(string(pair), ":")
	if err != nil || !complete {
		return unauthenticated()
	}
	user, err := session.CheckPassword(c.Request.Context(), h.DB, &h.Passwords, c.ClientIP(), email, password)
	if err == nil {
		reqctx.SetActor(c, user.Actor())
	}
	return err
}

func unauthenticated() error {
	return problem.Refuse(problem.Unauthenticated, "", "unauthenticated",
		"Sign in first: on the API with an API key as Bearer, or with email and password as Basic.")
}
