// Package usage counts what gateways report, exactly once for each event id. A batch is stored by one statement:
// events, counters in key order, and the sums of days. An exact event replaces its estimate once, and a refund is a row
// of its own. Events of unknown keys are kept for the quarantine. The ledger is authoritative: every counter is the sum
// of its events and their refunds, and the reconciler checks that it is. Totals keeps the sums of days that reports
// read.
package usage
