package configfile

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"unicode/utf8"

	"tollgate/models/input"
)

// jsonReader reads values of JSON with their places.
type jsonReader struct {
	*reader
	content []byte
	tokens  *json.Decoder

	seen, line, column int // the offset that was looked at last, and where that is
}

// readJSON reads documents one after the other, each by itself or in a list.
func (r *reader) readJSON(content []byte) (documents []Node) {
	if input.LoneSurrogate(content) {
		r.refuse(0, 0, "invalid_unicode", `Write \u escapes of surrogates in pairs.`)
		return nil
	}
	j := jsonReader{reader: r, content: content, tokens: json.NewDecoder(bytes.NewReader(content)), line: 1}
	j.tokens.UseNumber()
	for {
		n, err := j.value(0)
		switch {
		case errors.Is(err, io.EOF):
			return documents
		case err != nil:
			line, column := j.position(int(j.tokens.InputOffset()))
			r.refuse(line, column, "invalid_json", "Write valid JSON: "+err.Error()+".")
			return documents
		case n.Kind == input.Array:
			documents = append(documents, n.Items...)
		default:
			documents = append(documents, n)
		}
	}
}

// Value reads one value that is known to be JSON; null when it is not.
func Value(encoded []byte) Node {
	j := jsonReader{reader: &reader{}, content: encoded, tokens: json.NewDecoder(bytes.NewReader(encoded)), line: 1}
	j.tokens.UseNumber()
	n, err := j.value(0)
	if err != nil {
		return Node{Kind: input.Null}
	}
	return n
}

// value reads the next value; depth is how deep it lies.
func (j *jsonReader) value(depth int) (Node, error) {
	place := j.next()
	token, err := j.tokens.Token()
	if err != nil {
		return Node{}, err
	}
	n := Node{Place: place}
	switch t := token.(type) {
	case nil:
		n.Kind = input.Null
	case bool:
		n.Kind, n.Text = input.Bool, "false"
		if t {
			n.Text = "true"
		}
	case json.Number:
		n.Kind, n.Text = input.Number, t.String()
	case string:
		n.Kind, n.Text = input.String, t
	case json.Delim:
		if depth > maxDepth {
			return n, errors.New("objects and lists nest more than 16 deep")
		}
		if t == '[' {
			n.Kind = input.Array
			n.Items, err = j.items(depth)
		} else {
			n.Kind = input.Object
			n.Members, err = j.members(depth)
		}
	}
	return n, err
}

func (j *jsonReader) items(depth int) (items []Node, err error) {
	for j.tokens.More() {
		item, err := j.value(depth + 1)
		if err != nil {
			return nil, whole(err)
		}
		items = append(items, item)
	}
	_, err = j.tokens.Token()
	return items, whole(err)
}

func (j *jsonReader) members(depth int) (members []Member, err error) {
	seen := map[string]bool{}
	for j.tokens.More() {
		place := j.next()
		token, err := j.tokens.Token()
		if err != nil {
			return nil, whole(err)
		}
		name := token.(string) // the decoder returns nothing else as a key
		n, err := j.value(depth + 1)
		if err != nil {
			return nil, whole(err)
		}
		if seen[name] {
			j.refuse(place.Line, place.Column, "duplicate_key", "Give "+name+" once.")
			continue
		}
		seen[name] = true
		members = append(members, Member{name, place, n})
	}
	_, err = j.tokens.Token()
	return members, whole(err)
}

// whole tells the end of a file inside a value from the end of the last document.
func whole(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// next is the place of the next token.
func (j *jsonReader) next() Place {
	at := int(j.tokens.InputOffset())
	for at < len(j.content) && bytes.IndexByte([]byte(" \t\r\n,:"), j.content[at]) >= 0 {
		at++
	}
	line, column := j.position(at)
	return Place{j.file, line, column}
}

// position is the line and column of an offset. Offsets are asked for in their order.
func (j *jsonReader) position(offset int) (line, column int) {
	for offset = min(offset, len(j.content)); j.seen < offset; j.seen++ {
		switch b := j.content[j.seen]; {
		case b == '\n':
			j.line, j.column = j.line+1, 0
		case utf8.RuneStart(b):
			j.column++
		}
	}
	return j.line, j.column + 1
}
