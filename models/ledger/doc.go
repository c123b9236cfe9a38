// Package ledger holds counters and sums of days against the events that were counted on them. Events of long ago are
// sealed into a sum beside each counter, so that a check reads only those since. One console at a time does it, under a
// lease, and deletes what was kept for long enough.
//
// A sealed sum has no constraint that keeps it between 0 and the counter: where a counter is wrong, sealing would stop
// instead of naming it. A week that is over is compared by its days and the counters of windows that ended in it; all
// counters are compared only by ledger verify --full. Sums of days are few enough to be deleted in parts, and have no
// partitions.
package ledger
