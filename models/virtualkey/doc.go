// Package virtualkey is the credential of a user for gateways: issued when it is asked for, or with a direct assignment
// to a user who has none, and only where its value is shown; rotated with a grace period. Usage of retired keys is
// still charged to their user.
package virtualkey
