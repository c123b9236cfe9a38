// Package batch runs what several callers wait for at the same time in one statement. While batches are under way,
// further callers wait for the next; nothing runs, and no timer, while none waits. Each caller has a context of its
// own:
// one that stops waiting leaves its batch as it is. An error or a panic of a batch reaches each of its callers, and no
// others.
package batch
