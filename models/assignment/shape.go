package assignment

import (
	"tollgate/models/window"
)

// Shape is shared by copies that got the same field groups from the same versions: they have the same policy, except
// for its ids.
type Shape struct {
	Versions    string // of the groups, written out
	Calendar    window.Calendar
	FailOpenFor int64
}
