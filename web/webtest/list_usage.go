package webtest

import (
	"strings"
)

// Cell is what a row of a list says under a heading.
func Cell(a Answer, row, label string) string {
	for _, at := range a.All("td", "data-label", label) {
		if first := at.Parent.FirstChild; strings.Contains(Text(at.Parent), row) && first != nil {
			return Text(at)
		}
	}
	return "no such row"
}
