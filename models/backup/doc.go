// Package backup compares a restored copy of the database with the live one: whether the copy is consistent, and
// whether it has everything that the live database had when the copy was made.
package backup
