// Package batch reads what several callers need at the same time in one statement. While one read is under way, further
// callers wait for the next; a failed read fails only for its own callers.
package batch
