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

// Value is one scalar of a request, kept as it was sent until a check has read it: a wrong number is shown in its
// form unchanged.
type Value struct {
	Kind Kind
	Text string // a string's content, a number's literal, "true" or "false"
	// FromForm is set for values of a form, where numbers and booleans arrive as text.
	FromForm bool
}

// Given reports whether the client sent something other than null.
func (v Value) Given() bool { return v.Kind != Absent && v.Kind != Null }

// List is a list of a request; Kind distinguishes an absent list from an empty one.
type List[T any] struct {
	Kind  Kind
	Items []T
}

// Row is what every object in a request has: the kind of the value, and its key when it was a row of a form.
type Row struct {
	Kind Kind
	Key  string
}

// FormValue is text as a form sends it; an empty text is an absent field.
func FormValue(text string) Value {
	if text == "" {
		return Value{FromForm: true}
	}
	return Value{Kind: String, Text: text, FromForm: true}
}
