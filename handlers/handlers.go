// Package handlers answers the console's pages and the JSON API: each action is one function for both doors.
package handlers

import (
	"context"
	"encoding/json"
	"log/slog"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/uptrace/bun"

	"tollgate/models/decision"
	"tollgate/models/entitlement"
	"tollgate/models/identity"
	"tollgate/models/permission"
	"tollgate/models/propagation"
	"tollgate/models/secret"
	"tollgate/models/usage"
	"tollgate/models/virtualkey"
)

// Handlers holds what the actions need; the program makes one.
type Handlers struct {
	DB      *bun.DB
	Log     *slog.Logger
	BaseURL string // for links that leave the console, such as the curl lines
	Secure  bool   // the console is reached by https
	Keys    secret.Keys
	// Passwords does all hashing, so that its limits hold for the whole program.
	Passwords identity.Passwords
	// MCPPrivate lets discovery reach loopback and private addresses.
	MCPPrivate bool
	// Propagator propagates profiles to many copies in the background.
	Propagator *propagation.Worker
	// Cache holds what decisions need to know, Engine decides for gateways, and Recorder counts what they report.
	Cache    *entitlement.Cache
	Engine   *decision.Engine
	Recorder *usage.Recorder
	// Metrics are those of this process.
	Metrics prometheus.Gatherer
	// About is what Settings shows about this installation.
	About About

	reports          reportTurns
	profileDocuments profileCache[json.RawMessage]
	profileRows      profileCache[listedProfile]
}

// About describes the running program.
type About struct{ Version, Database, Warning string }

// Func is an action: it answers, or returns why not.
type Func func(c *gin.Context) error

// Handle makes a gin handler of an action; what it returns is answered and logged in one place.
func (h *Handlers) Handle(action Func) gin.HandlerFunc {
	return func(c *gin.Context) {
		if err := action(c); err != nil {
			h.Fail(c, err)
		}
	}
}

const (
	actorKey     = "actor"
	viewerKey    = "viewer"
	holderKey    = "virtual key"
	requestIDKey = "request id"
)

// SetActor stores the actor of the request, and by which door it came; the caller has checked their credential.
func SetActor(c *gin.Context, actor permission.Actor) {
	door := permission.DoorConsole
	if IsAPI(c) {
		door = permission.DoorAPI
	}
	c.Set(actorKey, actor.At(door))
}

// ActorOf returns the actor of the request; without one, an actor without permissions.
func ActorOf(c *gin.Context) permission.Actor {
	actor, _ := c.Get(actorKey)
	known, _ := actor.(permission.Actor)
	return known
}

// SetUser stores the user whose session it is, for the pages' user menu.
func SetUser(c *gin.Context, user identity.User) { c.Set(viewerKey, user) }

// UserOf returns the user whose session it is, if any.
func UserOf(c *gin.Context) (identity.User, bool) {
	user, _ := c.Get(viewerKey)
	known, ok := user.(identity.User)
	return known, ok
}

// SetVirtualKey stores the key that authenticates the request.
func SetVirtualKey(c *gin.Context, key virtualkey.Key) { c.Set(holderKey, key) }

// virtualKeyOf returns the key of the request, on the routes that only a virtual key may use.
func virtualKeyOf(c *gin.Context) virtualkey.Key {
	key, _ := c.Get(holderKey)
	known, _ := key.(virtualkey.Key)
	return known
}

// SetRequestID stores the id under which the request is logged.
func SetRequestID(c *gin.Context, id string) { c.Set(requestIDKey, id) }

// RequestID returns the id under which the request is logged.
func RequestID(c *gin.Context) string { return c.GetString(requestIDKey) }

func ctx(c *gin.Context) context.Context { return c.Request.Context() }

// longest is how long one request may take that changes the copies of thousands.
const longest = 60 * time.Second

// long is for such a request: its work is not cancelled when the client disconnects.
func long(c *gin.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx(c)), longest)
}
