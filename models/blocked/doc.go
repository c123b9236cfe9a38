// Package blocked says which users are blocked now, and by what: the limits of their active copies that are used up in
// their current windows.
package blocked
