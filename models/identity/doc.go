// Package identity knows who acts: users, roles with their permissions, and how sign-in by identity providers is
// enforced. Authorization is checked where rows are written and in the same transaction: an actor cannot change a user
// who may do more, grant a permission that the actor lacks, or remove the last admin.
package identity
