package input

// Kind says what a client sent where a value was expected.
type Kind uint8

// The kinds of JSON, and Absent for a field that was left out.
const (
	Absent Kind = iota
	Null
	String
	Number
	Bool
	Object
	Array
)

// Value is one scalar of a request, kept as it was sent until a check has read it: a wrong number comes back to its
// form unchanged.
type Value struct {
	Kind Kind
	Text string // a string's content, a number's literal, "true" or "false"
	// Typed is set for values typed into a form, where numbers and truths arrive as text.
	FromForm bool
}

// Given reports whether the client sent something other than null.
func (v Value) Given() bool { return v.Kind != Absent && v.Kind != Null }

// List is a list of a request; Kind tells a list that was left out from an empty one.
type List[T any] struct {
	Kind  Kind
	Items []T
}

// Row is what every object in a request has: what kind of value stood there, and its key when it was a row of a form.
type Row struct {
	Kind Kind
	Key  string
}

// FormValue makes the value a person would have typed to say text; an empty text is a field left out.
func FormValue(text string) Value {
	if text == "" {
		return Value{FromForm: true}
	}
	return Value{Kind: String, Text: text, FromForm: true}
}
