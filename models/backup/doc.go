// Package backup holds a restored copy of the database against the live one: whether it fits in itself, and whether it
// has all that the live one had when the copy was made.
package backup
