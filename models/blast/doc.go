// Package blast says whom an edit of a profile hits: which models and tools in recent use it removes, and whose limits
// would be used up at once. It changes nothing.
package blast
