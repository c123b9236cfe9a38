package assignment

import (
	"tollgate/models/window"
)

// Shape is what copies have in common that got the same groups of fields from the same versions: all of them have the
// same policy, but for its ids.
type Shape struct {
	Versions string // of the groups, written out
	Calendar window.Calendar
}
