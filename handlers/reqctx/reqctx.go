package reqctx

import (
	"context"

	"github.com/gin-gonic/gin"

	"tollgate/models/identity"
	"tollgate/models/permission"
	"tollgate/models/virtualkey"
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
	of(c).actor = actor.At(door)
}

// Actor returns the actor of the request; without one, an actor without permissions.
func Actor(c *gin.Context) permission.Actor { return of(c).actor }

// SetUser stores the user whose session it is, for the pages' user menu.
func SetUser(c *gin.Context, user identity.User) { of(c).user = &user }

// User returns the user whose session it is, if any.
func User(c *gin.Context) (user identity.User, ok bool) {
	if known := of(c).user; known != nil {
		return *known, true
	}
	return user, false
}

// SetVirtualKey stores the key that authenticates the request.
func SetVirtualKey(c *gin.Context, key virtualkey.Key) { of(c).virtualKey = &key }

// VirtualKey returns the key of the request, on the routes that only a virtual key may use.
func VirtualKey(c *gin.Context) (key virtualkey.Key) {
	if known := of(c).virtualKey; known != nil {
		return *known
	}
	return key
}

// SetBody stores the body of the request.
func SetBody(c *gin.Context, body []byte) { of(c).body = body }

// Body is the body of the request, nil before it was read.
func Body(c *gin.Context) []byte { return of(c).body }

// RequestID returns the id under which the request is logged.
func RequestID(c *gin.Context) string { return of(c).id }

// Of is the context of a request, which ends when the client leaves or the time is over.
func Of(c *gin.Context) context.Context { return c.Request.Context() }
