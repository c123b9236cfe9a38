package ui

import (
	"strconv"
	"strings"

	"tollgate/models/input"
	"tollgate/models/problem"
)

// IdentifierAttrs and LinesAttrs are of fields for names that machines give: they are typed exactly.
var (
	IdentifierAttrs = map[string]any{"spellcheck": "false", "autocapitalize": "none"}
	LinesAttrs      = map[string]any{"spellcheck": "false", "autocapitalize": "none", "class": "mono"}
)

// TypedLines is a text area with an item a line, as it came back.
func TypedLines(f Field, list input.List[input.Value], problems problem.Problems) Field {
	lines := make([]string, len(list.Items))
	for i, item := range list.Items {
		lines[i] = item.Text
	}
	f.Value = strings.Join(lines, "\n")
	f.Rows = min(max(len(lines)+1, 6), 18)
	for _, problem := range problems {
		if InList(problem.Field, f.Name) {
			f.Error = InLine(problem, f.Name)
			break
		}
	}
	return f
}

// LineLinks is the summary of a form in which the list named is a text area.
func LineLinks(problems problem.Problems, list string) []ProblemLink {
	links := ProblemLinks(problems)
	for i, problem := range problems {
		if InList(problem.Field, list) {
			links[i] = ProblemLink{ID: FieldID(list), Message: InLine(problem, list)}
		}
	}
	return links
}

// ListLinks lets the links to problems of lists, and of items of lists, lead to the boxes or lines of the whole list.
func ListLinks(links []ProblemLink, problems problem.Problems, lists ...string) []ProblemLink {
	for i, problem := range problems {
		for _, list := range lists {
			if InList(problem.Field, list) {
				links[i].ID = FieldID(list)
			}
		}
	}
	return links
}

// InList reports whether a field is a list, or an item or member of it.
func InList(field, list string) bool {
	return field == list || strings.HasPrefix(field, list+"[")
}

// InLine says in which line of a text area the problem is.
func InLine(p problem.Problem, list string) string {
	i, found := IndexIn(p.Field, list)
	if !found {
		return p.Message
	}
	return "Line " + strconv.Itoa(i+1) + ": " + p.Message
}

// IndexIn is which item of a list a field belongs to.
func IndexIn(field, list string) (int, bool) {
	place, _, _ := strings.Cut(strings.TrimPrefix(field, list+"["), "]")
	i, err := strconv.Atoi(place)
	return i, err == nil
}

// FirstBelow is the first problem with a list as a whole or with one of its items.
func FirstBelow(problems problem.Problems, list string) string {
	for _, problem := range problems {
		if strings.HasPrefix(problem.Field, list) {
			return problem.Message
		}
	}
	return ""
}
