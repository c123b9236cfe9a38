// Package connection keeps the connections of directories that provision users by SCIM, and their tokens. A connection
// says which role its users get, and for how long users are kept who were deleted there. A token is shown once, stored
// as a hash, and works for the users and groups of its own connection alone; two may be valid, so that one can replace
// the other.
package connection
