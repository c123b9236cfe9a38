// Package permission has the actor of a request and their permissions, each a resource and an operation. It imports
// nothing, so that every room that checks or records an actor can use it.
package permission
