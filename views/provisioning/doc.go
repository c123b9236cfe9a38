// Package provisioning has the pages of directories that provision users: connections, their tokens, and what their
// groups and calls were.
package provisioning
