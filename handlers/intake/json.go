package intake

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"tollgate/models/input"
	"tollgate/models/problem"
)

const maxDepth = 16

// Unreadable refuses what cannot be read.
func Unreadable(field, code, message string) *problem.Refusal {
	return problem.Refuse(problem.Unreadable, field, code, message)
}

// ParseJSON reads one JSON object strictly: what a lenient reader would guess at (duplicate keys, broken text, trailing
// data) is refused.
func ParseJSON(body []byte) (Node, error) {
	if n, ok := readFast(body); ok {
		return n, nil
	}
	return parseAny(body)
}

// parseAny is ParseJSON for all that can be sent, and says what is wrong with it.
func parseAny(body []byte) (Node, error) {
	switch {
	case len(bytes.TrimSpace(body)) == 0:
		return Node{}, Unreadable("", "empty_body", "Send a JSON object.")
	case !utf8.Valid(body):
		return Node{}, Unreadable("", "invalid_utf8", "Send the body in UTF-8.")
	case depth(body) > maxDepth:
		return Node{}, Unreadable("", "json_too_deep", "Nest objects and lists at most 16 deep.")
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	var raw json.RawMessage
	if err := decoder.Decode(&raw); err != nil {
		return Node{}, Unreadable("", "invalid_json", "Send valid JSON: "+syntax(err)+".")
	}
	if rest := body[decoder.InputOffset():]; len(bytes.TrimSpace(rest)) > 0 {
		return Node{}, Unreadable("", "trailing_data", "Send one JSON object with nothing after it.")
	}
	if input.LoneSurrogate(raw) {
		return Node{}, Unreadable("", "invalid_unicode", `Write \u escapes of surrogates in pairs.`)
	}
	tokens := json.NewDecoder(bytes.NewReader(raw))
	tokens.UseNumber()
	n, err := readNode(tokens, "")
	switch {
	case err != nil:
		return n, err
	case n.Kind != input.Object:
		return n, Unreadable("", "expected_object", "Send a JSON object.")
	}
	return n, nil
}

func syntax(err error) string {
	var at *json.SyntaxError
	switch {
	case errors.As(err, &at):
		return at.Error()
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return "it ends too early"
	}
	return "it cannot be read"
}

// depth is how deep objects and lists nest, even in text that is wrong in other ways.
func depth(body []byte) int {
	deepest, now, quoted := 0, 0, false
	for i := 0; i < len(body); i++ {
		switch c := body[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			now++
			deepest = max(deepest, now)
		case c == '}' || c == ']':
			now--
		}
	}
	return deepest
}

// readNode reads the next value; raw was valid JSON, so only its content can be refused.
func readNode(tokens *json.Decoder, path string) (Node, error) {
	token, err := tokens.Token()
	if err != nil {
		return Node{}, Unreadable(path, "invalid_json", "Send valid JSON: "+syntax(err)+".")
	}
	switch t := token.(type) {
	case nil:
		return Node{Kind: input.Null}, nil
	case bool:
		if t {
			return Node{Kind: input.Bool, Text: "true"}, nil
		}
		return Node{Kind: input.Bool, Text: "false"}, nil
	case json.Number:
		return Node{Kind: input.Number, Text: t.String()}, nil
	case string:
		return Node{Kind: input.String, Text: t}, nul(path, t)
	case json.Delim:
		if t == '[' {
			return readList(tokens, path)
		}
	}
	return readObject(tokens, path)
}

func nul(path, text string) error {
	if strings.ContainsRune(text, 0) {
		return Unreadable(path, "nul_character", "Remove the NUL character.")
	}
	return nil
}

// maxItems is one more than any list may have, so that a list of a million is refused without a million rows in memory.
// A form shows what it got, so its lists are shorter.
const (
	maxItems     = 10_001
	maxFormItems = 1_001
)

func readList(tokens *json.Decoder, path string) (Node, error) {
	n := Node{Kind: input.Array}
	for i := 0; tokens.More(); i++ {
		item, err := readNode(tokens, input.Index(path, i))
		if err != nil {
			return n, err
		}
		if i < maxItems {
			n.Items = append(n.Items, item)
		}
	}
	_, err := tokens.Token()
	return n, err
}

func readObject(tokens *json.Decoder, path string) (Node, error) {
	n := Node{Kind: input.Object}
	seen := map[string]bool{}
	for tokens.More() {
		token, err := tokens.Token()
		if err != nil {
			return n, err
		}
		name := token.(string) // the decoder returns nothing else as a key
		if err := nul(path, name); err != nil {
			return n, err
		}
		if seen[name] {
			return n, Unreadable(Join(path, name), "duplicate_key", "Send each field once.")
		}
		seen[name] = true
		value, err := readNode(tokens, Join(path, name))
		if err != nil {
			return n, err
		}
		n.Members = append(n.Members, member{name, value})
	}
	_, err := tokens.Token()
	return n, err
}
