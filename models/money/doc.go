// Package money is an amount of US dollars in nano-dollars. Literals are parsed without a binary float: limits and
// prices exactly, what was measured rounded half up.
package money
