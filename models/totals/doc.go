// Package totals adds usage up for reports: by day and what was called, by day and user, and coarser ones made of both.
// One console at a time does so, under a lease; what is revised meanwhile is noted by day and added up again.
package totals
