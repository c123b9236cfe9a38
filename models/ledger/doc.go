// Package ledger holds counters and sums of days against the events that were counted on them. Events of long ago are
// sealed into a sum beside each counter, so that a check reads only those since. One console at a time does it, under a
// lease, and deletes what was kept for long enough.
package ledger
