// Package history has the pages of what changed: the audit log, the versions of a profile, two of them compared, and
// the propagation of a profile to the copies, from the form and the preview to the result.
//
// A change is shown as rows, each a DifferenceRow: a field, its lines before, and its lines after.
package history
