package modelstest

import (
	"tollgate/models/assignment"
)

// Whole reports whether a copy of flips is all of its version: odd ones are the first policy.
func Whole(assigned assignment.Assignment) bool {
	return WholeText(assigned.Policy) == WholeText(Flips()[(assigned.TemplateVersion+1)%2])
}
