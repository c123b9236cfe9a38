// Package batch runs the items of several callers together, in one statement. While batches are under way, further
// callers wait for the next one. When no caller waits, it runs nothing. Each caller has a context of its own: one that
// stops waiting leaves its batch as it is. An error or a panic of a batch reaches each caller of that batch only.
package batch
