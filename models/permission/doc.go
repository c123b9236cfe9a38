// Package permission is what an actor may do: a resource and an operation. It imports nothing, since the audit log
// names actors too.
package permission
