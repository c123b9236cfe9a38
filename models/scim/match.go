package scim

import (
	"strings"

	"tollgate/models/input"
)

// matches reports whether an element of a list fits a filter; get is what it has of an attribute. Texts are compared
// without regard to case.
func (f Filter) matches(get func(attr string) Value) bool {
	switch f.Op {
	case "and":
		for _, part := range f.Parts {
			if !part.matches(get) {
				return false
			}
		}
		return true
	case "or":
		for _, part := range f.Parts {
			if part.matches(get) {
				return true
			}
		}
		return false
	case "not":
		return !f.Parts[0].matches(get)
	case "has":
		return false // an element has no lists
	}
	return compares(f.Op, get(f.Attr), f.Value)
}

func compares(op string, has, want Value) bool {
	if op == "pr" {
		return has.Kind != input.Absent
	}
	if has.Kind == input.Bool {
		truth, ok := want.Truth()
		want = boolean(truth)
		if !ok {
			return false
		}
	}
	a, b := input.FoldCase(has.Text), input.FoldCase(want.Text)
	switch op {
	case "eq":
		return has.Kind != input.Absent && a == b
	case "ne":
		return a != b
	case "co":
		return strings.Contains(a, b)
	case "sw":
		return strings.HasPrefix(a, b)
	case "ew":
		return strings.HasSuffix(a, b)
	case "gt":
		return a > b
	case "ge":
		return a >= b
	case "lt":
		return a < b
	}
	return a <= b
}

// equals are the comparisons by eq that every element which fits has.
func (f Filter) equals() map[string]Value {
	found := map[string]Value{}
	parts := []Filter{f}
	if f.Op == "and" {
		parts = f.Parts
	}
	for _, part := range parts {
		if part.Op == "eq" {
			found[part.Attr] = part.Value
		}
	}
	return found
}
