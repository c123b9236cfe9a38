// Package virtualkey is the credential of a user for gateways: issued on request, or with a direct assignment to a user
// who has none; never where its value could not be shown, such as a role change. A value of another gateway can be
// adopted. A key is rotated with a grace period, and usage of retired keys is still charged to their user.
package virtualkey
