// Package identity knows who acts: users, roles with their permissions, sessions, passwords, API keys, and the
// throttle of sign-ins. Authorization is checked where rows are written and in their transaction: an actor changes
// nobody who may do more than the actor, gives away no permission that the actor lacks, and never removes the last
// admin.
package identity
