// Package problem describes errors: a refusal with the fields at fault, and the errors of PostgreSQL by what a caller
// can do about them. A refusal contains no internals.
package problem
