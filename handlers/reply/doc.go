// Package reply answers: a value as JSON, a page rendered in memory first, and for every error its status and type.
package reply
