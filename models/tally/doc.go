// Package tally adds up what the events of a batch change besides their own rows: the counters of limits, the sums of
// days, the latest use of users and keys, and the reservations that they end. Each row is written once a batch, in the
// order of its key, at the end of the transaction that stores the events. It also remembers the week in which events
// are stored, and which sets of counters are stored there.
package tally
