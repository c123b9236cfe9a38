// Package account changes users and their copies in one transaction: a new user gets the default profiles of the role,
// a change of role replaces them, and deleting a user deletes copies and keys. It builds on identity, which knows users
// only, and assignment, which knows copies. Rows are locked in the order user, copy, key.
package account
