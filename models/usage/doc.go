// Package usage counts what gateways report, exactly once for each event id. A batch is stored in one transaction,
// which ends with what its events add: counters, the sums of days and the latest use (room tally). An exact event
// replaces its estimate once, and a refund is a row of its own. Events of unknown keys are kept for the quarantine.
// Every counter is the sum of its events and their refunds, and so is every day: room ledger checks that. What was
// acknowledged in the last minute is stored again when the database has lost it.
package usage
