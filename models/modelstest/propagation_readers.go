package modelstest

import (
	"tollgate/models/assignment"
)

// Whole reports whether a copy of flips is all of its version: odd ones are the first policy.
func Whole(held assignment.Assignment) bool {
	return WholeText(held.Policy) == WholeText(Flips()[(held.TemplateVersion+1)%2])
}
