// Package purge deletes users whom a directory deleted, once the retention of its connection is over. Until then they
// come back as the same users; see package provision. Rows are locked in the order that it names.
package purge
