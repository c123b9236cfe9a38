// Package virtualkey is the credential of a user for gateways: issued with the first copy, rotated with a grace
// period, retired keys still lead to the user who pays.
package virtualkey
