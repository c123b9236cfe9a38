// Package blast says whom an edit of a profile hits: what of it was used lately and would go, and whose limits would be
// used up at once. It changes nothing.
package blast
