// Package assignment is the copy of a profile that a user holds: given directly or by a role, with identifiers and
// counters of its own, its overrides and its end. A user has one copy of each profile. Roles that hand out profiles
// (attachments) are here, because attaching and detaching change copies. Rows are locked in the order profile, role,
// user, copy, budget line.
package assignment
