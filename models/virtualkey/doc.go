// Package virtualkey is the credential of a user for gateways: issued with the first copy, and rotated with a grace
// period. Usage of retired keys is still charged to their user.
package virtualkey
