package ui

import (
	"tollgate/models/input"
	"tollgate/models/problem"
)

// Typed puts into a field of a form what was typed, and the first problem with it.
func Typed(f Field, value input.Value, problems problem.Problems) Field {
	f.Value = value.Text
	if messages := problems.At(f.Name); len(messages) > 0 {
		f.Error = messages[0]
	}
	return f
}

// ProblemLinks lists what is wrong, each leading to the field of its name.
func ProblemLinks(problems problem.Problems) []ProblemLink {
	links := make([]ProblemLink, len(problems))
	for i, problem := range problems {
		links[i] = ProblemLink{ID: FieldID(problem.Field), Message: problem.Message}
	}
	return links
}
