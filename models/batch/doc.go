// Package batch reads what several callers ask for at the same time in one statement. While one read is under way,
// others gather for the next; a read that fails fails for those it was made for, and for no others.
package batch
