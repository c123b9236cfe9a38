// Package assignment is a user's copy of a profile: assigned directly or by a role, with its own identifiers, counters,
// overrides and expiry. A user has one copy of each profile. What roles hand out is in attachment. Rows are locked in
// the order profile, role, user, copy, budget.
package assignment
