// Package quarantine settles reported usage of an unknown key or user: an admin assigns it to a user, who is charged as
// if it had been reported for them, or dismisses it. An event is settled once. usage stores what comes in here, because
// it is the one that cannot tell who pays; this room reads it and finds candidates.
package quarantine
