package input

import (
	"slices"
	"strconv"
)

const maxTicked = 100

// Ticked reads the ids of the rows ticked in a list, each once and in order. What is a row in words.
func Ticked(c *Reader, l List[Value], what string) []string {
	if len(l.Items) == 0 {
		c.Add("ids", "required", "Tick at least one "+what+".")
	}
	if len(l.Items) > maxTicked {
		c.Add("ids", "too_many_items", "Tick at most "+strconv.Itoa(maxTicked)+" "+what+"s.")
	}
	ids := make([]string, len(l.Items))
	for i, v := range l.Items {
		ids[i] = v.Text
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}
