// Package permission is what an actor may do: a resource and an operation. It stands on the ground, since the audit
// log names actors too.
package permission
