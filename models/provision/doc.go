// Package provision has the users and groups that directories provision: what a directory said about each, their
// state, and the change of account that follows from it. Name, address and role of such a user are the directory's; the
// console may deactivate and activate them.
//
// Nothing that a directory sends deletes at once. A user who is deactivated or deleted there is deactivated here, with
// copies, counters and keys kept as they are; one who was deleted comes back as the same user within the retention of
// the connection, and is deleted after it; see package purge. The last admin and break-glass admins are out of reach.
//
// The groups of a directory give roles by rules: the first rule whose group a user is in counts, else the default role
// of the connection. Roles are settled in the transaction that changes a group, a rule or a user, for many at once.
//
// Rows are locked in the order connection, group, profile, role, user, copy.
package provision
