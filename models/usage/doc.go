// Package usage counts what gateways report, exactly once for each event id. A batch is stored by one statement:
// events, counters in key order, and the sums of days. An exact event replaces its estimate once, and a refund is a row
// of its own. Events of unknown keys are kept for the quarantine. The ledger is authoritative: every counter is the sum
// of its events and their refunds, and so is every day. The reconciler, on one console at a time, seals the sums of what
// was received some time ago and checks counters and days by them and by what came since. Totals keeps the sums of days
// that reports read. What was acknowledged in the last minute is stored again when the database has lost it.
package usage
