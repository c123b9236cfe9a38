// Package account changes users together with what they hold: a new user gets the copies that the role hands out, a
// change of role swaps them, and a user who is deleted takes copies and keys along. It stands above identity, which
// knows users alone, and assignment, which knows copies. Rows are locked in the order user, copy, key.
package account
