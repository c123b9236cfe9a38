// Package keptevent is usage as the quarantine and the spool store it: an event whose user is not known, or not known
// yet, and whether a later report is of the same call.
package keptevent
