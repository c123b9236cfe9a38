// Package archive writes the events of weeks and the audit rows of months that are over to files, and reads them back.
// A file is complete when usage_weeks or audit_months names it: what was read back of it is what the database has, and
// its hash is noted there.
package archive
