// Package window is the time in which a limit counts: rolling on a lattice from the creation of a limit, or by the
// calendar of a time zone. It has a twin in SQL; tests compare the two. A window start never moves back.
package window
