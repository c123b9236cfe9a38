package reqctx

import (
	"context"

	"github.com/gin-gonic/gin"

	"tollgate/models/identity"
	"tollgate/models/permission"
	"tollgate/models/virtualkey"
)

const (
	actorKey     = "actor"
	userKey      = "viewer"
	keyKey       = "virtual key"
	requestIDKey = "request id"
)

// SetActor stores the actor of the request, and by which door it came; the caller has checked their credential.
func SetActor(c *gin.Context, actor permission.Actor) {
	door := permission.DoorConsole
	switch {
	case IsSCIM(c):
		door = permission.DoorSCIM
	case IsAPI(c):
		door = permission.DoorAPI
	}
	c.Set(actorKey, actor.At(door))
}

// Actor returns the actor of the request; without one, an actor without permissions.
func Actor(c *gin.Context) permission.Actor {
	actor, _ := c.Get(actorKey)
	known, _ := actor.(permission.Actor)
	return known
}

// SetUser stores the user whose session it is, for the pages' user menu.
func SetUser(c *gin.Context, user identity.User) { c.Set(userKey, user) }

// User returns the user whose session it is, if any.
func User(c *gin.Context) (identity.User, bool) {
	user, _ := c.Get(userKey)
	known, ok := user.(identity.User)
	return known, ok
}

// SetVirtualKey stores the key that authenticates the request.
func SetVirtualKey(c *gin.Context, key virtualkey.Key) { c.Set(keyKey, key) }

// VirtualKey returns the key of the request, on the routes that only a virtual key may use.
func VirtualKey(c *gin.Context) virtualkey.Key {
	key, _ := c.Get(keyKey)
	known, _ := key.(virtualkey.Key)
	return known
}

// SetRequestID stores the id under which the request is logged.
func SetRequestID(c *gin.Context, id string) { c.Set(requestIDKey, id) }

// RequestID returns the id under which the request is logged.
func RequestID(c *gin.Context) string { return c.GetString(requestIDKey) }

// Of is the context of a request, which ends when the client leaves or the time is over.
func Of(c *gin.Context) context.Context { return c.Request.Context() }
