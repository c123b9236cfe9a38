// Package account changes users and their copies in one transaction: a new user gets the default profiles of their
// role, a change of role replaces them, and deleting a user deletes their copies and keys. identity knows users and no
// copies, assignment and attachment know copies. Rows are locked in the order role, user, copy, key.
package account
