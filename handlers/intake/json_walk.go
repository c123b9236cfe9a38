package intake

import (
	"bytes"
	"encoding/json"
	"iter"
	"strings"
	"unicode/utf8"

	"tollgate/models/input"
)

// The functions here walk over valid JSON that others wrote, in one pass, without looking into values that do not
// decide. A raw value is the text of a value without the space around it.

// DecidingMembers are the members of an object that have one of the names. One that is sent twice, or that some reader
// would take for one of them because of its case, is refused.
func DecidingMembers(object []byte, names ...string) (map[string][]byte, error) {
	found := map[string][]byte{}
	for quoted, value := range membersOf(object) {
		name, ok := nameIn(quoted)
		if !ok {
			return nil, Unreadable("", "invalid_unicode", "A field name contains NUL or is not valid Unicode.")
		}
		for _, deciding := range names {
			switch {
			case name == deciding && found[name] != nil:
				return nil, Unreadable(name, "duplicate_key", "Send "+name+" once.")
			case name == deciding:
				found[name] = value
			case strings.EqualFold(name, deciding):
				return nil, Unreadable(name, "unknown_field", "Write "+deciding+" in small letters.")
			}
		}
	}
	return found, nil
}

// nameIn decodes a quoted name.
func nameIn(quoted []byte) (string, bool) {
	if !utf8.Valid(quoted) || input.LoneSurrogate(quoted) {
		return "", false
	}
	if bytes.IndexByte(quoted, '\\') < 0 {
		return string(quoted[1 : len(quoted)-1]), true
	}
	var name string
	err := json.Unmarshal(quoted, &name)
	return name, err == nil && !strings.ContainsRune(name, 0)
}

// TextIn reads a value that has to be text.
func TextIn(field string, raw []byte) (string, error) {
	if raw[0] != '"' {
		return "", Unreadable(field, "wrong_type", "Give "+field+" as text.")
	}
	text, ok := nameIn(raw)
	if !ok {
		return "", Unreadable(field, "invalid_unicode", "Give "+field+" as Unicode without NUL.")
	}
	return text, nil
}

// membersOf yields the quoted name and the value of each member of an object.
func membersOf(object []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(name, value []byte) bool) {
		for i := next(object, 1); object[i] != '}'; {
			end := valueEnd(object, i)
			name := object[i:end]
			i = next(object, next(object, end)+1) // behind the colon
			end = valueEnd(object, i)
			if !yield(name, object[i:end]) {
				return
			}
			if i = next(object, end); object[i] == ',' {
				i = next(object, i+1)
			}
		}
	}
}

// Elements yields each value of a list.
func Elements(list []byte) iter.Seq[[]byte] {
	return func(yield func(value []byte) bool) {
		for i := next(list, 1); list[i] != ']'; {
			end := valueEnd(list, i)
			if !yield(list[i:end]) {
				return
			}
			if i = next(list, end); list[i] == ',' {
				i = next(list, i+1)
			}
		}
	}
}

// next is the index of the first character from i on that is not white space.
func next(text []byte, i int) int {
	for text[i] == ' ' || text[i] == '\t' || text[i] == '\r' || text[i] == '\n' {
		i++
	}
	return i
}

// valueEnd is the index after the value that begins at i.
func valueEnd(text []byte, i int) int {
	depth, quoted := 0, false
	for ; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
			if !quoted && depth == 0 {
				return i + 1
			}
		case quoted:
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']':
			if depth--; depth <= 0 {
				if depth < 0 {
					return i // of what holds a number or a word
				}
				return i + 1
			}
		case depth == 0 && strings.IndexByte(", \t\r\n", c) >= 0, depth == 0 && c == ':':
			return i
		}
	}
	return i
}
