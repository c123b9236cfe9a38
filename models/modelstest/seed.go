package modelstest

import (
	"tollgate/models/input"
)

// Value is a text as JSON sends it.
func Value(text string) input.Value { return input.Value{Kind: input.String, Text: text} }

// Values are texts as JSON sends them.
func Values(texts ...string) input.List[input.Value] {
	l := input.List[input.Value]{Kind: input.Array}
	for _, text := range texts {
		l.Items = append(l.Items, Value(text))
	}
	return l
}
