// Package archive writes the events of weeks that are over to Parquet files, and reads them back. A file is complete
// when usage_weeks names it: what was read back of it is what the database has, and its hash is noted there.
package archive
