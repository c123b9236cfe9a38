// Package refusal is the log of decisions: who was refused what, by which limit, in sums by minute; never a row for a
// call.
//
// A Log collects cells in memory and adds them to the sums every two seconds, exactly once: each flush has a number
// that moves in the same statement. Memory and rows are bounded. Of the names that one user asks for, the first twenty
// of a minute are kept apart, and of cells 20,000 a flush; the rest is added up as "(others)". A console that is
// killed loses two seconds at most, and lists show the gap.
//
// No prompt, no address and no key is kept: what was asked for is one legible name, and what looks like a secret is
// masked. Deleting a user deletes their rows.
package refusal
