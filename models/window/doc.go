// Package window computes the time in which a limit counts: in equal steps from when the limit was created, or by the
// calendar of a time zone. It has a twin in SQL; tests compare the two. A window start never moves back.
package window
