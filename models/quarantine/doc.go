// Package quarantine settles reported usage of an unknown key or user: an admin assigns it to a user, who is charged as
// if it had been reported for them, or dismisses it. An event is settled once. usage stores quarantined events, because
// it finds out that their payer is unknown; this room lists them, finds candidates and settles them.
package quarantine
