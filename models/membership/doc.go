// Package membership has who is in the groups of a directory while users leave it and come back. The groups of a user
// who left are kept beside their members; what the directory says of a group meanwhile counts for them too.
//
// Every change of members locks the group first: connection, group, profile, role, user, copy.
package membership
