package ui

import (
	"slices"

	"tollgate/models/input"
	"tollgate/models/problem"
)

// Typed puts into a field of a form what was typed, and the first problem with it.
func Typed(f Field, value input.Value, problems problem.Problems) Field {
	f.Value, f.Error = value.Text, FirstAt(problems, f.Name)
	return f
}

// FirstAt is the first problem with a field, "" for none.
func FirstAt(problems problem.Problems, field string) string {
	if messages := problems.At(field); len(messages) > 0 {
		return messages[0]
	}
	return ""
}

// ProblemLinks lists what is wrong, each leading to the field of its name, if the form has one.
func ProblemLinks(problems problem.Problems) []ProblemLink {
	links := make([]ProblemLink, len(problems))
	for i, problem := range problems {
		links[i].Message = problem.Message
		// What is unknown, the button that was pressed and the version that was edited have no input that can be seen.
		if problem.Code != "unknown_field" && problem.Field != "op" && problem.Field != "version" {
			links[i].ID = FieldID(problem.Field)
		}
	}
	return links
}

// Unlinked lets problems of fields that a form does not show lead nowhere.
func Unlinked(links []ProblemLink, hidden ...string) []ProblemLink {
	for i, link := range links {
		if slices.Contains(hidden, link.ID) {
			links[i].ID = ""
		}
	}
	return links
}

// LinksTo is the summary of a page that has only these fields; other problems lead nowhere.
func LinksTo(problems problem.Problems, fields ...string) []ProblemLink {
	links := ProblemLinks(problems)
	for i, problem := range problems {
		if !slices.Contains(fields, problem.Field) {
			links[i].ID = ""
		}
	}
	return links
}
