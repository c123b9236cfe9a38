// Package window is the time in which a limit counts: rolling on a lattice from the creation of a line, or by the
// calendar of a time zone. It has a twin in SQL, held against it by tests. A window start never moves back.
package window
