package scim

import (
	"bytes"
	"encoding/json"
	"strings"
	"unicode/utf8"

	"tollgate/models/input"
	"tollgate/models/problem"
)

// Value is a JSON value as a directory sent it.
type Value struct {
	Kind    input.Kind
	Text    string // a string's content, a number's literal, "true" or "false"
	Members []Member
	Items   []Value
}

// Member is one member of an object.
type Member struct {
	Name  string // as it was sent
	Value Value
}

// Member returns the member with a name in any case; its kind is Absent when there is none.
func (v Value) Member(name string) Value {
	for _, m := range v.Members {
		if fold(m.Name) == fold(name) {
			return m.Value
		}
	}
	return Value{}
}

// fold is the form in which names are compared. Only ASCII has cases here: no name may match one that merely looks
// alike.
func fold(name string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, name)
}

// deepest is how deep objects and lists may nest.
const deepest = 16

// Parse reads one JSON object. The same name twice, in any case, is refused.
func Parse(body []byte) (Value, error) {
	switch {
	case !utf8.Valid(body):
		return Value{}, refuse(InvalidSyntax, "", "Send the body in UTF-8.")
	case !json.Valid(body):
		return Value{}, refuse(InvalidSyntax, "", "Send one valid JSON object.")
	}
	tokens := json.NewDecoder(bytes.NewReader(body))
	tokens.UseNumber()
	v, err := read(tokens, deepest)
	if err == nil && v.Kind != input.Object {
		err = refuse(InvalidSyntax, "", "Send a JSON object.")
	}
	return v, err
}

// read reads the next value of valid JSON, so that only its content can be refused.
func read(tokens *json.Decoder, depth int) (Value, error) {
	token, err := tokens.Token()
	if err != nil {
		return Value{}, refuse(InvalidSyntax, "", "Send one valid JSON object.")
	}
	switch t := token.(type) {
	case nil:
		return Value{Kind: input.Null}, nil
	case bool:
		return boolean(t), nil
	case json.Number:
		return Value{Kind: input.Number, Text: t.String()}, nil
	case string:
		return Value{Kind: input.String, Text: t}, storable(t)
	}
	switch {
	case depth == 0:
		return Value{}, refuse(InvalidSyntax, "", "Nest objects and lists at most 16 deep.")
	case token == json.Delim('['):
		return readList(tokens, depth-1)
	}
	return readObject(tokens, depth-1)
}

func boolean(truth bool) Value {
	if truth {
		return Value{Kind: input.Bool, Text: "true"}
	}
	return Value{Kind: input.Bool, Text: "false"}
}

func storable(text string) error {
	if !input.Storable(text) {
		return refuse(InvalidValue, "", "Remove the NUL character.")
	}
	return nil
}

func readList(tokens *json.Decoder, depth int) (Value, error) {
	v := Value{Kind: input.Array}
	for tokens.More() {
		item, err := read(tokens, depth)
		if err != nil {
			return v, err
		}
		v.Items = append(v.Items, item)
	}
	_, err := tokens.Token()
	return v, err
}

func readObject(tokens *json.Decoder, depth int) (Value, error) {
	v, seen := Value{Kind: input.Object}, map[string]bool{}
	for tokens.More() {
		token, err := tokens.Token()
		if err != nil {
			return v, err
		}
		name := token.(string) // the decoder returns nothing else as a key
		if seen[fold(name)] {
			return v, refuse(InvalidSyntax, problem.Clip(name), "Send "+problem.Clip(name)+" once: names count in any case.")
		}
		seen[fold(name)] = true
		member, err := read(tokens, depth)
		if err != nil {
			return v, err
		}
		v.Members = append(v.Members, Member{name, member})
	}
	_, err := tokens.Token()
	return v, err
}

// Truth reads a boolean, which Entra also sends as text.
func (v Value) Truth() (truth, ok bool) {
	if v.Kind != input.Bool && v.Kind != input.String {
		return false, false
	}
	word := fold(v.Text)
	return word == "true", word == "true" || word == "false"
}
