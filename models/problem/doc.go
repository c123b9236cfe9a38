// Package problem says what is wrong: a refusal with the fields at fault, and the errors of PostgreSQL by what a
// caller can do about them. Nothing of the inside is in a refusal.
package problem
