package telemetry

import (
	"bytes"
	"encoding/json"
	"iter"

	"tollgate/handlers/intake"
)

// The JSON of others is read member by member, so that what cannot be read of it harms nothing else. Names count
// exactly as they are written, which encoding/json ensures for maps alone.
type object = map[string]json.RawMessage

// readObject reads an object; ok is false for all else, null too.
func readObject(raw json.RawMessage) (o object, ok bool) {
	return o, json.Unmarshal(raw, &o) == nil && o != nil
}

// absent reports a member that was left out, or is null.
func absent(raw json.RawMessage) bool { return len(raw) == 0 || string(raw) == "null" }

// items yields the values of a list with their indexes, and none of what is no list. The text has to be valid. A list
// may be long, so that it is not read as a whole.
func items(list json.RawMessage) iter.Seq2[int, json.RawMessage] {
	return func(yield func(i int, value json.RawMessage) bool) {
		if len(list) == 0 || list[0] != '[' {
			return
		}
		i := 0
		for value := range intake.Elements(list) {
			if !yield(i, value) {
				return
			}
			i++
		}
	}
}

// notJSON are the numbers that Python's json writes although JSON has none of them.
var notJSON = [][]byte{[]byte("NaN"), []byte("Infinity"), []byte("-Infinity")}

// quoteNotJSON puts them into quotes, so that they are texts, which are no amounts.
func quoteNotJSON(body []byte) []byte {
	if !bytes.Contains(body, notJSON[0]) && !bytes.Contains(body, notJSON[1]) {
		return body
	}
	to, inText := make([]byte, 0, len(body)+64), false
	for i := 0; i < len(body); i++ {
		switch c := body[i]; {
		case inText && c == '\\' && i+1 < len(body):
			to = append(to, c)
			i++
		case c == '"':
			inText = !inText
		case !inText:
			if word := notJSONAt(body[i:]); word != nil {
				to = append(append(append(to, '"'), word...), '"')
				i += len(word) - 1
				continue
			}
		}
		to = append(to, body[i])
	}
	return to
}

func notJSONAt(text []byte) []byte {
	for _, word := range notJSON {
		if bytes.HasPrefix(text, word) {
			return word
		}
	}
	return nil
}
