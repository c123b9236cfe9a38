// Package report reads usage for users: sums by user, profile, provider or model over days of a time zone, exports
// within one snapshot, and budgets that come near their limit. It changes nothing.
package report
