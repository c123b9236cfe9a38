// Package report reads usage: sums by user, profile, provider or model over days of a time zone, exports within one
// snapshot, and budgets near their limit. It changes nothing.
package report
