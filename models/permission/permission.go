package permission

import (
	"slices"
	"strings"
	"time"
)

// Permission is one operation on one kind of resource, written Resource:Operation.
type Permission string

// Actor is who makes a request: a user, or a key that acts for one or for the command line.
type Actor struct {
	UserID      string // "" for a key made on the command line
	Name        string // what audit rows and versions show
	Permissions []Permission
	ByKey       bool // their virtual key makes the request, and only for what concerns the user

	Door                     string     // of the request, one of those below
	APIKeyName, APIKeyPrefix string     // of the API key that makes the request, if any
	Ends                     *time.Time // when that key expires, nil for never
	// KeyMaker is the id of the user who made that key, also of a service key; "" for one made on the command line.
	KeyMaker string
}

// The doors by which changes are made.
const (
	DoorConsole = "console"
	DoorAPI     = "api"
	DoorCLI     = "cli"
	DoorSCIM    = "scim"
)

// CLI is the actor of the command line.
var CLI = Actor{Name: "cli", Permissions: AllPermissions(), Door: DoorCLI}

// Own is what users may do with what is theirs, with any role. API keys and virtual keys may not.
const Own Permission = "own"

// None reports whether the actor may see nothing in the console but their own access.
func (a Actor) None() bool { return len(a.Permissions) == 0 }

// ActsFor reports whether the actor is a user, or a key of theirs. A service key has powers of its own, and still is in
// the hands of the user who made it.
func (a Actor) ActsFor(user string) bool { return user == a.UserID || user == a.KeyMaker }

// At is the actor of a request through a door.
func (a Actor) At(door string) Actor {
	a.Door = door
	return a
}

// May reports whether the actor has one of the permissions. Each may itself name several, with "or" between them.
func (a Actor) May(oneOf ...Permission) bool {
	for _, several := range oneOf {
		for one := range strings.SplitSeq(string(several), " or ") {
			if slices.Contains(a.Permissions, Permission(one)) {
				return true
			}
		}
	}
	return false
}

// powers are the resources that decide who may do what.
var powers = []string{"Users", "Roles", "APIKeys", "Settings"}

// Administrative reports whether permissions include a change of users, roles, API keys or settings.
func Administrative(permissions []Permission) bool {
	return slices.ContainsFunc(permissions, func(p Permission) bool {
		resource, operation, _ := strings.Cut(string(p), ":")
		return operation != "View" && slices.Contains(powers, resource)
	})
}
