// Package usage counts what gateways report, exactly once for each event id. A batch is stored by one statement:
// events, counters in key order, and the sums of days. An exact event replaces its estimate once, and a refund is a row
// of its own. Events of unknown keys are kept for the quarantine. Every counter is the sum of its events and their
// refunds, and so is every day: room ledger checks that. What was acknowledged in the last minute is stored again when
// the database has lost it.
package usage
