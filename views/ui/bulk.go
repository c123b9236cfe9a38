package ui

import (
	"slices"

	"tollgate/models/plural"
	"tollgate/models/problem"
)

// Bulk is a list of which rows can be ticked and acted on, with what was sent for them and not accepted.
type Bulk struct {
	Path, Query string // of the list; the query begins with a question mark, or is empty
	Ticked      []string
	Problems    problem.Problems
}

// TickedAmong are the ids of the rows listed that were ticked: what cannot be seen cannot be taken back.
func TickedAmong[T any](rows []T, id func(T) string, ticked []string) []string {
	var seen []string
	for _, row := range rows {
		if slices.Contains(ticked, id(row)) {
			seen = append(seen, id(row))
		}
	}
	return seen
}

// List is the address of the list.
func (b Bulk) List() string { return b.Path + b.Query }

// Act is where the form of the ticked rows leads: to one of several acts, or by "" to the only one. It keeps the query
// of the list, to which the act comes back.
func (b Bulk) Act(name string) string {
	path := b.Path + "/bulk"
	if name != "" {
		path += "/" + name
	}
	return path + b.Query
}

// Summary links what is wrong with the selection to the rows, if there are any, and the rest to the ids of fields of
// the bar.
func (b Bulk) Summary(rows bool, fields map[string]string) []ProblemLink {
	links := make([]ProblemLink, len(b.Problems))
	for i, problem := range b.Problems {
		links[i].Message = problem.Message
		if !rows {
			continue
		}
		if links[i].ID = fields[problem.Field]; InList(problem.Field, "ids") {
			links[i].ID = "rows"
		}
	}
	return links
}

func (b Bulk) count() string {
	if len(b.Ticked) == 0 {
		return "Selected"
	}
	return plural.Count(int64(len(b.Ticked))) + " selected"
}
