// Package replica reads from a standby of the database what may be a few seconds old. The standby is used only while it
// is known to have everything that the primary had less than ten seconds ago: places in the primary's log, read each
// second, are compared with the place up to which the standby has replayed it. That needs no clock of the standby, and
// holds also when the primary is idle or the standby has lost its connection. The number of the last change of access
// tells whether it has what a client has written.
package replica
