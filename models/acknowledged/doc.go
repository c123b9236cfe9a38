// Package acknowledged keeps in memory what was acknowledged last, to be stored again when the database has lost it, as
// after a failover. It knows nothing of what it keeps but its time, its size and how many events it has.
package acknowledged
