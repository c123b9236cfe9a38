package input

import (
	"strings"
)

// SubmittedEmpty distinguishes an empty field from an absent one.
func SubmittedEmpty(v Value) Value {
	if v.FromForm && v.Kind == Absent {
		v.Kind = String
	}
	return v
}

// TypedList is a list of texts as a form sends them.
func TypedList(texts []string) List[Value] {
	return ListOf(texts, FormValue)
}

// Split splits each text of a form at the separator, and leaves out parts that are blank.
func Split(l List[Value], separator string) List[Value] {
	whole := List[Value]{Kind: Array}
	for _, item := range l.Items {
		for part := range strings.SplitSeq(item.Text, separator) {
			if part = strings.TrimSpace(part); part != "" {
				whole.Items = append(whole.Items, FormValue(part))
			}
		}
	}
	return whole
}

// SampleText is a text as JSON sends it.
func SampleText(s string) Value { return Value{Kind: String, Text: s} }

// SampleTexts are texts as JSON sends them.
func SampleTexts(list []string) List[Value] { return ListOf(list, SampleText) }

// ListOf is a list of values as JSON sends it.
func ListOf[S, T any](list []S, item func(S) T) List[T] {
	l := List[T]{Kind: Array, Items: make([]T, len(list))}
	for i, s := range list {
		l.Items[i] = item(s)
	}
	return l
}

// SampleNumber is a number as JSON sends it.
func SampleNumber(literal string) Value { return Value{Kind: Number, Text: literal} }
